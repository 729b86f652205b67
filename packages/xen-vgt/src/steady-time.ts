/** A stretch of work between two looks at the time is believed up to here, milliseconds. */
const STRETCH_MS = 2;

/** Where time comes from for vCPUs and devices alike: one object to all that share a machine. */
export interface TimeSource {
  /** Milliseconds from any start, never going back. */
  now(): number;
  /** Whoever runs next has waited on purpose: the time until the next look counts in full. */
  waited(): void;
}

/**
 * Host time without the stretches in which the host took the processor away, compiled, collected
 * garbage or copied a state. Everything that emulates reads the time every millisecond or so; when
 * it comes back much later, a guest that was in the middle of something would see its devices jump:
 * an interrupt lost, a vertical blank inside a plane update. Here all clocks stand still together
 * instead. A wait that somebody meant passes in full.
 */
export class SteadyTime implements TimeSource {
  /** Time withheld so far, milliseconds. */
  lost = 0;
  readonly #host: () => number;
  #last: number;
  #waited = false;

  /** @param host host time, milliseconds, e.g. `performance.now` */
  constructor(host: () => number) {
    this.#host = host;
    this.#last = host();
  }

  now(): number {
    const host = this.#host();
    const stretch = host - this.#last;
    this.#last = host;
    if (stretch > STRETCH_MS && !this.#waited) this.lost += stretch - STRETCH_MS;
    this.#waited = false;
    return host - this.lost;
  }

  waited(): void {
    this.#waited = true;
  }
}
