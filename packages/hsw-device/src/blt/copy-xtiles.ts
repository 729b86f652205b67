import type { MachineMemory } from '../port/memory.ts';
import type { Surface } from '../tiling/surface.ts';
import { moveRun } from './move.ts';
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
    tiled.locate(x, yt, piece);
    if (region !== 0 && region === tiled.region) {
      const words = memory.words[region] as Int32Array;
      for (let r = 0; r < rows; r++) {
        const tile = tiled.word + r * ROW_WORDS;
        const row = ((wide.rowAt[r] as number) + wide.shift) * 2;
        if (into) words.copyWithin(tile, row, row + ROW_WORDS);
        else words.copyWithin(row, tile, tile + ROW_WORDS);
      }
    } else {
      for (let r = 0; r < rows; r++) {
        pieceByRuns(memory, into, tiled, x, yt + r, flat, xf + at, yf + r, piece);
      }
    }
    at += piece;
  }
}

function pieceByRuns(
  memory: MachineMemory,
  into: boolean,
  tiled: Surface,
  xt: number,
  yt: number,
  flat: Surface,
  xf: number,
  yf: number,
  n: number,
): void {
  for (let done = 0; done < n; ) {
    const run = flat.locate(xf + done, yf, tiled.locate(xt + done, yt, n - done));
    const dst = into ? tiled : flat;
    if (dst.region !== 0) moveRun(memory, dst, into ? flat : tiled, run);
    done += run;
  }
}
