import type { SchedEntity } from './entity.ts';

/** Caps are kept for each 100 ms. Upstream of 2016: `cap`, percent of 100 ms. */
export const PERIOD_NS = 100_000_000;
/** What a VM overran is carried into the next periods, but no more of it than these last. */
const CARRIED_PERIODS = 10;

/** Engine time a VM with a cap may have in a period, nanoseconds. */
export function budgetOf(e: SchedEntity): number {
  return (e.cap / 100) * PERIOD_NS;
}

/** Says in `throttled` whether a VM has used up its cap in the period that `now` is in. */
export function limit(e: SchedEntity, now: number): void {
  const period = Math.floor(now / PERIOD_NS);
  if (e.cap === 0) {
    e.throttled = false;
    e.periodNs = 0;
    e.period = period;
    return;
  }
  const budget = budgetOf(e);
  if (period !== e.period) {
    const used = Math.min(e.periodNs, budget * CARRIED_PERIODS);
    e.periodNs = Math.max(0, used - (period - e.period) * budget);
    e.period = period;
  }
  e.throttled = e.periodNs >= budget;
}
