import type { SchedEntity } from './entity.ts';
import type { SchedulerPolicy } from './policy.ts';

/** Difference of what is left of two slices at which work that arrives goes first. */
const LEAD_NS = 1_000_000;
/** Least part of a slice that a turn lasts. */
const SLICE_MIN = 0.1;
/** What a VM may owe at most for turns that it overran, nanoseconds. */
const OWED_MAX = 10_000_000_000;

/**
 * Decided by events, upstream's `event_based_qos`: every VM has a slice of about 4 ms, of which its
 * time is taken; whoever has most left goes next, and when all with work have used theirs up, all
 * get another. A VM that was idle has most of its slice left, so its work goes first.
 */
export class EventDriven implements SchedulerPolicy {
  readonly name = 'event';
  readonly defaultSliceNs: number = 4_000_000;
  sliceNs: number = this.defaultSliceNs;
  /** Times a slice was given to all; each VM takes what it missed when it is next looked at. */
  refills = 1;

  /** What is left; a VM that goes first for another reason gets a little. */
  sliceOf(e: SchedEntity): number {
    return Math.max(e.remainingNs, this.sliceNs * SLICE_MIN);
  }

  pick(ready: readonly SchedEntity[], owner: SchedEntity | null): SchedEntity | null {
    for (;;) {
      let best = owner;
      if (owner !== null) this.#refill(owner);
      for (const e of ready) {
        if (!e.mayRun) continue;
        this.#refill(e);
        if (best === null || before(e, best)) best = e;
      }
      if (best === null || best.remainingNs > 0) return best;
      this.refills++;
    }
  }

  /** Gives a VM what was given to all since. */
  #refill(e: SchedEntity): void {
    if (e.refills === this.refills) return;
    const given = (this.refills - e.refills) * this.sliceNs;
    e.remainingNs = Math.min(e.remainingNs + given, this.sliceNs);
    e.refills = this.refills;
  }

  charge(e: SchedEntity, ns: number): void {
    // A VM alone is not to pay for it later: what it owes already stays as it is.
    e.remainingNs = Math.max(e.remainingNs - ns, Math.min(e.remainingNs, -this.sliceNs));
  }

  woke(): void {}

  preemptsIn(next: SchedEntity, owner: SchedEntity): number {
    return LEAD_NS - (next.remainingNs - owner.remainingNs);
  }

  /** While others waited it had their time: that it pays in full. */
  ended(e: SchedEntity, overNs: number): void {
    const owed = Math.max(0, overNs - this.sliceNs);
    e.remainingNs = Math.max(e.remainingNs - owed, -OWED_MAX);
  }
}

/** More left; or as much, and its work has just arrived, or it waits for longer. */
function before(a: SchedEntity, b: SchedEntity): boolean {
  if (a.remainingNs !== b.remainingNs) return a.remainingNs > b.remainingNs;
  if (a.fresh !== b.fresh) return a.fresh;
  return b.queued && a.waitingSince < b.waitingSince;
}
