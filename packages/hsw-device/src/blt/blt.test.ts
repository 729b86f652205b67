import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BltBench, header, type Layout, xy } from '../testing/blt-bench.ts';

// Hundreds of blits by a slow model: seconds where the machine is busy.

interface Target {
  readonly tiling: 'linear' | 'x' | 'y';
  readonly base: number;
  readonly pitch: number;
}

/** A surface in one of four 256 KiB quarters of graphics memory. */
const surfaces = (quarter: number): fc.Arbitrary<Target> =>
  fc.oneof(
    fc.record({
      tiling: fc.constant('linear' as const),
      base: fc.integer({ min: 0, max: 63 }).map((n) => quarter * 0x40000 + 0x10000 + n * 4),
      pitch: fc.oneof(
        fc.integer({ min: 40, max: 400 }).map((n) => n * 4),
        fc.integer({ min: 40, max: 400 }).map((n) => n * -4),
        fc.constant(256),
      ),
    }),
    fc.record({
      tiling: fc.constantFrom('x' as const),
      base: fc.constant(quarter * 0x40000 + 0x4000),
      pitch: fc.constantFrom(512, 1024, 1536),
    }),
    fc.record({
      tiling: fc.constantFrom('y' as const),
      base: fc.constant(quarter * 0x40000 + 0x4000),
      pitch: fc.constantFrom(128, 256, 640, 1024),
    }),
  );

const rops = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(0xcc, 0xf0, 0x00, 0xff, 0x0f, 0x33, 0x55, 0xaa) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 255 }) },
);
const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });

const commons = fc.record({
  layout: fc.constantFrom<Layout>('straight', 'torn', 'holes'),
  seed: word,
  depth: fc.constantFrom(0, 1, 2, 3, 3),
  rop: rops,
  /** BR00 21:20, most often both. */
  enables: fc.constantFrom(3, 3, 3, 1, 2, 0),
  x: fc.integer({ min: -3, max: 70 }),
  y: fc.integer({ min: -3, max: 45 }),
  w: fc.oneof(
    fc.integer({ min: -1, max: 90 }),
    fc.integer({ min: 1, max: 16 }).map((n) => n * 8),
  ),
  h: fc.integer({ min: -1, max: 40 }),
  sx: fc.integer({ min: -3, max: 70 }),
  sy: fc.integer({ min: -3, max: 45 }),
  clip: fc.option(fc.tuple(word, word), { freq: 3 }),
  dst: surfaces(0),
  other: surfaces(1),
  sameSurface: fc.boolean(),
  seeds: fc.integer({ min: 0, max: 63 }),
  bitPosition: fc.integer({ min: 0, max: 7 }),
  packed: fc.integer({ min: 0, max: 1 }),
  flags: fc.integer({ min: 0, max: 7 }),
  key: fc.integer({ min: 0, max: 7 }),
  colors: fc.array(word, { minLength: 8, maxLength: 8 }),
  budget: fc.constantFrom(1e9, 1, 700),
});
type Common = typeof commons extends fc.Arbitrary<infer T> ? T : never;

const pitchField = (t: Target): number => (t.tiling === 'linear' ? t.pitch : t.pitch / 4) & 0xffff;

class Builder {
  readonly c: Common;
  readonly src: Target;
  readonly swctrl: number;
  constructor(c: Common) {
    this.c = c;
    // Within one surface, rows must stay on their own lines: where they run into the next ones, an
    // overlap is in nobody's order.
    const cpp = [1, 2, 2, 4][c.depth] as number;
    const within =
      Math.min(c.x, c.sx) >= 0 && (Math.max(c.x, c.sx) + c.w) * cpp <= Math.abs(c.dst.pitch);
    this.src = c.sameSurface && within ? c.dst : c.other;
    this.swctrl = (this.src.tiling === 'y' ? 1 : 0) | (c.dst.tiling === 'y' ? 2 : 0);
  }
  color(i: number): number {
    return this.c.colors[i & 7] as number;
  }
  /** BR00 bits that every XY form shares. */
  get bits(): number {
    const { c } = this;
    const tiled = c.dst.tiling !== 'linear' ? 1 << 11 : 0;
    return (c.enables << 20) | tiled;
  }
  get seeds(): number {
    return ((this.c.seeds >> 3) << 12) | ((this.c.seeds & 7) << 8);
  }
  /** BR13: clip, transparency, depth, operation, pitch. */
  br13(flags = 0): number {
    const { c } = this;
    const clip = c.clip === null ? 0 : 1 << 30;
    return clip | flags | (c.depth << 24) | (c.rop << 16) | pitchField(c.dst);
  }
  get rect(): [number, number] {
    const { c } = this;
    return [xy(c.x, c.y), xy(c.x + c.w, c.y + c.h)];
  }
  get srcTiled(): number {
    return this.src.tiling !== 'linear' ? 1 << 15 : 0;
  }
  get colorSource(): number[] {
    return [xy(this.c.sx, this.c.sy), pitchField(this.src), this.src.base];
  }
  command(op: number, bits: number, flags: number, rest: readonly number[]): number[] {
    const dw = [0, this.br13(flags), ...this.rect, this.c.dst.base, ...rest];
    dw[0] = header(op, dw.length, this.bits | bits);
    return dw;
  }
  /** The clip rectangle that the drawing command uses: near the drawn one. */
  get clipCommand(): number[] {
    const [a, b] = this.c.clip ?? [0, 0];
    const near = (v: number, n: number): number => ((v >>> 8) % n) - 2;
    const left = this.c.x + near(a, 30);
    const top = this.c.y + near(a >> 5, 20);
    return [header(0x03, 3), xy(left, top), xy(left + near(b, 60), top + near(b >> 5, 40))];
  }
}

/** Bits 5:0 are not part of a pattern's address. */
const PATTERN_AT = 0x80000 + 0x1015;
const BITS_AT = 0x80000 + 0x3003;

/** Every drawing command, built from the same draws. */
const COMMANDS: Record<string, (b: Builder) => number[]> = {
  XY_COLOR_BLT: (b) => b.command(0x50, 0, 0, [b.color(0)]),
  XY_SRC_COPY_BLT: (b) => b.command(0x53, b.srcTiled, 0, b.colorSource),
  XY_SRC_COPY_CHROMA_BLT: (b) =>
    b.command(0x73, b.srcTiled | (b.c.key << 17), 0, [...b.colorSource, ...key(b)]),
  XY_PAT_BLT: (b) => b.command(0x51, b.seeds, 0, [PATTERN_AT]),
  XY_PAT_CHROMA_BLT: (b) => b.command(0x76, b.seeds | (b.c.key << 17), 0, [PATTERN_AT, ...key(b)]),
  XY_PAT_BLT_IMMEDIATE: (b) => b.command(0x72, b.seeds, 0, immediate(b)),
  XY_PAT_CHROMA_BLT_IMMEDIATE: (b) =>
    b.command(0x77, b.seeds | (b.c.key << 17), 0, [...key(b), ...immediate(b)]),
  XY_MONO_PAT_BLT: (b) => b.command(0x52, b.seeds, flag(b, 1, 28), colors(b, 4)),
  XY_MONO_SRC_COPY_BLT: (b) =>
    b.command(0x54, b.c.bitPosition << 17, flag(b, 0, 29), [BITS_AT, ...colors(b, 2)]),
  XY_FULL_BLT: (b) => b.command(0x55, b.srcTiled | b.seeds, 0, [...b.colorSource, PATTERN_AT]),
  XY_FULL_IMMEDIATE_PATTERN_BLT: (b) =>
    b.command(0x74, b.srcTiled | b.seeds, 0, [...b.colorSource, ...immediate(b)]),
  XY_FULL_MONO_SRC_BLT: (b) =>
    b.command(0x56, b.seeds | (b.c.bitPosition << 17), flag(b, 0, 29), [
      BITS_AT,
      ...colors(b, 2),
      PATTERN_AT,
    ]),
  XY_FULL_MONO_SRC_IMMEDIATE_PATTERN_BLT: (b) =>
    b.command(0x75, b.seeds | (b.c.bitPosition << 17), flag(b, 0, 29), [
      BITS_AT,
      ...colors(b, 2),
      ...immediate(b),
    ]),
  XY_FULL_MONO_PATTERN_BLT: (b) =>
    b.command(0x57, b.srcTiled | b.seeds, flag(b, 1, 28) | flag(b, 2, 31), [
      ...b.colorSource,
      ...colors(b, 4),
    ]),
  XY_FULL_MONO_PATTERN_MONO_SRC_BLT: (b) =>
    b.command(0x58, b.seeds | (b.c.bitPosition << 17), flag(b, 0, 29) | flag(b, 1, 28), [
      BITS_AT,
      ...colors(b, 2),
      ...colors(b, 4),
    ]),
  XY_MONO_SRC_COPY_IMMEDIATE_BLT: (b) => {
    const c = { ...b.c, w: Math.min(b.c.w, 40), h: Math.min(b.c.h, 30) };
    const small = new Builder(c);
    return small.command(0x71, c.bitPosition << 17, flag(b, 0, 29), [
      ...colors(b, 2),
      ...Array.from({ length: 60 }, (_, i) => Math.imul(b.color(i), i + 3)),
    ]);
  },
};

function flag(b: Builder, bit: number, at: number): number {
  return (b.c.flags >> bit) & 1 ? 1 << at : 0;
}
function colors(b: Builder, n: number): number[] {
  return Array.from({ length: n }, (_, i) => b.color(i));
}
function key(b: Builder): number[] {
  // Wide ranges, so that both outcomes are common.
  return [b.color(0) & 0x3f3f3f3f, b.color(1) | 0xe0e0e0e0 | 0];
}
function immediate(b: Builder): number[] {
  const n = [16, 32, 32, 64][b.c.depth] as number;
  return Array.from({ length: n }, (_, i) => Math.imul(b.color(i), i + 1));
}

const names = fc.constantFrom(...Object.keys(COMMANDS));
const RUNS = 30;

describe('against the slow model', () => {
  for (const [name, build] of Object.entries(COMMANDS)) {
    test(name, () => {
      fc.assert(
        fc.property(commons, fc.option(fc.tuple(names, commons)), (c, before) => {
          const b = new Builder(c);
          const bench = new BltBench(c.layout, c.seed);
          // What an earlier command left behind in the engine must not show.
          if (before !== null) {
            const first = new Builder(before[1]);
            bench.run((COMMANDS[before[0]] as (b: Builder) => number[])(first), first.swctrl);
          }
          bench.run(b.clipCommand);
          expect(bench.run(build(b), b.swctrl, c.budget)).toBe(true);
          bench.check();
        }),
        { numRuns: RUNS },
      );
    });
  }

  const setups = {
    XY_SETUP_BLT: (b: Builder): number[] => {
      const dw = [0, b.br13(flag(b, 0, 29)), ...b.clipCommand.slice(1), b.c.dst.base];
      dw.push(b.color(0), b.color(1), PATTERN_AT);
      dw[0] = header(0x01, 8, b.bits);
      return dw;
    },
    XY_SETUP_MONO_PATTERN_SL_BLT: (b: Builder): number[] => {
      const flags = flag(b, 0, 29) | flag(b, 1, 28) | flag(b, 2, 31);
      const dw = [0, b.br13(flags), ...b.clipCommand.slice(1), b.c.dst.base, ...colors(b, 4)];
      dw[0] = header(0x11, 9, b.bits);
      return dw;
    },
  };
  const users: Record<string, (b: Builder) => number[]> = {
    XY_PIXEL_BLT: (b) => [header(0x24, 2, b.bits), b.rect[0]],
    XY_SCANLINES_BLT: (b) => [header(0x25, 3, b.bits | b.seeds), ...b.rect],
    XY_TEXT_BLT: (b) => [header(0x26, 4, b.bits | (b.c.packed << 16)), ...b.rect, BITS_AT],
    XY_TEXT_IMMEDIATE_BLT: (b) => {
      const { c } = b;
      const right = xy(c.x + Math.min(c.w, 40), c.y + Math.min(c.h, 30));
      const bits = Array.from({ length: 60 }, (_, i) => Math.imul(b.color(i), i + 3));
      return [header(0x31, 63, b.bits | (c.packed << 16)), b.rect[0], right, ...bits];
    },
  };
  for (const [name, build] of Object.entries(users)) {
    for (const [setupName, setup] of Object.entries(setups)) {
      // XY_SETUP_BLT's pattern is a colour one; text reads none.
      test(`${name} after ${setupName}`, () => {
        fc.assert(
          fc.property(commons, (c) => {
            const rop = name.includes('TEXT') ? c.rop & 0x0f : c.rop;
            const b = new Builder({ ...c, rop: rop | (name.includes('TEXT') ? rop << 4 : 0) });
            const bench = new BltBench(c.layout, c.seed);
            bench.run(setup(b));
            expect(bench.run(build(b), b.swctrl, c.budget)).toBe(true);
            bench.check();
          }),
          { numRuns: RUNS },
        );
      });
    }
  }

  test('COLOR_BLT', () => {
    fc.assert(
      fc.property(commons, (c) => {
        const bench = new BltBench(c.layout, c.seed);
        const pitch = c.dst.pitch & 0xffff;
        const size = ((c.h & 0x3f) << 16) | ((c.w & 0x7f) * 3);
        const br13 = (c.depth << 24) | (c.rop << 16) | pitch;
        const color = c.colors[0] as number;
        const dw = [header(0x40, 5, c.enables << 20), br13, size, c.dst.base, color];
        expect(bench.run(dw, 0, c.budget)).toBe(true);
        bench.check();
      }),
      { numRuns: RUNS },
    );
  });

  test('SRC_COPY_BLT, both directions', () => {
    fc.assert(
      fc.property(commons, fc.boolean(), (c, leftward) => {
        const bench = new BltBench(c.layout, c.seed);
        const size = ((c.h & 0x3f) << 16) | (((c.w & 0x7f) * 4) | 0);
        const br13 = (leftward ? 1 << 30 : 0) | (c.depth << 24) | (c.rop << 16);
        const end = leftward ? (size & 0xffff) - 1 : 0;
        const dw = [
          header(0x43, 6, c.enables << 20),
          br13 | (c.dst.pitch & 0xffff),
          size,
          c.dst.base + end,
          c.other.pitch & 0xffff,
          c.other.base + end,
        ];
        expect(bench.run(dw, 0, c.budget)).toBe(true);
        bench.check();
      }),
      { numRuns: RUNS },
    );
  });
});
