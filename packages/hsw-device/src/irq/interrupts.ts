import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';
import {
  DE_IRQ,
  DE_MASTER,
  DE_PCH_EVENT,
  GT_IRQ,
  IRQ_IER,
  IRQ_IIR,
  IRQ_IMR,
  IRQ_ISR,
  PCH_IRQ,
  PM_IRQ,
} from './interrupt.regs.ts';

/** Where the parts of a GPU report what happened. Bits are those of the set's ISR. */
export interface InterruptSink {
  raiseGt(bits: number): void;
  raisePm(bits: number): void;
  raiseDe(bits: number): void;
  raisePch(bits: number): void;
}

/** Hears of events and of the line, before anything else does. */
export interface InterruptWatcher {
  /** @param base of the set, e.g. `GT_IRQ`; @param passed the bits that IMR lets through */
  raised(base: number, bits: number, passed: number): void;
  line(asserted: boolean): void;
}

/**
 * The interrupt registers of one GPU, real or virtual: GT, PM, display engine and PCH sets, the PCH
 * chained into DE bit 28, and the master enable.
 *
 * An event sets its IIR bit when IMR lets it; the line is high while the master enable is set and
 * any IIR bit is enabled in its IER. PRM vol.2c "Interrupt Control Registers", vol.12 "Display
 * Engine Interrupts".
 */
export class Interrupts implements InterruptSink, RegBlock {
  readonly rows: readonly RegRow[];
  /** Whether the interrupt line is high now. */
  asserted = false;
  /** Times the line rose: each is one MSI. */
  edges = 0;
  /** Events that IMR kept out. */
  masked = 0;
  /** Called at every change of the line. */
  onLine: (asserted: boolean) => void = () => {};
  /** Called after a guest wrote an IMR or IER. The mediator recomputes the hardware's masks from it. */
  onMaskWrite: (offset: number) => void = () => {};
  watcher: InterruptWatcher | null = null;
  readonly #regs: RegSpace;

  constructor(regs: RegSpace) {
    this.#regs = regs;
    this.rows = [
      ...this.#set('DE', DE_IRQ),
      ...this.#set('GT', GT_IRQ),
      ...this.#set('GEN6_PM', PM_IRQ),
      ...this.#set('SDE', PCH_IRQ),
    ];
  }

  #set(name: string, base: number): RegRow[] {
    const changed = (offset: number): void => {
      this.update();
      this.onMaskWrite(offset);
    };
    const cleared = (): void => this.update();
    const src = 'HSW PRM vol.2c Interrupt; i915 gen3_irq_reset';
    // biome-ignore format: one register a line
    return [
      { name: `${name}ISR`, offset: base + IRQ_ISR, rw: 0, src },
      { name: `${name}IMR`, offset: base + IRQ_IMR, reset: -1, onWrite: changed, src },
      { name: `${name}IIR`, offset: base + IRQ_IIR, rw: 0, w1c: -1, onWrite: cleared, src },
      { name: `${name}IER`, offset: base + IRQ_IER, onWrite: changed, src },
    ];
  }

  raiseGt(bits: number): void {
    this.#raise(GT_IRQ, bits);
  }
  raisePm(bits: number): void {
    this.#raise(PM_IRQ, bits);
  }
  raiseDe(bits: number): void {
    this.#raise(DE_IRQ, bits);
  }
  raisePch(bits: number): void {
    this.#raise(PCH_IRQ, bits);
  }

  /** Sets or clears level bits of an ISR, e.g. a monitor's presence in SDEISR. */
  setLevel(base: number, bits: number, on: boolean): void {
    const old = this.#regs.peek(base + IRQ_ISR);
    this.#regs.poke(base + IRQ_ISR, on ? old | bits : old & ~bits);
  }

  #raise(base: number, bits: number): void {
    const open = bits & ~this.#regs.peek(base + IRQ_IMR);
    if (open !== bits) this.masked++;
    this.watcher?.raised(base, bits, open);
    if (open === 0) return;
    this.#regs.poke(base + IRQ_IIR, this.#regs.peek(base + IRQ_IIR) | open);
    this.update();
  }

  #pending(base: number): number {
    return this.#regs.peek(base + IRQ_IIR) & this.#regs.peek(base + IRQ_IER);
  }

  /** Recomputes the line from the registers. */
  update(): void {
    const regs = this.#regs;
    if (this.#pending(PCH_IRQ) !== 0 && (regs.peek(DE_IRQ + IRQ_IMR) & DE_PCH_EVENT) === 0) {
      regs.poke(DE_IRQ + IRQ_IIR, regs.peek(DE_IRQ + IRQ_IIR) | DE_PCH_EVENT);
    }
    const high =
      (regs.peek(DE_IRQ + IRQ_IER) & DE_MASTER) !== 0 &&
      (this.#pending(DE_IRQ) | this.#pending(GT_IRQ) | this.#pending(PM_IRQ)) !== 0;
    if (high === this.asserted) return;
    this.asserted = high;
    if (high) this.edges++;
    this.watcher?.line(high);
    this.onLine(high);
  }
}
