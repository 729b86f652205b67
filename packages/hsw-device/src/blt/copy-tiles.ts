import type { MachineMemory } from '../port/memory.ts';
import type { Surface } from '../tiling/surface.ts';
import { LINEAR, TILE_BYTES, TILE_X, TILE_Y } from '../tiling/tiling.ts';
import { copyXTiles } from './copy-xtiles.ts';
import type { BltJob } from './job.ts';
import { moveRun } from './move.ts';
import type { WideViews } from './wide.ts';

// Copies between Y tiles and other surfaces go tile by tile: a cache line of a Y tile holds 16 bytes of
// four rows, so by rows a wide surface comes through the cache four times. Whole tiles move 8 bytes at
// a time through BigInt64Array: once compiled, no BigInt is made, and a loop of 16 elements runs at 13
// GB/s where one of 32 int32 elements does 5 to 7.

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
  if (dst.tiling === TILE_X && color.tiling === LINEAR) {
    copyXTiles(memory, wide, true, dst, xd, yd, color, xs, ys, n, rows);
  } else if (dst.tiling === LINEAR && color.tiling === TILE_X) {
    copyXTiles(memory, wide, false, color, xs, ys, dst, xd, yd, n, rows);
  } else if (dst.tiling !== color.tiling) {
    if (dst.tiling === TILE_Y) toBand(memory, wide, dst, color, xd, yd, xs, ys, n, rows);
    else fromBand(memory, wide, dst, color, xd, yd, xs, ys, n, rows);
  } else copyColumns(memory, dst, color, xd, yd, xs, ys, n, rows);
}

function rowsToTile(
  to: BigInt64Array,
  tile: number,
  from: BigInt64Array,
  rowAt: Int32Array,
  shift: number,
  rows: number,
): void {
  for (let r = 0; r < rows; r++) {
    let a = tile + r * 2;
    let b = (rowAt[r] as number) + shift;
    for (let column = 0; column < 8; column++, a += 64, b += 2) {
      to[a] = from[b] as bigint;
      to[a + 1] = from[b + 1] as bigint;
    }
  }
}

function tileToRows(
  to: BigInt64Array,
  rowAt: Int32Array,
  shift: number,
  from: BigInt64Array,
  tile: number,
  rows: number,
): void {
  for (let r = 0; r < rows; r++) {
    let a = (rowAt[r] as number) + shift;
    let b = tile + r * 2;
    for (let column = 0; column < 8; column++, a += 2, b += 64) {
      to[a] = from[b] as bigint;
      to[a + 1] = from[b + 1] as bigint;
    }
  }
}

/** Between surfaces of one tiling and phase: a column of a tile is one run over all its rows. */
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
  const column = dst.tiling === TILE_X ? 512 : 16;
  const tile = dst.tiling === TILE_X ? 512 : 128;
  // As many rows as a tile has: they begin at the top of one in both surfaces.
  const whole = rows * tile === TILE_BYTES;
  for (let at = 0; at < n; ) {
    if (whole && ((xd + at) | (xs + at)) % tile === 0 && n - at >= tile) {
      src.locate(xs + at, ys, dst.locate(xd + at, yd, tile));
      if (dst.region !== 0) moveRun(memory, dst, src, TILE_BYTES);
      at += tile;
      continue;
    }
    const run = src.locate(xs + at, ys, dst.locate(xd + at, yd, n - at));
    if (dst.region !== 0) {
      if (run === column) moveRun(memory, dst, src, run * rows);
      else {
        for (let r = 0; r < rows; r++) {
          src.locate(xs + at, ys + r, dst.locate(xd + at, yd + r, run));
          moveRun(memory, dst, src, run);
        }
      }
    }
    at += run;
  }
}

/** Linear or X-tiled to Y-tiled: all on dwords. */
function toBand(
  memory: MachineMemory,
  wide: WideViews,
  dst: Surface,
  src: Surface,
  xd: number,
  yd: number,
  xs: number,
  ys: number,
  n: number,
  rows: number,
): void {
  for (let at = 0; at < n; ) {
    const x = xd + at;
    const w = (x & 127) >>> 2;
    const piece = Math.min(n - at, 128 - (x & 127));
    dst.locateTile(x, yd);
    if (piece === 128 && dst.region !== 0) {
      const from = wide.locateRows(src, xs + at, ys, rows, 128);
      if (from !== 0) {
        const tile = (dst.word >>> 1) + ((yd & 31) << 1);
        rowsToTile(wide.of(dst.region), tile, wide.of(from), wide.rowAt, wide.shift, rows);
        at += piece;
        continue;
      }
    }
    if (dst.region !== 0) {
      const words = memory.words[dst.region] as Int32Array;
      for (let r = 0; r < rows; r++) {
        const row = dst.word + ((yd + r) & 31) * 4;
        for (let done = 0; done < piece; ) {
          const run = src.locate(xs + at + done, ys + r, piece - done);
          const source = memory.words[src.region] as Int32Array;
          const from = src.region === 0 ? 0 : src.word;
          scatter(words, row, w + (done >>> 2), source, from, run >>> 2);
          done += run;
        }
      }
    }
    at += piece;
  }
}

/** Y-tiled to linear or X-tiled: all on dwords. */
function fromBand(
  memory: MachineMemory,
  wide: WideViews,
  dst: Surface,
  src: Surface,
  xd: number,
  yd: number,
  xs: number,
  ys: number,
  n: number,
  rows: number,
): void {
  for (let at = 0; at < n; ) {
    const x = xs + at;
    const w = (x & 127) >>> 2;
    const piece = Math.min(n - at, 128 - (x & 127));
    src.locateTile(x, ys);
    if (piece === 128 && src.region !== 0) {
      const to = wide.locateRows(dst, xd + at, yd, rows, 128);
      if (to !== 0) {
        const tile = (src.word >>> 1) + ((ys & 31) << 1);
        tileToRows(wide.of(to), wide.rowAt, wide.shift, wide.of(src.region), tile, rows);
        at += piece;
        continue;
      }
    }
    const source = memory.words[src.region] as Int32Array;
    for (let r = 0; r < rows; r++) {
      const row = src.word + ((ys + r) & 31) * 4;
      for (let done = 0; done < piece; ) {
        const run = dst.locate(xd + at + done, yd + r, piece - done);
        if (dst.region !== 0) {
          const words = memory.words[dst.region] as Int32Array;
          gather(words, dst.word, source, row, w + (done >>> 2), run >>> 2);
        }
        done += run;
      }
    }
    at += piece;
  }
}

/** One row between a Y-tiled surface and any other: all on dwords, left to right. */
export function copyTileRow(
  memory: MachineMemory,
  dst: Surface,
  src: Surface,
  xd: number,
  yd: number,
  xs: number,
  ys: number,
  n: number,
): void {
  for (let at = 0; at < n; ) {
    const want = Math.min(n - at, 128);
    const run = src.locate(xs + at, ys, dst.locate(xd + at, yd, want));
    if (dst.region !== 0) {
      const words = memory.words[dst.region] as Int32Array;
      const source = memory.words[src.region] as Int32Array;
      const from = src.region === 0 ? 0 : src.word;
      for (let i = 0; i < run >>> 2; i++) words[dst.word + i] = (source[from + i] as number) | 0;
    }
    at += run;
  }
}

// Word w (0 to 31) of a Y tile's row lies in column w >> 2: 128 words from column to column. Whole
// columns move four words at a time. A region that faulted is the empty array: `| 0` makes its
// undefined a 0.

function scatter(
  to: Int32Array,
  tile: number,
  w: number,
  from: Int32Array,
  at: number,
  n: number,
): void {
  if (((w | n) & 3) === 0) {
    const end = at + n;
    for (let a = tile + (w << 5), i = at; i < end; i += 4, a += 128) {
      to[a] = (from[i] as number) | 0;
      to[a + 1] = (from[i + 1] as number) | 0;
      to[a + 2] = (from[i + 2] as number) | 0;
      to[a + 3] = (from[i + 3] as number) | 0;
    }
    return;
  }
  for (let i = 0; i < n; i++) {
    const v = w + i;
    to[tile + ((v & ~3) << 5) + (v & 3)] = (from[at + i] as number) | 0;
  }
}

function gather(
  to: Int32Array,
  at: number,
  from: Int32Array,
  tile: number,
  w: number,
  n: number,
): void {
  if (((w | n) & 3) === 0) {
    const end = at + n;
    for (let a = tile + (w << 5), i = at; i < end; i += 4, a += 128) {
      to[i] = (from[a] as number) | 0;
      to[i + 1] = (from[a + 1] as number) | 0;
      to[i + 2] = (from[a + 2] as number) | 0;
      to[i + 3] = (from[a + 3] as number) | 0;
    }
    return;
  }
  for (let i = 0; i < n; i++) {
    const v = w + i;
    to[at + i] = (from[tile + ((v & ~3) << 5) + (v & 3)] as number) | 0;
  }
}
