import { expect, test } from 'vitest';
import { parseGuestConfig } from '../../src/config/guest-config.ts';
import { parseOptions } from '../lib/options.ts';
import { runXl } from './campaign.ts';

const LONG_MS = 120_000;

test('files at random: none throws, each is told with places that are its own', {
  timeout: LONG_MS,
}, () => {
  const r = runXl({ seed: 1, files: 5000 });
  expect(r.failure).toBeNull();
  expect(r.files).toBe(5000);
  // Files of both kinds are among them.
  expect(r.good).toBeGreaterThan(100);
  expect(r.issues).toBeGreaterThan(5000);
});

test.each(['a', '[', '"', '\\', 'a=1\n', 'a=[', '1', '"x",', 'k=1;'])(
  'a mebibyte of %j is read in time, and not all of it is said',
  { timeout: LONG_MS },
  (one) => {
    for (const head of ['name="g"\ndisk=[', 'k', 'monitors=["']) {
      const text = head + one.repeat(Math.floor((1 << 20) / one.length));
      const got = parseGuestConfig(text, 'f');
      expect(got.ok).toBe(false);
      const said = got.ok ? [] : got.issues;
      expect(said.length).toBeLessThanOrEqual(501);
      expect(JSON.stringify(said.map((s) => s.message)).length).toBeLessThan(1 << 18);
    }
  },
);

// biome-ignore format: one fault a line
const FAULTS: [what: string, read: typeof parseGuestConfig, told: RegExp][] = [
  ['throws',               () => { throw new Error('oh'); },                         /^file 0: threw Error: oh\n/],
  ['says nothing',         () => ({ ok: false, issues: [] }),                        /^file 0: refused without a word\n/],
  ['names a place outside', () => ({ ok: false, issues: [{ file: 'f', line: 99, column: 1, key: '', message: 'm' }] }), /^file 0: f:99:1: m is no place of it\n/],
];
test.each(FAULTS)('a reader that %s is found', (_, read, told) => {
  expect(runXl({ seed: 1, files: 10, read }).failure).toMatch(told);
});

test('--xl says how many files', () => {
  expect(parseOptions(['--xl', '1e3', '--seed', '5'], 0)).toMatchObject({ xl: 1000, seed: 5 });
  expect(parseOptions([], 0)).toMatchObject({ xl: null });
});
