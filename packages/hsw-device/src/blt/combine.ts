import { getPixel, LINE_BYTES, type Line, makeLine, setPixel } from '../tiling/surface.ts';
import { SRC_COLOR, SRC_NONE } from './commands.ts';
import type { BltJob } from './job.ts';

/**
 * Draws rows of any operation: source, pattern and destination are brought into packed lines, the
 * raster operation runs over whole words, and the result goes back. A piece of a row is read before
 * it is written.
 */
export class Combiner {
  readonly #dst: Line = makeLine();
  readonly #src: Line = makeLine();
  readonly #mask: Line = makeLine();
  readonly #bits: Line = makeLine();
  /** 32 bytes of pattern: 8 pixels at 32 bits, repeated below that. */
  readonly #pat: Line = makeLine(32);

  row(job: BltJob, y: number): void {
    const piece = LINE_BYTES >> job.shift;
    if (job.fromRight) {
      for (let right = job.right; right > job.left; right -= piece) {
        const left = Math.max(job.left, right - piece);
        this.#piece(job, left, y, right - left);
      }
      return;
    }
    for (let left = job.left; left < job.right; left += piece) {
      this.#piece(job, left, y, Math.min(piece, job.right - left));
    }
  }

  #piece(job: BltJob, x: number, y: number, n: number): void {
    const bytes = n << job.shift;
    const words = (bytes + 3) >>> 2;
    const masked = job.sourceTransparent || job.pattern.transparent || (job.chroma & 1) !== 0;
    if (masked) this.#mask.words.fill(job.writeMask, 0, words);
    if (job.source === SRC_COLOR) {
      const xs = (x - job.originX + job.srcX) << job.shift;
      job.color.load(xs, y - job.originY + job.srcY, bytes, this.#src);
    } else if (job.source !== SRC_NONE) this.#expand(job, x, y, n);
    const partial = masked || job.writeMask !== -1;
    const readsDst = job.readsDst || partial || (job.chroma & 5) === 5;
    if (readsDst) job.dst.load(x << job.shift, y, bytes, this.#dst);
    if (job.readsPat || job.pattern.transparent) this.#pattern(job, x, y, n);
    if ((job.chroma & 1) !== 0) this.#key(job, n);
    if (masked) this.#mixLine(job.masks, words);
    else this.#mixConst(job.masks, words, job.writeMask);
    job.dst.store(x << job.shift, y, bytes, this.#dst);
  }

  /** The pattern's row, and what it hides. */
  #pattern(job: BltJob, x: number, y: number, n: number): void {
    const pattern = job.pattern;
    pattern.lineOf(this.#pat, job.shift, x, y);
    if (!pattern.transparent) return;
    const row = ((y + pattern.seedY) & 7) << 3;
    const phase = x + pattern.seedX;
    for (let i = 0; i < n; i++) {
      if (pattern.opaque[row | ((phase + i) & 7)] === 0) setPixel(this.#mask, job.shift, i, 0);
    }
  }

  /** Bits of a monochrome source become colours; bit 7 of a byte is its left pixel. */
  #expand(job: BltJob, x: number, y: number, n: number): void {
    // Up to 2^32 bits: a double.
    const first = (y - job.originY) * job.bitStride + job.bitFirst + (x - job.originX);
    const firstByte = Math.floor(first / 8);
    const bit0 = first % 8;
    const count = (bit0 + n + 7) >>> 3;
    let bytes = job.commandBytes;
    let at = job.bitsAt + firstByte;
    if (job.bitsAt < 0) {
      job.bits.load(firstByte, 0, count, this.#bits);
      bytes = this.#bits.bytes;
      at = 0;
    }
    for (let i = 0; i < n; i++) {
      const bit = bit0 + i;
      if ((((bytes[at + (bit >>> 3)] as number) >>> (7 - (bit & 7))) & 1) !== 0) {
        setPixel(this.#src, job.shift, i, job.foreground);
      } else {
        setPixel(this.#src, job.shift, i, job.background);
        if (job.sourceTransparent) setPixel(this.#mask, job.shift, i, 0);
      }
    }
  }

  /**
   * Colour keys, BR00 19:17. Bit 19: the destination is looked at and pixels inside the range are
   * written; else the source, and those outside are. 011 and 101 compare alpha too.
   * A source key needs a colour or monochrome source; without one nothing is kept out.
   */
  #key(job: BltJob, n: number): void {
    const byDst = (job.chroma & 4) !== 0;
    if (!byDst && job.source === SRC_NONE) return;
    const alpha = job.chroma === 3 || job.chroma === 5;
    const line = byDst ? this.#dst : this.#src;
    for (let i = 0; i < n; i++) {
      const pixel = getPixel(line, job.shift, i);
      const inside = inRange(pixel, job.chromaLow, job.chromaHigh, job.depth, alpha);
      if (inside !== byDst) setPixel(this.#mask, job.shift, i, 0);
    }
  }

  /** Runs the operation over the lines; `mask` tells which bits of each word change. */
  #mixConst(m: Int32Array, words: number, mask: number): void {
    const d = this.#dst.words;
    const s = this.#src.words;
    const p = this.#pat.words;
    const [m0, m1, m2, m3] = [at(m, 0), at(m, 1), at(m, 2), at(m, 3)];
    const [m4, m5, m6, m7] = [at(m, 4), at(m, 5), at(m, 6), at(m, 7)];
    for (let i = 0; i < words; i++) {
      const D = at(d, i);
      const r = rop(m0, m1, m2, m3, m4, m5, m6, m7, at(p, i & 7), at(s, i), D);
      d[i] = (D & ~mask) | (r & mask);
    }
  }

  /** The same with a mask for each word. */
  #mixLine(m: Int32Array, words: number): void {
    const d = this.#dst.words;
    const s = this.#src.words;
    const p = this.#pat.words;
    const mask = this.#mask.words;
    const [m0, m1, m2, m3] = [at(m, 0), at(m, 1), at(m, 2), at(m, 3)];
    const [m4, m5, m6, m7] = [at(m, 4), at(m, 5), at(m, 6), at(m, 7)];
    for (let i = 0; i < words; i++) {
      const D = at(d, i);
      const M = at(mask, i);
      const r = rop(m0, m1, m2, m3, m4, m5, m6, m7, at(p, i & 7), at(s, i), D);
      d[i] = (D & ~M) | (r & M);
    }
  }
}

function at(words: Int32Array, i: number): number {
  return words[i] as number;
}

/** {@link rop3} with its masks held in registers. */
function rop(
  m0: number,
  m1: number,
  m2: number,
  m3: number,
  m4: number,
  m5: number,
  m6: number,
  m7: number,
  p: number,
  s: number,
  d: number,
): number {
  return m0 ^ (d & (m1 ^ (s & m3))) ^ (s & m2) ^ (p & (m4 ^ (d & (m5 ^ (s & m7))) ^ (s & m6)));
}

/** Channels by BR13 25:24, as [shift, width]; a fourth is alpha. */
const CHANNELS: readonly (readonly (readonly [number, number])[])[] = [
  [[0, 8]],
  [
    [0, 5],
    [5, 6],
    [11, 5],
  ],
  [
    [0, 5],
    [5, 5],
    [10, 5],
    [15, 1],
  ],
  [
    [0, 8],
    [8, 8],
    [16, 8],
    [24, 8],
  ],
];

/** Whether every channel lies from its low to its high bound, both included. */
function inRange(pixel: number, low: number, high: number, depth: number, alpha: boolean): boolean {
  const channels = CHANNELS[depth] as (typeof CHANNELS)[number];
  const count = alpha ? channels.length : Math.min(channels.length, 3);
  for (let c = 0; c < count; c++) {
    const [shift, width] = channels[c] as readonly [number, number];
    const mask = (1 << width) - 1;
    const value = (pixel >>> shift) & mask;
    if (value < ((low >>> shift) & mask) || value > ((high >>> shift) & mask)) return false;
  }
  return true;
}
