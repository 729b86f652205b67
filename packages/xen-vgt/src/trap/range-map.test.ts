import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RangeMap } from './range-map.ts';

describe('RangeMap', () => {
  test('ranges that touch are refused, neighbours are not', () => {
    const map = new RangeMap<string>();
    expect(map.add(0x1000, 0x1000, 'a')).toBe(true);
    expect(map.add(0x2000, 0x1000, 'b')).toBe(true);
    for (const [first, length] of [
      [0x1fff, 1],
      [0xfff, 2],
      [0, 0x4000],
      [0x2fff, 8],
      [0x5000, 0],
    ] as const) {
      expect(map.add(first, length, 'x')).toBe(false);
    }
    expect(map.find(0x1fff)).toBe('a');
    expect(map.find(0x2000)).toBe('b');
    expect(map.first).toBe(0x2000);
    expect(map.find(0x3000)).toBeUndefined();
  });

  test('addresses beyond 32 bits are kept apart', () => {
    const map = new RangeMap<string>();
    map.add(2 ** 32 + 0x1000, 0x1000, 'high');
    expect(map.find(0x1000)).toBeUndefined();
    expect(map.find(2 ** 32 + 0x1fff)).toBe('high');
  });

  test('any sequence agrees with a map of single addresses', () => {
    const op = fc.record({
      add: fc.boolean(),
      first: fc.integer({ min: 0, max: 40 }),
      length: fc.integer({ min: 0, max: 12 }),
    });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 30 }), (ops) => {
        const map = new RangeMap<number>();
        const model = new Map<number, number>();
        ops.forEach(({ add, first, length }, value) => {
          const inside = Array.from({ length }, (_, i) => first + i);
          if (add) {
            const free = length > 0 && inside.every((a) => !model.has(a));
            expect(map.touches(first, length) || length === 0).toBe(!free);
            expect(map.add(first, length, value)).toBe(free);
            if (free) for (const a of inside) model.set(a, value);
          } else {
            map.remove(first, length);
            for (const a of inside) model.delete(a);
          }
        });
        for (let a = 0; a < 60; a++) expect(map.find(a)).toBe(model.get(a));
        let covered = 0;
        map.forEach((_first, length) => {
          covered += length;
        });
        expect(covered).toBe(model.size);
      }),
    );
  });
});
