import type { TestGuest } from './igt-guest.ts';
import type { IgtTest } from './names.ts';
import type { IgtResult } from './result.ts';

/** A guest that does not start so often in a row ends the run: no test would say anything. */
const START_ATTEMPTS = 3;

export interface RunOptions {
  /** Makes a fresh guest. */
  readonly start: () => Promise<TestGuest>;
  /** Time-out of a test, seconds of the guest's clock. */
  readonly seconds: number;
  /** Hears each result as it comes. */
  readonly onResult: (result: IgtResult, index: number) => void | Promise<void>;
  /** Hears that a guest is thrown away, and why. */
  readonly onRestart?: (after: string) => void;
  readonly signal?: AbortSignal;
  /** A guest that runs already. */
  readonly guest?: TestGuest | null;
}

/**
 * Runs tests one at a time. A guest runs tests as long as it stays fit: after a crash, a time-out, a
 * complaint of its kernel or a wedged GPU the next test gets a fresh one.
 *
 * @returns guests started
 * @throws what `start` threw, when it threw several times in a row
 */
export async function runTests(tests: readonly IgtTest[], o: RunOptions): Promise<number> {
  let guest: TestGuest | null = o.guest ?? null;
  let started = 0;
  try {
    for (const [index, test] of tests.entries()) {
      if (o.signal?.aborted) break;
      if (guest === null) {
        guest = await startGuest(o);
        started++;
      }
      const { result, healthy } = await guest.run(test, o.seconds);
      if (o.signal?.aborted) break;
      await o.onResult(result, index);
      if (!healthy) {
        o.onRestart?.(result.name);
        guest.close();
        guest = null;
      }
    }
  } finally {
    guest?.close();
  }
  return started;
}

async function startGuest(o: RunOptions): Promise<TestGuest> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await o.start();
    } catch (error) {
      if (attempt === START_ATTEMPTS || o.signal?.aborted) throw error;
    }
  }
}
