import type { Clock } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';
import { isNumbers } from '../state/shape.ts';
import { Activity } from './activity.ts';
import { Forcewake } from './forcewake.ts';
import { Pcode } from './pcode.ts';
import { Rc6 } from './rc6.ts';
import { Rps } from './rps.ts';

/** End of the registers that lie in the GT's power well. i915: `NEEDS_FORCE_WAKE`. */
const WELL_END = 0x40000;
/** Those below it that do not. i915 `gen6_hw_domain_reset`, `fw_domain_get`. */
const OUTSIDE_WELL: readonly number[] = [0x941c, 0xa180, 0xa188, 0xa18c];

/** What power management holds besides its registers: each part's own list of numbers. */
export interface PowerStateV1 {
  readonly asleepReads: number;
  readonly activity: readonly number[];
  readonly rc6: readonly number[];
  readonly rps: readonly number[];
  readonly pcode: readonly number[];
}

/** What the power block must know of the rest of the GPU. */
export interface PowerContext {
  readonly regs: RegSpace;
  readonly clock: Clock;
  /** Whether every engine is idle. */
  readonly idle: () => boolean;
  /** Sets bits of the PM interrupt set. Default: nobody hears of load. */
  readonly raisePm?: (bits: number) => void;
  /** Called when the first driver request to stay awake comes, and when the last one goes. */
  readonly onForcewake?: (held: boolean) => void;
}

/**
 * Power management of the GT: forcewake, RC6, render frequency, the power controller's mailbox.
 * PRM vol.2c "Power management"; i915 intel_uncore.c, gt/intel_rps.c, gt/intel_rc6.c, intel_pcode.c.
 */
export class Power implements RegBlock {
  readonly rows: readonly RegRow[];
  readonly pcode: Pcode;
  readonly rc6: Rc6;
  readonly rps: Rps;
  /** Reads of the GT's registers by the CPU that found it asleep: they return 0. */
  asleepReads = 0;
  readonly #forcewake: Forcewake;
  readonly #activity: Activity;
  readonly #onForcewake: (held: boolean) => void;
  #held = false;

  constructor({ regs, clock, idle, raisePm, onForcewake }: PowerContext) {
    this.#onForcewake = onForcewake ?? ((): void => {});
    const changed = (): void => {
      this.#settle();
      this.#tellForcewake();
    };
    this.#activity = new Activity(clock, idle);
    this.#forcewake = new Forcewake(regs, changed);
    this.pcode = new Pcode(regs, clock);
    this.rc6 = new Rc6(regs, this.#activity, changed);
    this.rps = new Rps(regs, clock, this.#activity, () => this.rc6.asleep, raisePm ?? null);
    this.rows = [...this.#forcewake.rows, ...this.rc6.rows, ...this.rps.rows, ...this.pcode.rows];
  }

  #tellForcewake(): void {
    const { held } = this.#forcewake;
    if (held === this.#held) return;
    this.#held = held;
    this.#onForcewake(held);
  }

  /** Whether a driver keeps the GT awake. */
  get awake(): boolean {
    return this.#forcewake.held;
  }

  /** To be called whenever engines may have begun or ended work. */
  engineActivity(): void {
    if (this.#activity.update()) this.#settle();
  }

  #settle(): void {
    this.#activity.update();
    this.rc6.update(this.#forcewake.held);
    this.rps.update();
  }

  /**
   * Whether a read by the CPU finds a register without power. A write does not: it waits in the
   * GT's FIFO and wakes it. i915: `gen6_read32`, `gen6_write32`.
   *
   * @param offset multiple of 4
   */
  readLost(offset: number): boolean {
    if (offset >= WELL_END || !this.rc6.asleep || OUTSIDE_WELL.includes(offset)) return false;
    this.asleepReads++;
    return true;
  }

  exportState(): PowerStateV1 {
    return {
      asleepReads: this.asleepReads,
      activity: this.#activity.exportState(),
      rc6: this.rc6.exportState(),
      rps: this.rps.exportState(),
      pcode: this.pcode.exportState(),
    };
  }

  /** What of a state of the right form cannot be; null when nothing. */
  stateError(s: PowerStateV1): string | null {
    const model = this.exportState();
    for (const key of ['activity', 'rc6', 'rps', 'pcode'] as const) {
      const list: unknown = s[key];
      if (!isNumbers(list) || list.length !== model[key].length) return `power.${key} is not whole`;
    }
    return null;
  }

  /**
   * @param shiftNs what the clock here is ahead of the one that the state's times are of: a vGPU moves
   *   between machines, whose clocks are their own
   */
  importState(s: PowerStateV1, shiftNs = 0): void {
    this.asleepReads = s.asleepReads;
    this.#activity.importState(s.activity, shiftNs);
    this.rc6.importState(s.rc6, shiftNs);
    this.rps.importState(s.rps, shiftNs);
    this.pcode.importState(s.pcode, shiftNs);
    this.#tellForcewake();
  }

  /** Power-on. Registers are reset by whoever owns the register file. */
  reset(): void {
    this.rc6.reset();
    this.rps.reset();
    this.pcode.reset();
  }
}
