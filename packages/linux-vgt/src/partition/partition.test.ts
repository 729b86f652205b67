import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FENCES,
  inSlice,
  Partition,
  RESERVED_HIGH_MIB,
  RESERVED_MIB,
  type Slice,
} from './partition.ts';

const MIB = 2 ** 20;
const make = (): Partition => new Partition({ apertureMiB: 512, totalMiB: 2048 });

function slice(p: Partition, low: number, high: number, fences: number): Slice {
  const made = p.allocate(low, high, fences);
  if (typeof made === 'string') throw new Error(made);
  return made;
}

describe('Partition', () => {
  test('[A12] first fit: a freed place is taken by the next VM that fits', () => {
    const p = make();
    const [a, b] = [slice(p, 64, 448, 4), slice(p, 64, 448, 4)];
    slice(p, 64, 448, 4);
    p.release(a);
    expect(slice(p, 64, 448, 4)).toEqual(a);
    expect(b.lowBase).toBe(64 * MIB);
  });

  test('[A9] [A10] [A11] a shortage of any kind is ENOMEM and takes nothing', () => {
    const p = make();
    const before = p.describe();
    // Control case: one step inside each limit fits.
    p.release(slice(p, 512 - RESERVED_MIB, 1536 - RESERVED_HIGH_MIB, FENCES));
    expect(p.describe()).toBe(before);
    expect(p.allocate(512 - RESERVED_MIB + 1, 8, 4)).toBe('ENOMEM');
    expect(p.allocate(8, 1536 - RESERVED_HIGH_MIB + 1, 4)).toBe('ENOMEM');
    expect(p.allocate(8, 8, FENCES + 1)).toBe('ENOMEM');
    expect(p.describe()).toBe(before);
  });

  test('[A17] the top 8 MiB of the aperture go to nobody', () => {
    const p = make();
    slice(p, 504, 0, 1);
    expect(p.allocate(1, 0, 1)).toBe('ENOMEM');
    expect(p.reservedBase).toBe(504 * MIB);
  });

  test('[A16] available_resource changes by the sizes of what was made', () => {
    const p = make();
    const [lowTotal, low, highTotal, high, fenceTotal, fences] = p.summary() as number[];
    slice(p, 64, 448, 4);
    expect(p.summary()).toEqual([
      lowTotal,
      low! - 64,
      highTotal,
      high! - 448,
      fenceTotal,
      fences! - 4,
    ]);
    const lines = p.describe().split('\n');
    expect(lines[0]).toBe('0x00000200, 0x000001b8, 0x00000600, 0x0000042c, 0x00000020, 0x0000001c');
    expect(lines[1]?.split(',').slice(-2)).toEqual(['ffffffff', 'ffffffff']);
    expect(lines[2]).toBe('0000000f');
  });

  test('[A13] no two live slices meet, nor the reserved part, whatever is made and released', () => {
    const op = fc.oneof(
      fc.record({
        make: fc.tuple(
          fc.integer({ min: 1, max: 200 }),
          fc.integer({ min: 0, max: 700 }),
          fc.integer({ min: 1, max: 12 }),
        ),
      }),
      fc.record({ release: fc.nat(7) }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 40 }), (ops) => {
        const p = make();
        const empty = p.describe();
        const live: Slice[] = [];
        for (const o of ops) {
          if ('make' in o) {
            const made = p.allocate(...(o.make as [number, number, number]));
            if (typeof made !== 'string') live.push(made);
          } else {
            const gone = live.splice(o.release % (live.length || 1), 1)[0];
            if (gone !== undefined) p.release(gone);
          }
          const taken = new Set<number>();
          for (const s of live) {
            for (const [base, bytes] of [
              [s.lowBase, s.lowBytes],
              [s.highBase, s.highBytes],
            ]) {
              for (let m = base! / MIB; m < (base! + bytes!) / MIB; m++) {
                expect(taken.has(m)).toBe(false);
                expect(m >= 504 && m < 512).toBe(false);
                taken.add(m);
              }
            }
          }
        }
        for (const s of live) p.release(s);
        expect(p.describe()).toBe(empty);
      }),
      { numRuns: 30 },
    );
  });

  test('[A21] an object whose end leaves the slice is outside', () => {
    const s = slice(make(), 64, 448, 4);
    expect(inSlice(s, s.lowBytes - 4096, 4096)).toBe(true);
    expect(inSlice(s, s.lowBytes - 4096, 4097)).toBe(false);
    expect(inSlice(s, s.highBase, 4096)).toBe(true);
    expect(inSlice(s, s.highBase - 1, 4096)).toBe(false);
    expect(inSlice(s, s.highBase + s.highBytes, 0)).toBe(true);
    expect(inSlice(s, -4096, 4096)).toBe(false);
  });
});

describe('a shared partition', () => {
  const shared = (): Partition =>
    new Partition({ apertureMiB: 256, totalMiB: 2048, mode: 'shared', displayMiB: 256 });
  const dom0 = (p: Partition): Slice => p.allocate(120, 384, 4) as Slice;
  const guest = (p: Partition, low = 64, high = 448, fences = 4): Slice => {
    const made = p.take(low, high, fences);
    if (typeof made === 'string') throw new Error(made);
    return made;
  };

  test('fifteen guests of the usual size fit beside dom0, whose part is its own', () => {
    const p = shared();
    const own = dom0(p);
    const guests = Array.from({ length: 15 }, () => guest(p));
    for (const g of guests) {
      expect(g.lowBase).toBeGreaterThanOrEqual(own.lowBytes);
      expect(g.highBase).toBeGreaterThanOrEqual(own.highBase + own.highBytes);
      expect(g.highBase + g.highBytes).toBeLessThanOrEqual(p.displayBase);
    }
    // Two places in the aperture: eight VMs at most have the same MiB.
    expect(new Set(guests.map((g) => g.lowBase)).size).toBe(2);
    expect(p.crowd).toBe(8);
  });

  test('a new VM goes where the fewest others are', () => {
    const p = shared();
    dom0(p);
    const [a, b] = [guest(p), guest(p)];
    expect(b.lowBase).toBe(a.lowBase + a.lowBytes);
    expect(b.highBase).toBe(a.highBase + a.highBytes);
    p.release(a);
    expect(guest(p)).toEqual(a);
  });

  test('[A16] what is free is what the next VM can have: sharers take nothing away', () => {
    const p = shared();
    dom0(p);
    const before = p.describe();
    const g = guest(p);
    expect(p.describe()).toBe(before);
    p.release(g);
    expect([p.describe(), p.crowd]).toEqual([before, 0]);
  });

  test('[A9] [A10] [A11] what no place can hold is refused, and each resource named', () => {
    const p = shared();
    dom0(p);
    const free = p.summary();
    expect(free).toEqual([256, 128, 1792, 1132, 32, 32]);
    // Control case: all that is free is given, and again to the next.
    for (let i = 0; i < 2; i++) expect(p.take(128, 1132, 32)).toMatchObject({ shared: true });
    expect(p.take(129, 448, 4)).toBe('ENOMEM');
    expect(p.take(64, 1133, 4)).toBe('ENOMEM');
    expect(p.take(64, 448, 33)).toBe('ENOMEM');
    expect(p.shortages(64, 448, 4)).toEqual([]);
    expect(p.shortages(129, 1133, 33)).toEqual([
      '129 MiB of aperture asked for; 128 are free',
      '1133 MiB of hidden graphics memory asked for; 1132 are free',
      '33 fences asked for; 32 are free',
    ]);
    expect(p.crowd).toBe(2);
  });

  test('a part in pieces says so', () => {
    const p = make();
    const [a] = [slice(p, 200, 8, 4), slice(p, 8, 8, 4)];
    p.release(a);
    expect(p.shortages(300, 8, 4)).toEqual([
      '300 MiB of aperture asked for; 496 are free, 296 of them in a row',
    ]);
  });

  test('whatever comes and goes, each part is whole, and everything is free in the end', () => {
    const op = fc.oneof(
      fc.record({
        make: fc.tuple(fc.integer({ min: 1, max: 128 }), fc.integer({ min: 0, max: 1132 })),
      }),
      fc.record({ release: fc.nat(15) }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 40 }), (ops) => {
        const p = shared();
        const own = dom0(p);
        const live: Slice[] = [];
        for (const o of ops) {
          if ('make' in o) live.push(guest(p, ...(o.make as [number, number])));
          else {
            const gone = live.splice(o.release % (live.length || 1), 1)[0];
            if (gone !== undefined) p.release(gone);
          }
          for (const s of live) {
            expect(s.lowBase).toBeGreaterThanOrEqual(own.lowBytes);
            expect(s.lowBase + s.lowBytes).toBeLessThanOrEqual(p.reservedBase);
            expect(s.highBase + s.highBytes).toBeLessThanOrEqual(p.displayBase);
          }
        }
        for (const s of live) p.release(s);
        expect(p.crowd).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
