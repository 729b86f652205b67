import { type Engine, engineRegs, JUMPS_KEPT, WAIT_EVENT, WAIT_SEMAPHORE } from '@xengt/hsw-device';

const R = engineRegs;
/** Starts of batches that are remembered for one request; of more, the oldest are forgotten. */
const TRAIL = 64;
/** An engine that did not jump for so long has left its loop, nanoseconds. */
const STRAIGHT_NS = 100_000_000;

/** How much of what it did before it was seen to repeat itself counts as standing still, nanoseconds. */
const BEFORE_NS = 150_000_000;

/** What an engine was seen to do since its ring moved last. */
export const RUNS = 0;
/** It stands still. */
export const STUCK = 1;
/** It goes, through batches that it went through before. */
export const LOOPS = 2;
/** It waits for a semaphore that another engine, or the driver, signals. */
export const WAITS_SEMAPHORE = 3;
/** It waits for the display or a condition code. */
export const WAITS_EVENT = 4;
/** It met what it cannot execute, and says so in its error registers. */
export const FAILED = 5;

/**
 * Judges from samples whether an engine gets anywhere. New ground is: HEAD moved; a batch that it
 * had not entered since; further on in one without a jump; the same blit going on. An address seen
 * again after a jump is old ground, however much moves: i915's hangcheck judged by the highest
 * ACTHD, but a chain of batches may well lead down.
 */
export class EngineProgress {
  /** How long nothing new was seen, nanoseconds of looks at which hardware had its turn. */
  stillNs = 0;
  kind: number = RUNS;
  readonly #engine: Engine;
  /** Since its ring moved, nanoseconds. */
  #requestNs = 0;
  #head = 0;
  #blits = 0;
  #looping = false;
  /** Nanoseconds since the latest jump to a place it had been. */
  #straightNs = 0;
  readonly #first: Level;
  readonly #second: Level;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#first = new Level(engine, 1, R.RING_BBADDR);
    this.#second = new Level(engine, 2, R.RING_SBBADDR);
  }

  /** Other work is in the engine now. */
  restart(): void {
    this.stillNs = 0;
    this.kind = RUNS;
    this.#requestNs = 0;
    this.#looping = false;
    this.#straightNs = 0;
    this.#head = this.#engine.reg(R.RING_HEAD);
    this.#blits = this.#engine.counters.blits;
    this.#first.restart(0);
    this.#second.restart(0);
  }

  /** It stands still for a good reason: so far that counts for no more than `ns`. */
  excuse(ns: number): void {
    this.stillNs = Math.min(this.stillNs, ns);
  }

  /** Takes a sample. @param ns since the previous one */
  look(ns: number): void {
    const e = this.#engine;
    if (e.reg(R.RING_HEAD) !== this.#head) {
      this.restart();
      return;
    }
    this.#requestNs += ns;
    const moved = this.#position(ns);
    const blits = e.counters.blits;
    const blitting = e.blitting && blits === this.#blits;
    this.#blits = blits;
    if ((moved || blitting) && !this.#looping) {
      this.stillNs = 0;
      this.kind = RUNS;
      return;
    }
    this.stillNs += ns;
    this.kind = this.#judge(moved || blitting);
  }

  #judge(moves: boolean): number {
    const e = this.#engine;
    if (e.hang !== null) return FAILED;
    if (e.wait === WAIT_SEMAPHORE) return WAITS_SEMAPHORE;
    if (e.wait === WAIT_EVENT) return WAITS_EVENT;
    return moves || this.#looping ? LOOPS : STUCK;
  }

  /** Whether it is elsewhere than it was; notices loops and their end. */
  #position(ns: number): boolean {
    const first = this.#first.look(this.#requestNs);
    // Calls of the same second level batch from further on in the first are no loop.
    const second = first === SAME ? this.#second.look(this.#requestNs) : SAME;
    if (first !== SAME) this.#second.restart(this.#requestNs);
    if (first === AGAIN || second === AGAIN) {
      // What it went through since it was there is part of the loop: no ground either.
      const since = first === AGAIN ? this.#first.sinceNs : this.#second.sinceNs;
      if (!this.#looping)
        this.stillNs = Math.max(this.stillNs, Math.min(this.#requestNs - since, BEFORE_NS) - ns);
      this.#looping = true;
      this.#straightNs = 0;
      return true;
    }
    this.#straightNs += ns;
    if (this.#looping && this.#straightNs >= STRAIGHT_NS && first !== SAME) {
      this.#looping = false;
      this.#first.restart(this.#requestNs);
    }
    return first !== SAME || second !== SAME;
  }
}

const SAME = 0;
const ON = 1;
const AGAIN = 2;

/** Where one level of batches is, and where it has been. */
class Level {
  readonly #engine: Engine;
  readonly #level: number;
  readonly #startRegister: number;
  /** Starts, and when they were seen first, nanoseconds of the request. */
  readonly #trail: Int32Array = new Int32Array(TRAIL);
  readonly #seenNs: Float64Array = new Float64Array(TRAIL);
  /** When the start seen again latest was seen first. */
  sinceNs = 0;
  #count = 0;
  #jumps = 0;
  #at = 0;

  constructor(engine: Engine, level: number, startRegister: number) {
    this.#engine = engine;
    this.#level = level;
    this.#startRegister = startRegister;
  }

  restart(ns: number): void {
    this.#count = 0;
    this.#jumps = this.#engine.batches.jumps[this.#level] as number;
    this.#at = this.#engine.batches.at[this.#level] as number;
    if (this.#engine.level >= this.#level) this.#enter(this.#engine.reg(this.#startRegister), ns);
  }

  look(ns: number): number {
    const at = this.#engine.batches.at[this.#level] as number;
    const jumps = this.#engine.batches.jumps[this.#level] as number;
    if (jumps === this.#jumps && at === this.#at) return SAME;
    this.#at = at;
    const starts = this.#engine.batches.starts[this.#level] as Int32Array;
    const made = (jumps - this.#jumps) | 0;
    const first = (jumps - Math.min(made, JUMPS_KEPT)) | 0;
    this.#jumps = jumps;
    for (let n = first; n !== jumps; n = (n + 1) | 0) {
      if (!this.#enter(starts[n & (JUMPS_KEPT - 1)] as number, ns)) return AGAIN;
    }
    return ON;
  }

  /** @returns whether the start is a new one */
  #enter(start: number, ns: number): boolean {
    const known = Math.min(this.#count, TRAIL);
    for (let i = 0; i < known; i++) {
      if (this.#trail[i] !== start) continue;
      this.sinceNs = this.#seenNs[i] as number;
      return false;
    }
    this.#trail[this.#count % TRAIL] = start;
    this.#seenNs[this.#count++ % TRAIL] = ns;
    return true;
  }
}
