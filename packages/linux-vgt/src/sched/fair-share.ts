import { type SchedEntity, WEIGHT_DEFAULT } from './entity.ts';
import type { SchedulerPolicy } from './policy.ts';

/** How far a VM that had no work starts behind the others: it is served soon, and gains no more. */
const SLEEPER_NS = 2_000_000;
/** Lead of the owner, by weight, at which a VM that waits gets the engines at once. */
const LEAD_NS = 1_000_000;

/**
 * Weighted fair share: each VM's time is counted divided by its weight, and the VM with least goes
 * next. Whoever had no work does not save up: it starts a little behind those who had.
 */
export class FairShare implements SchedulerPolicy {
  readonly name = 'fair';
  readonly defaultSliceNs: number = 8_000_000;
  sliceNs: number = this.defaultSliceNs;
  /** Least time by weight of those with work; it never goes back. */
  #least = 0;

  sliceOf(): number {
    return this.sliceNs;
  }

  pick(ready: readonly SchedEntity[], owner: SchedEntity | null): SchedEntity | null {
    let best = owner;
    for (const e of ready) {
      if (e.mayRun && (best === null || e.virtualNs < best.virtualNs)) best = e;
    }
    return best;
  }

  charge(e: SchedEntity, ns: number): void {
    e.virtualNs += (ns * WEIGHT_DEFAULT) / e.weight;
  }

  woke(e: SchedEntity, ready: readonly SchedEntity[], first: SchedEntity | null): void {
    let least = first?.virtualNs ?? Number.POSITIVE_INFINITY;
    for (const other of ready) least = Math.min(least, other.virtualNs);
    if (least !== Number.POSITIVE_INFINITY) this.#least = Math.max(this.#least, least);
    e.virtualNs = Math.max(e.virtualNs, this.#least - SLEEPER_NS);
  }

  preemptsIn(next: SchedEntity, owner: SchedEntity): number {
    const lead = owner.virtualNs - next.virtualNs;
    return ((LEAD_NS - lead) * owner.weight) / WEIGHT_DEFAULT;
  }

  ended(): void {}
}
