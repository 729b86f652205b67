import { cpus } from 'node:os';
import type { Row } from './measure.ts';

/** The run's surroundings: what numbers depend on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly v8: string;
  readonly date: string;
}

export function thisMachine(): Machine {
  const list = cpus();
  return {
    cpu: list[0]?.model.trim() ?? 'unknown',
    cores: list.length,
    node: process.versions.node,
    v8: process.versions.v8,
    date: new Date().toISOString().slice(0, 10),
  };
}

const digits = (unit: string): number => (unit === 'x' ? 3 : 2);

export function figure(row: Row): string {
  const n = digits(row.unit);
  return `${row.value.toFixed(n)} ${row.unit} ± ${row.spread.toFixed(n)}`;
}

export function budgetText({ budget, unit }: Row): string {
  if (budget === null) return '';
  const goal = budget.goal === undefined ? '' : `, goal ${budget.goal}`;
  return `${budget.sense === 'most' ? '≤' : '≥'} ${budget.limit} ${unit}${goal}`;
}

/** One line for a terminal. */
export function line(row: Row): string {
  const verdict = row.verdict === 'info' ? '' : row.verdict.toUpperCase();
  const columns = [row.name.padEnd(82), figure(row).padEnd(22), budgetText(row).padEnd(24)];
  return `  ${columns.join('')}${verdict.padEnd(14)}${row.detail}`.trimEnd();
}

const TITLES: Readonly<Record<string, string>> = {
  trap: "A guest's register access: hypervisor and mediator against v86's bare handler",
  registers: "A guest's register access: the device's own BAR0 against v86's bare handler",
  translate: 'Address translation that hits',
  blit: "The blitter against the language's own calls",
  commands: 'Command streamers',
  scanout: 'Scan-out and an hour of frames',
  mediated: 'A lone vGPU against the device given directly',
  passthrough: 'The GPU passed through by VT-d, and mediated, against the device given directly',
  guest: 'A real guest: mediated against direct',
  aggregate: 'Four busy vGPUs',
};

/** How a suite measures, where its rows do not say it. */
const METHODS: Readonly<Record<string, string>> = {
  guest: `Rows without more are two guests, each with an emulator of its own, that run the program in turns.
Their emulators compile the guest's code each in its own way, so that two guests that have the GPU in
the same way differ too: the rows *control* say how much. *One guest, both ways in turns* is one Domain-0
with a vGPU whose GPU is taken past the mediator and back every few thousand batches while the program
runs: BAR0 and BAR2 are then the device's own, the engines run the guest's own rings through its own page
tables, interrupts are the device's, and the mediator is not even stepped. Emulator, compiled code and
kernel are the same, and the driver takes itself for a guest's in both. Each such stretch is compared with the mean of those before and after it; the
thread's processor time counts. For empty batches it has the budget; what the two guests show is given
beside it.`,
};

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** One suite's section: what was measured, and where and when. */
function section(suite: string, rows: readonly Row[], machine: Machine): string {
  const out = [
    `## ${TITLES[suite] ?? suite}`,
    '',
    `${machine.date}, ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, V8 ${machine.v8}.`,
    '',
    ...(suite in METHODS ? [METHODS[suite] as string, ''] : []),
    '| What | Figure | Budget | Verdict | From | Rounds |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  for (const r of rows) {
    const verdict = r.verdict === 'info' ? '' : r.verdict;
    const cells = [r.name, figure(r), budgetText(r), verdict, r.detail, `${r.rounds}`];
    out.push(`| ${cells.map(cell).join(' | ')} |`);
  }
  return out.join('\n');
}

const INTRODUCTION = `# Performance

Made by \`npm run bench -- --write-docs\`. Each pair is measured in turns in one process. A figure is
the median over the rounds, ± half of the distance between the quartiles. *Within spread* means that
a budget is missed by less than that; rows without a budget are shown for what they explain.`;

/**
 * docs/performance.md: the suites that were run anew, the others as the file has them.
 *
 * @param old the file as it is, or nothing
 */
export function markdown(rows: readonly Row[], machine: Machine, old: string): string {
  const kept = new Map(
    old
      .split(/\n(?=## )/)
      .slice(1)
      .map((text) => [text.slice(3, text.indexOf('\n')), text.trimEnd()]),
  );
  for (const suite of new Set(rows.map((r) => r.suite))) {
    const mine = rows.filter((r) => r.suite === suite);
    kept.set(TITLES[suite] ?? suite, section(suite, mine, machine));
  }
  return `${[INTRODUCTION, ...kept.values()].join('\n\n')}\n`;
}
