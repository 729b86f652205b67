import type { MachineMemory } from '../port/memory.ts';
import type { Surface } from '../tiling/surface.ts';
import { LINEAR, TILE_BYTES, TILE_X, TILE_Y } from '../tiling/tiling.ts';
import { copyXTiles } from './copy-xtiles.ts';
import { copyYTiles } from './copy-ytiles.ts';
import type { BltJob } from './job.ts';
import { moveRow, moveRun } from './move.ts';
import type { WideViews } from './wide.ts';

/** Rows that {@link copyBand} can draw at once from the job's next row on; 0 when it cannot. */
export function bandRows(job: BltJob): number {
  const { dst, color } = job;
  // With one base address the order of rows matters.
  if (dst.base === color.base) return 0;
  const yd = job.top + job.row;
  const ys = yd - job.originY + job.srcY;
  let rows = job.rows - job.row;
  if (dst.tiling === TILE_X && color.tiling === TILE_X) {
    const shift = ((job.srcX - job.originX) << job.shift) & 511;
    return shift === 0 ? Math.min(rows, 8 - (yd & 7), 8 - (ys & 7)) : 0;
  }
  if (dst.tiling === LINEAR && color.tiling === LINEAR) return 0;
  if (dst.tiling === TILE_X && color.tiling === LINEAR) return Math.min(rows, 8 - (yd & 7));
  if (dst.tiling === LINEAR && color.tiling === TILE_X) return Math.min(rows, 8 - (ys & 7));
  if (dst.tiling === TILE_Y) rows = Math.min(rows, 32 - (yd & 31));
  if (color.tiling === TILE_Y) rows = Math.min(rows, 32 - (ys & 31));
  return rows;
}

/** Copies `rows` rows, as many as {@link bandRows} said, of a job for which `isCopy` holds. */
export function copyBand(job: BltJob, memory: MachineMemory, wide: WideViews, rows: number): void {
  const { dst, color } = job;
  const yd = job.top + job.row;
  const ys = yd - job.originY + job.srcY;
  const xd = job.left << job.shift;
  const xs = (job.left - job.originX + job.srcX) << job.shift;
  const n = job.rowBytes;
  wide.forgetRows();
  if (dst.tiling === color.tiling) copyColumns(memory, dst, color, xd, yd, xs, ys, n, rows);
  else if (dst.tiling === TILE_Y) {
    copyYTiles(memory, wide, true, dst, xd, yd, color, xs, ys, n, rows);
  } else if (color.tiling === TILE_Y) {
    copyYTiles(memory, wide, false, color, xs, ys, dst, xd, yd, n, rows);
  } else if (dst.tiling === TILE_X) {
    copyXTiles(memory, wide, true, dst, xd, yd, color, xs, ys, n, rows);
  } else copyXTiles(memory, wide, false, color, xs, ys, dst, xd, yd, n, rows);
}

/** Between surfaces of one tiling: a column of a tile is one run over all its rows. */
function copyColumns(
  memory: MachineMemory,
  dst: Surface,
  src: Surface,
  xd: number,
  yd: number,
  xs: number,
  ys: number,
  n: number,
  rows: number,
): void {
  const tiledX = dst.tiling === TILE_X;
  const column = tiledX ? 512 : 16;
  const tile = tiledX ? 512 : 128;
  // As many rows as a tile has: they begin at the top of one in both surfaces.
  const whole = rows * tile === TILE_BYTES;
  // Swizzling moves a column's bytes within groups of four rows (X) or eight (Y, odd columns only).
  const alike = !dst.swizzled || (tiledX ? ((yd ^ ys) & 3) === 0 : ((yd | ys | rows) & 7) === 0);
  for (let at = 0; at < n; ) {
    const d = xd + at;
    const s = xs + at;
    if (whole && (d | s) % tile === 0 && n - at >= tile) {
      dst.locateTile(d, yd);
      src.locateTile(s, ys);
      src.sub = dst.sub = 0;
      if (dst.region !== 0) moveRun(memory, dst, src, TILE_BYTES);
      at += tile;
      continue;
    }
    const run = Math.min(n - at, column - (d & (column - 1)), column - (s & (column - 1)));
    const even = !tiledX && ((d | s) & 16) === 0;
    const odd = !tiledX && ((d ^ s) & 16) !== 0 && dst.swizzled;
    if (run === column && (even || (alike && !odd))) {
      dst.locateColumn(d, yd);
      src.locateColumn(s, ys);
      if (dst.region !== 0) moveRun(memory, dst, src, run * rows);
    } else {
      for (let r = 0; r < rows; r++) moveRow(memory, dst, src, d, yd + r, s, ys + r, run);
    }
    at += run;
  }
}
