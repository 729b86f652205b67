import { type ConfigIssue, formatIssues, parseGuestConfig } from '../../src/config/guest-config.ts';
import { mix, Random } from '../lib/random.ts';
import { randomFile } from './files.ts';

/** A file takes no longer than this of the processor, milliseconds; of a mebibyte too. */
const SLOW_MS = 5000;
/** Most that is said about one file, characters. */
const SAID_MAX: number = 1 << 20;
const US_PER_MS = 1000;
const LOOK_EVERY = 4096;

export interface XlOptions {
  readonly seed: number;
  readonly files: number;
  /** The first file: to see a failure again. */
  readonly from?: number;
  readonly onFile?: (files: number) => void;
  /** What is tried. Default: the reader of domain files. */
  readonly read?: typeof parseGuestConfig;
}

export interface XlReport {
  readonly failure: string | null;
  readonly files: number;
  /** Files that describe a domain. */
  readonly good: number;
  readonly issues: number;
  readonly characters: number;
  readonly slowestMs: number;
}

/** Reads files at random, until it was often enough or something is wrong. */
export function runXl(o: XlOptions): XlReport {
  const random = new Random();
  const read = o.read ?? parseGuestConfig;
  let good = 0;
  let issues = 0;
  let characters = 0;
  let slowestMs = 0;
  const report = (failure: string | null, files: number): XlReport => ({
    ...{ failure, files, good, issues, characters, slowestMs },
  });
  const from = o.from ?? 0;
  for (let i = from; i < from + o.files; i++) {
    random.seed(mix(o.seed, i));
    const text = randomFile(random);
    characters += text.length;
    const wrong = (what: string): XlReport =>
      report(`file ${i}: ${what}\n${JSON.stringify(text.slice(0, 400))}`, i - from + 1);
    const began = process.cpuUsage();
    try {
      const got = read(text, 'f');
      const said = got.ok ? got.notes : got.issues;
      if (got.ok) good++;
      issues += said.length;
      if (!got.ok && said.length === 0) return wrong('refused without a word');
      const away = said.find((issue) => !inside(issue, text));
      if (away !== undefined) return wrong(`${formatIssues([away])} is no place of it`);
      if (formatIssues(said).length > SAID_MAX) return wrong('too much is said about it');
    } catch (error) {
      return wrong(`threw ${String(error)}`);
    }
    const { user, system } = process.cpuUsage(began);
    const took = (user + system) / US_PER_MS;
    slowestMs = Math.max(slowestMs, took);
    if (took > SLOW_MS) return wrong(`took ${took.toFixed(0)} ms`);
    if (i % LOOK_EVERY === 0) o.onFile?.(i - from);
  }
  return report(null, o.files);
}

/** Whether a place is one of a file: a line of it, and a character of that or its end. */
function inside({ line, column }: ConfigIssue, text: string): boolean {
  let start = 0;
  for (let n = 1; n < line; n++) {
    start = text.indexOf('\n', start) + 1;
    if (start === 0) return false;
  }
  const end = text.indexOf('\n', start);
  return column >= 1 && column - 1 <= (end < 0 ? text.length : end) - start;
}

/** What a run came to, for a person. */
export function xlFigures(r: XlReport, seconds: number): string {
  const n = (value: number): string => value.toLocaleString('en-US');
  return (
    `${n(r.files)} domain files, ${n(r.characters)} characters, ${seconds.toFixed(1)} s; ` +
    `${n(r.good)} describe a domain, ${n(r.issues)} places named; slowest ${r.slowestMs.toFixed(0)} ms`
  );
}
