import { RangeMap } from '../trap/range-map.ts';

/** No frame: what a look-up gives for a hole. */
export const NO_FRAME: number = -1;

/** Guest frames 0xa0 to 0xbf: VGA memory, never RAM. */
const VGA_HOLE = { first: 0xa0, frames: 0x20 } as const;

/** Hears of frames that were mapped, or taken away. @param mfn of the first; -1: taken away */
export type FrameListener = (gfn: number, mfn: number, count: number) => void;

/**
 * A domain's physical-to-machine table: guest frame to machine frame. RAM is one dword a frame;
 * device memory mapped into the domain (upstream: HVMOP_vgt_map_mmio) is a few ranges.
 */
export class P2m {
  readonly #ram: Int32Array;
  readonly #mapped = new RangeMap<number>();
  readonly #listeners = new Set<FrameListener>();

  /** @param frames RAM frames from guest frame 0 @param firstMfn machine frame behind guest frame 0 */
  constructor(frames: number, firstMfn: number) {
    this.#ram = new Int32Array(frames);
    for (let gfn = 0; gfn < frames; gfn++) this.#ram[gfn] = firstMfn + gfn;
    this.#ram.fill(NO_FRAME, VGA_HOLE.first, VGA_HOLE.first + VGA_HOLE.frames);
  }

  /** Machine frame behind a guest frame, or -1. Any number is a legal question. */
  mfn(gfn: number): number {
    const mfn = this.#ram[gfn];
    if (mfn !== undefined) return mfn;
    const first = this.#mapped.find(gfn);
    return first === undefined ? NO_FRAME : first + (gfn - this.#mapped.first);
  }

  /**
   * Puts machine frames at guest frames above RAM.
   *
   * @returns false when the guest range is empty, is RAM or touches another mapping
   */
  map(gfn: number, mfn: number, count: number): boolean {
    if (gfn < this.#ram.length || !this.#mapped.add(gfn, count, mfn)) return false;
    for (const listener of this.#listeners) listener(gfn, mfn, count);
    return true;
  }

  /** Takes {@link map} back for whatever of the guest frames is mapped. */
  unmap(gfn: number, count: number): void {
    // A range keeps its first machine frame; what stays on either side must keep its own.
    const touched: [number, number][] = [];
    const kept: [number, number, number][] = [];
    this.#mapped.forEach((first, length, mfn) => {
      const end = first + length;
      if (end <= gfn || first >= gfn + count) return;
      touched.push([first, length]);
      if (first < gfn) kept.push([first, gfn - first, mfn]);
      if (end > gfn + count) kept.push([gfn + count, end - gfn - count, mfn + gfn + count - first]);
    });
    for (const [first, length] of touched) this.#mapped.remove(first, length);
    for (const [first, length, mfn] of kept) this.#mapped.add(first, length, mfn);
    for (const listener of this.#listeners) listener(gfn, NO_FRAME, count);
  }

  /** Calls `visit` with every run of frames that follow each other on both sides. */
  forEachRun(visit: (gfn: number, mfn: number, count: number) => void): void {
    const ram = this.#ram;
    for (let gfn = 0; gfn < ram.length; ) {
      const mfn = ram[gfn] as number;
      let count = 1;
      while (ram[gfn + count] === (mfn < 0 ? mfn : mfn + count)) count++;
      if (mfn >= 0) visit(gfn, mfn, count);
      gfn += count;
    }
    this.#mapped.forEach((first, length, mfn) => {
      visit(first, mfn, length);
    });
  }

  /** Calls `listener` after frames above RAM were mapped or taken away. @returns takes it back */
  onChange(listener: FrameListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Mapped ranges above RAM. */
  get mappedRanges(): number {
    return this.#mapped.size;
  }
}
