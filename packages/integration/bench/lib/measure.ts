/** How a measured value relates to its promise. */
export interface Budget {
  readonly limit: number;
  /** `most`: the value stays at or below the limit. `least`: at or above. */
  readonly sense: 'most' | 'least';
  /** What is aimed at beyond the limit; shown only. */
  readonly goal?: number;
}

export type Verdict = 'ok' | 'within spread' | 'missed' | 'info';

/** One measured line: a ratio of two times, or a single value. */
export interface Row {
  readonly suite: string;
  readonly name: string;
  /** The figure that the budget is about, in `unit`: `x` for a ratio. */
  readonly value: number;
  /** Half of the distance between the quartiles of `value` over the rounds, same unit. */
  readonly spread: number;
  readonly unit: string;
  /** Where the figure comes from, e.g. both times. */
  readonly detail: string;
  readonly rounds: number;
  readonly budget: Budget | null;
  readonly verdict: Verdict;
}

export function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export interface Summary {
  readonly median: number;
  /** Half of the distance between the quartiles. */
  readonly spread: number;
}

export function summary(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    spread: (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2,
  };
}

export function verdictOf(value: number, spread: number, budget: Budget | null): Verdict {
  if (budget === null) return 'info';
  const over = budget.sense === 'most' ? value - budget.limit : budget.limit - value;
  // A figure that is not a number is a miss.
  if (over <= 0) return 'ok';
  return over <= spread ? 'within spread' : 'missed';
}

/** A row of one figure over several rounds. */
export function row(
  suite: string,
  name: string,
  unit: string,
  values: readonly number[],
  budget: Budget | null,
  detail = '',
): Row {
  const { median, spread } = summary(values);
  const verdict = verdictOf(median, spread, budget);
  // biome-ignore format: one object a line
  return { suite, name, value: median, spread, unit, detail, rounds: values.length, budget, verdict };
}

/** Gives a figure, lower or higher is better as the caller sees it: ns of an operation, a rate. */
export type Sample = () => number | Promise<number>;

/** Two things measured in turns, so that whatever else the machine does slows both. */
export interface Pair {
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/** @param rounds samples of each that count @param warmup samples of each before them */
export async function interleave(
  rounds: number,
  warmup: number,
  a: Sample,
  b: Sample,
): Promise<Pair> {
  const out = { a: [] as number[], b: [] as number[] };
  for (let i = -warmup; i < rounds; i++) {
    // Whoever comes second finds other caches: they take turns at it.
    const first = i % 2 === 0 ? await a() : 0;
    const y = await b();
    const x = i % 2 === 0 ? first : await a();
    if (i < 0) continue;
    out.a.push(x);
    out.b.push(y);
  }
  return out;
}

/** Quotients of two lists, round by round. */
export function quotients(over: readonly number[], under: readonly number[]): number[] {
  return over.map((x, i) => x / (under[i] as number));
}

/**
 * Nanoseconds of processor time that this thread has used. Where everything runs on one thread and
 * nothing waits, it is the time that work takes, whatever else the machine does meanwhile.
 */
export function threadNs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

/** Processor time comes in ticks of a few milliseconds: a sample is many of them. */
const SAMPLE_NS = 60_000_000;

/** Nanoseconds of processor time of one call, over so many that the clock's ticks do not matter. */
export function threadNsEach(work: () => void): number {
  const start = threadNs();
  let calls = 0;
  let spent = 0;
  while (spent < SAMPLE_NS) {
    work();
    calls++;
    spent = threadNs() - start;
  }
  return spent / calls;
}
