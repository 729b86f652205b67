import type { Clock } from '../port/clock.ts';

/** How long the GT has worked: what the frequency windows and RC6 are decided by. */
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
