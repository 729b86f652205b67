import type { MachineMemory } from '../port/memory.ts';
import { type Line, makeLine } from '../tiling/surface.ts';
import { TILE_Y } from '../tiling/tiling.ts';
import { SRC_COLOR, SRC_NONE } from './commands.ts';
import { leftToRight, wordAligned } from './copy.ts';
import type { BltJob } from './job.ts';

/** Longest run at a time, words: a source that faults is read from this many zeros. */
const RUN_WORDS = 1024;

/**
 * Draws rows on dwords of any raster operation without keys: each word is read, combined and written
 * where it lies.
 */
export class DirectRows {
  readonly #memory: MachineMemory;
  readonly #pattern: Line = makeLine(32);
  readonly #zeros: Int32Array = new Int32Array(RUN_WORDS);

  constructor(memory: MachineMemory) {
    this.#memory = memory;
  }

  /** Whether a job can be drawn this way. */
  takes(job: BltJob): boolean {
    if (job.source !== SRC_NONE && job.source !== SRC_COLOR) return false;
    if ((job.chroma & 1) !== 0 || job.sourceTransparent || job.pattern.transparent) return false;
    if (job.dst.tiling === TILE_Y || !wordAligned(job)) return false;
    return job.source === SRC_NONE || (job.color.tiling !== TILE_Y && leftToRight(job));
  }

  row(job: BltJob, y: number): void {
    const { dst, color } = job;
    const colored = job.source === SRC_COLOR;
    const ys = y - job.originY + job.srcY;
    const xd = job.left << job.shift;
    const xs = (job.left - job.originX + job.srcX) << job.shift;
    const n = job.rowBytes;
    const words = this.#memory.words;
    if (job.readsPat) job.pattern.lineOf(this.#pattern, job.shift, job.left, y);
    for (let at = 0; at < n; ) {
      let run = dst.locate(xd + at, y, Math.min(n - at, RUN_WORDS * 4));
      if (colored) run = color.locate(xs + at, ys, run);
      if (dst.region !== 0) {
        const to = words[dst.region] as Int32Array;
        let from = to;
        let first = dst.word;
        if (colored) {
          from = color.region === 0 ? this.#zeros : (words[color.region] as Int32Array);
          first = color.region === 0 ? 0 : color.word;
        }
        this.#run(job, to, dst.word, from, first, at >>> 2, run >>> 2);
      }
      at += run;
    }
  }

  /** @param phase words of the row before this run: the pattern repeats every 8 */
  #run(
    job: BltJob,
    to: Int32Array,
    toAt: number,
    from: Int32Array,
    fromAt: number,
    phase: number,
    n: number,
  ): void {
    const p = this.#pattern.words;
    const m = job.masks;
    const mask = job.writeMask;
    const m0 = m[0] as number;
    const m1 = m[1] as number;
    const m2 = m[2] as number;
    const m3 = m[3] as number;
    const m4 = m[4] as number;
    const m5 = m[5] as number;
    const m6 = m[6] as number;
    const m7 = m[7] as number;
    for (let i = 0; i < n; i++) {
      const D = to[toAt + i] as number;
      const S = from[fromAt + i] as number;
      const P = p[(phase + i) & 7] as number;
      // rop3 with its masks in registers.
      const r =
        m0 ^ (D & (m1 ^ (S & m3))) ^ (S & m2) ^ (P & (m4 ^ (D & (m5 ^ (S & m7))) ^ (S & m6)));
      to[toAt + i] = (D & ~mask) | (r & mask);
    }
  }
}
