import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { UsageError } from '../cli/context.ts';
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

/** A results file: a header, then a result a line, so that a run that is cut off loses nothing. */
export interface Results {
  readonly header: ResultsHeader;
  /** By name, in the order of their first run; a test that ran again has its last result. */
  readonly results: ReadonlyMap<string, IgtResult>;
}

/** Begins a file anew. */
export async function beginResults(path: string, header: ResultsHeader): Promise<void> {
  await writeFile(path, `${JSON.stringify(header)}\n`);
}

export async function addResult(path: string, result: IgtResult): Promise<void> {
  await appendFile(path, `${JSON.stringify(result)}\n`);
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
  for (const line of lines) {
    const result = parseLine(line) as IgtResult | null;
    if (result !== null && OUTCOMES.includes(result.outcome)) results.set(result.name, result);
  }
  return { header: header as ResultsHeader, results };
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
