import { ManualClock } from '@xengt/hsw-device';

/** How a host's event loop is reached; a test runs it by hand. */
export interface Executor {
  /** Host time, nanoseconds from any start, never going back. */
  now(): number;
  /** Calls `fn` soon, after whatever is queued already. */
  post(fn: () => void): void;
  /** Calls `fn` once `ns` nanoseconds have passed, or later. */
  postAfter(ns: number, fn: () => void): void;
}

/** A slice of work. @returns whether there is more to do */
export type Step = () => boolean;

/** A timer is not set for less than this: event loops do not do better. */
const TIMER_MIN_NS = 1_000_000;

/**
 * Time goes on between two polls, so that a guest that reads a scan line or a time stamp gets that
 * moment's; what falls due meanwhile fires at the next poll, at its own time.
 */
class LiveClock extends ManualClock {
  readonly #live: () => number;

  constructor(live: () => number) {
    super();
    this.#live = live;
  }

  override get now(): number {
    return this.firing ? this.time : Math.max(this.time, this.#live());
  }
}

/**
 * Interleaves the device's time and work with the vCPUs on one event loop. Engines call
 * {@link poll} at their safe points, so that events fire and work goes on while a guest computes;
 * while all guests are halted the loop posts itself.
 */
export class HostLoop {
  /** Time as the device sees it: host time since the loop was made. */
  readonly clock: ManualClock;
  /** Times work was done, from safe points and from the loop itself. */
  polls = 0;
  readonly #executor: Executor;
  readonly #start: number;
  readonly #steps: Step[] = [];
  #posted = false;
  /** Clock time a timer is set for; Infinity when there is none. */
  #timerAt: number = Number.POSITIVE_INFINITY;
  #inPoll = false;
  #stopped = false;

  constructor(executor: Executor) {
    this.#executor = executor;
    this.#start = executor.now();
    this.clock = new LiveClock(() => executor.now() - this.#start);
  }

  /** Adds work that is stepped whenever the loop is polled. Each step is short: well under 1 ms. */
  addStep(step: Step): void {
    this.#steps.push(step);
  }

  /** There may be new work or a new event: see to it soon. Any time. */
  kick(): void {
    if (this.#posted || this.#stopped) return;
    this.#posted = true;
    this.#executor.post(this.#run);
  }

  /** Advances time and does a slice of everything. For safe points; harmless inside itself. */
  poll(): void {
    if (this.#inPoll || this.#stopped) return;
    this.#inPoll = true;
    this.polls++;
    this.clock.advanceTo(this.clock.now);
    let busy = false;
    for (const step of this.#steps) busy = step() || busy;
    this.#inPoll = false;
    if (busy) this.kick();
    else this.#arm();
  }

  /** Nothing is posted or polled any more. */
  stop(): void {
    this.#stopped = true;
  }

  readonly #run = (): void => {
    this.#posted = false;
    this.poll();
  };

  #arm(): void {
    const at = this.clock.nextAt;
    if (at >= this.#timerAt || this.#posted) return;
    this.#timerAt = at;
    const wait = Math.max(at - this.clock.now, TIMER_MIN_NS);
    this.#executor.postAfter(wait, () => {
      if (this.#timerAt === at) this.#timerAt = Number.POSITIVE_INFINITY;
      this.poll();
    });
  }
}
