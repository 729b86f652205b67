/**
 * A guest's own time: its host's, but it stands while the guest is paused, and goes on in another
 * machine where it stood. Counters and timers of the guest read it, so that no pause is a jump.
 */
export class GuestTime {
  readonly #base: () => number;
  /** Guest's time less its host's, milliseconds. */
  #ahead = 0;
  /** Where it stands; NaN while it runs. */
  #at: number = Number.NaN;

  /** @param base host time, milliseconds, never going back */
  constructor(base: () => number) {
    this.#base = base;
  }

  /** Milliseconds. */
  readonly now = (): number => (Number.isNaN(this.#at) ? this.#base() + this.#ahead : this.#at);

  stop(): void {
    this.#at = this.now();
  }

  go(): void {
    if (Number.isNaN(this.#at)) return;
    this.#ahead = this.#at - this.#base();
    this.#at = Number.NaN;
  }

  /** It stands at `ms` from now on. */
  set(ms: number): void {
    this.#at = ms;
  }
}
