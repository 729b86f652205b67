import type { Clock } from '../port/clock.ts';

/**
 * Something that takes a short while and that a driver polls for. A poll takes time of its own,
 * which a host's clock may be too coarse to show, so polls end it as well as time does.
 */
export class Settling {
  readonly #clock: Clock;
  readonly #ns: number;
  readonly #polls: number;
  #until = 0;
  #left = 0;

  /** @param ns how long it takes @param polls reads after which it is over whatever the clock says */
  constructor(clock: Clock, ns: number, polls: number) {
    this.#clock = clock;
    this.#ns = ns;
    this.#polls = polls;
  }

  /** When it is over, polls left. */
  exportState(): number[] {
    return [this.#until, this.#left];
  }

  /** @param shiftNs what the clock here is ahead of the one that the state's times are of */
  importState(s: readonly number[], shiftNs = 0): void {
    this.#until = (s[0] as number) + shiftNs;
    this.#left = s[1] as number;
  }

  start(): void {
    this.#until = this.#clock.now + this.#ns;
    this.#left = this.#polls;
  }

  stop(): void {
    this.#left = 0;
  }

  get over(): boolean {
    return this.#left === 0 || this.#clock.now >= this.#until;
  }

  /** A driver looks. @returns whether it is over */
  poll(): boolean {
    if (this.over) return true;
    this.#left--;
    return false;
  }
}
