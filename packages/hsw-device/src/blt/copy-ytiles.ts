import type { MachineMemory } from '../port/memory.ts';
import type { Surface } from '../tiling/surface.ts';
import type { WideViews } from './wide.ts';

// Copies between Y tiles and other surfaces go tile by tile: a cache line of a Y tile holds 16 bytes of
// four rows, so by rows a wide surface comes through the cache four times. Whole tiles move 8 bytes at
// a time through BigInt64Array: once compiled, no BigInt is made, and a loop of 16 elements runs at 13
// GB/s where one of 32 int32 elements does 5 to 7.

/** Bytes of a tile's row, and rows. */
const ROW_BYTES = 128;
const ROWS = 32;

/**
 * Copies rows between a Y-tiled surface and one of another tiling; all begins and ends on dwords.
 *
 * @param into whether the tiled surface is the destination
 * @param xt byte column and row in the tiled surface; `xf`, `yf` in the flat one
 * @param rows 1 to 32, all in one row of tiles
 */
export function copyYTiles(
  memory: MachineMemory,
  wide: WideViews,
  into: boolean,
  tiled: Surface,
  xt: number,
  yt: number,
  flat: Surface,
  xf: number,
  yf: number,
  n: number,
  rows: number,
): void {
  const top = yt & (ROWS - 1);
  const swizzled = tiled.swizzled;
  for (let at = 0; at < n; ) {
    const x = xt + at;
    const piece = Math.min(n - at, ROW_BYTES - (x & (ROW_BYTES - 1)));
    tiled.locateTile(x, yt);
    const region = tiled.region;
    if (piece === ROW_BYTES && region !== 0) {
      const other = wide.locateRows(flat, xf + at, yf, rows, ROW_BYTES);
      if (other !== 0) {
        const tile = tiled.word >>> 1;
        const { rowAt, shift } = wide;
        if (into) {
          rowsToTile(wide.of(region), tile, wide.of(other), rowAt, shift, top, rows, swizzled);
        } else tileToRows(wide.of(other), rowAt, shift, wide.of(region), tile, top, rows, swizzled);
        at += piece;
        continue;
      }
    }
    // A region that faulted is the empty array.
    if (region !== 0 || !into) {
      const words = memory.words[region] as Int32Array;
      const tile = region === 0 ? 0 : tiled.word;
      for (let r = 0; r < rows; r++) {
        const row = tile + (top + r) * 4;
        const flip = bit6Flip(top + r, swizzled) * 2;
        for (let done = 0; done < piece; ) {
          const run = flat.locate(xf + at + done, yf + r, piece - done);
          const w = ((x & (ROW_BYTES - 1)) + done) >>> 2;
          const rest = memory.words[flat.region] as Int32Array;
          const from = flat.region === 0 ? 0 : flat.word;
          if (into) scatter(words, row, flip, w, rest, from, run >>> 2);
          else if (flat.region !== 0) gather(rest, from, words, row, flip, w, run >>> 2);
          done += run;
        }
      }
    }
    at += piece;
  }
}

/** What swizzling adds to a place in an odd column, in elements of 8 bytes: four rows up or down. */
function bit6Flip(y: number, swizzled: boolean): number {
  return !swizzled ? 0 : (y & 4) === 0 ? 8 : -8;
}

function rowsToTile(
  to: BigInt64Array,
  tile: number,
  from: BigInt64Array,
  rowAt: Int32Array,
  shift: number,
  top: number,
  rows: number,
  swizzled: boolean,
): void {
  for (let r = 0; r < rows; r++) {
    const odd = 64 + bit6Flip(top + r, swizzled);
    let a = tile + (top + r) * 2;
    let b = (rowAt[r] as number) + shift;
    for (let pair = 0; pair < 4; pair++, a += 128, b += 4) {
      to[a] = from[b] as bigint;
      to[a + 1] = from[b + 1] as bigint;
      to[a + odd] = from[b + 2] as bigint;
      to[a + odd + 1] = from[b + 3] as bigint;
    }
  }
}

function tileToRows(
  to: BigInt64Array,
  rowAt: Int32Array,
  shift: number,
  from: BigInt64Array,
  tile: number,
  top: number,
  rows: number,
  swizzled: boolean,
): void {
  for (let r = 0; r < rows; r++) {
    const odd = 64 + bit6Flip(top + r, swizzled);
    let a = (rowAt[r] as number) + shift;
    let b = tile + (top + r) * 2;
    for (let pair = 0; pair < 4; pair++, a += 4, b += 128) {
      to[a] = from[b] as bigint;
      to[a + 1] = from[b + 1] as bigint;
      to[a + 2] = from[b + odd] as bigint;
      to[a + 3] = from[b + odd + 1] as bigint;
    }
  }
}

// Word w (0 to 31) of a Y tile's row lies in column w >> 2: 128 words from column to column; `flip` is
// added in odd ones. What comes of a region that faulted is undefined, and `| 0` makes it a 0.

function scatter(
  to: Int32Array,
  row: number,
  flip: number,
  w: number,
  from: Int32Array,
  at: number,
  n: number,
): void {
  for (let v = w, i = at; v < w + n; v++, i++) {
    const odd = (v & 4) !== 0 ? flip : 0;
    to[row + ((v & ~3) << 5) + (v & 3) + odd] = (from[i] as number) | 0;
  }
}

function gather(
  to: Int32Array,
  at: number,
  from: Int32Array,
  row: number,
  flip: number,
  w: number,
  n: number,
): void {
  for (let v = w, i = at; v < w + n; v++, i++) {
    const odd = (v & 4) !== 0 ? flip : 0;
    to[i] = (from[row + ((v & ~3) << 5) + (v & 3) + odd] as number) | 0;
  }
}
