import type { AddressSpace } from '../../gtt/address-space.ts';

/** Longest row that is read, dwords: 4096 pixels of 8 bytes, and room for a ragged start. */
const ROW_DW = 8192 + 128;
const OPAQUE = 0xff000000;
/** An X tile: 512 bytes by 8 rows, one page. PRM vol.1 "Tiling". */
const TILE_ROW_DW = 128;

/**
 * Reads rows of surfaces in graphics memory. Pages that map nothing read as 0. The row lies in
 * {@link bytes} (and its two other views) until the next one is read.
 */
export class SurfaceReader {
  readonly words: Int32Array = new Int32Array(ROW_DW);
  readonly bytes: Uint8Array = new Uint8Array(this.words.buffer);
  readonly halves: Uint16Array = new Uint16Array(this.words.buffer);
  /** Room for one row of converted pixels, for who needs it. */
  readonly pixels: Uint32Array = new Uint32Array(4096);
  readonly #space: AddressSpace;
  /** Where the row that is read goes as RGBA; null while rows go to {@link words}. */
  #out: Uint32Array | null = null;
  #outAt = 0;

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  /**
   * Reads one row of a linear surface.
   *
   * @param gma address of the row, bytes
   * @param from first byte of the row wanted
   * @param count bytes wanted
   * @returns index in {@link bytes} of the first byte wanted
   */
  linear(gma: number, from: number, count: number): number {
    const start = gma + from;
    let at = (start >>> 0) & ~3;
    const dwords = Math.min(((count + (start & 3) + 3) >>> 2) | 0, ROW_DW);
    for (let done = 0; done < dwords; ) {
      const index = (at & 0xfff) >>> 2;
      const n = Math.min(1024 - index, dwords - done);
      this.#copy(at >>> 12, index, n, done, 0);
      done += n;
      at += n * 4;
    }
    return start & 3;
  }

  /**
   * Reads one row of an X-tiled surface; as {@link linear}.
   *
   * @param base surface address, on a page
   * @param stride bytes, a multiple of 512
   * @param swizzled the memory controller flips address bit 6 by bits 9 and 10
   */
  tiled(
    base: number,
    stride: number,
    y: number,
    from: number,
    count: number,
    swizzled: boolean,
  ): number {
    const tile = (base >>> 12) + (y >>> 3) * (stride >>> 9);
    const rowAt = (y & 7) * TILE_ROW_DW;
    const flip = swizzled && ((y ^ (y >>> 1)) & 1) !== 0 ? 16 : 0;
    const dwords = Math.min((count + (from & 3) + 3) >>> 2, ROW_DW);
    let x = from >>> 2;
    for (let done = 0; done < dwords; ) {
      const index = x & (TILE_ROW_DW - 1);
      const n = Math.min(TILE_ROW_DW - index, dwords - done);
      this.#copy(tile + (x >>> 7), rowAt + index, n, done, flip);
      done += n;
      x += n;
    }
    return from & 3;
  }

  /** The next row that is read is BGRX8888 and goes, as opaque RGBA, to `out` from `at` on. */
  sendTo(out: Uint32Array, at: number): void {
    this.#out = out;
    this.#outAt = at;
  }

  /** Rows go to {@link words} again. */
  keep(): void {
    this.#out = null;
  }

  #copy(page: number, index: number, count: number, to: number, flip: number): void {
    const row = this.words;
    const region = this.#space.region(page);
    if (this.#out !== null) {
      this.#send(this.#out, region, page, index, count, this.#outAt + to, flip);
      return;
    }
    if (region === 0) {
      row.fill(0, to, to + count);
      return;
    }
    const words = this.#space.memory.words[region] as Int32Array;
    const at = this.#space.word(page) + index;
    if (flip === 0) for (let i = 0; i < count; i++) row[to + i] = words[at + i] as number;
    else for (let i = 0; i < count; i++) row[to + i] = words[(at + i) ^ flip] as number;
  }

  /** As {@link #copy}, with what it would take another pass to do: 1.1 ns a pixel instead of 2. */
  #send(
    out: Uint32Array,
    region: number,
    page: number,
    index: number,
    count: number,
    to: number,
    flip: number,
  ): void {
    if (region === 0) {
      out.fill(OPAQUE, to, to + count);
      return;
    }
    const words = this.#space.memory.words[region] as Int32Array;
    const at = this.#space.word(page) + index;
    for (let i = 0; i < count; i++) {
      const p = words[(at + i) ^ flip] as number;
      out[to + i] = ((p >>> 16) & 0xff) | (p & 0xff00) | ((p & 0xff) << 16) | OPAQUE;
    }
  }
}
