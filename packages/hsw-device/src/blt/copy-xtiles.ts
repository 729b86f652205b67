import type { MachineMemory } from '../port/memory.ts';
import type { Surface } from '../tiling/surface.ts';
import { moveRow } from './move.ts';
import type { WideViews } from './wide.ts';

/** Bytes of an X tile's row, and words. */
const ROW_BYTES = 512;
const ROW_WORDS = 128;

/**
 * Copies rows between an X-tiled and a linear surface, tile by tile: a tile and the rows beside it are
 * looked up once for up to eight moves of 512 bytes.
 *
 * @param into whether the tiled surface is the destination
 * @param xt byte column and row in the tiled surface; `xf`, `yf` in the flat one
 * @param rows 1 to 8, all in one row of tiles
 */
export function copyXTiles(
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
  for (let at = 0; at < n; ) {
    const x = xt + at;
    const piece = Math.min(n - at, ROW_BYTES - (x & (ROW_BYTES - 1)));
    const region = piece === ROW_BYTES ? wide.locateRows(flat, xf + at, yf, rows, ROW_BYTES) : 0;
    if (region !== 0) tiled.locateColumn(x, yt);
    if (region !== 0 && region === tiled.region) {
      const words = memory.words[region] as Int32Array;
      for (let r = 0; r < rows; r++) {
        const y = yt + r;
        const tile = tiled.word + r * ROW_WORDS;
        const row = ((wide.rowAt[r] as number) + wide.shift) * 2;
        if (tiled.swizzled && ((y ^ (y >> 1)) & 1) !== 0) {
          if (into) swapRuns(words, tile, row);
          else swapRuns(words, row, tile);
        } else if (into) words.copyWithin(tile, row, row + ROW_WORDS);
        else words.copyWithin(row, tile, tile + ROW_WORDS);
      }
    } else {
      for (let r = 0; r < rows; r++) {
        if (into) moveRow(memory, tiled, flat, x, yt + r, xf + at, yf + r, piece);
        else moveRow(memory, flat, tiled, xf + at, yf + r, x, yt + r, piece);
      }
    }
    at += piece;
  }
}

/** Copies a row of a tile in which each two runs of 64 bytes have changed places. */
function swapRuns(words: Int32Array, to: number, from: number): void {
  for (let at = 0; at < ROW_WORDS; at += 32) {
    for (let i = 0; i < 16; i++) {
      words[to + at + i] = words[from + at + i + 16] as number;
      words[to + at + i + 16] = words[from + at + i] as number;
    }
  }
}
