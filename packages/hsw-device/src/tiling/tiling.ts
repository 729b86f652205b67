/** How a surface's bytes lie in graphics memory. PRM vol.5 "Surface tiling". */
export const LINEAR = 0;
/** X-major tiles: 512 bytes by 8 rows, rows after one another. */
export const TILE_X = 1;
/** Y-major tiles: 128 bytes by 32 rows, in columns 16 bytes wide. */
export const TILE_Y = 2;
/** Stencil tiles: 64 bytes by 64 rows, in 8 by 8 blocks whose x and y bits interleave. */
export const TILE_W = 3;
export type Tiling = typeof LINEAR | typeof TILE_X | typeof TILE_Y | typeof TILE_W;

/** Every tile is one page. */
export const TILE_BYTES = 4096;

/** Width of a tile as a power of two, bytes; by {@link Tiling}. A linear surface has none. */
export const TILE_WIDTH_SHIFT: readonly number[] = [0, 9, 7, 6];
/** Height of a tile as a power of two, rows. */
export const TILE_HEIGHT_SHIFT: readonly number[] = [0, 3, 5, 6];

/** Tiles side by side in a row of `pitch` bytes; what is beyond the last whole tile is dropped. */
function tilesPerRow(tiling: Tiling, pitch: number): number {
  return pitch >> (TILE_WIDTH_SHIFT[tiling] as number);
}

/** Byte of an X tile. @param x byte column, any @param y row, any; both are taken modulo the tile */
export function inTileX(x: number, y: number): number {
  return ((y & 7) << 9) | (x & 511);
}

// Y tile, bits of the offset:  11:9 column (x 6:4) | 8:4 row (y 4:0) | 3:0 x 3:0
export function inTileY(x: number, y: number): number {
  return ((x & 0x70) << 5) | ((y & 31) << 4) | (x & 15);
}

// W tile:  11:9 x 5:3 | 8:6 y 5:3 | 5 y2 | 4 x2 | 3 y1 | 2 x1 | 1 y0 | 0 x0
export function inTileW(x: number, y: number): number {
  return (
    ((x & 0x38) << 6) |
    ((y & 0x38) << 3) |
    ((y & 4) << 3) |
    ((x & 4) << 2) |
    ((y & 2) << 2) |
    ((x & 2) << 1) |
    ((y & 1) << 1) |
    (x & 1)
  );
}

/**
 * Bit 6 swizzling of a byte in a tile: where two memory channels interleave, bit 6 picks the channel,
 * and tiled accesses mix row or column bits into it. X tiles: bits 9 and 10; Y and W tiles: bit 9.
 * i915: `I915_BIT_6_SWIZZLE_9_10`, `I915_BIT_6_SWIZZLE_9`. It is its own inverse.
 */
export function swizzleBit6(tiling: Tiling, within: number): number {
  if (tiling === TILE_X) return within ^ (((within >> 3) ^ (within >> 4)) & 64);
  return within ^ ((within >> 3) & 64);
}

/**
 * Byte offset of a position in a surface, from its first byte. Wraps at 32 bits as the hardware's
 * address adder does; coordinates may be negative.
 *
 * @param x byte column (not pixels) @param y row @param pitch bytes from row to row
 * @param swizzled see {@link swizzleBit6}; a linear surface has no such thing
 */
export function surfaceOffset(
  tiling: Tiling,
  x: number,
  y: number,
  pitch: number,
  swizzled = false,
): number {
  if (tiling === LINEAR) return (Math.imul(y, pitch) + x) | 0;
  const across = tilesPerRow(tiling, pitch);
  const tileRow = y >> (TILE_HEIGHT_SHIFT[tiling] as number);
  const tile = Math.imul(tileRow, across) + (x >> (TILE_WIDTH_SHIFT[tiling] as number));
  const within =
    tiling === TILE_X ? inTileX(x, y) : tiling === TILE_Y ? inTileY(x, y) : inTileW(x, y);
  return (tile << 12) | (swizzled ? swizzleBit6(tiling, within) : within) | 0;
}

/**
 * Where the CPU's linear view of a tiled surface lands: byte `offset` of the view is column
 * `offset % pitch` of row `offset / pitch`.
 *
 * @param offset bytes from the surface's start, 0 or more
 * @param pitch bytes, more than 0 and a whole number of tiles
 */
export function detileOffset(
  tiling: Tiling,
  offset: number,
  pitch: number,
  swizzled = false,
): number {
  const y = Math.floor(offset / pitch);
  return surfaceOffset(tiling, offset - y * pitch, y, pitch, swizzled);
}
