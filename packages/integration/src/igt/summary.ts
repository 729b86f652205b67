import { explain } from './explained.ts';
import type { GpuPath } from './igt-guest.ts';
import { familyOf, type IgtTest, parseTestName } from './names.ts';
import { type IgtResult, isFailure, OUTCOMES, type Outcome } from './result.ts';

/** Results counted, of one family or of all. */
export interface Counts {
  readonly outcomes: Record<Outcome, number>;
  /** Failures that no row of the explanations fits. */
  unexplained: number;
  /** Listed and without a result. */
  notRun: number;
  /** Of those that ran. */
  total: number;
}

/** A result with the reason for it. */
export interface Told {
  readonly result: IgtResult;
  /** Null when nobody knows. */
  readonly because: string | null;
}

export interface Summary {
  readonly families: ReadonlyMap<string, Counts>;
  readonly all: Counts;
  /** Failures without a reason. */
  readonly unexplained: readonly IgtResult[];
  /** Whatever did not pass, in the order it ran. */
  readonly rest: readonly Told[];
}

/** @param wanted the whole list, to count what has no result */
export function summarize(
  results: Iterable<IgtResult>,
  on: GpuPath,
  wanted: readonly IgtTest[] = [],
): Summary {
  const families = new Map<string, Counts>();
  const all = noCounts();
  const countsOf = (family: string): Counts => {
    let counts = families.get(family);
    if (counts === undefined) {
      counts = noCounts();
      families.set(family, counts);
    }
    return counts;
  };
  const ran = new Set<string>();
  const unexplained: IgtResult[] = [];
  const rest: Told[] = [];
  for (const result of results) {
    const test = parseTestName(result.name);
    const family = test === null ? '?' : familyOf(test);
    const counts = countsOf(family);
    ran.add(result.name);
    const because = result.outcome === 'pass' ? null : explain(result, on);
    const unknown = isFailure(result.outcome) && because === null;
    for (const c of [counts, all]) {
      c.outcomes[result.outcome]++;
      c.total++;
      if (unknown) c.unexplained++;
    }
    if (result.outcome !== 'pass') rest.push({ result, because });
    if (unknown) unexplained.push(result);
  }
  for (const test of wanted) {
    if (ran.has(test.name)) continue;
    for (const c of [countsOf(familyOf(test)), all]) c.notRun++;
  }
  return {
    families: new Map([...families].sort(([a], [b]) => (a < b ? -1 : 1))),
    all,
    unexplained,
    rest,
  };
}

function noCounts(): Counts {
  const outcomes = Object.fromEntries(OUTCOMES.map((o) => [o, 0])) as Record<Outcome, number>;
  return { outcomes, unexplained: 0, notRun: 0, total: 0 };
}

/** Columns of a table of counts. */
export const COLUMNS: readonly string[] = [...OUTCOMES, 'total', 'unexplained', 'not run'];

/** The cells of a table of counts: families, then all. */
export function countRows(summary: Summary): readonly (readonly string[])[] {
  return [...summary.families, ['all', summary.all] as const].map(([family, c]) => [
    family,
    ...OUTCOMES.map((o) => String(c.outcomes[o] || '')),
    String(c.total),
    String(c.unexplained || ''),
    String(c.notRun || ''),
  ]);
}

/** For a terminal. */
export function summaryText(summary: Summary): string {
  const rows = [['family', ...COLUMNS], ...countRows(summary)];
  const widths =
    rows[0]?.map((_, i) => Math.max(...rows.map((r) => (r[i] as string).length))) ?? [];
  const table = rows.map((r) =>
    r
      .map((cell, i) =>
        i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number),
      )
      .join('  ')
      .trimEnd(),
  );
  const failures = summary.unexplained.map((r) => `  ${r.outcome} ${r.name}: ${r.reason}`);
  const head = failures.length === 0 ? [] : ['', 'unexplained failures:'];
  return `${[...table, ...head, ...failures].join('\n')}\n`;
}
