import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { AddressSpace, pteAddress } from '../gtt/address-space.ts';
import { MachineMemory } from '../port/memory.ts';
import type { AccessSize } from '../port/trap.ts';
import { RegSpace } from '../reg/reg-space.ts';
import { TILECTL, TILECTL_SWZCTL } from '../tiling/swizzle.ts';
import { Aperture } from './aperture.ts';
import { FENCE_BASE, FENCE_COUNT, FENCE_TILE_Y, FENCE_VALID, FenceRegisters } from './fences.ts';

const MIB = 1 << 20;
const FIRST_MFN = 0x1000;

/** 1 MiB of graphics memory over 1 MiB of machine memory, pages in reverse; page 5 is not mapped. */
class Bench {
  readonly memory = new MachineMemory();
  readonly words = new Int32Array(MIB / 4);
  readonly bytes = new Uint8Array(this.words.buffer);
  readonly space: AddressSpace;
  readonly regs = new RegSpace();
  readonly fences = new FenceRegisters(this.regs);
  readonly aperture: Aperture;

  constructor(base = 0, size = MIB) {
    this.memory.addRegion(FIRST_MFN * 4096, this.words);
    this.space = new AddressSpace('GGTT', this.memory, (page) =>
      page === 5 || page > 255 ? 0 : pteAddress(FIRST_MFN + 255 - page) | 1,
    );
    this.regs.add(this.fences.rows);
    this.aperture = new Aperture('test', this.space, this.fences, base, size);
  }

  /** Byte of machine memory behind a graphics address. */
  at(gma: number): number {
    return (255 - (gma >>> 12)) * 4096 + (gma & 0xfff);
  }

  fence(i: number, start: number, size: number, pitch: number, low: number): void {
    this.regs.write32(FENCE_BASE + i * 8, 0);
    this.regs.write32(FENCE_BASE + i * 8 + 4, (start + size - 4096) | (pitch / 128 - 1));
    this.regs.write32(FENCE_BASE + i * 8, start | low);
  }
}

let b: Bench;
beforeEach(() => {
  b = new Bench();
});

/** Where byte `offset` of a fenced surface lies: counted in tiles, rows and columns. */
function tiled(offset: number, pitch: number, y: boolean, swizzled = false): number {
  const [w, h] = y ? [128, 32] : [512, 8];
  const row = Math.floor(offset / pitch);
  const x = offset % pitch;
  const tile = Math.floor(row / h) * (pitch / w) + Math.floor(x / w);
  const within = y
    ? Math.floor((x % w) / 16) * 512 + (row % h) * 16 + (x % 16)
    : (row % h) * 512 + (x % w);
  const flip = swizzled && ((within >> 9) & 1) !== (y ? 0 : (within >> 10) & 1);
  return tile * 4096 + (flip ? within ^ 64 : within);
}

describe('without fences', () => {
  test('a write goes through the GGTT to memory and reads back', () => {
    b.aperture.write(0x3010, 4, -2);
    expect(b.words[b.at(0x3010) / 4]).toBe(-2);
    expect(b.aperture.read(0x3010, 4)).toBe(-2);
  });

  test('every width and alignment does what bytes would do', () => {
    const model = new Uint8Array(64);
    const access = fc.tuple(
      fc.constantFrom<AccessSize>(1, 2, 4),
      fc.integer({ min: 0, max: 60 }),
      fc.integer(),
    );
    // Across the bound of pages 1 and 2, which lie apart in memory.
    const base = 0x1fe0;
    fc.assert(
      fc.property(fc.array(access), (accesses) => {
        for (const [size, at, value] of accesses) {
          b.aperture.write(base + at, size, value);
          for (let i = 0; i < size; i++) model[at + i] = value >>> (i * 8);
        }
        for (const [size, at] of accesses) {
          let want = 0;
          for (let i = 0; i < size; i++) want |= (model[at + i] as number) << (i * 8);
          expect(b.aperture.read(base + at, size)).toBe(want);
        }
      }),
    );
  });

  test('a page that is not mapped reads 0, drops writes and is counted as a fault', () => {
    b.aperture.write(0x5000, 4, 1);
    expect(b.aperture.read(0x5000, 4)).toBe(0);
    expect(b.aperture.read(0x5001, 1)).toBe(0);
    expect(b.space.faults).toBe(3);
    expect(b.words.every((w) => w === 0)).toBe(true);
  });

  test('a changed entry takes effect', () => {
    const pte = [pteAddress(FIRST_MFN) | 1];
    const space = new AddressSpace('GGTT', b.memory, (page) => pte[page] ?? 0);
    const aperture = new Aperture('test', space, b.fences, 0, MIB);
    aperture.write32(0, 11);
    pte[0] = pteAddress(FIRST_MFN + 1) | 1;
    space.invalidatePage(0);
    aperture.write32(0, 22);
    expect([b.words[0], b.words[1024]]).toEqual([11, 22]);
  });
});

describe('a slice', () => {
  const SLICE = 0x40000;
  beforeEach(() => {
    b = new Bench(SLICE, 0x20000);
  });

  test('control case: its first and last bytes are reached', () => {
    b.aperture.write(SLICE, 1, 1);
    b.aperture.write(SLICE + 0x1ffff, 1, 2);
    expect(b.bytes[b.at(SLICE)]).toBe(1);
    expect(b.bytes[b.at(SLICE + 0x1ffff)]).toBe(2);
    expect(b.aperture.counters.outsideWrites).toBe(0);
  });

  test.each([0, SLICE - 4, SLICE + 0x20000, MIB, 0x7ffffffc])(
    'outside, at 0x%i, reads are all ones and writes are dropped',
    (offset) => {
      b.words.fill(0x5555);
      for (const size of [1, 2, 4] as const) {
        b.aperture.write(offset, size, 0);
        expect(b.aperture.read(offset, size)).toBe([0, 0xff, 0xffff, 0, -1][size]);
      }
      expect(b.words.every((w) => w === 0x5555)).toBe(true);
      expect(b.aperture.counters).toMatchObject({ outsideReads: 3, outsideWrites: 3 });
    },
  );

  test('an access that straddles its end keeps to the bytes inside', () => {
    b.aperture.write(SLICE + 0x1fffe, 4, 0x11223344);
    expect(b.bytes[b.at(SLICE + 0x1fffe)]).toBe(0x44);
    expect(b.bytes[b.at(SLICE + 0x1ffff)]).toBe(0x33);
    expect(b.bytes[b.at(SLICE + 0x20000)]).toBe(0);
    expect(b.aperture.read(SLICE + 0x1fffe, 4)).toBe(0xffff3344 | 0);
  });

  test('a fence cannot lead out of it', () => {
    // The fence ends inside, but its surface's last row of tiles does not.
    b.fence(0, SLICE + 0x1f000, 0x1000, 1024, FENCE_VALID);
    b.words.fill(0);
    for (let at = 0; at < 4096; at += 4) b.aperture.write32(SLICE + 0x1f000 + at, -1);
    const touched = [...b.words.keys()].filter((i) => b.words[i] !== 0);
    const page = b.at(SLICE + 0x1f000) / 4;
    expect(touched.every((i) => i >= page && i < page + 1024)).toBe(true);
    expect(b.aperture.counters.outsideWrites).toBe(512);
  });
});

describe('fences', () => {
  const cases = [
    { tiling: 'X', low: 0, pitch: 1024 },
    { tiling: 'X', low: 0, pitch: 1536 },
    { tiling: 'Y', low: FENCE_TILE_Y, pitch: 128 },
    { tiling: 'Y', low: FENCE_TILE_Y, pitch: 640 },
  ];
  const both = cases.flatMap((c) => [false, true].map((swizzled) => ({ ...c, swizzled })));
  const name = '$tiling tiles of pitch $pitch look linear, swizzled: $swizzled';
  test.each(both)(name, ({ tiling, low, pitch, swizzled }) => {
    b.regs.poke(TILECTL, swizzled ? TILECTL_SWZCTL : 0);
    const start = 0x20000;
    const size = pitch * 64;
    b.fence(3, start, size, pitch, FENCE_VALID | low);
    const access = fc.tuple(
      fc.integer({ min: 0, max: size - 4 }),
      fc.constantFrom<AccessSize>(1, 2, 4),
      fc.integer(),
    );
    fc.assert(
      fc.property(access, ([offset, width, value]) => {
        b.aperture.write(start + offset, width, value);
        for (let i = 0; i < width; i++) {
          const gma = start + tiled(offset + i, pitch, tiling === 'Y', swizzled);
          expect(b.bytes[b.at(gma)]).toBe((value >>> (i * 8)) & 0xff);
        }
        const mask = width === 4 ? -1 : (1 << (width * 8)) - 1;
        expect(b.aperture.read(start + offset, width)).toBe(value & mask);
      }),
    );
  });

  test('halves in the order of the driver: nothing is fenced before the last of three writes', () => {
    b.fence(0, 0x20000, 0x2000, 1024, FENCE_VALID);
    const at = FENCE_BASE;
    const states: number[][] = [];
    const fenced = (): void => {
      const pages = [...b.fences.over.keys()].filter((page) => b.fences.over[page] !== 0);
      states.push(pages);
    };
    b.regs.write32(at, 0);
    fenced();
    b.regs.write32(at + 4, 0x40000 | (2048 / 128 - 1));
    fenced();
    b.regs.write32(at, 0x3f000 | FENCE_VALID);
    fenced();
    expect(states).toEqual([[], [], [0x3f, 0x40]]);
    expect([b.fences.start(0), b.fences.pitch(0)]).toEqual([0x3f000, 2048]);
  });

  test('halves in the other order: the upper one counts at once under a valid lower one', () => {
    b.fence(0, 0x20000, 0x1000, 512, FENCE_VALID);
    b.regs.write32(FENCE_BASE + 4, 0x22000 | 7);
    expect([0x20, 0x21, 0x22, 0x23].map((page) => b.fences.over[page])).toEqual([1, 1, 1, 0]);
    expect(b.fences.pitch(0)).toBe(1024);
  });

  test('all 32 work, their limits are pages, and the page before and behind each is plain', () => {
    for (let i = 0; i < FENCE_COUNT; i++)
      b.fence(i, 0x20000 + i * 0x4000, 0x2000, 512, FENCE_VALID);
    for (let i = 0; i < FENCE_COUNT; i++) {
      const first = 0x20 + i * 4;
      const over = [first - 1, first, first + 1, first + 2].map((page) => b.fences.over[page]);
      expect(over).toEqual([0, i + 1, i + 1, 0]);
    }
    expect(b.regs.claims(FENCE_BASE + FENCE_COUNT * 8)).toBe(false);
  });

  test('reserved bits of the lower half read 0; the pitch has 12 bits, of which all count', () => {
    b.regs.write32(FENCE_BASE, -1);
    expect(b.regs.read32(FENCE_BASE)).toBe(~0xffc);
    b.regs.write32(FENCE_BASE + 4, -1);
    expect(b.regs.read32(FENCE_BASE + 4)).toBe(-1);
    expect(b.fences.pitch(0)).toBe(512 << 10);
  });

  test('a pitch that is no whole tile is that of the tiles that fit, one at least', () => {
    for (const [pitch, means] of [
      [128, 512],
      [640, 512],
      [1152, 1024],
    ] as const) {
      b.fence(0, 0x20000, 0x8000, pitch, FENCE_VALID);
      b.aperture.write32(0x20000 + means * 3 + 8, pitch);
      expect(b.words[b.at(0x20000 + tiled(means * 3 + 8, means, false)) / 4]).toBe(pitch);
    }
  });

  test('a fence that is turned off no longer tiles, and pages outside it never were', () => {
    b.fence(0, 0x20000, 0x2000, 1024, FENCE_VALID);
    b.aperture.write32(0x20400, 7);
    expect(b.words[b.at(0x20200) / 4]).toBe(7);
    b.aperture.write32(0x22400, 8);
    expect(b.words[b.at(0x22400) / 4]).toBe(8);
    b.fence(0, 0x20000, 0x2000, 1024, 0);
    expect(b.aperture.read32(0x20200)).toBe(7);
  });

  test('taking a fence away uncovers the one beneath', () => {
    b.fence(7, 0x20000, 0x4000, 1024, FENCE_VALID);
    b.fence(2, 0x20000, 0x2000, 1024, FENCE_VALID | FENCE_TILE_Y);
    expect(b.fences.over[0x20]).toBe(3);
    expect(b.fences.over[0x22]).toBe(8);
    b.fence(2, 0, 0, 128, 0);
    expect(b.fences.over[0x20]).toBe(8);
  });

  test('any register values leave the aperture safe', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.nat(MIB - 1), (low, high, at) => {
        b.regs.write32(FENCE_BASE, low);
        b.regs.write32(FENCE_BASE + 4, high);
        b.aperture.write32(at, 1);
        b.aperture.read32(at);
        b.regs.write32(FENCE_BASE, 0);
        expect(b.fences.over.indexOf(1)).toBe(-1);
      }),
    );
  });

  test('a disposed aperture is told nothing', () => {
    b.aperture.dispose();
    b.fence(0, 0x20000, 0x2000, 1024, FENCE_VALID);
    b.aperture.write32(0x20400, 7);
    expect(b.words[b.at(0x20400) / 4]).toBe(7);
  });
});
