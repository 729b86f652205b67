import type { Clock } from '../port/clock.ts';

/** How long the GT or one engine has worked: what frequency windows, RC6 and counters are decided by. */
export class Activity {
  readonly #clock: Clock;
  readonly #idle: () => boolean;
  #busy = false;
  #busyNs = 0;
  #since = 0;

  /** @param idle whether no engine has anything to execute */
  constructor(clock: Clock, idle: () => boolean) {
    this.#clock = clock;
    this.#idle = idle;
  }

  /** 1 while there is work, work before, when the present period began. */
  exportState(): number[] {
    return [this.#busy ? 1 : 0, this.#busyNs, this.#since];
  }

  /** @param shiftNs what the clock here is ahead of the one that the state's times are of */
  importState(s: readonly number[], shiftNs = 0): void {
    this.#busy = s[0] === 1;
    this.#busyNs = s[1] as number;
    this.#since = (s[2] as number) + shiftNs;
  }

  get now(): number {
    return this.#clock.now;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** When the present idle or busy period began, nanoseconds. */
  get since(): number {
    return this.#since;
  }

  /** Looks at the engines. @returns whether they began or ended work */
  update(): boolean {
    const busy = !this.#idle();
    if (busy === this.#busy) return false;
    const { now } = this.#clock;
    if (this.#busy) this.#busyNs += now - this.#since;
    this.#busy = busy;
    this.#since = now;
    return true;
  }

  /** Nanoseconds of work since power-on. */
  get busyNs(): number {
    return this.#busyNs + (this.#busy ? this.#clock.now - this.#since : 0);
  }
}
