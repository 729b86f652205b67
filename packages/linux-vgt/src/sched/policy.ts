import type { SchedEntity } from './entity.ts';
import { EventDriven } from './event-driven.ts';
import { FairShare } from './fair-share.ts';
import { TimerRoundRobin } from './timer.ts';

/**
 * Who gets the engines next, and for how long. The scheduler measures, charges, keeps caps and the
 * bound on waiting; a policy only chooses. Times are nanoseconds.
 */
export interface SchedulerPolicy {
  readonly name: PolicyName;
  /** Slice while nothing else is configured. */
  readonly defaultSliceNs: number;
  sliceNs: number;
  /** What a VM may have now before others that wait get their turn. */
  sliceOf(e: SchedEntity): number;
  /**
   * The next VM of those that wait and may run.
   *
   * @param owner the VM that has the engines, if it may keep them
   * @returns null when nobody may run
   */
  pick(ready: readonly SchedEntity[], owner: SchedEntity | null): SchedEntity | null;
  /** A VM's busiest engine had work for so long since it was last charged. */
  charge(e: SchedEntity, ns: number): void;
  /** Work arrived for a VM that had none. @param ready the others that wait @param first who has the engines, or is about to */
  woke(e: SchedEntity, ready: readonly SchedEntity[], first: SchedEntity | null): void;
  /**
   * Time until a VM whose work has just arrived gets the engines though the owner's slice is not
   * over, if the owner goes on; 0 or less for at once, Infinity for not before.
   */
  preemptsIn(next: SchedEntity, owner: SchedEntity): number;
  /** A VM's turn is over. @param overNs how much longer it ran than it should have while others waited */
  ended(e: SchedEntity, overNs: number): void;
}

export type PolicyName = 'timer' | 'fair' | 'event';

/** By name: what `control/scheduler` and the configuration offer. */
const POLICIES: Readonly<Record<PolicyName, new () => SchedulerPolicy>> = {
  timer: TimerRoundRobin,
  fair: FairShare,
  event: EventDriven,
};
export const POLICY_NAMES: readonly PolicyName[] = ['timer', 'fair', 'event'];

export function makePolicy(name: PolicyName, sliceNs: number | null): SchedulerPolicy {
  const policy = new POLICIES[name]();
  if (sliceNs !== null) policy.sliceNs = sliceNs;
  return policy;
}
