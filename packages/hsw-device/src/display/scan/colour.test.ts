import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as R from '../display.regs.ts';
import { DisplayBench } from '../testing.ts';
import { cscCoefficient } from './csc.ts';
import { halfToColour } from './deep-row.ts';
import { FULL } from './lut.ts';

const W = 640;
const H = 480;
const PLANE = 0x100000;
const SPRITE = 0x600000;
const CURSOR = 0x700000;
const GAMMA = 0x40000000;
const CSC = 0x1000000;
/** CSC coefficients as i915 writes them. */
const ONE = 0x7800;
const HALF = 0x0800;
const picture = new Uint32Array(W * H);

/** A lit pipe A of 640 by 480. @param uses bits of DSPCNTR besides enable and format */
function lit(uses = 0, format = 6): DisplayBench {
  const bench = new DisplayBench();
  bench.light('640x480', PLANE);
  show(bench, uses, format);
  return bench;
}

function show(bench: DisplayBench, uses: number, format = 6): void {
  bench.write(R.DSPCNTR, 0x80000000 | (format << 26) | uses);
  bench.write(R.DSPSURF, PLANE);
  bench.clock.advance(20e6);
}

function pixel(bench: DisplayBench, x: number, y = 0): number {
  expect(bench.display.scanOut(0, picture)).toBe(true);
  return (picture[y * W + x] as number) & 0xffffff;
}

/** Writes a matrix, nine coefficients in rows, and offsets after it. */
function csc(bench: DisplayBench, c: readonly number[], after = 0, mode = 0): void {
  for (let row = 0; row < 3; row++) {
    const [a, b, d] = c.slice(row * 3, row * 3 + 3) as [number, number, number];
    bench.write(R.PIPE_CSC + row * 8, (a << 16) | b);
    bench.write(R.PIPE_CSC + row * 8 + 4, d << 16);
    bench.write(R.PIPE_CSC + 0x30 + row * 4, after);
  }
  bench.write(R.PIPE_CSC_MODE, mode);
}

const SWAP = [0, 0, ONE, 0, ONE, 0, ONE, 0, 0] as const;

/** Fills entries of the precision palette. */
function precise(
  bench: DisplayBench,
  first: number,
  entry: (i: number) => number,
  n: number,
): void {
  for (let i = 0; i < n; i++) {
    bench.write(R.PREC_PAL_INDEX, first + i);
    bench.write(R.PREC_PAL_DATA, entry(i));
  }
  bench.write(R.PREC_PAL_INDEX, 0);
}

const grey10 = (v: number): number => (v << 20) | (v << 10) | v;

describe('colour space conversion', () => {
  test('coefficients as i915 codes them', () => {
    const codes = [0x7800, 0x0800, 0x1800, 0x2800, 0x3800, 0x6800, 0xf800, 0x0dc0];
    expect(codes.map(cscCoefficient)).toEqual([1, 0.5, 0.25, 0.125, 0.0625, 2, -1, 0.859375]);
  });

  test('it applies to planes that ask for it, once CSC_MODE armed it and vertical blank came', () => {
    const bench = lit();
    bench.words[PLANE >>> 2] = 0xff8040;
    csc(bench, SWAP);
    bench.clock.advance(20e6);
    expect(pixel(bench, 0)).toBe(0x4080ff);
    show(bench, CSC);
    expect(pixel(bench, 0)).toBe(0xff8040);
    bench.write(R.PIPE_CSC, 0);
    bench.clock.advance(40e6);
    expect(pixel(bench, 0)).toBe(0xff8040);
    bench.write(R.PIPE_CSC_MODE, 0);
    expect(pixel(bench, 0)).toBe(0xff8040);
    bench.write(R.PIPE_CSC + 4, 0);
    bench.clock.advance(20e6);
    expect(pixel(bench, 0)).toBe(0xff8000);
  });

  test('its place among the palettes: before, after, and between in split mode', () => {
    const bench = lit(GAMMA | CSC);
    bench.words[PLANE >>> 2] = 0x808080;
    const half = [HALF, 0, 0, 0, HALF, 0, 0, 0, HALF];
    // The palette doubles up to full scale, so that order matters.
    for (let i = 0; i < 256; i++)
      bench.write(R.LGC_PALETTE + i * 4, Math.min(2 * i, 255) * 0x10101);
    csc(bench, half, 0, 0);
    bench.clock.advance(20e6);
    expect(pixel(bench, 0)).toBe(0x7f7f7f);
    csc(bench, half, 0, 2);
    bench.clock.advance(20e6);
    expect(pixel(bench, 0)).toBe(0x808080);
    bench.write(R.GAMMA_MODE, 3);
    precise(bench, 0, (i) => grey10(Math.min(4 * i, 1023)), 512);
    precise(bench, 512, (i) => grey10(1023 - 2 * i), 512);
    bench.clock.advance(20e6);
    expect(pixel(bench, 0)).toBe(0x808080);
  });

  test('limited range: wires carry 16 to 235, and a sink that is told shows every level as drawn', () => {
    const bench = lit();
    for (let i = 0; i < 256; i++) bench.words[(PLANE >>> 2) + i] = i * 0x10101;
    csc(bench, [0x0dc0, 0, 0, 0, 0x0dc0, 0, 0, 0, 0x0dc0], 257, 0);
    show(bench, CSC);
    expect([pixel(bench, 0), pixel(bench, 255)]).toEqual([0x101010, 0xececec]);
    // AVI infoframe, RGB, limited.
    bench.write(0x60000 + R.VIDEO_DIP_AVI, 0x000d0282);
    bench.write(0x60000 + R.VIDEO_DIP_AVI + 4, 4 << 24);
    bench.write(0x60000 + R.VIDEO_DIP_CTL, 0x1000);
    bench.display.scanOut(0, picture);
    for (let i = 0; i < 256; i++) expect((picture[i] as number) & 0xffffff).toBe(i * 0x10101);
    // Without a word on the range, the mode's number decides.
    bench.write(0x60000 + R.VIDEO_DIP_AVI + 4, 0);
    expect(pixel(bench, 255)).toBe(0xececec);
    bench.write(0x60000 + R.VIDEO_DIP_AVI + 8, 16);
    expect(pixel(bench, 255)).toBe(0xffffff);
  });

  test('YCbCr goes out as i915 makes it and comes back as RGB', () => {
    const bench = lit();
    const colours = [0xff0000, 0x00ff00, 0x0000ff, 0xffffff, 0, 0x336699];
    colours.forEach((colour, i) => {
      bench.words[(PLANE >>> 2) + i] = colour;
    });
    const matrix = [0x1e08, 0x9cc0, 0xb528, 0x2ba8, 0x09d8, 0x37e8, 0xbce8, 0x9ad8, 0x1e08];
    csc(bench, matrix, 0x800, 0);
    bench.write(R.PIPE_CSC + 0x34, 0x100);
    bench.write(R.PIPE_CSC_MODE, 0);
    show(bench, CSC);
    bench.write(0x60000 + R.VIDEO_DIP_AVI + 4, 2 << 13);
    bench.write(0x60000 + R.VIDEO_DIP_CTL, 0x1000);
    bench.display.scanOut(0, picture);
    colours.forEach((colour, i) => {
      const p = picture[i] as number;
      expect(Math.abs((p & 255) - (colour >>> 16))).toBeLessThanOrEqual(3);
      expect(Math.abs(((p >>> 8) & 255) - ((colour >>> 8) & 255))).toBeLessThanOrEqual(3);
      expect(Math.abs(((p >>> 16) & 255) - (colour & 255))).toBeLessThanOrEqual(3);
    });
  });
});

describe('palettes', () => {
  test('12 bits: 512 points of 16 bits with lines between them, and a last one of its own', () => {
    const bench = lit(GAMMA, 10);
    bench.write(R.GAMMA_MODE, 2);
    // Point i is i * 64 + 32 in the first half, then constant; the low dword has six bits.
    const at = (i: number): number => (i < 256 ? i * 64 + 32 : 0x8000);
    precise(
      bench,
      0,
      (k) => grey10((k & 1) !== 0 ? at(k >>> 1) >>> 6 : (at(k >>> 1) & 63) << 4),
      1024,
    );
    for (let i = 0; i < 3; i++) bench.write(R.PREC_PAL_GC_MAX + i * 4, 0x10000);
    bench.words[PLANE >>> 2] = grey10(101);
    bench.words[(PLANE >>> 2) + 1] = grey10(800);
    bench.words[(PLANE >>> 2) + 2] = grey10(1023);
    bench.clock.advance(20e6);
    const shown = (x: number): number => pixel(bench, x) & 255;
    // 101 of 1023 lies in the middle between points 50 and 51.
    expect(shown(0)).toBe((50 * 64 + 64) >>> 8);
    expect(shown(1)).toBe(0x80);
    expect(shown(2)).toBe(0xef);
  });

  test('10 bits in, 10 bits looked up', () => {
    const bench = lit(GAMMA, 10);
    bench.write(R.GAMMA_MODE, 1);
    precise(bench, 0, (i) => grey10(i & 1 ? 1023 : 0), 1024);
    bench.words[PLANE >>> 2] = grey10(500);
    bench.words[(PLANE >>> 2) + 1] = grey10(501);
    bench.clock.advance(20e6);
    expect([pixel(bench, 0), pixel(bench, 1)]).toEqual([0, 0xffffff]);
  });

  test('the fast way and the slow one agree in every mode, with and without CSC', () => {
    const words = fc.array(fc.integer({ min: 0, max: 0xffffff }), { minLength: 16, maxLength: 16 });
    const any = fc.array(fc.nat(0xffff), { minLength: 9, maxLength: 9 });
    const alone = any.map((m) => m.map((c, i) => (i % 4 === 0 ? c : 0)));
    const uses = fc.constantFrom(GAMMA, CSC, GAMMA | CSC);
    const bench = lit();
    bench.write(0x60000 + R.PIPESRC, (63 << 16) | 3);
    const small = new Uint32Array(64 * 4);
    const sample = (): number[] => {
      bench.clock.advance(20e6);
      bench.display.scanOut(0, small);
      return [...small.subarray(0, 16)];
    };
    const matrices = fc.oneof(any, alone);
    fc.assert(
      fc.property(
        words,
        matrices,
        fc.nat(3),
        uses,
        fc.boolean(),
        fc.nat(),
        (w, m, mode, use, b, s) => {
          bench.words.set(w, PLANE >>> 2);
          for (let i = 0; i < 256; i++)
            bench.write(R.LGC_PALETTE + i * 4, Math.imul(i + s, 0x9e3779b1));
          precise(bench, 0, (i) => Math.imul(i + s, 0x85ebca6b), 1024);
          bench.write(R.GAMMA_MODE, mode);
          csc(bench, m, 0, b ? 2 : 0);
          bench.write(R.SPRCTL, 0);
          bench.write(R.SPRSURF, SPRITE);
          show(bench, use);
          const fast = sample();
          // A sprite of 16-bit floats elsewhere has the whole picture made the slow way.
          bench.write(R.SPRPOS, (2 << 16) | 40);
          bench.write(R.SPRSIZE, 0);
          bench.write(R.SPRCTL, 0x80002000 | (3 << 25));
          bench.write(R.SPRSURF, SPRITE);
          expect(sample()).toEqual(fast);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('planes of their own kind', () => {
  test('each pixel gets what its own plane asks for', () => {
    const bench = lit(GAMMA);
    for (let i = 0; i < 256; i++) bench.write(R.LGC_PALETTE + i * 4, (255 - i) * 0x10101);
    bench.words.fill(0x202020, PLANE >>> 2, (PLANE >>> 2) + W);
    bench.words[SPRITE >>> 2] = 0x202020;
    bench.write(R.SPRPOS, 5);
    bench.write(R.SPRSIZE, 0);
    bench.write(R.SPRCTL, 0x80002000 | (2 << 25));
    bench.write(R.SPRSURF, SPRITE);
    bench.clock.advance(20e6);
    expect([pixel(bench, 4), pixel(bench, 5)]).toEqual([0xdfdfdf, 0x202020]);
  });

  test('half floats', () => {
    expect([0, 0x3c00, 0x3800, 0xbc00, 0x4000].map(halfToColour)).toEqual([
      0,
      FULL,
      Math.round(FULL / 2),
      0,
      2 * FULL,
    ]);
    fc.assert(
      fc.property(fc.nat(0xffff), (half) => {
        const colour = halfToColour(half);
        expect(colour >= 0 && colour <= 8 * FULL && Number.isInteger(colour)).toBe(true);
      }),
    );
  });

  test('a sprite of half floats is a quarter as bright until its own gamma makes up for it', () => {
    const bench = lit();
    bench.words[SPRITE >>> 2] = 0x38003c00;
    bench.words[(SPRITE >>> 2) + 1] = 0;
    bench.write(R.SPRPOS, 0);
    bench.write(R.SPRSIZE, 0);
    const control = 0x80000000 | (3 << 25) | 0x100000;
    bench.write(R.SPRCTL, control | 0x2000);
    bench.write(R.SPRSURF, SPRITE);
    bench.clock.advance(20e6);
    expect(pixel(bench, 0)).toBe(0x00203f);
    for (let i = 0; i < 16; i++) bench.write(R.SPRGAMC + i * 4, grey10(Math.min(i * 256, 1023)));
    for (let i = 0; i < 3; i++) bench.write(R.SPRGAMC16 + i * 4, 1024);
    for (let i = 0; i < 3; i++) bench.write(R.SPRGAMC17 + i * 4, 3072);
    bench.write(R.SPRCTL, control);
    bench.write(R.SPRSURF, SPRITE);
    bench.clock.advance(20e6);
    expect(pixel(bench, 0)).toBe(0x0080ff);
  });

  test('a source key hides colours in its range, in the channels that it compares', () => {
    const bench = lit();
    [0x102030, 0x112030, 0x10ff30].forEach((colour, i) => {
      bench.words[(SPRITE >>> 2) + i] = colour;
    });
    bench.write(R.SPRSIZE, 2);
    bench.write(R.SPRKEYVAL, 0x102030);
    bench.write(R.SPRKEYMAX, 0x102030);
    const shown = (mask: number): number[] => {
      bench.write(R.SPRKEYMSK, mask);
      bench.write(R.SPRCTL, 0x80402000 | (2 << 25));
      bench.write(R.SPRSURF, SPRITE);
      bench.clock.advance(20e6);
      return [0, 1, 2].map((x) => (pixel(bench, x) === 0 ? 0 : 1));
    };
    expect(shown(0)).toEqual([1, 1, 1]);
    expect(shown(0x7000000)).toEqual([0, 1, 1]);
    expect(shown(0x5000000)).toEqual([0, 1, 0]);
    expect(shown(0x3000000)).toEqual([0, 0, 1]);
  });

  test('cursors of two, three and four colours, and with AND and XOR', () => {
    const bench = lit();
    bench.words.fill(0xff8040, PLANE >>> 2, (PLANE >>> 2) + W);
    [0x111111, 0x222222, 0x333333, 0x444444].forEach((c, i) => {
      bench.write(R.CURPALET + i * 4, c);
    });
    // AND 0011, XOR 0101 for the first four pixels.
    bench.bytes[CURSOR] = 0x30;
    bench.bytes[CURSOR + 8] = 0x50;
    const shown = (mode: number): number[] => {
      bench.write(R.CURCNTR, mode);
      bench.write(R.CURBASE, CURSOR);
      bench.clock.advance(20e6);
      return [0, 1, 2, 3].map((x) => pixel(bench, x));
    };
    const under = 0x4080ff;
    expect(shown(5)).toEqual([0x111111, 0x222222, under, 0xbf7f00]);
    expect(shown(4)).toEqual([0x111111, 0x222222, under, 0x444444]);
    expect(shown(6)).toEqual([0x111111, 0x222222, 0x333333, 0x444444]);
    bench.words[CURSOR >>> 2] = 0xff0000ff | 0;
    bench.words[(CURSOR >>> 2) + 1] = 0x000000ff;
    expect(shown(0x24).slice(0, 2)).toEqual([0xbf80ff, 0xff0000]);
    expect(shown(0).slice(0, 2)).toEqual([under, under]);
  });
});
