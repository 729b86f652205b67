import type { EngineCounters } from '../../port/engine.ts';
import type { IrqChips } from './irq-chips.ts';

const PIRQS = 4;

/**
 * The four PIRQ lines of bus 0. Levels are wanted at any time and applied at safe points; a line
 * that falls is withdrawn from the controllers at once, so that a handler in progress does not run
 * again for it. v86's own devices share the IRQs, so a wanted line is looked at again each time.
 */
export class IntxLines {
  readonly #chips: IrqChips;
  readonly #counters: EngineCounters;
  /** Devices that hold a line high, one bit each. */
  readonly #held = new Int32Array(PIRQS);
  /** IRQ that a line is applied to, or -1. */
  readonly #applied = new Int32Array(PIRQS).fill(-1);
  #active = false;

  constructor(chips: IrqChips, counters: EngineCounters) {
    this.#chips = chips;
    this.#counters = counters;
  }

  /** Whether {@link apply} has anything to do. */
  get pending(): boolean {
    return this.#active;
  }

  /** @returns whether a line rose, so that there is something to deliver */
  set(devfn: number, pin: number, level: boolean): boolean {
    const device = (devfn >>> 3) & 31;
    // Swizzle of the root bus. v86: `PCI.raise_irq`; PIIX3: pin A of device 1 is PIRQA.
    const line = (pin - 1 + device - 1) & 3;
    const bit = 1 << device;
    const held = this.#held[line] as number;
    const next = level ? held | bit : held & ~bit;
    if (next === held) return false;
    this.#held[line] = next;
    this.#active = true;
    if (next === 0 && this.#applied[line] !== -1) {
      this.#chips.withdraw(this.#applied[line] as number);
    }
    return held === 0;
  }

  /** Every device lets go of its line. */
  release(): void {
    for (let line = 0; line < PIRQS; line++) {
      this.#held[line] = 0;
      if (this.#applied[line] !== -1) this.#chips.withdraw(this.#applied[line] as number);
      this.#applied[line] = -1;
    }
    this.#active = false;
  }

  /** Brings the interrupt controllers to the wanted levels. Safe points only. */
  apply(): void {
    let active = false;
    for (let line = 0; line < PIRQS; line++) {
      const irq = this.#held[line] === 0 ? -1 : this.#chips.routeOf(line);
      const applied = this.#applied[line] as number;
      if (this.#held[line] !== 0) active = true;
      if (applied !== -1 && applied !== irq) {
        this.#chips.lower(applied);
        this.#counters.intxLowered++;
        this.#applied[line] = -1;
      }
      if (irq === -1 || (applied === irq && this.#chips.isHigh(irq))) continue;
      this.#applied[line] = irq;
      this.#counters.intxRaised++;
      this.#chips.raise(irq);
    }
    this.#active = active;
  }
}
