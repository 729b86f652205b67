import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  detileOffset,
  inTileW,
  inTileX,
  inTileY,
  LINEAR,
  surfaceOffset,
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

test('a linear surface is a sum, wrapping at 32 bits', () => {
  expect(surfaceOffset(LINEAR, 5, 3, 100)).toBe(305);
  expect(surfaceOffset(LINEAR, 0, -2, 100)).toBe(-200);
  expect(surfaceOffset(LINEAR, 0, 0x7fff, 0x20000)).toBe((0x7fff * 0x20000) | 0);
});
