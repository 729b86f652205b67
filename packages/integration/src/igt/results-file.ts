import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { UsageError } from '../cli/context.ts';
import type { UnclaimedRegister } from '../insight/unclaimed.ts';
import type { GpuPath } from './igt-guest.ts';
import { type IgtResult, isFailure, OUTCOMES } from './result.ts';

/** First line of a results file: what the results after it are of. */
export interface ResultsHeader {
  readonly version: 1;
  readonly on: GpuPath;
  /** Guest image's id. */
  readonly image: string;
  readonly kernel: string;
  /** Package that the tests are of, with its version. */
  readonly tests: string;
  /** ISO date of the first run. */
  readonly begun: string;
}

/**
 * A results file: a header, then a result a line, so that a run that is cut off loses nothing; and a
 * line for each guest whose driver touched registers that no row claims.
 */
export interface Results {
  readonly header: ResultsHeader;
  /** By name, in the order of their first run; a test that ran again has its last result. */
  readonly results: ReadonlyMap<string, IgtResult>;
  readonly unclaimed: readonly UnclaimedRegister[];
}

/** Begins a file anew. */
export async function beginResults(path: string, header: ResultsHeader): Promise<void> {
  await writeFile(path, `${JSON.stringify(header)}\n`);
}

export async function addResult(path: string, result: IgtResult): Promise<void> {
  await appendFile(path, `${JSON.stringify(result)}\n`);
}

/** Keeps what a guest's driver touched and no row claims. */
export async function addUnclaimed(
  path: string,
  unclaimed: readonly UnclaimedRegister[],
): Promise<void> {
  if (unclaimed.length > 0) await appendFile(path, `${JSON.stringify({ unclaimed })}\n`);
}

/** @returns null when there is no such file. @throws UsageError when it is not one of ours */
export async function readResults(path: string): Promise<Results | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? null : parseResults(text, path);
}

/** Reads a results file; a last line that was not written whole is left out. */
export function parseResults(text: string, path: string): Results {
  const [first = '', ...lines] = text.split('\n');
  const header = parseLine(first) as Partial<ResultsHeader> | null;
  if (header?.version !== 1 || (header.on !== 'direct' && header.on !== 'mediated'))
    throw new UsageError('BAD_RESULTS', `${path} is no results file of xengt igt`);
  const results = new Map<string, IgtResult>();
  const unclaimed = new Map<string, UnclaimedRegister>();
  for (const line of lines) {
    const result = parseLine(line) as
      | IgtResult
      | { readonly unclaimed: readonly UnclaimedRegister[] }
      | null;
    if (result === null) continue;
    if ('unclaimed' in result) {
      for (const u of result.unclaimed) unclaimed.set(`${u.source} ${u.offset}`, u);
    } else if (OUTCOMES.includes(result.outcome)) results.set(result.name, result);
  }
  return { header: header as ResultsHeader, results, unclaimed: [...unclaimed.values()] };
}

/**
 * What a later run need not run again: every result, or with `retry` those that are no failures.
 *
 * @throws UsageError when the results are of another image
 */
export function resultsToKeep(
  before: Results,
  image: string,
  retry: boolean,
  path: string,
): ReadonlyMap<string, IgtResult> {
  if (before.header.image !== image) {
    throw new UsageError(
      'OTHER_IMAGE',
      `${path} has results of guest image ${before.header.image}, and the image is ${image} now; run without --resume and --retry, or with another --results`,
    );
  }
  return new Map([...before.results].filter(([, r]) => !retry || !isFailure(r.outcome)));
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
