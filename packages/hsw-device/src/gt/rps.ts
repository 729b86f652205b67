import {
  IRQ_IMR,
  PM_IRQ,
  PM_RP_DOWN_EI,
  PM_RP_DOWN_THRESHOLD,
  PM_RP_DOWN_TIMEOUT,
  PM_RP_UP_EI,
  PM_RP_UP_THRESHOLD,
} from '../irq/interrupt.regs.ts';
import type { Clock, ClockEvent } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';
import type { Activity } from './activity.ts';
import { PM_UNIT_NS } from './rc6.ts';

const RPNSWREQ = 0xa008;
export const RPSTAT1 = 0xa01c;
const RP_DOWN_TIMEOUT = 0xa010;
const RP_INTERRUPT_LIMITS = 0xa014;
const RP_CONTROL = 0xa024;
const RP_UP_THRESHOLD = 0xa02c;
const RP_DOWN_THRESHOLD = 0xa030;
const RP_CUR_UP_EI = 0xa050;
const RP_CUR_DOWN_EI = 0xa05c;
const RP_UP_EI = 0xa068;
const RP_DOWN_EI = 0xa06c;
const PMINTRMSK = 0xa168;
const GT_PERF_STATUS = 0x145948;
/** 7:0 RP0, 15:8 RP1, 23:16 RPn in units of 50 MHz. */
const RP_STATE_CAP = 0x145998;
/** RP_CONTROL 7. i915: `GEN6_RP_ENABLE`. */
const RP_ENABLE = 0x80;
/** Fields of the counters. i915: `GEN6_CURICONT_MASK`, `GEN6_CURBSYTAVG_MASK`. */
const COUNT_MASK = 0xffffff;
/** Intervals shorter than this end together: a driver may ask for one of 1.28 us. Nanoseconds. */
const TICK_MIN_NS = 500_000;
const EI_EVENTS: number = PM_RP_UP_EI | PM_RP_DOWN_EI;
const LOAD_EVENTS: number = PM_RP_UP_THRESHOLD | PM_RP_DOWN_THRESHOLD | PM_RP_DOWN_TIMEOUT;

const SRC = 'HSW PRM vol.2c render frequency; i915 gt/intel_rps.c';

/** A series of evaluation intervals, one after the other. Times in nanoseconds. */
interface Window {
  readonly lengthAt: number;
  start: number;
  busyAtStart: number;
  /** Work in the interval before this one. */
  previousNs: number;
}

/**
 * The GT's frequency and the interrupts that tell a driver of load. In each evaluation interval the
 * time of work is counted; at its end it is compared with a threshold: at least as much raises the
 * up interrupt, less the down interrupt. Both windows stand still while the GT is asleep.
 */
export class Rps implements RegBlock {
  readonly rows: readonly RegRow[];
  readonly #regs: RegSpace;
  readonly #clock: Clock;
  readonly #activity: Activity;
  readonly #raise: ((bits: number) => void) | null;
  readonly #up: Window = { lengthAt: RP_UP_EI, start: 0, busyAtStart: 0, previousNs: 0 };
  readonly #down: Window = { lengthAt: RP_DOWN_EI, start: 0, busyAtStart: 0, previousNs: 0 };
  #event: ClockEvent | null = null;
  #eventNs = -1;
  /** Start of the idle period whose time-out was told. */
  #toldIdle = -1;
  readonly #asleep: () => boolean;

  /** @param raise sets bits of the PM interrupt set; null where nobody hears of load */
  constructor(
    regs: RegSpace,
    clock: Clock,
    activity: Activity,
    asleep: () => boolean,
    raise: ((bits: number) => void) | null,
  ) {
    this.#regs = regs;
    this.#clock = clock;
    this.#activity = activity;
    this.#asleep = asleep;
    this.#raise = raise;
    const restart = (): void => this.#restart();
    const up = this.#up;
    const down = this.#down;
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'GEN6_RPNSWREQ', offset: RPNSWREQ, src: SRC },
      { name: 'GEN6_RC_VIDEO_FREQ', offset: 0xa00c, src: SRC },
      { name: 'GEN6_RP_DOWN_TIMEOUT', offset: RP_DOWN_TIMEOUT, onWrite: restart, src: SRC },
      { name: 'GEN6_RP_INTERRUPT_LIMITS', offset: RP_INTERRUPT_LIMITS, src: SRC },
      { name: 'GEN6_RPSTAT1', offset: RPSTAT1, rw: 0, onRead: () => this.ratio << 7, src: 'i915 intel_rps_get_cagf: HSW_CAGF_MASK 13:7' },
      { name: 'GEN6_RP_CONTROL', offset: RP_CONTROL, onWrite: restart, src: SRC },
      { name: 'GEN6_RP_UP_THRESHOLD', offset: RP_UP_THRESHOLD, src: SRC },
      { name: 'GEN6_RP_DOWN_THRESHOLD', offset: RP_DOWN_THRESHOLD, src: SRC },
      { name: 'GEN6_RP_CUR_UP_EI', offset: RP_CUR_UP_EI, rw: 0, onRead: () => this.#elapsed(up), src: SRC },
      { name: 'GEN6_RP_CUR_UP', offset: RP_CUR_UP_EI + 4, rw: 0, onRead: () => this.#worked(up), src: SRC },
      { name: 'GEN6_RP_PREV_UP', offset: RP_CUR_UP_EI + 8, rw: 0, onRead: () => this.#before(up), src: SRC },
      { name: 'GEN6_RP_CUR_DOWN_EI', offset: RP_CUR_DOWN_EI, rw: 0, onRead: () => this.#elapsed(down), src: SRC },
      { name: 'GEN6_RP_CUR_DOWN', offset: RP_CUR_DOWN_EI + 4, rw: 0, onRead: () => this.#worked(down), src: SRC },
      { name: 'GEN6_RP_PREV_DOWN', offset: RP_CUR_DOWN_EI + 8, rw: 0, onRead: () => this.#before(down), src: SRC },
      { name: 'GEN6_RP_UP_EI', offset: RP_UP_EI, onWrite: restart, src: SRC },
      { name: 'GEN6_RP_DOWN_EI', offset: RP_DOWN_EI, onWrite: restart, src: SRC },
      { name: 'GEN6_RP_IDLE_HYSTERSIS', offset: 0xa070, src: SRC },
      { name: 'GEN6_PMINTRMSK', offset: PMINTRMSK, onWrite: () => this.update(), src: SRC },
      { name: 'GEN6_GT_PERF_STATUS', offset: GT_PERF_STATUS, rw: 0, onRead: () => this.ratio << 8, src: 'i915 intel_gt_pm_frequency_dump: 15:8 ratio' },
    ];
  }

  /** The frequency at work, in units of 50 MHz: what was asked for, as far as the GT goes. */
  get ratio(): number {
    const asked = (this.#regs.peek(RPNSWREQ) >>> 24) & 0x7f;
    const cap = this.#regs.peek(RP_STATE_CAP);
    if (cap === 0) return asked;
    return Math.min(Math.max(asked, (cap >>> 16) & 0xff), cap & 0xff);
  }

  /** Something that the windows depend on has changed: sleep, work, what is unmasked. */
  update(): void {
    if (this.#event === null && this.#wanted() !== 0 && !this.#asleep()) this.#arm();
  }

  #restart(): void {
    this.#event?.cancel();
    this.#event = null;
    this.#begin(this.#up);
    this.#begin(this.#down);
    this.update();
  }

  #begin(window: Window): void {
    window.start = this.#clock.now;
    window.busyAtStart = this.#activity.busyNs;
    window.previousNs = 0;
  }

  /** Interrupts that somebody would get: masked ends of intervals need no clock. */
  #wanted(): number {
    const regs = this.#regs;
    if (this.#raise === null || (regs.peek(RP_CONTROL) & RP_ENABLE) === 0) return 0;
    const ends = EI_EVENTS & ~regs.peek(PM_IRQ + IRQ_IMR);
    return ~regs.peek(PMINTRMSK) & (LOAD_EVENTS | ends);
  }

  #length(window: Window): number {
    return (this.#regs.peek(window.lengthAt) & COUNT_MASK) * PM_UNIT_NS;
  }

  #arm(): void {
    this.#roll(this.#up);
    this.#roll(this.#down);
    const at = Math.min(this.#end(this.#up), this.#end(this.#down), this.#idleEnd());
    if (at === Number.POSITIVE_INFINITY) return;
    this.#fireAt(Math.max(at, this.#clock.now + TICK_MIN_NS));
  }

  #fireAt(ns: number): void {
    this.#eventNs = ns;
    this.#event = this.#clock.at(ns, this.#fire);
  }

  #end(window: Window): number {
    const length = this.#length(window);
    return length === 0 ? Number.POSITIVE_INFINITY : window.start + length;
  }

  /** When the present idle period has lasted for RP_DOWN_TIMEOUT and nobody was told. */
  #idleEnd(): number {
    const { busy, since } = this.#activity;
    const timeout = (this.#regs.peek(RP_DOWN_TIMEOUT) & COUNT_MASK) * PM_UNIT_NS;
    if (busy || timeout === 0 || since === this.#toldIdle) return Number.POSITIVE_INFINITY;
    return since + timeout;
  }

  readonly #fire = (): void => {
    this.#event = null;
    const regs = this.#regs;
    const { now } = this.#clock;
    let bits = 0;
    if (now >= this.#idleEnd()) {
      this.#toldIdle = this.#activity.since;
      bits |= PM_RP_DOWN_TIMEOUT;
    }
    if (this.#asleep()) {
      this.#tell(bits);
      return;
    }
    if (now >= this.#end(this.#up)) {
      this.#roll(this.#up);
      bits |= PM_RP_UP_EI;
      if (this.#before(this.#up) >= (regs.peek(RP_UP_THRESHOLD) & COUNT_MASK)) {
        bits |= PM_RP_UP_THRESHOLD;
      }
    }
    if (now >= this.#end(this.#down)) {
      this.#roll(this.#down);
      bits |= PM_RP_DOWN_EI;
      if (this.#before(this.#down) < (regs.peek(RP_DOWN_THRESHOLD) & COUNT_MASK)) {
        bits |= PM_RP_DOWN_THRESHOLD;
      }
    }
    this.#tell(bits);
    this.update();
  };

  /** RP_INTERRUPT_LIMITS 31:24 and 23:16: no way up from the first nor down from the second. */
  #tell(bits: number): void {
    const limits = this.#regs.peek(RP_INTERRUPT_LIMITS);
    const highest = limits >>> 24;
    let open = bits & ~this.#regs.peek(PMINTRMSK);
    if (highest !== 0 && this.ratio >= highest) open &= ~PM_RP_UP_THRESHOLD;
    if (this.ratio <= ((limits >>> 16) & 0xff)) {
      open &= ~(PM_RP_DOWN_THRESHOLD | PM_RP_DOWN_TIMEOUT);
    }
    if (open !== 0) this.#raise?.(open);
  }

  /** Ends the intervals that are over. Of several missed ones the last had its share of the work. */
  #roll(window: Window): void {
    const length = this.#length(window);
    if (length === 0) return;
    const over = Math.floor((this.#clock.now - window.start) / length);
    if (over <= 0) return;
    const busy = this.#activity.busyNs;
    window.previousNs = (busy - window.busyAtStart) / over;
    window.busyAtStart = busy;
    window.start += over * length;
  }

  #elapsed(window: Window): number {
    this.#roll(window);
    return Math.floor((this.#clock.now - window.start) / PM_UNIT_NS) & COUNT_MASK;
  }

  #worked(window: Window): number {
    this.#roll(window);
    return Math.floor((this.#activity.busyNs - window.busyAtStart) / PM_UNIT_NS) & COUNT_MASK;
  }

  #before(window: Window): number {
    this.#roll(window);
    return Math.floor(window.previousNs / PM_UNIT_NS) & COUNT_MASK;
  }

  /** Start, work at the start and work before of both windows; idle period told; next look or -1. */
  exportState(): number[] {
    const windows = [this.#up, this.#down].flatMap((w) => [w.start, w.busyAtStart, w.previousNs]);
    return [...windows, this.#toldIdle, this.#event === null ? -1 : this.#eventNs];
  }

  /** @param shiftNs what the clock here is ahead of the one that the state's times are of */
  importState(s: readonly number[], shiftNs = 0): void {
    for (const [i, w] of [this.#up, this.#down].entries()) {
      w.start = (s[i * 3] as number) + shiftNs;
      w.busyAtStart = s[i * 3 + 1] as number;
      w.previousNs = s[i * 3 + 2] as number;
    }
    const told = s[6] as number;
    this.#toldIdle = told < 0 ? told : told + shiftNs;
    this.#event?.cancel();
    this.#event = null;
    if ((s[7] as number) >= 0) this.#fireAt((s[7] as number) + shiftNs);
  }

  /** Power-on: no interval runs. */
  reset(): void {
    this.#toldIdle = -1;
    this.#restart();
  }
}
