import { groupTests, NO_END } from './group.ts';
import type { TestGuest } from './igt-guest.ts';
import type { IgtTest } from './names.ts';
import type { IgtResult } from './result.ts';

/** A guest that does not start so often in a row ends the run: no test would say anything. */
const START_ATTEMPTS = 3;
/** Subtests that share a process have a test's time each, up to so many. */
const GROUP_TIMES = 5;

export interface RunOptions {
  /** Makes a fresh guest. */
  readonly start: () => Promise<TestGuest>;
  /** Time-out of a test, seconds of the guest's clock. */
  readonly seconds: number;
  /** Whether subtests of a program that follow each other share a process. */
  readonly grouped: boolean;
  /** Hears each result as it comes. */
  readonly onResult: (result: IgtResult, index: number) => void | Promise<void>;
  /** Hears that a guest is thrown away, and why. */
  readonly onRestart?: (after: string) => void;
  readonly signal?: AbortSignal;
  /** A guest that runs already. */
  readonly guest?: TestGuest | null;
}

/**
 * Runs tests, one process at a time. A guest runs them as long as it stays fit: after a crash, a
 * time-out, a complaint of its kernel or a wedged GPU the next gets a fresh one.
 *
 * When grouped, a subtest that passes or skips among its program's others is done; one that does
 * anything else is run again alone. What passes only alone is no pass: see {@link alone}.
 *
 * @returns guests started
 * @throws what `start` threw, when it threw several times in a row
 */
export async function runTests(tests: readonly IgtTest[], o: RunOptions): Promise<number> {
  const run = new Run(o);
  try {
    const groups = o.grouped ? groupTests(tests) : tests.map((t) => [t]);
    for (const group of groups) {
      const [first] = group;
      if (first === undefined || run.stopped) break;
      if (group.length === 1) await run.one(first);
      else await run.together(group);
    }
  } finally {
    run.close();
  }
  return run.started;
}

class Run {
  started = 0;
  readonly #o: RunOptions;
  #guest: TestGuest | null;
  #index = 0;
  /** By program and subtest: what skipped before any of the subtest's dynamic ones. */
  readonly #skippedWhole = new Map<string, IgtResult>();

  constructor(o: RunOptions) {
    this.#o = o;
    this.#guest = o.guest ?? null;
  }

  get stopped(): boolean {
    return this.#o.signal?.aborted ?? false;
  }

  close(): void {
    this.#guest?.close();
    this.#guest = null;
  }

  /** @param among what became of it in a process with others, when it ran in one */
  async one(test: IgtTest, among?: string): Promise<void> {
    const whole = `${test.program}@${test.subtest}`;
    const skipped = test.dynamic === '' ? undefined : this.#skippedWhole.get(whole);
    if (skipped !== undefined) {
      await this.#tell({ ...skipped, name: test.name, seconds: 0 });
      return;
    }
    const guest = await this.#fit();
    const { result, healthy } = await guest.run(test, this.#o.seconds);
    if (this.stopped) return;
    if (skippedBeforeDynamic(test, result)) this.#skippedWhole.set(whole, result);
    await this.#tell(alone(result, among));
    if (!healthy) this.#discard(result.name);
  }

  async together(group: readonly IgtTest[]): Promise<void> {
    const doubtful = new Map<string, string>();
    let left = group;
    while (left.length > 1 && !this.stopped) {
      const guest = await this.#fit();
      const seconds = this.#o.seconds * Math.min(left.length, GROUP_TIMES);
      const run = await guest.runGroup(left, seconds);
      if (this.stopped) return;
      for (const result of run.settled) await this.#tell(result);
      for (const [subtest, why] of run.doubtful) doubtful.set(subtest, why);
      const settled = new Set(run.settled.map((r) => r.name));
      const next = left.filter((t) => !settled.has(t.name) && !run.doubtful.has(t.subtest));
      if (run.health === 'unfit' || run.doubtful.size > 0) this.#discard(group[0]?.program ?? '');
      if (next.length === left.length) break;
      left = next;
    }
    const rest = group.filter((t) => doubtful.has(t.subtest) || left.includes(t));
    for (const test of rest) {
      if (this.stopped) return;
      await this.one(test, doubtful.get(test.subtest));
    }
  }

  async #tell(result: IgtResult): Promise<void> {
    await this.#o.onResult(result, this.#index++);
  }

  #discard(after: string): void {
    this.#o.onRestart?.(after);
    this.close();
  }

  async #fit(): Promise<TestGuest> {
    for (let attempt = 1; this.#guest === null; attempt++) {
      try {
        this.#guest = await this.#o.start();
        this.started++;
      } catch (error) {
        if (attempt === START_ATTEMPTS || this.stopped) throw error;
      }
    }
    return this.#guest;
  }
}

/** A requirement of the subtest itself is not met: none of its dynamic ones can begin. */
function skippedBeforeDynamic(test: IgtTest, { outcome, output }: IgtResult): boolean {
  return (
    outcome === 'skip' &&
    output.includes('\nTest requirement: ') &&
    output.includes(`\nSubtest ${test.subtest}: SKIP`) &&
    !/dynamic subtest/i.test(output)
  );
}

/**
 * The result of a test that ran alone after it did not settle among others. A pass then is a warning:
 * something depends on what ran before. Where it only did not end, the others' time may have run out.
 */
function alone(result: IgtResult, among: string | undefined): IgtResult {
  if (result.outcome !== 'pass' || among === undefined || among === NO_END) return result;
  return { ...result, outcome: 'warn', reason: `passes alone; among others: ${among}` };
}
