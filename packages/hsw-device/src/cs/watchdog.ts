import type { RegBlock, RegRow } from '../reg/row.ts';
import type { Engine } from './engine.ts';

/** What a watchdog holds besides its registers; nanoseconds and ticks. */
export interface WatchdogStateV1 {
  readonly running: boolean;
  readonly beganNs: number;
  readonly counted: number;
  /** When it looks at the clock next; -1 when it does not. */
  readonly lookNs: number;
  readonly expired: number;
}

/** Bytes from the engine's base. PRM vol.2c "PR_CTR_CTL", "PR_CTR_THRSH", "VCS_CNTR", "VCS_THRSH". */
const PR_CTR_CTL = 0x178;
const PR_CTR_THRSH = 0x17c;
const PR_CTR = 0x190;
/** What stops the counter: the render engine's stops at 1, the video engine's at all ones. */
const STOP_RENDER = 1;
const STOP_VIDEO = -1;
/** Writing 0 starts it from 0. */
const START = 0;
/** How late an interrupt may come, nanoseconds: one look at the clock is planned at a time. */
const LOOK_NS = 1_000_000;
const TICK_NS = 80;

/**
 * Watchdog of the render or video engine: a batch starts a counter, stops it when it is done, and
 * the engine raises an interrupt when the counter reaches the threshold in between. It counts ticks
 * of 80 ns. PRM vol.2c; the engines with one are those of GVT-g's register list (0x2178, 0x12178).
 */
export class Watchdog implements RegBlock {
  readonly rows: readonly RegRow[];
  /** Times that the threshold was reached. */
  expired = 0;
  readonly #engine: Engine;
  readonly #stop: number;
  #running = false;
  #beganNs = 0;
  #counted = 0;
  #lookNs = -1;

  constructor(e: Engine) {
    this.#engine = e;
    this.#stop = e.id === 'RCS' ? STOP_RENDER : STOP_VIDEO;
    const src = 'HSW PRM vol.2c watchdog counter; GVT-g handlers.c';
    // biome-ignore format: one register a line
    this.rows = [
      { name: `${e.id}_PR_CTR_CTL`,   offset: e.base + PR_CTR_CTL, reset: this.#stop, onWrite: (_, value) => this.#control(value), src },
      { name: `${e.id}_PR_CTR_THRSH`, offset: e.base + PR_CTR_THRSH, reset: 0x00140000, src },
      { name: `${e.id}_PR_CTR`,       offset: e.base + PR_CTR, rw: 0, onRead: () => this.count | 0, src },
    ];
  }

  /** Ticks since it was started; what it stood at once it is stopped. */
  get count(): number {
    if (!this.#running) return this.#counted;
    return Math.floor((this.#engine.ctx.clock.now - this.#beganNs) / TICK_NS);
  }

  /** Whether a register is one that starts or bounds the counter. */
  owns(offset: number): boolean {
    return offset === this.#engine.base + PR_CTR_CTL || offset === this.#engine.base + PR_CTR_THRSH;
  }

  #control(value: number): void {
    if (value === START) {
      this.#running = true;
      this.#beganNs = this.#engine.ctx.clock.now;
      this.#plan();
    } else if (value === this.#stop) {
      this.#counted = this.count;
      this.#running = false;
    }
  }

  /** One call of the clock is outstanding at most, however often a guest starts the counter. */
  #plan(): void {
    if (this.#lookNs >= 0) return;
    const { clock } = this.#engine.ctx;
    const due = this.#beganNs + (this.#engine.reg(PR_CTR_THRSH) >>> 0) * TICK_NS;
    this.#lookAt(Math.min(Math.max(due, clock.now), clock.now + LOOK_NS));
  }

  #lookAt(ns: number): void {
    this.#lookNs = ns;
    this.#engine.ctx.clock.at(ns, () => this.#look());
  }

  #look(): void {
    this.#lookNs = -1;
    if (!this.#running) return;
    if (this.count < this.#engine.reg(PR_CTR_THRSH) >>> 0) {
      this.#plan();
      return;
    }
    this.#counted = this.count;
    this.#running = false;
    // It reads as stopped, so that who saves and restores the register does not start it again.
    this.#engine.setReg(PR_CTR_CTL, this.#stop);
    this.expired++;
    this.#engine.interrupt(this.#engine.row.watchdogBit);
  }

  exportState(): WatchdogStateV1 {
    return {
      running: this.#running,
      beganNs: this.#beganNs,
      counted: this.#counted,
      lookNs: this.#lookNs,
      expired: this.expired,
    };
  }

  importState(s: WatchdogStateV1): void {
    this.#running = s.running;
    this.#beganNs = s.beganNs;
    this.#counted = s.counted;
    this.expired = s.expired;
    // A look that is planned already finds what there is now, and plans the next one.
    if (s.lookNs >= 0 && this.#lookNs < 0) this.#lookAt(s.lookNs);
  }

  /** Engine reset. */
  reset(): void {
    this.#running = false;
    this.#counted = 0;
    this.#engine.setReg(PR_CTR_CTL, this.#stop);
  }
}
