import type { MachineMemory } from '../port/memory.ts';
import type { Surface } from '../tiling/surface.ts';

const NONE = new BigInt64Array(0);

/** Memory regions as 8-byte elements, and where the rows under one tile begin in them. */
export class WideViews {
  /** After {@link locateRows}: element where each row begins. */
  readonly rowAt: Int32Array = new Int32Array(32);
  /** After {@link locateRows}: elements to add to each {@link rowAt}. */
  shift = 0;
  #region = 0;
  #left = 0;
  #nextX = 0;
  readonly #memory: MachineMemory;
  readonly #views: BigInt64Array[] = [];
  /** The words that each view shows: a region's number can be given to other memory. */
  readonly #words: (Int32Array | null)[] = [];

  constructor(memory: MachineMemory) {
    this.#memory = memory;
  }

  /** View of a region; empty when its memory does not begin on 8 bytes. */
  of(region: number): BigInt64Array {
    const words = this.#memory.words[region] as Int32Array;
    if (this.#words[region] === words) return this.#views[region] as BigInt64Array;
    while (this.#views.length <= region) {
      this.#views.push(NONE);
      this.#words.push(null);
    }
    const fits = words.byteOffset % 8 === 0;
    this.#words[region] = words;
    this.#views[region] = fits
      ? new BigInt64Array(words.buffer, words.byteOffset, words.length >>> 1)
      : NONE;
    return this.#views[region] as BigInt64Array;
  }

  /** Forgets where rows were: another surface, other rows, or a later time. */
  forgetRows(): void {
    this.#left = 0;
  }

  /**
   * Finds `bytes` bytes of each of some rows, from byte `x` on. Between two {@link forgetRows} all but
   * `x` stay the same: going right, most calls then only add to {@link shift}.
   *
   * @param rows 1 to 32
   * @returns the region that holds them all on 8-byte bounds; 0 when they do not lie so simply
   */
  locateRows(surface: Surface, x: number, y: number, rows: number, bytes: number): number {
    if (this.#left >= bytes && x === this.#nextX) {
      this.shift += bytes >>> 3;
      this.#left -= bytes;
      this.#nextX += bytes;
      return this.#region;
    }
    this.#left = 0;
    this.shift = 0;
    let region = 0;
    let left = 4096;
    for (let r = 0; r < rows; r++) {
      left = Math.min(left, surface.locate(x, y + r, left));
      if (left < bytes) return 0;
      if (surface.region === 0 || ((surface.word & 1) | surface.sub) !== 0) return 0;
      if (r === 0) region = surface.region;
      else if (surface.region !== region) return 0;
      this.rowAt[r] = surface.word >>> 1;
    }
    if (this.of(region).length === 0) return 0;
    this.#region = region;
    this.#left = left - bytes;
    this.#nextX = x + bytes;
    return region;
  }
}
