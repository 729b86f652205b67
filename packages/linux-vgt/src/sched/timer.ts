import type { SchedEntity } from './entity.ts';
import type { SchedulerPolicy } from './policy.ts';

/** Part of a slice that a VM's overrun may cost it the next time. */
const DEBT_MAX = 0.9;
/** What a VM may owe at most, nanoseconds. */
const OWED_MAX = 10_000_000_000;

/**
 * Round robin by a timer, upstream's default: each VM with work has the engines for a slice, in
 * the order in which VMs came. Work is not cut in the middle of a request, so a VM may run over;
 * what it overran is taken off its next slice. Who overran by a slice or more waits until each of
 * the others that have work had as much. Weights mean nothing.
 */
export class TimerRoundRobin implements SchedulerPolicy {
  readonly name = 'timer';
  readonly defaultSliceNs: number = 15_000_000;
  sliceNs: number = this.defaultSliceNs;
  /** Whose turn it was. */
  #turn = -1;
  /** Time that all VMs had in all. */
  #served = 0;
  /** VMs that wanted the engines at the last choice, but for one. */
  #others = 1;

  sliceOf(e: SchedEntity): number {
    return this.sliceNs - Math.min(e.debtNs, this.sliceNs * DEBT_MAX);
  }

  /** What a VM still owes the others that want the engines. */
  #owes(e: SchedEntity, others: number): number {
    return e.debtNs - (this.#served - e.debtFromNs) / Math.max(1, others);
  }

  #mustWait(e: SchedEntity, others: number): boolean {
    return e.debtNs >= this.sliceNs && this.#owes(e, others) > 0;
  }

  pick(ready: readonly SchedEntity[], owner: SchedEntity | null): SchedEntity | null {
    let next: SchedEntity | null = null;
    let first: SchedEntity | null = null;
    const others = ready.length - 1 + (owner === null ? 0 : 1);
    this.#others = others;
    for (const e of ready) {
      if (!e.mayRun || (others > 0 && this.#mustWait(e, others))) continue;
      if (e.turn > this.#turn && (next === null || e.turn < next.turn)) next = e;
      if (first === null || e.turn < first.turn) first = e;
    }
    return next ?? first ?? owner ?? this.#debtor(ready);
  }

  /** Only debtors want the engines: the one that owes least. */
  #debtor(ready: readonly SchedEntity[]): SchedEntity | null {
    let least: SchedEntity | null = null;
    for (const e of ready)
      if (e.mayRun && e.debtNs < (least?.debtNs ?? Number.POSITIVE_INFINITY)) least = e;
    return least;
  }

  charge(e: SchedEntity, ns: number): void {
    this.#turn = e.turn;
    this.#served += ns;
  }

  woke(): void {}

  preemptsIn(): number {
    return Number.POSITIVE_INFINITY;
  }

  ended(e: SchedEntity, overNs: number): void {
    const left = e.debtNs >= this.sliceNs ? Math.max(0, this.#owes(e, this.#others)) : 0;
    e.debtNs = Math.min(left + overNs, OWED_MAX);
    e.debtFromNs = this.#served;
  }
}
