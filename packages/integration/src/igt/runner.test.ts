import { describe, expect, test } from 'vitest';
import { type GroupRun, groupTests, NO_END, readGroup } from './group.ts';
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
  /** What groups give, one after the other. */
  readonly groups: GroupRun[] = [];
  outputs: Readonly<Record<string, string>> = {};
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
          output: this.outputs[t.name] ?? '',
        };
        return { result, healthy: outcome === 'pass' };
      },
      runGroup: async (tests: readonly IgtTest[]) => {
        this.ran.push(`${id} ${tests.map((t) => t.name).join(' ')}`);
        return this.groups.shift() ?? { settled: [], doubtful: new Map(), health: 'unfit' };
      },
      read: async () => '',
      close: () => void this.open.delete(id),
    };
  };

  run(more: Partial<RunOptions> = {}): Promise<number> {
    return runTests(TESTS, {
      start: this.start,
      seconds: 1,
      grouped: false,
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

  test('a subtest that skips before its dynamic ones skips for all of them; one of those for itself', async () => {
    const tests = parseTestList('igt@a@x@1\nigt@a@x@2\nigt@a@y@1\nigt@a@y@2\nigt@b@x@1').tests;
    const guests = new Guests(Object.fromEntries(tests.map((t) => [t.name, 'skip'])));
    guests.outputs = {
      'igt@a@x@1': 'IGT\nTest requirement: tests\nSubtest x: SKIP (0.000s)\n',
      'igt@a@y@1':
        'IGT\nStarting dynamic subtest: 1\nTest requirement: t\nDynamic subtest 1: SKIP\nSubtest y: SKIP (0.000s)\n',
    };
    await runTests(tests, {
      start: guests.start,
      seconds: 1,
      grouped: true,
      onResult: (r) => void guests.results.push(r),
    });
    expect(guests.ran.map((r) => r.split(' ')[1])).toEqual([
      'igt@a@x@1',
      'igt@a@y@1',
      'igt@a@y@2',
      'igt@b@x@1',
    ]);
    expect(guests.results.map((r) => `${r.name} ${r.outcome}`)).toEqual(
      tests.map((t) => `${t.name} skip`),
    );
    expect(guests.results[1]?.output).toContain('Subtest x: SKIP');
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

describe('subtests that share a process', () => {
  const passed = (name: string): IgtResult => ({
    name,
    outcome: 'pass',
    exit: 0,
    seconds: 1,
    reason: '',
    log: [],
    output: '',
  });

  test('tests in a row of one program stand together; whole programs and dynamic subtests alone', () => {
    const { tests } = parseTestList('igt@a@1\nigt@a@2\nigt@b\nigt@a@3\nigt@a@4@x\nigt@a@5');
    expect(groupTests(tests).map((g) => g.map((t) => t.name))).toEqual([
      ['igt@a@1', 'igt@a@2'],
      ['igt@b'],
      ['igt@a@3'],
      ['igt@a@4@x'],
      ['igt@a@5'],
    ]);
  });

  test('what passes or skips is done; the rest runs alone in a fresh guest', async () => {
    const guests = new Guests({ 'igt@b@2': 'fail' });
    guests.groups.push(
      { settled: [passed('igt@a@1')], doubtful: new Map([['2', 'FAIL']]), health: 'fit' },
      { settled: [passed('igt@b@1')], doubtful: new Map([['2', 'FAIL']]), health: 'fit' },
    );
    await guests.run({ grouped: true });
    expect(guests.ran).toEqual([
      '1 igt@a@1 igt@a@2',
      '2 igt@a@2',
      '2 igt@b@1 igt@b@2',
      '3 igt@b@2',
    ]);
    expect(guests.results.map((r) => `${r.name} ${r.outcome}`)).toEqual([
      'igt@a@1 pass',
      'igt@a@2 warn',
      'igt@b@1 pass',
      'igt@b@2 fail',
    ]);
    expect(guests.results[1]?.reason).toBe('passes alone; among others: FAIL');
    expect(guests.open.size).toBe(0);
  });

  test('after a subtest that does not end the others go on together', async () => {
    const guests = new Guests();
    const { tests } = parseTestList('igt@a@1\nigt@a@2\nigt@a@3\nigt@a@4');
    guests.groups.push(
      { settled: [passed('igt@a@1')], doubtful: new Map([['2', NO_END]]), health: 'unfit' },
      { settled: [passed('igt@a@3'), passed('igt@a@4')], doubtful: new Map(), health: 'fit' },
    );
    await runTests(tests, {
      start: guests.start,
      seconds: 1,
      grouped: true,
      onResult: (r) => void guests.results.push(r),
    });
    expect(guests.ran).toEqual([
      '1 igt@a@1 igt@a@2 igt@a@3 igt@a@4',
      '2 igt@a@3 igt@a@4',
      '2 igt@a@2',
    ]);
    expect(guests.results.every((r) => r.outcome === 'pass')).toBe(true);
  });

  test('a guest that is lost with nothing told: each test runs alone', async () => {
    const guests = new Guests();
    await guests.run({ grouped: true });
    expect(guests.results.map((r) => r.outcome)).toEqual(['pass', 'pass', 'pass', 'pass']);
  });

  test('a process is read: requirements of skips, complaints of the kernel by subtest', () => {
    const { tests } = parseTestList('igt@p@a\nigt@p@b\nigt@p@c\nigt@p@d');
    const text = [
      '@igt exit 98',
      '@igt time 1.0 9.0',
      '@igt tainted 0',
      '@igt wedged 0',
      '@igt out',
      'Starting subtest: a',
      'Subtest a: SUCCESS (0.250s)',
      'Test requirement: has_lmem(fd)',
      'Subtest b: SKIP (0.000s)',
      'Starting subtest: c',
      'Subtest c: SUCCESS (1.000s)',
      'Starting subtest: d',
      '@igt err',
      '@igt log',
      '<14>[   10.000000] [IGT] p: starting subtest a',
      '<14>[   11.000000] [IGT] p: starting subtest c',
      '<3>[   12.000000] i915 0000:00:02.0: [drm] *ERROR* something',
    ].join('\n');
    const { settled, doubtful, health } = readGroup(tests, text);
    expect(settled.map((r) => [r.name, r.outcome, r.seconds, r.reason])).toEqual([
      ['igt@p@a', 'pass', 0.25, ''],
      ['igt@p@b', 'skip', 0, 'has_lmem(fd)'],
    ]);
    expect([...doubtful]).toEqual([
      ['c', 'i915 0000:00:02.0: [drm] *ERROR* something'],
      ['d', NO_END],
    ]);
    expect(health).toBe('unfit');
  });
});
