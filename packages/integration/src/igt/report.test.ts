import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UsageError } from '../cli/context.ts';
import { igtPage } from './docs.ts';
import { EXPLANATIONS, explain } from './explained.ts';
import { junitXml } from './junit.ts';
import { type IgtTest, parseTestName } from './names.ts';
import type { IgtResult, Outcome } from './result.ts';
import {
  addResult,
  addUnclaimed,
  beginResults,
  parseResults,
  type ResultsHeader,
  readResults,
  resultsToKeep,
} from './results-file.ts';
import { summarize, summaryText } from './summary.ts';

/** Any UTF-16 unit: what a guest prints may be anything. */
const ANY = fc.nat(0xffff).map((c) => String.fromCharCode(c % 3 === 0 ? c & 0x7f : c));

const result = (name: string, outcome: Outcome, reason = ''): IgtResult => ({
  name,
  outcome,
  exit: 0,
  seconds: 0.25,
  reason,
  log: outcome === 'warn' ? ['WARNING: x'] : [],
  output: outcome === 'pass' ? '' : 'it <said> "so" & more',
});
const UNCLAIMED = { source: 'gpu', offset: 0x78000, reads: 1, writes: 0, last: 0 };
const RESULTS = [
  result('igt@gem_basic@create', 'pass'),
  result('igt@gem_basic@bad', 'fail', 'f: Failed assertion: a < b'),
  result('igt@kms_flip@x', 'warn', 'WARNING: x'),
  result('igt@gem_huc_copy@huc-copy', 'skip', 'has_huc'),
  result('igt@kms_chamelium_hpd@vga', 'absent', 'no such program'),
  result('igt@gem_busy@all@rcs0', 'crash', 'SIGSEGV'),
];
const HEADER: ResultsHeader = {
  version: 1,
  on: 'direct',
  image: 'abc',
  kernel: '6.1.0',
  tests: 'igt-gpu-tools-tests 2.5-1',
  begun: '2030-01-02T03:04:05Z',
};

describe('the results file', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'xengt-igt-'));
    path = join(directory, 'direct.results.jsonl');
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('gives back what was put in; a test that ran again has its last result', async () => {
    expect(await readResults(path)).toBeNull();
    await beginResults(path, HEADER);
    for (const r of RESULTS) await addResult(path, r);
    await addResult(path, result('igt@gem_basic@bad', 'pass'));
    await addUnclaimed(path, []);
    await addUnclaimed(path, [UNCLAIMED]);
    await addUnclaimed(path, [UNCLAIMED]);
    const read = await readResults(path);
    expect(read?.unclaimed).toEqual([UNCLAIMED]);
    expect(read?.header).toEqual(HEADER);
    expect([...(read?.results.keys() ?? [])]).toEqual(RESULTS.map((r) => r.name));
    expect(read?.results.get('igt@gem_basic@bad')?.outcome).toBe('pass');
    expect(read?.results.get('igt@kms_flip@x')).toEqual(RESULTS[2]);
  });

  test('a line that was cut off is as if its test had not run', () => {
    const text = [HEADER, ...RESULTS].map((v) => JSON.stringify(v)).join('\n');
    fc.assert(
      fc.property(fc.integer({ min: JSON.stringify(HEADER).length, max: text.length }), (cut) => {
        const { results } = parseResults(text.slice(0, cut), 'x');
        const whole = text.slice(0, cut).split('\n').slice(1);
        expect([...results.values()]).toEqual(RESULTS.slice(0, results.size));
        expect(whole.length - results.size).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('resumed: everything is kept; retried: all but the failures', () => {
    const results = new Map(RESULTS.map((r) => [r.name, r]));
    const before = { header: HEADER, results, unclaimed: [] };
    expect([...resultsToKeep(before, 'abc', false, path).values()]).toEqual(RESULTS);
    const kept = [...resultsToKeep(before, 'abc', true, path).values()].map((r) => r.outcome);
    expect(kept).toEqual(['pass', 'skip', 'absent']);
    expect(() => resultsToKeep(before, 'def', false, path)).toThrow(
      'has results of guest image abc, and the image is def now',
    );
  });

  test('another file is refused', async () => {
    for (const text of ['', '{}', 'hello', '{"version":2,"on":"direct"}']) {
      await writeFile(path, text);
      await expect(readResults(path)).rejects.toBeInstanceOf(UsageError);
    }
  });
});

describe('the summary', () => {
  test('counts by family; failures without a reason are unexplained, skips are not failures', () => {
    const { families, all, unexplained } = summarize(RESULTS, 'direct');
    expect([...families.keys()]).toEqual(['gem', 'kms']);
    expect(all.total).toBe(6);
    expect(all.outcomes).toMatchObject({ pass: 1, skip: 1, fail: 1, crash: 1, warn: 1, absent: 1 });
    expect(unexplained.map((r) => r.name)).toEqual([
      'igt@gem_basic@bad',
      'igt@kms_flip@x',
      'igt@gem_busy@all@rcs0',
    ]);
    expect(families.get('gem')?.unexplained).toBe(2);
  });

  test('what is listed and has no result is counted, in families that nothing ran of too', () => {
    const listed = [
      'igt@gem_basic@bad',
      'igt@gem_basic@other',
      'igt@prime_self@x',
      'igt@prime_self@y',
    ];
    const wanted = listed.map((name) => parseTestName(name) as IgtTest);
    const { families, all } = summarize(RESULTS, 'direct', wanted);
    expect([...families].map(([family, c]) => [family, c.notRun])).toEqual([
      ['gem', 1],
      ['kms', 0],
      ['prime', 2],
    ]);
    expect([all.notRun, all.total]).toEqual([3, 6]);
  });

  test('as text', () => {
    expect(summaryText(summarize(RESULTS.slice(0, 2), 'direct'))).toBe(
      [
        'family  pass  skip  fail  crash  timeout  warn  dmesg-fail  absent  total  unexplained  not run',
        'gem        1           1                                                2            1',
        'all        1           1                                                2            1',
        '',
        'unexplained failures:',
        '  fail igt@gem_basic@bad: f: Failed assertion: a < b',
        '',
      ].join('\n'),
    );
  });

  test('every explanation can be given: its glob is no nonsense and its words are a sentence', () => {
    for (const { tests, because, outcomes } of EXPLANATIONS) {
      expect(tests).toMatch(/^igt@/);
      expect(because.length).toBeGreaterThan(10);
      expect(outcomes.length).toBeGreaterThan(0);
    }
    expect(explain(RESULTS[3] as IgtResult, 'direct')).toContain('HuC');
    expect(explain(RESULTS[1] as IgtResult, 'direct')).toBeNull();
    const shaders = result('igt@gem_render_copy@linear', 'fail', 'f: Failed assertion: a == b');
    expect(explain(shaders, 'direct')).toContain('shaders');
    // The reason is for that failure, not for whatever else the test may do.
    expect(explain({ ...shaders, outcome: 'crash' }, 'direct')).toBeNull();
    const asleep = result(
      'igt@kms_pm_rpm@basic-rte',
      'fail',
      'Failed assertion: setup_environment()',
    );
    expect(explain(asleep, 'mediated')).toContain('RC6');
    expect(explain(asleep, 'direct')).toBeNull();
    const merge = (error: string): IgtResult =>
      result(
        'igt@gem_userptr_blits@vma-merge',
        'fail',
        `Failed assertion: sync_fence_status(spin->out_fence) == 1; error: ${error} != 1`,
      );
    expect(explain(merge('-5'), 'direct')).toContain('heartbeat');
    expect(explain(merge('0'), 'direct')).toBeNull();
  });
});

describe('junit', () => {
  test('suites by family, cases with message and output, everything escaped', () => {
    const text = junitXml(RESULTS, 'mediated');
    expect(text).toContain(
      '<testsuites name="igt on mediated" tests="6" failures="2" errors="1" skipped="2" time="1.500">',
    );
    expect(text).toContain(
      '<testsuite name="igt.mediated.kms" tests="2" failures="1" errors="0" skipped="1" time="0.500">',
    );
    expect(text).toContain('<testcase classname="gem_basic" name="create" time="0.250"/>');
    expect(text).toContain('<testcase classname="gem_busy" name="all@rcs0" time="0.250">');
    expect(text).toContain('<failure message="fail: f: Failed assertion: a &lt; b"/>');
    expect(text).toContain(
      '<system-out>WARNING: x\nit &lt;said&gt; &quot;so&quot; &amp; more</system-out>',
    );
    expect(text).toContain('<error message="crash: SIGSEGV"/>');
  });

  test('whatever a guest printed, the document has the same elements', () => {
    const tags = (text: string) => [...text.matchAll(/<[^>]*?(?=[ />])/g)].map((m) => m[0]);
    const wanted = tags(junitXml([{ ...result('igt@a@b', 'fail'), output: 'x' }], 'direct'));
    fc.assert(
      fc.property(fc.string({ unit: ANY, minLength: 1, maxLength: 60 }), (said) => {
        const text = junitXml(
          [{ ...result('igt@a@b', 'fail'), output: said, reason: said }],
          'direct',
        );
        expect(tags(text)).toEqual(wanted);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what XML cannot hold
        expect(text).not.toMatch(/[\x00-\x08\x0b\x0c\x0e-\x1f]/);
      }),
    );
  });
});

test('the page has both paths, each failure with its reason, skips by reason', () => {
  const slow = { ...result('igt@kms_flip@slow', 'pass'), speed: 8 };
  const results = new Map([...RESULTS, slow].map((r) => [r.name, r]));
  const page = igtPage(
    [
      { header: HEADER, results, unclaimed: [UNCLAIMED] },
      { header: { ...HEADER, on: 'mediated' }, results: new Map(), unclaimed: [] },
    ],
    [parseTestName('igt@core_auth@basic') as IgtTest],
  );
  expect(page).toMatch(/\| core \|(?: {2}\|){8} 0 \| {2}\| 1 \|/);
  expect(page).toContain('| `igt@kms_flip@slow` | 8 |');
  expect(page).toContain('Registers touched that are no rows: gpu 0x78000.');
  expect(page).toContain('Every register that the driver touched is a row');
  expect(page).toContain('## The GPU given directly');
  expect(page).toContain('## Mediated');
  expect(page).toContain('2030-01-02, igt-gpu-tools-tests 2.5-1, kernel 6.1.0.');
  expect(page).toContain(
    '| `igt@gem_basic@bad` | fail | **unexplained**: f: Failed assertion: a &lt; b |',
  );
  expect(page).toMatch(/\| 1 \| Haswell has no such unit.* \| `igt@gem_huc_copy@huc-copy` \|/);
  expect(page).toMatch(/\| gem \| 1 \| 1 \| 1 \| 1 \|/);
});
