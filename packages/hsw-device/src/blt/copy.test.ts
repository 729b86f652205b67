import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pteAddress } from '../gtt/address-space.ts';
import { BltBench, header, type Layout, xy } from '../testing/blt-bench.ts';

// Hundreds of blits by a slow model: seconds where the machine is busy.

type TilingName = 'linear' | 'x' | 'y';
const tilings = fc.constantFrom<TilingName>('linear', 'x', 'y');
const layouts = fc.constantFrom<Layout>('straight', 'torn', 'holes');
const budgets = fc.constantFrom(1e9, 1);

interface Place {
  readonly tiling: TilingName;
  readonly base: number;
  readonly pitch: number;
  readonly x: number;
  readonly y: number;
}

/** XY_SRC_COPY_BLT of w x h pixels of 32 bits, and the BCS_SWCTRL that it needs. */
function copy(to: Place, from: Place, w: number, h: number, rop = 0xcc): [number[], number] {
  const field = (p: Place): number => (p.tiling === 'linear' ? p.pitch : p.pitch / 4);
  const bits = (to.tiling === 'linear' ? 0 : 1 << 11) | (from.tiling === 'linear' ? 0 : 1 << 15);
  const swctrl = (from.tiling === 'y' ? 1 : 0) | (to.tiling === 'y' ? 2 : 0);
  const dw = [header(0x53, 8, (3 << 20) | bits), (3 << 24) | (rop << 16) | field(to)];
  dw.push(xy(to.x, to.y), xy(to.x + w, to.y + h), to.base);
  dw.push(xy(from.x, from.y), field(from), from.base);
  return [dw, swctrl];
}

describe('copies between surfaces', () => {
  /** Steps of 128 bytes, 16 bytes, 4 bytes: whole tiles, whole columns, neither. */
  const steps = fc.constantFrom(32, 4, 1);
  const point = fc.tuple(fc.nat(3), fc.nat(3));
  const widths = fc.tuple(fc.nat(5), fc.constantFrom(0, 0, 4, 5));
  const heights = fc.tuple(fc.nat(4), fc.constantFrom(0, 0, 3));
  const pitches = fc.constantFrom(0, 20, 128);

  const names = ['linear', 'x', 'y'] as const;
  const pairs = names.flatMap((to) => names.map((from) => [from, to] as const));

  test.each(pairs)('%s to %s, in every phase', (fromTiling, toTiling) => {
    fc.assert(
      fc.property(
        fc.record({ layout: layouts, step: steps, budget: budgets, samePhase: fc.boolean() }),
        fc.constantFrom(32, 8, 3),
        fc.tuple(point, point, widths, heights, pitches),
        (c, down, [[x, y], [sx, sy], [w, wRest], [h, hRest], slack]) => {
          const bench = new BltBench(c.layout, 7);
          const place = (tiling: TilingName, base: number, px: number, py: number): Place => {
            const pitch = tiling === 'linear' ? 2048 + slack : 1024;
            return { tiling, base, pitch, x: px * c.step, y: py * down };
          };
          const to = place(toTiling, 0, x, y);
          const from = place(fromTiling, 0x80000, c.samePhase ? x : sx, sy);
          const [dw, swctrl] = copy(to, from, w * 32 + wRest, h * 16 + hRest);
          expect(bench.run(dw, swctrl, c.budget)).toBe(true);
          bench.check();
        },
      ),
      { numRuns: 25 },
    );
  });

  test.each(['x', 'y'] as const)('%s tiles that begin on other rows', (tiling) => {
    for (const [y, sy] of [
      [0, 3],
      [5, 0],
      [7, 1],
      [33, 30],
    ] as const) {
      const bench = new BltBench('torn', 11);
      const to: Place = { tiling, base: 0, pitch: 1024, x: 0, y };
      const [dw, swctrl] = copy(to, { ...to, base: 0x80000, y: sy }, 200, 40);
      bench.run(dw, swctrl);
      bench.check();
    }
  });

  test('fills in every tiling and phase', () => {
    fc.assert(
      fc.property(
        fc.record({ layout: layouts, to: tilings, step: steps, budget: budgets }),
        fc.tuple(point, widths, heights, pitches),
        (c, [[x, y], [w, wRest], [h, hRest], slack]) => {
          const bench = new BltBench(c.layout, 7);
          const pitch = 1024 + (c.to === 'linear' ? slack : 0);
          const to = { tiling: c.to, base: 0, pitch, x: x * c.step, y: y * 8 };
          const [dw, swctrl] = copy(to, to, w * 32 + wRest, h * 16 + hRest, 0xf0);
          const fill = [
            header(0x50, 6, (dw[0] as number) & 0x300800),
            ...dw.slice(1, 5),
            0x1234567,
          ];
          expect(bench.run(fill, swctrl, c.budget)).toBe(true);
          bench.check();
        },
      ),
      { numRuns: 100 },
    );
  });

  test('a copy that begins where the last one ended looks its rows up again', () => {
    const bench = new BltBench('straight', 3);
    const to: Place = { tiling: 'y', base: 0, pitch: 1024, x: 0, y: 0 };
    const from: Place = { tiling: 'linear', base: 0x80000, pitch: 4096, x: 0, y: 0 };
    for (const y of [0, 32]) {
      const [dw, swctrl] = copy({ ...to, x: y, y }, { ...from, x: y, y }, 32, 32);
      bench.run(dw, swctrl);
      bench.check();
    }
  });

  test('pages that follow each other in two regions are not one run', () => {
    const bench = new BltBench('straight', 3);
    // Words 1024 on, but of the other region.
    bench.pte[1] = pteAddress(4608 + 1) | 1;
    const to: Place = { tiling: 'linear', base: 0, pitch: 8192, x: 0, y: 0 };
    const [dw] = copy(to, { ...to, base: 0x80000 }, 2048, 1);
    // The second time every page is known beforehand.
    for (let i = 0; i < 2; i++) bench.run(dw);
    bench.check();
  });
});

describe('copies within a surface go away from themselves', () => {
  const near = fc.integer({ min: -6, max: 6 });
  test.each(['linear', 'x', 'y'] as const)('%s', (tiling) => {
    fc.assert(
      fc.property(
        fc.record({
          layout: layouts,
          budget: budgets,
          rop: fc.constantFrom(0xcc, 0xcc, 0x66, 0xb8),
        }),
        fc.constantFrom(1, 4, 40, 130),
        fc.tuple(near, fc.oneof(fc.constant(0), near)),
        fc.tuple(fc.integer({ min: 1, max: 260 }), fc.integer({ min: 1, max: 70 })),
        (c, step, [dx, dy], [w, h]) => {
          const bench = new BltBench(c.layout, 9);
          const pitch = tiling === 'linear' ? 3000 : 3072;
          const x = Math.min(Math.max(dx * step + 200, 0), 480);
          const to: Place = { tiling, base: 0x1000, pitch, x, y: 10 + dy };
          const [dw, swctrl] = copy(to, { ...to, x: 200, y: 10 }, w, h, c.rop);
          expect(bench.run(dw, swctrl, c.budget)).toBe(true);
          bench.check();
        },
      ),
      { numRuns: 70 },
    );
  });

  test.each([3, -3])('a row longer than the engine holds, moved by %i bytes', (by) => {
    const bench = new BltBench('torn', 5);
    const dw = [header(0x53, 8), (0x66 << 16) | 0x4000, xy(100 + by, 0), xy(100 + by + 9001, 2)];
    dw.push(0, xy(100, 0), 0x4000, 0);
    bench.run(dw);
    bench.check();
    expect(bench.blitter.counters.general).toBe(1);
  });
});
