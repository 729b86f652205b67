/** A pending call of a {@link Clock}. */
export interface ClockEvent {
  /** Takes the call back; harmless after it has fired. */
  cancel(): void;
}

/** Time as the device sees it. Live hosts derive it from host time; tests advance it by hand. */
export interface Clock {
  /** Nanoseconds since power-on; exact to 2^53. */
  readonly now: number;
  /**
   * Calls `fire` once, at or after `timeNs`, never from inside a register access.
   *
   * @param timeNs absolute time, nanoseconds on this clock; a past time fires at the next chance
   */
  at(timeNs: number, fire: () => void): ClockEvent;
}

interface Entry extends ClockEvent {
  readonly time: number;
  fire: (() => void) | null;
}

/**
 * A clock that stands still until it is advanced: the same run twice gives the same events in the
 * same order. A live host advances one from its event loop, so both share one queue.
 */
export class ManualClock implements Clock {
  /** What has been advanced to, nanoseconds. */
  protected time = 0;
  /** Whether an event is being fired: its time is now. */
  protected firing = false;
  /** Live events in the order they fire: a guest that makes and cancels timers leaves nothing here. */
  readonly #queue: Entry[] = [];

  get now(): number {
    return this.time;
  }

  at(timeNs: number, fire: () => void): ClockEvent {
    const queue = this.#queue;
    const entry: Entry = {
      time: timeNs,
      fire,
      cancel(): void {
        if (this.fire === null) return;
        this.fire = null;
        queue.splice(queue.indexOf(this), 1);
      },
    };
    let i = queue.length;
    while (i > 0 && (queue[i - 1] as Entry).time > timeNs) i--;
    queue.splice(i, 0, entry);
    return entry;
  }

  /** Events that are still to fire. */
  get pending(): number {
    return this.#queue.length;
  }

  /** Time of the next event, nanoseconds; Infinity when there is none. */
  get nextAt(): number {
    return this.#queue[0]?.time ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Moves time to `timeNs` and fires what falls due on the way, each at its own time.
   * A time in the past does nothing.
   */
  advanceTo(timeNs: number): void {
    for (;;) {
      const first = this.#queue[0];
      if (first === undefined || first.time > timeNs) break;
      this.#queue.shift();
      if (first.time > this.time) this.time = first.time;
      const fire = first.fire;
      first.fire = null;
      this.firing = true;
      fire?.();
      this.firing = false;
    }
    if (timeNs > this.time) this.time = timeNs;
  }

  /** {@link advanceTo} by a distance, nanoseconds. */
  advance(ns: number): void {
    this.advanceTo(this.now + ns);
  }
}
