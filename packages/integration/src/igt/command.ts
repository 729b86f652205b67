import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unclaimedText } from '@xengt/hsw-device';
import {
  type CommandIo,
  type IgtOptions,
  printJson,
  UsageError,
  type XengtExitCode,
} from '../cli/context.ts';
import { buildGuestImage } from '../guest/image.ts';
import type { GuestImage } from '../guest/image-store.ts';
import { showBuild } from '../guest/progress.ts';
import { defaultCacheDir } from '../guest/store.ts';
import { TIME } from '../host/guest-engine.ts';
import { readGuestFiles } from '../host/guest-files.ts';
import type { UnclaimedRegister } from '../insight/unclaimed.ts';
import { packageRoot } from '../package-root.ts';
import { igtPage } from './docs.ts';
import { bootIgtGuest, type GpuPath, IgtGuest, type TestGuest } from './igt-guest.ts';
import { junitXml } from './junit.ts';
import { defaultTests, globPattern, type IgtTest, parseTestList } from './names.ts';
import type { IgtResult } from './result.ts';
import {
  addResult,
  addUnclaimed,
  beginResults,
  type Results,
  readResults,
  resultsToKeep,
} from './results-file.ts';
import { runTests } from './runner.ts';
import { summarize, summaryText } from './summary.ts';

const LISTS = '/usr/libexec/igt-gpu-tools/intel-ci-tests/i915/default';
/** Lists that the packages have, by our name for them. */
const PACKAGED: Readonly<Record<string, string>> = {
  'fast-feedback': `${LISTS}/bat.testlist`,
  all: `${LISTS}/full.testlist`,
};
const TESTS_PACKAGE = 'igt-gpu-tools-tests';

const resultsPath = (directory: string, on: GpuPath): string =>
  join(directory, `${on}.results.jsonl`);
const junitPath = (directory: string, on: GpuPath): string => join(directory, `${on}.junit.xml`);

/** Runs IGT's tests in guests: what `xengt igt` does. */
export async function runIgt(options: IgtOptions, io: CommandIo): Promise<XengtExitCode> {
  const { on } = options;
  await mkdir(options.results, { recursive: true });
  const path = resultsPath(options.results, on);
  // Whatever is wrong with what was asked for is told before anything is built or booted.
  const listed = await listOfFile(options.list);
  const before = await readResults(path);
  const image = await showBuild(
    (reporter) =>
      buildGuestImage(
        { profile: 'igt', ...(options.packages === null ? {} : { packages: options.packages }) },
        reporter,
        io.signal,
      ),
    process.stderr,
  );
  const kept = await keptResults(before, options, image, path);
  TIME.setPace(options.speed, true);
  const booted = await bootIgtGuest(await readGuestFiles(image), defaultCacheDir(), io.signal);
  const unclaimed: UnclaimedRegister[] = [];
  let noted = Promise.resolve();
  const start = (): Promise<TestGuest> =>
    IgtGuest.start(booted, on, (touched) => {
      unclaimed.push(...touched);
      // At once: a run that is cut off has told what its earlier guests touched.
      noted = noted.then(() => addUnclaimed(path, touched));
    });
  const guest = await start();
  const wanted = await closedOnError(guest, async () =>
    selectTests(listed ?? (await listOfGuest(options.list, guest)), options.subset),
  );
  const tests = wanted.filter((t) => !kept.has(t.name));
  if (tests.length < wanted.length)
    io.err(`${wanted.length - tests.length} of ${wanted.length} tests have results already\n`);
  const results = new Map(kept);
  const counter = String(tests.length).length;
  await runTests(tests, {
    start,
    guest,
    seconds: options.timeout,
    grouped: !options.alone,
    signal: io.signal,
    onResult: async (ran, index) => {
      const result = options.speed === 1 ? ran : { ...ran, speed: options.speed };
      results.set(result.name, result);
      await addResult(path, result);
      io.err(progressLine(result, `${String(index + 1).padStart(counter)}/${tests.length}`));
    },
    onRestart: () => io.err('    a fresh guest from here on\n'),
  });
  await noted;
  for (const u of unclaimed) io.err(`no row claims ${u.source} ${unclaimedText([u])}`);
  return report(options, io, wanted, results);
}

async function closedOnError<T>(guest: TestGuest, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    guest.close();
    throw error;
  }
}

/** Tells what came of it. */
async function report(
  options: IgtOptions,
  io: CommandIo,
  wanted: readonly IgtTest[],
  results: ReadonlyMap<string, IgtResult>,
): Promise<XengtExitCode> {
  const { on } = options;
  const ran = wanted.flatMap((t) => results.get(t.name) ?? []);
  const junit = junitPath(options.results, on);
  await writeFile(junit, junitXml(ran, on));
  const summary = summarize(ran, on);
  if (options.writeDocs) await writeDocs(options.results, wanted, io);
  if (options.json) {
    const { outcomes, unexplained, total } = summary.all;
    printJson(io, { on, outcomes, total, unexplained, junit, results: ran });
  } else io.out(`${summaryText(summary)}${resultsPath(options.results, on)}\n${junit}\n`);
  return summary.unexplained.length === 0 && ran.length === wanted.length ? 0 : 1;
}

async function writeDocs(
  directory: string,
  wanted: readonly IgtTest[],
  io: CommandIo,
): Promise<void> {
  const runs: Results[] = [];
  for (const on of ['direct', 'mediated'] as const) {
    const run = await readResults(resultsPath(directory, on));
    if (run !== null) runs.push(run);
  }
  const page = join(packageRoot(), '..', '..', 'docs', 'igt.md');
  await writeFile(page, igtPage(runs, wanted));
  io.err(`${page}\n`);
}

/** Results of an earlier run that count; a new run begins the file anew. */
async function keptResults(
  before: Results | null,
  options: IgtOptions,
  image: GuestImage,
  path: string,
): Promise<ReadonlyMap<string, IgtResult>> {
  if ((options.resume || options.retry) && before !== null)
    return resultsToKeep(before, image.id, options.retry, path);
  const tests = image.packages.find((p) => p.name === TESTS_PACKAGE);
  await beginResults(path, {
    version: 1,
    on: options.on,
    image: image.id,
    kernel: image.kernelRelease,
    tests: `${TESTS_PACKAGE} ${tests?.version ?? ''}`.trim(),
    begun: new Date().toISOString(),
  });
  return new Map();
}

/** A list that is a file of this machine. @returns null when it is one of the packages' */
async function listOfFile(list: string): Promise<readonly IgtTest[] | null> {
  if (list === 'default' || list in PACKAGED) return null;
  const text = await readFile(list, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UsageError(
      'NO_LIST',
      `${list}: cannot be read (${cause.code}); lists by name are default, ${Object.keys(PACKAGED).join(', ')}`,
    );
  });
  const { tests, issues } = parseTestList(text);
  if (issues.length > 0)
    throw new UsageError('BAD_LIST', issues.map((i) => `${list}: ${i}`).join('\n'), { issues });
  return tests;
}

async function listOfGuest(list: string, guest: TestGuest): Promise<readonly IgtTest[]> {
  const read = async (name: string): Promise<readonly IgtTest[]> =>
    parseTestList(await guest.read(PACKAGED[name] as string)).tests;
  if (list !== 'default') return read(list);
  return defaultTests(await read('all'), await read('fast-feedback'));
}

function selectTests(all: readonly IgtTest[], subset: string | null): readonly IgtTest[] {
  const pattern = subset === null ? null : globPattern(subset);
  const wanted = pattern === null ? all : all.filter((t) => pattern.test(t.name));
  if (wanted.length === 0) {
    throw new UsageError('NO_TESTS', `no test of the list fits ${JSON.stringify(subset ?? '')}`);
  }
  return wanted;
}

function progressLine(r: IgtResult, count: string): string {
  const reason = r.reason === '' ? '' : `: ${r.reason.split('\n')[0]}`;
  return `[${count}] ${r.outcome.padEnd(7)} ${r.name} ${r.seconds.toFixed(1)} s${reason}\n`;
}
