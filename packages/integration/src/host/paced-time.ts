import type { SteadyTime, TimeSource, WaitSource } from '@xengt/xen-vgt';

/** The host's event loop, as far as time needs it. */
export interface TimerHost {
  /** Calls `fn` soon, after whatever is queued and what has come from outside. */
  soon(fn: () => void): void;
  /** Calls `fn` after so many milliseconds of the host. @returns what takes it back */
  after(ms: number, fn: () => void): () => void;
}

interface Timer {
  /** Milliseconds of our time. */
  readonly at: number;
  readonly fn: () => void;
}

/**
 * Time of guests and their devices. As a rule it is the host's. {@link setPace} makes it the work's:
 * while something computes it goes slower than the host's, so that the emulated processor looks
 * faster; while all wait it leaps to what is due next. Guests and devices see one time in either case.
 */
export class PacedTime implements TimeSource, WaitSource {
  readonly #steady: SteadyTime;
  readonly #host: TimerHost;
  #slowness = 1;
  #leaps = false;
  /** Our time and the host's, where the pace was last set, milliseconds. */
  #base = 0;
  #hostBase = 0;
  /** In no order: there are a few. */
  readonly #timers: Timer[] = [];
  /** Pieces of work that are queued. */
  #queued = 0;
  #turnDue = false;
  /** Host timer for the first of ours. */
  #armed: { readonly at: number; readonly cancel: () => void } | null = null;

  constructor(steady: SteadyTime, host: TimerHost) {
    this.#steady = steady;
    this.#host = host;
  }

  /** Milliseconds of host time that were withheld. */
  get lost(): number {
    return this.#steady.lost;
  }

  now(): number {
    return this.#base + (this.#steady.now() - this.#hostBase) / this.#slowness;
  }

  /** Nobody need say so: who waits does it here. */
  waited(): void {}

  /**
   * @param slowness host time per time of ours while something works, 1 or more
   * @param leaps whether waits take no host time
   */
  setPace(slowness: number, leaps: boolean): void {
    this.#base = this.now();
    this.#hostBase = this.#steady.now();
    this.#slowness = slowness;
    this.#leaps = leaps;
    this.#disarm();
    this.#look();
  }

  soon(fn: () => void): void {
    this.#queued++;
    this.#host.soon(() => {
      this.#queued--;
      fn();
      this.#look();
    });
  }

  after(ms: number, fn: () => void): void {
    this.#timers.push({ at: this.now() + ms, fn });
    this.#look();
  }

  /** What has come from outside goes first, then it is seen whether all wait. */
  #look(): void {
    if (this.#turnDue || this.#timers.length === 0) return;
    if (this.#queued > 0 && this.#armed !== null && this.#armed.at <= this.#first()) return;
    this.#turnDue = true;
    this.#host.soon(() => {
      this.#turnDue = false;
      this.#turn();
    });
  }

  #turn(): void {
    const first = this.#first();
    if (first === Number.POSITIVE_INFINITY) return;
    const now = this.now();
    if (this.#leaps && this.#queued === 0 && first > now) {
      this.#base += first - now;
      this.#disarm();
    } else if (first > now) {
      this.#arm(first, (first - now) * this.#slowness);
      return;
    }
    this.#fire(Math.max(first, now));
    this.#look();
  }

  #fire(until: number): void {
    const due = this.#timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at);
    if (due.length === 0) return;
    const left = this.#timers.filter((t) => t.at > until);
    this.#timers.splice(0, this.#timers.length, ...left);
    for (const timer of due) timer.fn();
  }

  #first(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const timer of this.#timers) if (timer.at < first) first = timer.at;
    return first;
  }

  #arm(at: number, hostMs: number): void {
    if (this.#armed !== null && this.#armed.at <= at) return;
    this.#disarm();
    const cancel = this.#host.after(hostMs, () => {
      this.#armed = null;
      this.#steady.waited(hostMs);
      this.#turn();
    });
    this.#armed = { at, cancel };
  }

  #disarm(): void {
    this.#armed?.cancel();
    this.#armed = null;
  }
}
