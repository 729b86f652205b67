import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressSpace, pteAddress } from '../gtt/address-space.ts';
import { MachineMemory } from '../port/memory.ts';
import { makeLine, Surface } from './surface.ts';
import {
  detileOffset,
  inTileW,
  inTileX,
  inTileY,
  LINEAR,
  surfaceOffset,
  swizzleBit6,
  TILE_BYTES,
  TILE_HEIGHT_SHIFT,
  TILE_W,
  TILE_WIDTH_SHIFT,
  TILE_X,
  TILE_Y,
  type Tiling,
} from './tiling.ts';

/** The manual's pictures: bytes counted off in the order in which they lie in the page. */
function walk(tiling: Tiling): { x: number; y: number }[] {
  const order: { x: number; y: number }[] = [];
  if (tiling === TILE_X) {
    for (let y = 0; y < 8; y++) for (let x = 0; x < 512; x++) order.push({ x, y });
  } else if (tiling === TILE_Y) {
    for (let column = 0; column < 8; column++) {
      for (let y = 0; y < 32; y++) {
        for (let i = 0; i < 16; i++) order.push({ x: column * 16 + i, y });
      }
    }
  } else {
    // 8 columns of 8 blocks; a block is four quarters: right, then down.
    const block = (x: number, y: number, side: number): void => {
      if (side === 1) {
        order.push({ x, y });
        return;
      }
      const half = side / 2;
      block(x, y, half);
      block(x + half, y, half);
      block(x, y + half, half);
      block(x + half, y + half, half);
    };
    for (let column = 0; column < 8; column++) {
      for (let row = 0; row < 8; row++) block(column * 8, row * 8, 8);
    }
  }
  return order;
}

const IN_TILE = { [TILE_X]: inTileX, [TILE_Y]: inTileY, [TILE_W]: inTileW };

describe.each([TILE_X, TILE_Y, TILE_W] as const)('tiling %i', (tiling) => {
  test('every byte of a tile lies where the picture has it', () => {
    const order = walk(tiling);
    expect(order).toHaveLength(TILE_BYTES);
    order.forEach(({ x, y }, at) => {
      if (IN_TILE[tiling](x, y) !== at)
        expect({ x, y, at: IN_TILE[tiling](x, y) }).toEqual({ x, y, at });
    });
  });

  test('tiles follow each other along a row, then downwards', () => {
    const width = 1 << (TILE_WIDTH_SHIFT[tiling] as number);
    const height = 1 << (TILE_HEIGHT_SHIFT[tiling] as number);
    const coordinate = fc.integer({ min: -5000, max: 5000 });
    fc.assert(
      fc.property(coordinate, coordinate, fc.integer({ min: 1, max: 40 }), (x, y, across) => {
        const tile = Math.floor(y / height) * across + Math.floor(x / width);
        const within = IN_TILE[tiling](
          x - Math.floor(x / width) * width,
          y - Math.floor(y / height) * height,
        );
        expect(surfaceOffset(tiling, x, y, across * width)).toBe(tile * 4096 + within);
      }),
    );
  });

  test('the linear view reaches every byte of whole tiles once', () => {
    const pitch = 3 << (TILE_WIDTH_SHIFT[tiling] as number);
    const bytes = pitch << (TILE_HEIGHT_SHIFT[tiling] as number);
    const seen = new Set<number>();
    for (let at = 0; at < bytes; at++) seen.add(detileOffset(tiling, at, pitch));
    expect(seen.size).toBe(bytes);
    expect(Math.max(...seen)).toBe(bytes - 1);
  });
});

/** By rows and columns: what changes places, from Mesa's and i915's tables of gen4 to gen7. */
const SWAPPED: Record<1 | 2 | 3, (x: number, y: number) => readonly [number, number]> = {
  // Rows 1 and 2 of each four: neighbouring runs of 64 bytes.
  [TILE_X]: (x, y) => (y % 4 === 1 || y % 4 === 2 ? [x ^ 64, y] : [x, y]),
  // Odd columns: neighbouring groups of four rows.
  [TILE_Y]: (x, y) => (Math.floor(x / 16) % 2 === 1 ? [x, y ^ 4] : [x, y]),
  // Odd columns of blocks: neighbouring blocks.
  [TILE_W]: (x, y) => (Math.floor(x / 8) % 2 === 1 ? [x, y ^ 8] : [x, y]),
};

describe.each([TILE_X, TILE_Y, TILE_W] as const)('bit 6 swizzling of tiling %i', (tiling) => {
  test('it moves bytes as rows and columns tell, and is its own inverse', () => {
    walk(tiling).forEach(({ x, y }, at) => {
      const [px, py] = SWAPPED[tiling](x, y);
      const want = IN_TILE[tiling](px, py);
      if (swizzleBit6(tiling, at) !== want) expect([x, y, swizzleBit6(tiling, at)]).toBe(want);
      if (swizzleBit6(tiling, want) !== at) expect([x, y, swizzleBit6(tiling, want)]).toBe(at);
    });
    const pitch = 4 << (TILE_WIDTH_SHIFT[tiling] as number);
    const [px, py] = SWAPPED[tiling](24, 9);
    expect(surfaceOffset(tiling, 24, 9, pitch, true)).toBe(surfaceOffset(tiling, px, py, pitch));
  });

  test('rows of a surface are read and written where each byte lies', () => {
    const memory = new MachineMemory();
    const words = new Int32Array(1 << 18);
    const bytes = new Uint8Array(words.buffer);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7) ^ (i >> 8);
    const region = memory.addRegion(0, words);
    const space = new AddressSpace('test', memory, (page) => pteAddress(page ^ 5) | 1);
    const surface = new Surface(memory);
    const pitch = 2 << (TILE_WIDTH_SHIFT[tiling] as number);
    surface.set(space, 0x8000, pitch, tiling, true);
    const line = makeLine();
    const row = fc.tuple(fc.nat(pitch - 1), fc.nat(100), fc.nat(300));
    const byteOf = (x: number, y: number): number => {
      const gma = 0x8000 + surfaceOffset(tiling, x, y, pitch, true);
      return (((gma >> 12) ^ 5) << 12) | (gma & 0xfff);
    };
    fc.assert(
      fc.property(row, fc.boolean(), ([x, y, want], whole) => {
        const left = whole ? x & ~3 : x;
        const n = Math.min(want, pitch - left) & (whole ? ~3 : -1);
        surface.load(left, y, n, line);
        for (let i = 0; i < n; i++) expect(line.bytes[i]).toBe(bytes[byteOf(left + i, y)]);
        for (let i = 0; i < n; i++) line.bytes[i] = i ^ y;
        surface.store(left, y, n, line);
        for (let i = 0; i < n; i++) expect(bytes[byteOf(left + i, y)]).toBe((i ^ y) & 0xff);
      }),
    );
    expect(memory.words[region]).toBe(words);
  });
});

test('a linear surface is a sum, wrapping at 32 bits', () => {
  expect(surfaceOffset(LINEAR, 5, 3, 100)).toBe(305);
  expect(surfaceOffset(LINEAR, 0, -2, 100)).toBe(-200);
  expect(surfaceOffset(LINEAR, 0, 0x7fff, 0x20000)).toBe((0x7fff * 0x20000) | 0);
});
