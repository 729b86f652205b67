import { DE_IRQ, PCH_IRQ } from '../irq/interrupt.regs.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import { DIGITAL_PORT_HOTPLUG_CNTRL, PCH_ADPA, PCH_PORT_HOTPLUG } from './display.regs.ts';
import { PORTS, type PortRow } from './ports.ts';

/** Where the display reports interrupts; the Interrupts block of the same register file. */
export interface DisplayInterrupts {
  raiseDe(bits: number): void;
  raisePch(bits: number): void;
  /** Sets or clears level bits of an ISR. @param base of the set, e.g. `PCH_IRQ` */
  setLevel(base: number, bits: number, on: boolean): void;
}

/** Status of a port in SHOTPLUG_CTL and its like: 1 short pulse, 2 long pulse; enable 4 bits up. */
const SHORT_PULSE = 1;
const LONG_PULSE = 2;
const PULSE_ENABLE = 0x10;
/** Status bits of B, C and D. */
const SHOTPLUG_STATUS = 0x30303;

/** PCH_ADPA 25:24 what is sensed, 23 hotplug enable, 16 force a detection. */
const ADPA_MONITOR = 0x3000000;
const ADPA_HOTPLUG_ENABLE = 0x800000;
const ADPA_FORCE_TRIGGER = 0x10000;

/** Presence of monitors as the CPU sees it: live levels, pulses, and the analogue sense of port E. */
export class Hotplug {
  readonly rows: readonly RegRow[];
  readonly #regs: RegSpace;
  readonly #irq: DisplayInterrupts;
  readonly #crtFused: boolean;
  #present = 0;

  /** @param hasCrt whether the board has a VGA port: without one ADPA cannot be enabled */
  constructor(regs: RegSpace, irq: DisplayInterrupts, hasCrt: boolean) {
    this.#regs = regs;
    this.#irq = irq;
    this.#crtFused = !hasCrt;
    const src =
      'HSW PRM vol.2c SHOTPLUG_CTL, ADPA; i915 ibx_hpd_irq_handler, ilk_crt_detect_hotplug';
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'SHOTPLUG_CTL', offset: PCH_PORT_HOTPLUG, rw: ~SHOTPLUG_STATUS, w1c: SHOTPLUG_STATUS, src },
      { name: 'HOTPLUG_CTL', offset: DIGITAL_PORT_HOTPLUG_CNTRL, rw: ~3, w1c: 3, src },
      { name: 'PCH_ADPA', offset: PCH_ADPA, rw: hasCrt ? ~ADPA_MONITOR : ~(ADPA_MONITOR | 0x80000000), onWrite: (_o, v) => this.#adpa(v), src },
    ];
  }

  #adpa(value: number): void {
    const sensed = this.#has(4) && !this.#crtFused ? ADPA_MONITOR : 0;
    this.#regs.poke(PCH_ADPA, (value & ~(ADPA_FORCE_TRIGGER | ADPA_MONITOR)) | sensed);
  }

  #has(port: number): boolean {
    return (this.#present & (1 << port)) !== 0;
  }

  #level(row: PortRow): void {
    const on = this.#has(row.index);
    if (row.name === 'E') this.#adpa(this.#regs.peek(PCH_ADPA));
    else this.#irq.setLevel(row.name === 'A' ? DE_IRQ : PCH_IRQ, row.hotplugBit, on);
  }

  /** A pulse on the hotplug line. Short ones mean that a DisplayPort sink wants attention. */
  pulse(row: PortRow, long: boolean): void {
    const kind = long ? LONG_PULSE : SHORT_PULSE;
    const regs = this.#regs;
    if (row.name === 'E') {
      if ((regs.peek(PCH_ADPA) & ADPA_HOTPLUG_ENABLE) !== 0) this.#irq.raisePch(row.hotplugBit);
      return;
    }
    const at = row.name === 'A' ? DIGITAL_PORT_HOTPLUG_CNTRL : PCH_PORT_HOTPLUG;
    const shift = Math.max(row.shotplugShift, 0);
    const control = regs.peek(at);
    if ((control & (PULSE_ENABLE << shift)) === 0) return;
    regs.poke(at, control | (kind << shift));
    if (row.name === 'A') this.#irq.raiseDe(row.hotplugBit);
    else this.#irq.raisePch(row.hotplugBit);
  }

  /** Sets every level to what is plugged in, without a pulse. @param present bit per port, A 0 */
  settle(present: number): void {
    this.#present = present;
    for (const row of PORTS) this.#level(row);
  }
}
