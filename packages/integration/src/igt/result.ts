import { bareLine } from '../guest/kernel-log.ts';
import type { IgtTest } from './names.ts';

/**
 * What became of a test. `warn` passed and `dmesg-fail` failed with complaints in the kernel's log,
 * as IGT's own runner has it; `absent` is a test that the packages do not have.
 */
export const OUTCOMES = [
  'pass',
  'skip',
  'fail',
  'crash',
  'timeout',
  'warn',
  'dmesg-fail',
  'absent',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Is it anything but a pass or a skip, and did the test exist? */
export function isFailure(outcome: Outcome): boolean {
  return outcome !== 'pass' && outcome !== 'skip' && outcome !== 'absent';
}

/** A test's result, as the results file keeps it. */
export interface IgtResult {
  readonly name: string;
  readonly outcome: Outcome;
  /** The program's exit status; -1 when the guest was lost. */
  readonly exit: number;
  /** Of the guest's clock. */
  readonly seconds: number;
  /** What IGT said of a skip or failure, or how it ended; '' for a pass. */
  readonly reason: string;
  /** The kernel's complaints: lines at level "warning" or worse. */
  readonly log: readonly string[];
  /** The end of what the program printed, unless it passed. */
  readonly output: string;
  /** How many times slower than the host's the guest's clock went, when not the same. */
  readonly speed?: number;
}

/** What one run of a test gave, and whether the guest is fit for another. */
export interface TestRun {
  readonly result: IgtResult;
  readonly healthy: boolean;
}

/** Exit statuses. @see IGT lib/igt_core.h */
const EXIT_PASS = 0,
  EXIT_SKIP = 77,
  EXIT_INVALID = 79,
  EXIT_NOT_FOUND = 127,
  EXIT_SIGNAL = 128;
const SIGNALS: Readonly<Record<number, string>> = {
  2: 'SIGINT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
};

/** Messages at this level or below count. 4 is "warning". @see Linux include/linux/kern_levels.h */
const LOG_LEVEL = 4;
/** Of the emulated CPU on a busy host, not of a driver. @see Linux kernel/time/hrtimer.c */
const OF_THE_CPU = /^hrtimer: interrupt took \d+ ns/;
/** Taint by a die, a bad page, a warning, a soft lockup; not the user's own. @see Linux tainted-kernels.rst */
const TAINT_BAD = (1 << 7) | (1 << 5) | (1 << 9) | (1 << 14);
const OUTPUT_CHARS = 4000;
const LOG_LINES = 60;

/** Reads what `igt-guest.sh` printed. @param limit seconds the test had */
export function readRun(test: IgtTest, text: string, limit: number): TestRun {
  const parts = sections(text);
  const exit = Number(parts.get('exit') ?? -1);
  const [begin = 0, end = 0] = (parts.get('time') ?? '').split(' ').map(Number);
  const seconds = Math.round((end - begin) * 1000) / 1000;
  const out = parts.get('out') ?? '';
  const err = parts.get('err') ?? '';
  const log = complaintsOf(parts.get('log') ?? '');
  const outcome = outcomeOf(exit, seconds, limit, `${out}\n${err}`, log.length > 0);
  const result: IgtResult = {
    name: test.name,
    outcome,
    exit,
    seconds,
    reason: reasonOf(outcome, exit, limit, out, err, log),
    log,
    output: outcome === 'pass' ? '' : printable([out, err].filter((t) => t !== '').join('\n--\n')),
  };
  const calm =
    outcome === 'pass' || outcome === 'skip' || outcome === 'fail' || outcome === 'absent';
  return { result, healthy: calm && healthOf(parts, log.length > 0) === 'fit' };
}

/** Whether a guest is fit for another test. */
export type GuestHealth = 'fit' | 'unfit';

/** @param complained whether the kernel's log has complaints */
export function healthOf(parts: ReadonlyMap<string, string>, complained: boolean): GuestHealth {
  const tainted = (Number(parts.get('tainted')) & TAINT_BAD) !== 0;
  return complained || tainted || parts.get('wedged') !== '0' ? 'unfit' : 'fit';
}

/**
 * The result of a test during which the guest stopped answering.
 *
 * @param said what the console said of it
 */
export function lostRun(test: IgtTest, why: string, tail: string, said: string): TestRun {
  const result: IgtResult = {
    name: test.name,
    outcome: why === 'DEADLINE' ? 'timeout' : 'crash',
    exit: -1,
    seconds: 0,
    reason: why === 'DEADLINE' ? 'the guest does not answer any more' : endOf(said),
    log: [],
    output: printable(tail),
  };
  return { result, healthy: false };
}

/** `the guest ended`, with its reason. */
function endOf(said: string): string {
  return /^the guest ended(?: \(.*?\))?(?= while)/.exec(said)?.[0] ?? 'the guest ended';
}

/** Text by the mark it stands after: `@igt NAME VALUE`, then lines. */
export function sections(text: string): Map<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.split(/^@igt (?=(?:exit|time|tainted|wedged|out|err|log)\b)/m).slice(1)) {
    const m = /^(\w+) ?([\s\S]*)$/.exec(part);
    if (m !== null) parts.set(m[1] as string, (m[2] as string).trim());
  }
  return parts;
}

function outcomeOf(
  exit: number,
  seconds: number,
  limit: number,
  text: string,
  complaints: boolean,
): Outcome {
  if (exit === EXIT_NOT_FOUND) return 'absent';
  if (exit === EXIT_INVALID && /Unknown (dynamic )?subtest/.test(text)) return 'absent';
  if (exit >= EXIT_SIGNAL) return seconds >= limit ? 'timeout' : 'crash';
  if (exit === EXIT_PASS) return complaints ? 'warn' : 'pass';
  if (exit === EXIT_SKIP) return complaints ? 'warn' : 'skip';
  return complaints ? 'dmesg-fail' : 'fail';
}

function reasonOf(
  outcome: Outcome,
  exit: number,
  limit: number,
  out: string,
  err: string,
  log: readonly string[],
): string {
  switch (outcome) {
    case 'pass':
      return '';
    case 'absent':
      return exit === EXIT_NOT_FOUND ? 'no such program' : 'no such subtest';
    case 'warn':
      return log[0] ?? '';
    case 'timeout':
      return `not done after ${limit} s`;
    case 'crash':
      return SIGNALS[exit - EXIT_SIGNAL] ?? `exit status ${exit}`;
    case 'skip':
      return skipReason(out);
    default:
      return failReason(err) || failReason(out) || `exit status ${exit}`;
  }
}

/** The requirement that was not met, and what was said of it. */
function skipReason(out: string): string {
  const lines = out.split('\n');
  const at = lines.findIndex((l) => l.startsWith('Test requirement: '));
  if (at < 0) return /^SKIP.*|.*not supported.*/m.exec(out)?.[0] ?? '';
  const requirement = (lines[at] as string).slice('Test requirement: '.length);
  const more = lines[at + 1] ?? '';
  return /^(Subtest|Test requirement|Last errno|Dynamic|$)/.test(more)
    ? requirement
    : `${requirement} (${more})`;
}

/** The assertion that failed and the values it saw. */
function failReason(text: string): string {
  const said = [...text.matchAll(/CRITICAL: (?!Test assertion failure|Last errno)(.*)$/gm)]
    .map((m) => m[1] as string)
    .slice(0, 2);
  const where = /Test assertion failure function (\S+), file/.exec(text)?.[1];
  return said.length === 0 ? '' : `${where === undefined ? '' : `${where}: `}${said.join('; ')}`;
}

/** Lines of `dmesg -r` that IGT's runner takes for a fault of the driver. */
export function complaintsOf(log: string): string[] {
  const lines = log.split('\n').filter((line) => {
    const level = /^<(\d+)>/.exec(line)?.[1];
    const counts = level !== undefined && (Number(level) & 7) <= LOG_LEVEL;
    return counts && !OF_THE_CPU.test(bareLine(line));
  });
  return lines.slice(0, LOG_LINES).map((l) => printable(bareLine(l)));
}

/** Printable text of a bounded length: what a guest prints may be anything. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const clean = text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]/g, '?');
  return clean.length > OUTPUT_CHARS ? `...${clean.slice(-OUTPUT_CHARS)}` : clean;
}
