import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { P2m } from './p2m.ts';

const RAM = 0x1000;
const BASE = 0x100000;

describe('P2m', () => {
  test('RAM frames lie in order behind the base, the VGA hole and everything else are holes', () => {
    const p2m = new P2m(RAM, BASE);
    expect(p2m.mfn(0)).toBe(BASE);
    expect(p2m.mfn(0x9f)).toBe(BASE + 0x9f);
    expect(p2m.mfn(0xa0)).toBe(-1);
    expect(p2m.mfn(0xbf)).toBe(-1);
    expect(p2m.mfn(0xc0)).toBe(BASE + 0xc0);
    expect(p2m.mfn(RAM - 1)).toBe(BASE + RAM - 1);
    for (const gfn of [RAM, -1, 0xfffff, 2 ** 31, 0.5, Number.NaN]) expect(p2m.mfn(gfn)).toBe(-1);
  });

  test('[R10] mapped device frames are found, and unmapping leaves no entry', () => {
    const p2m = new P2m(RAM, BASE);
    expect(p2m.map(0xd0000, 0xe0000, 0x100)).toBe(true);
    expect(p2m.mfn(0xd0010)).toBe(0xe0010);
    expect(p2m.map(0xd00ff, 0, 2)).toBe(false);
    expect(p2m.map(RAM - 1, 0, 1)).toBe(false);
    p2m.unmap(0xd0000, 0x100);
    expect(p2m.mfn(0xd0010)).toBe(-1);
    expect(p2m.mappedRanges).toBe(0);
  });

  test('unmapping a part keeps the frames on both sides', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 40 }), (at, count) => {
        const p2m = new P2m(RAM, BASE);
        p2m.map(0x2000, 0x9000, 16);
        p2m.map(0x2010, 0x5000, 16);
        p2m.unmap(0x1ff8 + at, count);
        for (let gfn = 0x1ff0; gfn < 0x2030; gfn++) {
          const gone = gfn >= 0x1ff8 + at && gfn < 0x1ff8 + at + count;
          const had =
            gfn < 0x2000 || gfn >= 0x2020 ? -1 : gfn < 0x2010 ? gfn + 0x7000 : gfn + 0x2ff0;
          expect(p2m.mfn(gfn)).toBe(gone ? -1 : had);
        }
      }),
    );
  });
});
