import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from './histogram.ts';

test('quantiles are those of the sorted list, an eighth or a unit too high at most', () => {
  const ns = fc.oneof(fc.integer({ min: 0, max: 50_000 }), fc.integer({ min: 0, max: 2 ** 40 }));
  fc.assert(
    fc.property(
      fc.array(ns, { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (list, q) => {
        const h = new Histogram();
        for (const n of list) h.record(n);
        const sorted = [...list].sort((a, b) => a - b);
        const right = sorted[Math.max(0, Math.ceil(list.length * q - 1e-9) - 1)] as number;
        expect(h.quantile(q)).toBeGreaterThanOrEqual(Math.min(right, h.maxNs));
        expect(h.quantile(q)).toBeLessThanOrEqual(right * 1.125 + 2048);
      },
    ),
  );
});

test('none: 0; zeros count; too long counts as the longest', () => {
  const h = new Histogram();
  expect(h.quantile(0.99)).toBe(0);
  h.recordZero();
  expect([h.count, h.quantile(0.5)]).toEqual([1, 0]);
  h.record(1e15);
  expect(h.maxNs).toBe(1e15);
  expect(h.quantile(1)).toBeGreaterThan(2e12);
  h.reset();
  expect([h.count, h.maxNs, h.quantile(1)]).toEqual([0, 0, 0]);
});
