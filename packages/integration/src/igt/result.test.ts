import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConsoleError } from '../guest/serial-console.ts';
import type { IgtTest } from './names.ts';
import { lostRun, readRun } from './result.ts';

/** Any UTF-16 unit: what a guest prints may be anything. */
const ANY = fc.nat(0xffff).map((c) => String.fromCharCode(c % 3 === 0 ? c & 0x7f : c));

const TEST: IgtTest = { name: 'igt@p@s', program: 'p', subtest: 's', dynamic: '' };

interface Printed {
  readonly exit: number;
  readonly time?: string;
  readonly tainted?: number;
  readonly wedged?: string;
  readonly out?: string;
  readonly err?: string;
  readonly log?: string;
}
const printed = (p: Printed): string =>
  [
    `@igt exit ${p.exit}`,
    `@igt time ${p.time ?? '10.00 10.50'}`,
    `@igt tainted ${p.tainted ?? 0}`,
    `@igt wedged ${p.wedged ?? '0'}`,
    '@igt out',
    p.out ?? '',
    '@igt err',
    p.err ?? '',
    '@igt log',
    p.log ?? '',
  ].join('\n');
const read = (p: Printed, limit = 60) => readRun(TEST, printed(p), limit);

const OOPS = '<4>[   12.3] WARNING: CPU: 0 PID: 7 at drivers/gpu/drm/i915/x.c:1 y+0x1/0x2 [i915]';

describe('outcomes', () => {
  test('exit statuses', () => {
    const outcome = (exit: number, more: Partial<Printed> = {}) =>
      read({ exit, ...more }).result.outcome;
    expect(outcome(0)).toBe('pass');
    expect(outcome(77)).toBe('skip');
    expect(outcome(98)).toBe('fail');
    expect(outcome(79)).toBe('fail');
    expect(outcome(79, { err: '(p:1) igt_core-CRITICAL: Unknown subtest: s' })).toBe('absent');
    expect(outcome(127)).toBe('absent');
    expect(outcome(139)).toBe('crash');
    expect(outcome(130)).toBe('crash');
    expect(outcome(130, { time: '10 70.1' })).toBe('timeout');
    expect(outcome(112)).toBe('fail');
  });

  test("the kernel's complaints turn a pass into a warning and mark a failure", () => {
    expect(read({ exit: 0, log: OOPS }).result).toMatchObject({
      outcome: 'warn',
      reason: OOPS.slice('<4>[   12.3] '.length),
      log: [OOPS.slice('<4>[   12.3] '.length)],
    });
    expect(read({ exit: 98, log: OOPS }).result.outcome).toBe('dmesg-fail');
    // Facility and level: 14 is user.info; 5 is a notice, as a GPU reset is.
    const fine =
      '<14>[ 1.0] [IGT] p: executing\n<5>[ 1.0] i915: Resetting chip for x\nno level\n<4>[ 2.0] hrtimer: interrupt took 16 ns';
    expect(read({ exit: 0, log: fine }).result).toMatchObject({ outcome: 'pass', log: [] });
  });

  test('seconds are of the guest', () => {
    expect(read({ exit: 0, time: '100.25 101.75' }).result.seconds).toBe(1.5);
  });
});

describe('reasons', () => {
  test('a skip: the requirement and what was said of it', () => {
    const out = [
      'Test requirement not met in function drm_open_driver, file ../lib/drmtest.c:790:',
      'Test requirement: !(fd<0)',
      'No known gpu found for chipset flags 0x4 (vgem)',
      'Last errno: 2, No such file or directory',
      'Subtest s: SKIP (0.000s)',
    ].join('\n');
    expect(read({ exit: 77, out }).result.reason).toBe(
      '!(fd<0) (No known gpu found for chipset flags 0x4 (vgem))',
    );
    const bare = 'Test requirement: gem_uses_full_ppgtt(fd)\nSubtest s: SKIP (0.000s)';
    expect(read({ exit: 77, out: bare }).result.reason).toBe('gem_uses_full_ppgtt(fd)');
    expect(read({ exit: 77 }).result.reason).toBe('');
  });

  test('a failure: the function, the assertion and the values it saw', () => {
    const err = [
      '[5.1] (p:19) CRITICAL: Test assertion failure function check_buf, file ../tests/p.c:84:',
      '[5.2] (p:19) CRITICAL: Failed assertion: linear[i] == val',
      '[5.3] (p:19) CRITICAL: Last errno: 2, No such file or directory',
      '[5.4] (p:19) CRITICAL: Expected 0x1, found 0x2 at offset 0x00000000',
    ].join('\n');
    expect(read({ exit: 98, err }).result.reason).toBe(
      'check_buf: Failed assertion: linear[i] == val; Expected 0x1, found 0x2 at offset 0x00000000',
    );
    expect(read({ exit: 98 }).result.reason).toBe('exit status 98');
  });

  test('a crash: the signal', () => {
    expect(read({ exit: 132 }).result.reason).toBe('SIGILL');
    expect(read({ exit: 139 }).result.reason).toBe('SIGSEGV');
  });
});

describe('a guest stays', () => {
  test('after a pass, skip, failure or absent test', () => {
    for (const exit of [0, 77, 98, 127]) expect(read({ exit }).healthy).toBe(true);
  });

  test("not after a crash, a time-out, a splat, the kernel's taint, a wedged or absent GPU", () => {
    expect(read({ exit: 139 }).healthy).toBe(false);
    expect(read({ exit: 130, time: '0 61' }).healthy).toBe(false);
    expect(read({ exit: 0, log: OOPS }).healthy).toBe(false);
    expect(read({ exit: 0, tainted: 512 }).healthy).toBe(false);
    expect(read({ exit: 0, wedged: '1' }).healthy).toBe(false);
    expect(read({ exit: 0, wedged: 'gone' }).healthy).toBe(false);
    expect(lostRun(TEST, 'DEADLINE', 'tail', '')).toMatchObject({
      healthy: false,
      result: { outcome: 'timeout', exit: -1, output: 'tail' },
    });
    const { message } = new ConsoleError(
      'CLOSED',
      'the guest ended (crashed: refused (x)) while its console was waited for',
      '',
    );
    expect(lostRun(TEST, 'CLOSED', '', message).result).toMatchObject({
      outcome: 'crash',
      reason: 'the guest ended (crashed: refused (x))',
    });
  });

  test("whatever the user did to the kernel's parameters", () => {
    expect(read({ exit: 0, tainted: 64 }).healthy).toBe(true);
  });
});

test('nothing that a guest prints throws or makes a result of unbounded length', () => {
  fc.assert(
    fc.property(fc.string({ unit: ANY, maxLength: 200 }), fc.integer(), (text, exit) => {
      for (const all of [text, printed({ exit, out: text, err: text, log: text, time: text })]) {
        const { result } = readRun(TEST, all, 60);
        expect(result.name).toBe('igt@p@s');
        JSON.stringify(result);
      }
    }),
  );
  const long = `<4>${'x'.repeat(2e4)}\n`.repeat(100);
  const { result } = read({ exit: 98, out: long, err: long, log: long });
  expect(JSON.stringify(result).length).toBeLessThan(300_000);
  expect(result.log).toHaveLength(60);
});
