import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as R from '../display.regs.ts';
import { DisplayBench } from '../testing.ts';
import { pictureCrc } from './crc.ts';
import { packedYuv, yuvToRgb } from './yuv.ts';

const W = 1024;
const H = 768;
const picture = new Uint32Array(W * H);

/** A lit pipe A with a surface at 1 MiB; `at` finds a byte of an X-tiled or linear surface. */
function lit(tiled: boolean, format = 6, bytes = 4): { bench: DisplayBench; stride: number } {
  const bench = new DisplayBench();
  bench.light('1024x768', 0x100000);
  const stride = 4096;
  bench.write(R.DSPSTRIDE, stride);
  bench.write(R.DSPCNTR, 0x80000000 | (format << 26) | (tiled ? R.PLANE_TILED : 0));
  bench.write(R.DSPSURF, 0x100000);
  bench.clock.advance(40e6);
  expect(bytes * W).toBeLessThanOrEqual(stride);
  return { bench, stride };
}

/** Byte address of a pixel by the PRM's words: an X tile is 8 rows of 512 bytes. */
function address(stride: number, tiled: boolean, x: number, y: number, swizzled = false): number {
  if (!tiled) return 0x100000 + y * stride + x;
  const tile = Math.floor(y / 8) * (stride / 512) + Math.floor(x / 512);
  const at = 0x100000 + tile * 4096 + (y % 8) * 512 + (x % 512);
  const flip = swizzled && ((at >> 9) & 1) !== ((at >> 10) & 1);
  return flip ? at ^ 64 : at;
}

const place = fc.record({ x: fc.nat(W - 1), y: fc.nat(H - 1), color: fc.nat(0xffffff) });

describe('primary plane', () => {
  test('pixels of XRGB8888 come out where and as they are, linear, tiled and swizzled', () => {
    for (const [tiled, swizzled] of [
      [false, false],
      [true, false],
      [true, true],
    ] as const) {
      const { bench, stride } = lit(tiled);
      if (swizzled) bench.write(R.DISP_ARB_CTL, R.DISP_TILE_SURFACE_SWIZZLING);
      fc.assert(
        fc.property(place, ({ x, y, color }) => {
          bench.words[address(stride, tiled, x * 4, y, swizzled) >>> 2] = color;
          expect(bench.display.scanOut(0, picture)).toBe(true);
          const red = color >>> 16;
          const blue = color & 255;
          const want = (0xff000000 | (blue << 16) | (color & 0xff00) | red) >>> 0;
          expect(picture[y * W + x]).toBe(want);
        }),
        { numRuns: 8 },
      );
    }
  });

  test('panning: the pixel at DSPOFFSET is at the top left', () => {
    const { bench, stride } = lit(true);
    bench.words[address(stride, true, 700 * 4, 333) >>> 2] = 0x123456;
    bench.write(R.DSPOFFSET, (333 << 16) | 700);
    bench.write(R.DSPSURF, 0x100000);
    bench.clock.advance(20e6);
    bench.display.scanOut(0, picture);
    expect(picture[0]).toBe(0xff563412);
  });

  test('formats: the same colour from each', () => {
    // DSPCNTR code, bytes a pixel, pixel value of a colour whose top five bits are 10000 11000 01000.
    const cases = [
      [5, 2, (16 << 11) | (48 << 5) | 8],
      [6, 4, 0x84c642 - 0],
      [14, 4, 0x42c684],
      [10, 4, (0x84 << 22) | (0xc6 << 12) | (0x42 << 2)],
      [8, 4, (0x42 << 22) | (0xc6 << 12) | (0x84 << 2)],
    ] as const;
    for (const [format, bytes, value] of cases) {
      const { bench } = lit(false, format, bytes);
      const at = 0x100000 + 5 * bytes;
      for (let i = 0; i < bytes; i++) bench.bytes[at + i] = value >>> (i * 8);
      bench.display.scanOut(0, picture);
      const p = picture[5] as number;
      expect(p & 0xf8f8f8, `format ${format}`).toBe(0x40c080);
    }
  });

  test('C8 goes through the palette', () => {
    const { bench } = lit(false, 2, 1);
    bench.bytes[0x100000 + 9] = 77;
    bench.write(R.LGC_PALETTE + 77 * 4, 0xa1b2c3);
    bench.display.scanOut(0, picture);
    expect(picture[9]).toBe(0xffc3b2a1);
  });

  test('gamma applies when the plane asks for it', () => {
    const { bench } = lit(false);
    bench.words[0x100000 >>> 2] = 0x102030;
    for (let i = 0; i < 256; i++) bench.write(R.LGC_PALETTE + i * 4, (255 - i) * 0x10101);
    bench.display.scanOut(0, picture);
    expect(picture[0]).toBe(0xff302010);
    bench.write(R.DSPCNTR, bench.read(R.DSPCNTR) | R.PLANE_GAMMA);
    bench.write(R.DSPSURF, 0x100000);
    bench.clock.advance(20e6);
    bench.display.scanOut(0, picture);
    expect(picture[0]).toBe(0xffcfdfef);
  });

  test('the precision palette through its index register', () => {
    const { bench } = lit(false);
    bench.write(R.GAMMA_MODE, 1);
    for (let i = 0; i < 1024; i++) {
      bench.write(R.PREC_PAL_INDEX, i);
      bench.write(R.PREC_PAL_DATA, (i << 20) | (i << 10) | (1023 - i));
    }
    bench.words[0x100000 >>> 2] = 0x4060ff;
    bench.write(R.DSPCNTR, bench.read(R.DSPCNTR) | R.PLANE_GAMMA);
    bench.write(R.DSPSURF, 0x100000);
    bench.clock.advance(20e6);
    bench.display.scanOut(0, picture);
    expect(picture[0]).toBe(0xff006040);
  });

  test('rotation by 180 degrees', () => {
    const { bench } = lit(false);
    bench.words[0x100000 >>> 2] = 0xabcdef;
    bench.write(R.DSPCNTR, bench.read(R.DSPCNTR) | R.PLANE_ROTATE_180);
    bench.write(R.DSPSURF, 0x100000);
    bench.clock.advance(20e6);
    bench.display.scanOut(0, picture);
    expect(picture[W * H - 1]).toBe(0xffefcdab);
  });

  test('a plane that is off, and memory that is not mapped, are black', () => {
    const { bench } = lit(false);
    bench.words.fill(-1);
    bench.write(R.DSPSURF, 0x60000000);
    bench.clock.advance(20e6);
    bench.display.scanOut(0, picture);
    expect(picture[1234]).toBe(0xff000000);
    bench.write(R.DSPCNTR, 0);
    bench.write(R.DSPSURF, 0x100000);
    bench.clock.advance(20e6);
    bench.display.scanOut(0, picture);
    expect(picture[1234]).toBe(0xff000000);
  });
});

describe('cursor', () => {
  test('it blends over the picture and is cut at the edges', () => {
    const { bench } = lit(false);
    bench.words.fill(0x808080, 0x100000 >>> 2, (0x100000 >>> 2) + W * H);
    const cursor = 0x600000 >>> 2;
    bench.words.fill(0x80400000 | 0, cursor, cursor + 64 * 64);
    bench.words[cursor] = 0xff00ff00 | 0;
    bench.write(R.CURCNTR, 0x27);
    bench.write(R.CURPOS, (10 << 16) | 1000);
    bench.write(R.CURBASE, 0x600000);
    bench.clock.advance(20e6);
    bench.display.scanOut(0, picture);
    expect(picture[10 * W + 1000]).toBe(0xff00ff00);
    expect(picture[10 * W + 1001]).toBe(0xff404080);
    expect(picture[74 * W + 1001]).toBe(0xff808080);
    expect(picture[11 * W + 0]).toBe(0xff808080);
    bench.write(R.CURPOS, 0x80008000 | (5 << 16) | 3);
    bench.write(R.CURBASE, 0x600000);
    bench.clock.advance(20e6);
    bench.display.scanOut(0, picture);
    expect(picture[0]).toBe(0xff404080);
    expect(picture[58 * W + 60]).toBe(0xff404080);
    expect(picture[59 * W + 60]).toBe(0xff808080);
  });
});

describe('sprite', () => {
  test('RGB at a place, never scaled, with a destination key', () => {
    const { bench } = lit(false);
    const at = 0x600000 >>> 2;
    bench.words[at] = 0x112233;
    bench.words[at + 1] = 0x445566;
    bench.write(R.SPRSTRIDE, 64);
    bench.write(R.SPRPOS, (20 << 16) | 30);
    bench.write(R.SPRSIZE, (0 << 16) | 3);
    bench.write(0x70304, 0x80000000 | (1 << 16) | 0);
    bench.write(R.SPRCTL, 0x80000000 | (2 << 25));
    bench.write(R.SPRSURF, 0x600000);
    bench.clock.advance(20e6);
    bench.display.scanOut(0, picture);
    const row = 20 * W + 30;
    expect([...picture.subarray(row - 1, row + 5)]).toEqual(
      [0, 0x332211, 0x665544, 0, 0, 0].map((p) => (p | 0xff000000) >>> 0),
    );
    bench.words[0x100000 / 4 + row + 1] = 0xff00ff;
    bench.write(R.SPRKEYVAL, 0xff00ff);
    bench.write(R.SPRKEYMSK, 0xffffff);
    bench.write(R.SPRCTL, 0x80000000 | (2 << 25) | 4);
    bench.write(R.SPRSURF, 0x600000);
    bench.clock.advance(20e6);
    bench.display.scanOut(0, picture);
    expect(picture[row]).toBe(0xff000000);
    expect(picture[row + 1]).toBe(0xff665544);
  });

  test('[O8] YUV agrees with the textbook within two levels, in every byte order', () => {
    const byte = fc.nat(255);
    fc.assert(
      fc.property(byte, byte, byte, fc.nat(3), fc.boolean(), (y, u, v, order, bt709) => {
        const place = [
          [y, u, y, v],
          [u, y, v, y],
          [y, v, y, u],
          [v, y, u, y],
        ][order] as number[];
        const word = place.reduce((sum, b, i) => sum | (b << (i * 8)), 0);
        const p = yuvToRgb(packedYuv(word, false, order), bt709 ? 0x40000 : 0);
        const [kr, kb] = bt709 ? [0.2126, 0.0722] : [0.299, 0.114];
        const l = ((y - 16) / 219) * 255;
        const pr = ((v - 128) / 224) * 255;
        const pb = ((u - 128) / 224) * 255;
        const r = l + 2 * (1 - kr) * pr;
        const b = l + 2 * (1 - kb) * pb;
        const g = (l - kr * r - kb * b) / (1 - kr - kb);
        const near = (got: number, want: number): void =>
          expect(Math.abs(got - Math.max(0, Math.min(255, want)))).toBeLessThanOrEqual(2);
        near(p & 255, r);
        near((p >>> 8) & 255, g);
        near((p >>> 16) & 255, b);
      }),
    );
  });
});

describe('panel fitter', () => {
  test('the source is scaled into the window and black around it', () => {
    const { bench } = lit(false);
    bench.words.fill(0x0000ff, 0x100000 >>> 2, (0x100000 >>> 2) + W * H);
    bench.words[0x100000 >>> 2] = 0xff0000;
    bench.write(0x60000 + R.PIPESRC, (511 << 16) | 383);
    bench.write(R.PF_WIN_POS, (100 << 16) | 50);
    bench.write(R.PF_CTL, 0x80800000);
    bench.write(R.PF_WIN_SZ, (800 << 16) | 600);
    bench.clock.advance(20e6);
    expect(bench.display.scanOut(0, picture)).toBe(true);
    expect([bench.display.scanWidth, bench.display.scanHeight]).toEqual([W, H]);
    expect(picture[50 * W + 99]).toBe(0xff000000);
    expect(picture[50 * W + 100]).toBe(0xff0000ff);
    expect(picture[51 * W + 102]).toBe(0xffff0000);
    expect(picture[649 * W + 899]).toBe(0xffff0000);
    expect(picture[650 * W + 899]).toBe(0xff000000);
  });

  test('source and window change together at vertical blank, and any fitter serves any pipe', () => {
    const { bench } = lit(false);
    const size = (): number[] => {
      bench.display.scanOut(0, picture);
      return [bench.display.scanWidth, bench.display.scanHeight];
    };
    bench.write(0x60000 + R.PIPESRC, (799 << 16) | 599);
    expect(size()).toEqual([W, H]);
    bench.clock.advance(20e6);
    expect(size()).toEqual([800, 600]);
    // Fitter C for pipe A.
    bench.words.fill(0x0000ff, 0x100000 >>> 2, (0x100000 >>> 2) + W * H);
    bench.write(R.PF_WIN_POS + 2 * R.PF_STRIDE, 0);
    bench.write(R.PF_CTL + 2 * R.PF_STRIDE, 0x80000000);
    bench.clock.advance(20e6);
    expect(size()).toEqual([800, 600]);
    bench.write(R.PF_WIN_SZ + 2 * R.PF_STRIDE, (W << 16) | H);
    bench.clock.advance(20e6);
    expect(size()).toEqual([W, H]);
    expect(picture[W * H - 1]).toBe(0xffff0000);
  });

  test('a buffer that is too small is left alone, but the size is told', () => {
    const { bench } = lit(false);
    expect(bench.display.scanOut(0, new Uint32Array(10))).toBe(false);
    expect(bench.display.scanWidth).toBe(W);
  });
});

describe('pipe CRC', () => {
  test('pictures that differ in a pixel, in two, in order or in size have different ones', () => {
    const noise = Uint32Array.from({ length: 1027 }, (_, i) => Math.imul(i + 1, 0x9e3779b1));
    const crc = pictureCrc(noise, noise.length);
    const seen = new Set([crc, pictureCrc(noise, 1026), pictureCrc(noise, 1024)]);
    const changed = (at: readonly number[], bit: number): void => {
      const picture = noise.slice();
      for (const i of at) picture[i] = (picture[i] as number) ^ (1 << bit);
      seen.add(pictureCrc(picture, picture.length));
    };
    const flips: [readonly number[], number][] = [];
    for (const at of [0, 1, 2, 3, 512, 1022, 1024, 1026]) {
      for (let bit = 0; bit < 32; bit++) flips.push([[at], bit], [[at, (at + 8) % 1024], bit]);
    }
    for (const [at, bit] of flips) changed(at, bit);
    seen.add(pictureCrc(noise.slice().reverse(), noise.length));
    expect(seen.size).toBe(flips.length + 4);
    expect(pictureCrc(noise.slice(), noise.length)).toBe(crc);
  });

  test('each frame has one while it is on; equal pictures have equal ones', () => {
    const { bench } = lit(false);
    bench.openInterrupts();
    bench.take(0x44000);
    bench.write(0x60000 + R.PIPE_CRC_CTL, 0x80000000);
    const next = (): number => {
      bench.clock.advance(17e6);
      expect(bench.take(0x44000) & 0x40000000).not.toBe(0);
      expect(bench.read(R.GEN7_ERR_INT)).toBe(4);
      bench.write(R.GEN7_ERR_INT, 4);
      return bench.read(0x60000 + R.PIPE_CRC_RES_1);
    };
    const first = next();
    expect(next()).toBe(first);
    bench.words[0x100000 / 4 + 500_000] = 1;
    expect(next()).not.toBe(first);
    bench.write(0x60000 + R.PIPE_CRC_CTL, 0);
    bench.clock.advance(40e6);
    expect(bench.read(R.GEN7_ERR_INT)).toBe(0);
  });

  test('a driver that does not look costs one picture, however long; one that reads gets the next', () => {
    const { bench } = lit(false);
    bench.openInterrupts();
    const result = 0x60000 + R.PIPE_CRC_RES_1;
    const change = (): void => {
      bench.words[0x100000 / 4 + 500_000] = (bench.words[0x100000 / 4 + 500_000] as number) ^ 1;
    };
    bench.write(0x60000 + R.PIPE_CRC_CTL, 0x80000000);
    bench.clock.advance(17e6);
    const first = bench.regs.peek(result);
    change();
    bench.clock.advance(60e9);
    expect(bench.regs.peek(result)).toBe(first);
    expect(bench.read(result)).toBe(first);
    bench.clock.advance(17e6);
    const second = bench.regs.peek(result);
    expect(second).not.toBe(first);
    change();
    bench.write(R.GEN7_ERR_INT, 4);
    bench.clock.advance(17e6);
    expect(bench.regs.peek(result)).toBe(first);
  });
});
