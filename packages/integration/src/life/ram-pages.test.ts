import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE, withEmpty, withoutEmpty } from './ram-pages.ts';

const MOST = 1 << 20;
const packed = (bytes: Uint8Array): Buffer => Buffer.concat(withoutEmpty(bytes));

describe('bytes without their empty pages', () => {
  test('are the same with them', () => {
    const place = fc.record({
      at: fc.nat(0x50000),
      value: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x50000 }), fc.array(place), (length, places) => {
        const bytes = new Uint8Array(length);
        for (const { at, value } of places) if (at < length) bytes[at] = value;
        const payload = packed(bytes);
        expect(payload.length).toBeLessThanOrEqual(8 + places.length * (4 + PAGE));
        expect(Buffer.compare(withEmpty(payload, MOST) as Uint8Array, bytes)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('what is cut short, too long or names other pages is none', () => {
    const bytes = new Uint8Array(3 * PAGE + 100);
    bytes[PAGE] = 1;
    bytes[3 * PAGE + 99] = 2;
    const good = packed(bytes);
    expect(good.length).toBe(8 + 2 * 4 + PAGE + 100);
    expect(withEmpty(good, bytes.length)).toEqual(bytes);
    expect(withEmpty(good, bytes.length - 1)).toBeNull();
    for (const length of [0, 7, 8, 15, 16, good.length - 1]) {
      expect([length, withEmpty(good.subarray(0, length), MOST)]).toEqual([length, null]);
    }
    expect(withEmpty(Buffer.concat([good, Buffer.of(0)]), MOST)).toBeNull();
    const changed = (at: number, value: number): Uint8Array | null => {
      const bad = Buffer.from(good);
      bad.writeUInt32LE(value >>> 0, at);
      return withEmpty(bad, MOST);
    };
    expect([changed(4, -1), changed(4, 5), changed(8, 4), changed(12, -1)]).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });
});
