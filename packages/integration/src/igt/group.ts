import { bareLine } from '../guest/kernel-log.ts';
import type { IgtTest } from './names.ts';
import {
  complaintsOf,
  type GuestHealth,
  healthOf,
  type IgtResult,
  type Outcome,
  sections,
} from './result.ts';

/** What is said of a subtest that began and did not end: it hung, crashed, or the time was up. */
export const NO_END = 'it did not end';

/** What one process that ran several subtests of a program gave. */
export interface GroupRun {
  /** Subtests that passed or skipped while the kernel said nothing. */
  readonly settled: readonly IgtResult[];
  /** Subtests that began and did not settle, with what became of them: each is worth a run alone. */
  readonly doubtful: ReadonlyMap<string, string>;
  readonly health: GuestHealth;
}

const RESULT_LINE = /^Subtest (\S+): (\w+)(?: \(([\d.]+)s\))?/;
const CLEAN: Readonly<Record<string, Outcome>> = { SUCCESS: 'pass', SKIP: 'skip' };

/** Reads what `igt-guest.sh` printed of a process that ran several subtests. */
export function readGroup(tests: readonly IgtTest[], text: string): GroupRun {
  const parts = sections(text);
  const bySubtest = new Map(tests.map((t) => [t.subtest, t]));
  const complained = complainers(parts.get('log') ?? '');
  const settled = new Map<string, IgtResult>();
  const doubtful = new Map<string, string>();
  let requirement = '';
  for (const line of (parts.get('out') ?? '').split('\n')) {
    const started = /^Starting subtest: (\S+)/.exec(line)?.[1];
    if (started !== undefined) {
      requirement = '';
      doubtful.set(started, NO_END);
    }
    if (line.startsWith('Test requirement: '))
      requirement ||= line.slice('Test requirement: '.length);
    const m = RESULT_LINE.exec(line);
    if (m === null) continue;
    const [, subtest, word, seconds] = m as unknown as [string, string, string, string | undefined];
    const outcome = CLEAN[word];
    const complaint = complained.get(subtest);
    const test = bySubtest.get(subtest);
    if (outcome === undefined || complaint !== undefined) doubtful.set(subtest, complaint ?? word);
    else if (test !== undefined) {
      doubtful.delete(subtest);
      settled.set(subtest, {
        name: test.name,
        outcome,
        exit: outcome === 'pass' ? 0 : 77,
        seconds: Number(seconds ?? 0),
        reason: outcome === 'skip' ? requirement : '',
        log: [],
        output: '',
      });
    }
  }
  const health = healthOf(parts, complained.size > 0);
  return { settled: [...settled.values()], doubtful, health };
}

/** The first complaint of the kernel during each subtest. IGT tells the kernel's log what it runs. */
function complainers(log: string): Map<string, string> {
  const found = new Map<string, string>();
  let subtest = '';
  for (const line of log.split('\n')) {
    subtest = /\[IGT\] \S+: starting subtest (\S+)/.exec(bareLine(line))?.[1] ?? subtest;
    const [complaint] = complaintsOf(line);
    if (complaint !== undefined && !found.has(subtest)) found.set(subtest, complaint);
  }
  return found;
}

/** Tests in the order given: those in a row of one program that can share a process stand together. */
export function groupTests(tests: readonly IgtTest[]): readonly (readonly IgtTest[])[] {
  const groups: IgtTest[][] = [];
  for (const test of tests) {
    const last = groups.at(-1);
    const [first] = last ?? [];
    const shares = (t: IgtTest): boolean => t.subtest !== '' && t.dynamic === '';
    if (first?.program === test.program && shares(first) && shares(test)) last?.push(test);
    else groups.push([test]);
  }
  return groups;
}
