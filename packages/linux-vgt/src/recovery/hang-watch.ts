import { type Clock, type ClockEvent, ENGINE_IDS, type HaswellDevice } from '@xengt/hsw-device';
import type { RenderSwitch } from '../sched/render-switch.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { RecoveryLimits } from './limits.ts';
import * as P from './progress.ts';
import { Signals } from './signals.ts';

/** Between two looks at the engines, nanoseconds. */
export const LOOK_NS = 25_000_000;
/** What a look counts for at most: a host that was away saw nothing meanwhile. */
const LOOK_MAX_NS: number = 2 * LOOK_NS;

/** What an engine that waited for a signal gets once nothing that could send one is left. */
const GRACE_NS: number = 2 * LOOK_NS;

/** How long others must have waited for a loop or a wait that has lasted long enough, nanoseconds. */
const WAIT_NS: number = 5 * LOOK_NS;

/** Why an engine is taken for hung: what it was seen to do, and `holds` where it even got on. */
export type HangCause = 'failed' | 'stuck' | 'loops' | 'semaphore' | 'event' | 'holds';
/** By kind of progress: RUNS, STUCK, LOOPS, WAITS_SEMAPHORE, WAITS_EVENT, FAILED. */
const CAUSES: readonly HangCause[] = ['holds', 'stuck', 'loops', 'semaphore', 'event', 'failed'];

/** What the watch asks and tells. */
export interface WatchHost {
  /** Whether another VM than the owner has work and may get the engines. */
  othersWait(): boolean;
  /** Engines of the VM, a bit each, hang. @param stillNs since when the longest of them @param waitedNs how long others have waited */
  hung(owner: Vgpu, mask: number, cause: HangCause, stillNs: number, waitedNs: number): void;
}

/**
 * Looks at the engines from time to time while one of them works, and not at all while none does.
 * Time counts only while hardware had its turn, so that a busy host makes nobody hang.
 */
export class HangWatch {
  /** Steps that the host gave hardware; whoever steps it counts. */
  steps = 0;
  /** Looks taken. */
  looks = 0;
  readonly #device: HaswellDevice;
  readonly #clock: Clock;
  readonly #switch: RenderSwitch;
  readonly #limits: RecoveryLimits;
  readonly #host: WatchHost;
  readonly #progress: readonly P.EngineProgress[];
  readonly #signals: Signals;
  #timer: ClockEvent | null = null;
  #stopped = false;
  #lookedAt = 0;
  #stepsThen = 0;
  #owner: Vgpu | null = null;
  #ownerSince = 0;
  /** How long others have waited, and how long the switch has for the engines, nanoseconds. */
  #waitedNs = 0;
  #drainedNs = 0;

  constructor(
    device: HaswellDevice,
    clock: Clock,
    sw: RenderSwitch,
    limits: RecoveryLimits,
    host: WatchHost,
  ) {
    this.#device = device;
    this.#clock = clock;
    this.#switch = sw;
    this.#limits = limits;
    this.#host = host;
    this.#signals = new Signals(device);
    this.#progress = device.gt.engines.map((engine) => new P.EngineProgress(engine));
  }

  /** Engines got work, or may have. Cheap while it watches. */
  start(): void {
    if (this.#timer !== null || this.#stopped) return;
    this.#restart();
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.rest();
  }

  /** No look until engines get work again. */
  rest(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(): void {
    this.#lookedAt = this.#clock.now;
    this.#stepsThen = this.steps;
    this.#timer = this.#clock.at(this.#lookedAt + LOOK_NS, () => this.#look());
  }

  #restart(): void {
    this.#owner = this.#switch.owner;
    this.#ownerSince = this.#switch.ownerSince;
    this.#waitedNs = 0;
    this.#drainedNs = 0;
    this.#signals.forget();
    for (const progress of this.#progress) progress.restart();
  }

  /** Until its end the timer counts as set: what a look gives to engines begins no other watch. */
  #look(): void {
    this.looks++;
    const sw = this.#switch;
    const hadTurn = this.steps !== this.#stepsThen || !this.#device.gt.runnable;
    const ns = hadTurn ? Math.min(this.#clock.now - this.#lookedAt, LOOK_MAX_NS) : 0;
    const { owner } = sw;
    if (owner !== this.#owner || sw.ownerSince !== this.#ownerSince) this.#restart();
    else if (owner !== null && ns > 0) this.#judge(owner, ns);
    sw.advance();
    this.#timer = null;
    if (!this.#stopped && !(sw.steady && sw.allResting)) this.#arm();
  }

  #judge(owner: Vgpu, ns: number): void {
    const sw = this.#switch;
    this.#waitedNs = this.#host.othersWait() ? this.#waitedNs + ns : 0;
    this.#drainedNs = sw.draining ? this.#drainedNs + ns : 0;
    let waits = 0;
    for (let i = 0; i < ENGINE_IDS.length; i++) {
      const progress = this.#progress[i] as P.EngineProgress;
      if (sw.resting(i)) progress.restart();
      else progress.look(ns);
      if (progress.kind === P.WAITS_SEMAPHORE) waits |= 1 << i;
    }
    const comes = waits !== 0 && this.#signals.mayCome(owner, waits, this.#progress, sw);
    if (waits === 0) this.#signals.forget();
    this.#blame(owner, comes, waits);
  }

  /** @param comes whether those that wait for a semaphore, a bit each in `waits`, may be right to */
  #blame(owner: Vgpu, comes: boolean, waits: number): void {
    const sw = this.#switch;
    const held = this.#drainedNs >= this.#limits.holdNs;
    let mask = 0;
    let stillNs = held ? this.#drainedNs : 0;
    for (let i = 0; i < ENGINE_IDS.length; i++) {
      if (sw.resting(i)) continue;
      const progress = this.#progress[i] as P.EngineProgress;
      if (!held && !this.#hangs(progress)) continue;
      if (!held && comes && (waits & (1 << i)) !== 0) {
        progress.excuse(this.#limits.hangNs - GRACE_NS);
        continue;
      }
      mask |= 1 << i;
      stillNs = Math.max(stillNs, progress.stillNs);
    }
    // Who waits for one that hangs is not to blame for it.
    if (!held && (mask & ~waits) !== 0) mask &= ~waits;
    if (mask === 0) return;
    const kind = held ? P.RUNS : this.#kindOf(mask);
    this.#host.hung(owner, mask, CAUSES[kind] as HangCause, stillNs, this.#waitedNs);
    this.#restart();
  }

  #kindOf(mask: number): number {
    let kind = P.RUNS;
    for (let i = 0; i < ENGINE_IDS.length; i++) {
      if ((mask & (1 << i)) !== 0)
        kind = Math.max(kind, (this.#progress[i] as P.EngineProgress).kind);
    }
    return kind;
  }

  #hangs(progress: P.EngineProgress): boolean {
    const { hangNs, aloneNs } = this.#limits;
    const { kind, stillNs } = progress;
    if (kind === P.RUNS) return false;
    if (kind === P.FAILED) return true;
    if (stillNs < hangNs) return false;
    return kind === P.STUCK || this.#waitedNs >= WAIT_NS || stillNs >= aloneNs;
  }
}
