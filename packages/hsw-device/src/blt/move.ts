import type { MachineMemory } from '../port/memory.ts';
import { copyBytes, copyWords, type Surface } from '../tiling/surface.ts';

/** Shorter moves are a loop: a call of `copyWithin` costs 30 ns. */
const LOOP_WORDS = 32;
/** From here on an allocation (100 ns) is worth what `set` saves over a loop. */
const SET_WORDS = 4096;
/** Longest run looked for, bytes: bounds the page look-ups that a torn surface wastes. */
const RUN_MAX = 32768;

/** Moves `n` bytes of a row between any two surfaces, left to right. */
export function moveRow(
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
    const want = Math.min(n - at, RUN_MAX);
    const run = src.locate(xs + at, ys, dst.locate(xd + at, yd, want));
    if (dst.region !== 0) moveRun(memory, dst, src, run);
    at += run;
  }
}

/** Moves `n` bytes between two places that {@link Surface.locate} found. */
export function moveRun(memory: MachineMemory, dst: Surface, src: Surface, n: number): void {
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
