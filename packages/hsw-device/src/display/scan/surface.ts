import type { AddressSpace } from '../../gtt/address-space.ts';

/** Longest row that is read, dwords: 4096 pixels of 8 bytes, and room for a ragged start. */
const ROW_DW = 8192 + 128;
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

  #copy(page: number, index: number, count: number, to: number, flip: number): void {
    const row = this.words;
    const region = this.#space.region(page);
    if (region === 0) {
      row.fill(0, to, to + count);
      return;
    }
    const words = this.#space.memory.words[region] as Int32Array;
    const at = this.#space.word(page) + index;
    if (flip === 0) for (let i = 0; i < count; i++) row[to + i] = words[at + i] as number;
    else for (let i = 0; i < count; i++) row[to + i] = words[(at + i) ^ flip] as number;
  }
}
