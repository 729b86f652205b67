import type { SchedEntity } from './entity.ts';
import type { SchedulerPolicy } from './policy.ts';

/** Part of a slice that a VM's overrun may cost it the next time. */
const DEBT_MAX = 0.9;

/**
 * Round robin by a timer, upstream's default: each VM with work has the engines for a slice, in
 * the order in which VMs came. Work is not cut in the middle of a request, so a VM may run over;
 * what it overran is taken off its next slice. Weights mean nothing.
 */
export class TimerRoundRobin implements SchedulerPolicy {
  readonly name = 'timer';
  readonly defaultSliceNs: number = 15_000_000;
  sliceNs: number = this.defaultSliceNs;
  /** Whose turn it was. */
  #turn = -1;

  sliceOf(e: SchedEntity): number {
    return this.sliceNs - Math.min(e.debtNs, this.sliceNs * DEBT_MAX);
  }

  pick(ready: readonly SchedEntity[], owner: SchedEntity | null): SchedEntity | null {
    let next: SchedEntity | null = null;
    let first: SchedEntity | null = null;
    for (const e of ready) {
      if (!e.mayRun) continue;
      if (e.turn > this.#turn && (next === null || e.turn < next.turn)) next = e;
      if (first === null || e.turn < first.turn) first = e;
    }
    return next ?? first ?? owner;
  }

  charge(e: SchedEntity): void {
    this.#turn = e.turn;
  }

  woke(): void {}

  preemptsIn(): number {
    return Number.POSITIVE_INFINITY;
  }

  ended(e: SchedEntity, overNs: number): void {
    e.debtNs = overNs;
  }
}
