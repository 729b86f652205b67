/** A stretch of work between two looks at the time is believed up to here, milliseconds. */
const STRETCH_MS = 2;

/** Where time comes from for vCPUs and devices alike: one object to all that share a machine. */
export interface TimeSource {
  /** Milliseconds from any start, never going back. */
  now(): number;
  /**
   * Whoever runs now has waited on purpose, up to so many milliseconds: that much of the time since
   * the last look counts in full.
   */
  waited(ms: number): void;
}

/** A time source that also runs what waits for it: then nobody sets timers of the host's. */
export interface WaitSource {
  /** Calls `fn` soon, after whatever is queued already. */
  soon(fn: () => void): void;
  /** Calls `fn` once `ms` milliseconds of its time have passed. */
  after(ms: number, fn: () => void): void;
}

/**
 * Host time without the stretches in which the host took the processor away, compiled, collected
 * garbage or copied a state. Everything that emulates reads the time every millisecond or so; when
 * it comes back much later, a guest that was in the middle of something would see its devices jump:
 * an interrupt lost, a vertical blank inside a plane update. Here all clocks stand still together
 * instead. A wait that somebody meant passes in full, but not what the host overslept.
 */
export class SteadyTime implements TimeSource {
  /** Time withheld so far, milliseconds. */
  lost = 0;
  readonly #host: () => number;
  #last: number;
  #waited = 0;

  /** @param host host time, milliseconds, e.g. `performance.now` */
  constructor(host: () => number) {
    this.#host = host;
    this.#last = host();
  }

  now(): number {
    const host = this.#host();
    const stretch = host - this.#last;
    this.#last = host;
    const believed = STRETCH_MS + this.#waited;
    if (stretch > believed) this.lost += stretch - believed;
    this.#waited = 0;
    return host - this.lost;
  }

  waited(ms: number): void {
    this.#waited = ms;
  }
}
