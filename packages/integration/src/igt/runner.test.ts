import { describe, expect, test } from 'vitest';
import type { TestGuest } from './igt-guest.ts';
import { type IgtTest, parseTestList } from './names.ts';
import type { IgtResult, Outcome } from './result.ts';
import { type RunOptions, runTests } from './runner.ts';

const TESTS = parseTestList('igt@a@1\nigt@a@2\nigt@b@1\nigt@b@2').tests;

/** Guests that give what is asked for, and count. */
class Guests {
  started = 0;
  readonly open = new Set<number>();
  /** Which guest ran which test. */
  readonly ran: string[] = [];
  readonly results: IgtResult[] = [];
  readonly #outcomes: Readonly<Record<string, Outcome>>;

  constructor(outcomes: Readonly<Record<string, Outcome>> = {}) {
    this.#outcomes = outcomes;
  }

  start = async (): Promise<TestGuest> => {
    const id = ++this.started;
    this.open.add(id);
    return {
      run: async (t: IgtTest) => {
        const outcome = this.#outcomes[t.name] ?? 'pass';
        this.ran.push(`${id} ${t.name}`);
        const result = {
          name: t.name,
          outcome,
          exit: 0,
          seconds: 1,
          reason: '',
          log: [],
          output: '',
        };
        return { result, healthy: outcome === 'pass' };
      },
      read: async () => '',
      close: () => void this.open.delete(id),
    };
  };

  run(more: Partial<RunOptions> = {}): Promise<number> {
    return runTests(TESTS, {
      start: this.start,
      seconds: 1,
      onResult: (r) => void this.results.push(r),
      ...more,
    });
  }
}

describe('a run', () => {
  test('one guest runs all tests while it stays fit', async () => {
    const guests = new Guests();
    expect(await guests.run()).toBe(1);
    expect(guests.ran).toEqual(['1 igt@a@1', '1 igt@a@2', '1 igt@b@1', '1 igt@b@2']);
    expect(guests.open.size).toBe(0);
  });

  test('after a crash the next test gets a fresh guest, but none is made for nobody', async () => {
    const guests = new Guests({ 'igt@a@2': 'crash', 'igt@b@2': 'timeout' });
    const restarts: string[] = [];
    expect(await guests.run({ onRestart: (after) => restarts.push(after) })).toBe(2);
    expect(guests.ran).toEqual(['1 igt@a@1', '1 igt@a@2', '2 igt@b@1', '2 igt@b@2']);
    expect(restarts).toEqual(['igt@a@2', 'igt@b@2']);
    expect(guests.open.size).toBe(0);
  });

  test('a guest that is there is used, and closed', async () => {
    const guests = new Guests();
    expect(await guests.run({ guest: await guests.start() })).toBe(0);
    expect(guests.started).toBe(1);
    expect(guests.open.size).toBe(0);
  });

  test('stopped: no further test, no result of the one that was cut off, nothing left open', async () => {
    const guests = new Guests();
    const stop = new AbortController();
    await guests.run({
      signal: stop.signal,
      onResult: (r) => {
        guests.results.push(r);
        if (r.name === 'igt@a@2') stop.abort();
      },
    });
    expect(guests.results.map((r) => r.name)).toEqual(['igt@a@1', 'igt@a@2']);
    expect(guests.open.size).toBe(0);
  });

  test('a guest that does not start is tried again, three times in a row end the run', async () => {
    const guests = new Guests();
    let failures = 2;
    await guests.run({
      start: () => (failures-- > 0 ? Promise.reject(new Error('no')) : guests.start()),
    });
    expect(guests.results).toHaveLength(4);
    let asked = 0;
    const never = guests.run({
      start: () => {
        asked++;
        return Promise.reject(new Error('i915 does not load'));
      },
    });
    await expect(never).rejects.toThrow('i915 does not load');
    expect(asked).toBe(3);
  });
});
