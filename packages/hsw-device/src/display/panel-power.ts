import type { Clock } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import { PP_CONTROL, PP_DIVISOR, PP_OFF_DELAYS, PP_ON_DELAYS, PP_STATUS } from './display.regs.ts';

/** PP_CONTROL 0 panel power on, 3 its supply on without the sequence. i915: `EDP_FORCE_VDD`. */
const POWER_ON = 1;
const FORCE_VDD = 8;
/** PP_STATUS 31 on, 29:28 sequence, 27 power cycle delay, 3:0 state. i915: `PP_ON`, `PP_SEQUENCE_*`. */
const ON = 0x80000000;
const GOING_UP = 0x10000000;
const GOING_DOWN = 0x20000000;
const CYCLE_DELAY = 0x8000000;
const STATE_ON_IDLE = 8;
/** Delays count in units of 100 us. */
const DELAY_UNIT_NS = 100_000;

/**
 * The panel power sequencer. Where it stands is computed from the time of the latest change, when
 * someone reads: nothing is scheduled. PRM vol.2c "Panel Power Sequencing".
 */
export class PanelPower {
  readonly rows: readonly RegRow[];
  readonly #regs: RegSpace;
  readonly #clock: Clock;
  /** Whether the panel is powered, or going to be. */
  on = false;
  #since = Number.NEGATIVE_INFINITY;

  constructor(regs: RegSpace, clock: Clock) {
    this.#regs = regs;
    this.#clock = clock;
    const src = 'HSW PRM vol.2c PP_STATUS; i915 intel_pps.c';
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'PP_STATUS', offset: PP_STATUS, rw: 0, onRead: () => this.#status(), src },
      { name: 'PP_CONTROL', offset: PP_CONTROL, onWrite: (_o, v) => this.#control(v), src },
      { name: 'PP_ON_DELAYS', offset: PP_ON_DELAYS, src },
      { name: 'PP_OFF_DELAYS', offset: PP_OFF_DELAYS, src },
      { name: 'PP_DIVISOR', offset: PP_DIVISOR, reset: 0x186906, src },
    ];
  }

  #control(value: number): void {
    const on = (value & POWER_ON) !== 0;
    if (on === this.on) return;
    this.on = on;
    this.#since = this.#clock.now;
  }

  #status(): number {
    const delays = this.#regs.peek(this.on ? PP_ON_DELAYS : PP_OFF_DELAYS);
    const passed = this.#clock.now - this.#since;
    const power = ((delays >>> 16) & 0x1fff) * DELAY_UNIT_NS;
    if (this.on) return passed < power ? ON | GOING_UP | 0xa : ON | STATE_ON_IDLE;
    if (passed < power) return ON | GOING_DOWN | 2;
    const cycle = Math.max((this.#regs.peek(PP_DIVISOR) & 0x1f) - 1, 0) * 1000 * DELAY_UNIT_NS;
    return passed < power + cycle ? CYCLE_DELAY : 0;
  }

  /** Whether the panel has power, so that its AUX channel answers. */
  get powered(): boolean {
    return this.on || (this.#regs.peek(PP_CONTROL) & FORCE_VDD) !== 0;
  }

  /** On or off since long ago. */
  settle(on: boolean): void {
    this.on = on;
    this.#since = Number.NEGATIVE_INFINITY;
  }

  reset(): void {
    this.settle(false);
  }
}
