import type { MachineMemory } from '../port/memory.ts';
import { copyBytes, copyWords, type Surface } from '../tiling/surface.ts';
import { TILE_Y } from '../tiling/tiling.ts';
import { SRC_COLOR } from './commands.ts';
import type { BltJob } from './job.ts';
import { ROP_SRC_COPY } from './rop.ts';

/** Longest run looked for, bytes: bounds the page look-ups that a torn surface wastes. */
const RUN_MAX = 32768;
/** Shorter moves are a loop: a call of `copyWithin` costs 30 ns. */
const LOOP_WORDS = 32;
/** From here on an allocation (100 ns) is worth what `set` saves over a loop. */
const SET_WORDS = 4096;

/** Whether rows can be moved as they are, left to right. */
export function isCopy(job: BltJob): boolean {
  if (job.rop !== ROP_SRC_COPY || job.source !== SRC_COLOR) return false;
  if (job.chroma !== 0 || job.writeMask !== -1 || job.pattern.transparent) return false;
  const { dst, color } = job;
  const aligned =
    (((job.left | (job.srcX + job.left - job.originX) | (job.right - job.left)) << job.shift) &
      3) ===
    0;
  const tiledY = dst.tiling === TILE_Y || color.tiling === TILE_Y;
  if (tiledY && !(aligned && dst.aligned && color.aligned)) return false;
  // Away from the destination within a row only matters where a row meets itself.
  if (!job.fromRight) return true;
  const sameRows = dst.pitch === color.pitch && dst.tiling === color.tiling;
  const wide = (job.right - job.originX) << job.shift;
  if (!sameRows || Math.abs(dst.pitch) < wide) return false;
  return job.srcY !== job.originY || job.originX - job.srcX >= job.right - job.left;
}

/** Copies one row of a job for which {@link isCopy} holds. */
export function copyRow(job: BltJob, memory: MachineMemory, y: number): void {
  const { dst, color } = job;
  const ys = y - job.originY + job.srcY;
  const xd = job.left << job.shift;
  const xs = (job.left - job.originX + job.srcX) << job.shift;
  const n = job.rowBytes;
  const dstY = dst.tiling === TILE_Y;
  const srcY = color.tiling === TILE_Y;
  if (dstY && srcY) copyTiles(memory, dst, color, xd, y, xs, ys, n);
  else if (dstY) toTiles(memory, dst, color, xd, y, xs, ys, n);
  else if (srcY) fromTiles(memory, dst, color, xd, y, xs, ys, n);
  else copyRuns(memory, dst, color, xd, y, xs, ys, n);
}

function copyRuns(
  memory: MachineMemory,
  dst: Surface,
  src: Surface,
  xd: number,
  yd: number,
  xs: number,
  ys: number,
  n: number,
): void {
  let at = 0;
  while (at < n) {
    const want = Math.min(n - at, RUN_MAX);
    const run = src.locate(xs + at, ys, dst.locate(xd + at, yd, want));
    if (dst.region !== 0) moveRun(memory, dst, src, run);
    at += run;
  }
}

/** Moves `n` bytes between two places that {@link Surface.locate} found. */
function moveRun(memory: MachineMemory, dst: Surface, src: Surface, n: number): void {
  const to = dst.region;
  const from = src.region;
  if (((dst.sub | src.sub | n) & 3) !== 0 || from === 0) {
    const bytes = memory.bytes[to] as Uint8Array;
    const at = dst.word * 4 + dst.sub;
    const first = src.word * 4 + src.sub;
    if (from === 0) bytes.fill(0, at, at + n);
    else if (from === to) bytes.copyWithin(at, first, first + n);
    else copyBytes(bytes, at, memory.bytes[from] as Uint8Array, first, n);
    return;
  }
  const words = memory.words[to] as Int32Array;
  const count = n >>> 2;
  if (from === to && count > LOOP_WORDS) {
    words.copyWithin(dst.word, src.word, src.word + count);
    return;
  }
  const source = memory.words[from] as Int32Array;
  if (from === to || count < SET_WORDS) copyWords(words, dst.word, source, src.word, count);
  else words.set(source.subarray(src.word, src.word + count), dst.word);
}

/** Linear or X-tiled to Y-tiled: all on dwords. */
function toTiles(
  memory: MachineMemory,
  dst: Surface,
  src: Surface,
  xd: number,
  yd: number,
  xs: number,
  ys: number,
  n: number,
): void {
  let at = 0;
  while (at < n) {
    const run = src.locate(xs + at, ys, Math.min(n - at, RUN_MAX));
    const source = memory.words[src.region] as Int32Array;
    const first = src.region === 0 ? 0 : src.word;
    for (let done = 0; done < run; ) {
      const x = xd + at + done;
      const piece = Math.min(run - done, 128 - (x & 127));
      dst.locateTileY(x, yd);
      if (dst.region !== 0) {
        const words = memory.words[dst.region] as Int32Array;
        scatter(words, dst.word, (x & 127) >>> 2, source, first + (done >>> 2), piece >>> 2);
      }
      done += piece;
    }
    at += run;
  }
}

/** Y-tiled to linear or X-tiled: all on dwords. */
function fromTiles(
  memory: MachineMemory,
  dst: Surface,
  src: Surface,
  xd: number,
  yd: number,
  xs: number,
  ys: number,
  n: number,
): void {
  let at = 0;
  while (at < n) {
    const run = dst.locate(xd + at, yd, Math.min(n - at, RUN_MAX));
    if (dst.region !== 0) {
      const words = memory.words[dst.region] as Int32Array;
      for (let done = 0; done < run; ) {
        const x = xs + at + done;
        const piece = Math.min(run - done, 128 - (x & 127));
        src.locateTileY(x, ys);
        const source = memory.words[src.region] as Int32Array;
        gather(words, dst.word + (done >>> 2), source, src.word, (x & 127) >>> 2, piece >>> 2);
        done += piece;
      }
    }
    at += run;
  }
}

function copyTiles(
  memory: MachineMemory,
  dst: Surface,
  src: Surface,
  xd: number,
  yd: number,
  xs: number,
  ys: number,
  n: number,
): void {
  let at = 0;
  while (at < n) {
    const x = xd + at;
    const s = xs + at;
    const piece = Math.min(n - at, 128 - (x & 127), 128 - (s & 127));
    dst.locateTileY(x, yd);
    src.locateTileY(s, ys);
    if (dst.region !== 0) {
      const words = memory.words[dst.region] as Int32Array;
      const source = memory.words[src.region] as Int32Array;
      tileToTile(words, dst.word, (x & 127) >>> 2, source, src.word, (s & 127) >>> 2, piece >>> 2);
    }
    at += piece;
  }
}

// Word w (0 to 31) of a Y tile's row lies in column w >> 2: 128 words from column to column.
// A region that faulted is the empty array: `| 0` makes its undefined a 0.

function scatter(
  to: Int32Array,
  tile: number,
  w: number,
  from: Int32Array,
  at: number,
  n: number,
): void {
  let i = 0;
  if (((w | n) & 3) === 0) {
    for (let a = tile + (w << 5); i < n; i += 4, a += 128) {
      to[a] = (from[at + i] as number) | 0;
      to[a + 1] = (from[at + i + 1] as number) | 0;
      to[a + 2] = (from[at + i + 2] as number) | 0;
      to[a + 3] = (from[at + i + 3] as number) | 0;
    }
    return;
  }
  for (; i < n; i++) {
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
  let i = 0;
  if (((w | n) & 3) === 0) {
    for (let a = tile + (w << 5); i < n; i += 4, a += 128) {
      to[at + i] = (from[a] as number) | 0;
      to[at + i + 1] = (from[a + 1] as number) | 0;
      to[at + i + 2] = (from[a + 2] as number) | 0;
      to[at + i + 3] = (from[a + 3] as number) | 0;
    }
    return;
  }
  for (; i < n; i++) {
    const v = w + i;
    to[at + i] = (from[tile + ((v & ~3) << 5) + (v & 3)] as number) | 0;
  }
}

function tileToTile(
  to: Int32Array,
  toTile: number,
  toWord: number,
  from: Int32Array,
  fromTile: number,
  fromWord: number,
  n: number,
): void {
  for (let i = 0; i < n; i++) {
    const a = toWord + i;
    const b = fromWord + i;
    to[toTile + ((a & ~3) << 5) + (a & 3)] =
      (from[fromTile + ((b & ~3) << 5) + (b & 3)] as number) | 0;
  }
}
