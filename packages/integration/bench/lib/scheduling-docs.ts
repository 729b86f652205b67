import { POLICY_NAMES } from '@xengt/linux-vgt';
import type { Row } from './measure.ts';
import { budgetText, type Machine } from './report.ts';

/** The suites of docs/scheduling.md, and what is said above their tables. */
const PARTS: ReadonlyMap<string, (machine: Machine) => string> = new Map([
  [
    'scheduling',
    () =>
      'Shares and latencies, on a simulated clock that goes by the work that the device does (2 GB/s):\n' +
      'the same in each run, on any machine. Saturating guests run fills of about half a millisecond.',
  ],
  [
    'scalability',
    (m: Machine) =>
      'Requests of all guests in a second of processor time, against one guest; slices go by a clock that\n' +
      `follows their work at this machine's speed. ${m.date}, ${m.cpu}, ${m.cores} cores, Node ${m.node}.`,
  ],
]);

const begin = (suite: string): string => `<!-- ${suite}: made by npm run bench -- --write-docs -->`;
const end = (suite: string): string => `<!-- ${suite}: end -->`;

export function isSchedulingRow(row: Row): boolean {
  return PARTS.has(row.suite);
}

/**
 * docs/scheduling.md with new tables for the suites that were run.
 *
 * @param old the page as it is
 * @throws Error when a place for a table is missing in it
 */
export function schedulingPage(old: string, rows: readonly Row[], machine: Machine): string {
  let page = old;
  for (const [suite, text] of PARTS) {
    const mine = rows.filter((r) => r.suite === suite);
    if (mine.length === 0) continue;
    const [from, to] = [page.indexOf(begin(suite)), page.indexOf(end(suite))];
    if (from < 0 || to < from) throw new Error(`docs/scheduling.md: no place for ${suite}`);
    const part = [begin(suite), '', text(machine), '', table(mine), ''].join('\n');
    page = `${page.slice(0, from)}${part}\n${page.slice(to)}`;
  }
  return page;
}

/** One line a measurement, one column a policy. Row names are `policy: measurement`. */
function table(rows: readonly Row[]): string {
  const titles = new Set(rows.map(titleOf));
  const out = [
    `| | ${POLICY_NAMES.map((name) => `\`${name}\``).join(' | ')} | Promise |`,
    `| --- | ${POLICY_NAMES.map(() => '--:').join(' | ')} | --- |`,
  ];
  for (const title of titles) {
    const cells = POLICY_NAMES.map((name) =>
      cell(rows.find((r) => r.name === `${name}: ${title}`)),
    );
    const promised = rows.find((r) => titleOf(r) === title && r.budget !== null);
    out.push(`| ${title} | ${cells.join(' | ')} | ${promised ? budgetText(promised) : ''} |`);
  }
  return out.join('\n');
}

function titleOf(row: Row): string {
  return row.name.slice(row.name.indexOf(': ') + 2);
}

function cell(row: Row | undefined): string {
  if (row === undefined) return '';
  const spread = row.spread === 0 ? '' : ` ± ${row.spread.toFixed(3)}`;
  const text = `${row.value.toFixed(row.unit === 'x' ? 3 : 2)}${spread} ${row.unit}`;
  return row.verdict === 'missed' ? `**${text}**` : text;
}
