import type { MachineMemory } from '../port/memory.ts';
import type { Surface } from '../tiling/surface.ts';
import {
  LINEAR,
  TILE_BYTES,
  TILE_HEIGHT_SHIFT,
  TILE_WIDTH_SHIFT,
  TILE_X,
} from '../tiling/tiling.ts';
import type { BltJob } from './job.ts';
import { repeatPixel } from './pattern.ts';
import { rop3 } from './rop.ts';

/** Words that are set by `fill`; longer runs grow from them by copying. */
const SEED_WORDS = 1024;
/** Longest piece that is copied at once, words: it stays in the first-level cache. */
const COPY_WORDS = 4096;

/** Whether the operation sets every pixel to one value whatever was there. */
export function isFill(job: BltJob): boolean {
  return (
    !job.readsDst &&
    job.source === 0 &&
    job.chroma === 0 &&
    job.writeMask === -1 &&
    (job.pattern.solid || (!job.readsPat && !job.pattern.transparent)) &&
    wholePixels(job.dst, job.shift)
  );
}

/** Whether pixels lie on their own bounds. */
function wholePixels(surface: Surface, shift: number): boolean {
  return ((surface.base | surface.pitch) & ((1 << shift) - 1)) === 0;
}

/**
 * Draws some rows of a fill.
 *
 * @param budget bytes it should stop at; at least one row (of a tiled surface, one row of tiles) is
 *   drawn
 * @returns rows drawn
 */
export function fillRows(job: BltJob, memory: MachineMemory, budget: number): number {
  const value = repeatPixel(rop3(job.masks, job.pattern.pixels[0] as number, 0, 0), job.shift);
  const dst = job.dst;
  const x = job.left << job.shift;
  const n = job.rowBytes;
  const y = job.top + job.row;
  const left = job.rows - job.row;
  if (dst.tiling !== LINEAR) {
    const tall = 1 << (TILE_HEIGHT_SHIFT[dst.tiling] as number);
    const rows = Math.min(left, tall - (y & (tall - 1)));
    fillBand(dst, memory, x, y, n, rows, value);
    return rows;
  }
  let rows = Math.min(left, Math.max(1, Math.floor(budget / n)));
  // Rows that follow each other without a gap are one run.
  if (dst.pitch === n) fillRun(dst, memory, x, y, n * rows, value);
  else {
    for (let i = 0; i < rows; i++) fillRun(dst, memory, x, y + i, n, value);
  }
  if (rows === 0) rows = 1;
  return rows;
}

function fillRun(
  dst: Surface,
  memory: MachineMemory,
  x: number,
  y: number,
  n: number,
  value: number,
): void {
  let at = 0;
  while (at < n) {
    const run = dst.locate(x + at, y, n - at);
    const region = dst.region;
    if (region !== 0) {
      if (((dst.sub | run) & 3) === 0) {
        fillWords(memory.words[region] as Int32Array, dst.word, run >>> 2, value);
      } else {
        fillBytes(memory, region, dst.word * 4 + dst.sub, run, value);
      }
    }
    at += run;
  }
}

/** `n` bytes from `start`; byte a gets byte a & 3 of the value. */
function fillBytes(
  memory: MachineMemory,
  region: number,
  start: number,
  n: number,
  value: number,
): void {
  const bytes = memory.bytes[region] as Uint8Array;
  let at = start;
  const end = start + n;
  while (at < end && at % 4 !== 0) {
    bytes[at] = value >>> ((at % 4) * 8);
    at++;
  }
  const words = Math.floor((end - at) / 4);
  if (words > 0) fillWords(memory.words[region] as Int32Array, at / 4, words, value);
  at += words * 4;
  while (at < end) {
    bytes[at] = value >>> ((at % 4) * 8);
    at++;
  }
}

/**
 * `TypedArray.fill`, but on shared memory `fill` stores element by element: 15 GB/s. A short fill
 * that then copies itself does 29; on unshared memory it is 83 against 62.
 */
function fillWords(words: Int32Array, start: number, n: number, value: number): void {
  if (n <= SEED_WORDS) {
    words.fill(value, start, start + n);
    return;
  }
  words.fill(value, start, start + SEED_WORDS);
  let done = SEED_WORDS;
  while (done < n) {
    let step = Math.min(done, COPY_WORDS);
    if (step > n - done) step = n - done;
    words.copyWithin(start + done, start, start + step);
    done += step;
  }
}

/**
 * Rows of one row of tiles. A tile column that is covered from side to side is one run over all its
 * rows: 512 bytes wide in an X tile, 16 in a Y tile. Swizzling only changes the order within such a
 * run, save for a Y tile's rows that do not come in eights.
 */
function fillBand(
  dst: Surface,
  memory: MachineMemory,
  x: number,
  y: number,
  n: number,
  rows: number,
  value: number,
): void {
  const column = dst.tiling === TILE_X ? 512 : 16;
  const tile = 1 << (TILE_WIDTH_SHIFT[dst.tiling] as number);
  const whole = rows << (TILE_WIDTH_SHIFT[dst.tiling] as number) === TILE_BYTES;
  const columns = !dst.swizzled || dst.tiling === TILE_X || ((y | rows) & 7) === 0;
  const end = x + n;
  let at = x;
  while (at < end) {
    if (whole && at % tile === 0 && end - at >= tile) {
      dst.locateTile(at, y);
      if (dst.region !== 0) {
        fillWords(memory.words[dst.region] as Int32Array, dst.word, TILE_BYTES >>> 2, value);
      }
      at += tile;
      continue;
    }
    const run = Math.min(end - at, column - (at & (column - 1)));
    if (columns && run === column) {
      dst.locateColumn(at, y);
      if (dst.region !== 0) {
        const words = memory.words[dst.region] as Int32Array;
        fillWords(words, dst.word, (column >>> 2) * rows, value);
      }
    } else {
      for (let r = 0; r < rows; r++) fillRun(dst, memory, at, y + r, run, value);
    }
    at += run;
  }
}
