import type { AddressSpace } from '../gtt/address-space.ts';
import type { MachineMemory } from '../port/memory.ts';
import {
  inTileW,
  inTileX,
  inTileY,
  LINEAR,
  surfaceOffset,
  swizzleBit6,
  TILE_HEIGHT_SHIFT,
  TILE_WIDTH_SHIFT,
  TILE_X,
  TILE_Y,
  type Tiling,
} from './tiling.ts';

/** Longest piece of a row that moves at once, bytes. */
export const LINE_BYTES = 4096;

/** A piece of a row, packed from byte 0. Two views of one buffer. */
export interface Line {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
}

export function makeLine(bytes: number = LINE_BYTES): Line {
  const words = new Int32Array((bytes >>> 2) + 2);
  return {
    words,
    bytes: new Uint8Array(words.buffer),
    halves: new Uint16Array(words.buffer),
  };
}

/**
 * A rectangle of graphics memory that is read and written by rows, whatever its tiling. One object
 * is set up again and again; nothing is allocated per row.
 *
 * Pages that fault read 0 and drop writes; the address space counts them.
 */
export class Surface {
  /** After {@link locate}: region of machine memory; 0 is a fault. */
  region = 0;
  /** After {@link locate}: word in the region's array that holds the first byte. */
  word = 0;
  /** After {@link locate}: the first byte's place in that word, 0 to 3. */
  sub = 0;
  base = 0;
  pitch = 0;
  tiling: Tiling = LINEAR;
  /** Bit 6 of tiled addresses is swizzled: `swizzleBit6`. */
  swizzled = false;
  readonly memory: MachineMemory;
  #space: AddressSpace | null = null;
  #across = 0;

  constructor(memory: MachineMemory) {
    this.memory = memory;
  }

  /**
   * @param base graphics address, bytes; a tiled surface starts on a page (bits 11:0 are dropped)
   * @param pitch bytes from row to row, signed
   * @param swizzled whether tiles are swizzled; says nothing of a linear surface
   */
  set(
    space: AddressSpace,
    base: number,
    pitch: number,
    tiling: Tiling,
    swizzled: boolean = false,
  ): void {
    this.#space = space;
    this.base = tiling === LINEAR ? base | 0 : base & ~0xfff;
    this.pitch = pitch;
    this.tiling = tiling;
    this.swizzled = swizzled && tiling !== LINEAR;
    this.#across = pitch >> (TILE_WIDTH_SHIFT[tiling] as number);
  }

  /** Lets the address space go. */
  clear(): void {
    this.#space = null;
  }

  /** Whether rows start on dwords, so that they move a word at a time. */
  get aligned(): boolean {
    return ((this.base | this.pitch) & 3) === 0;
  }

  /** Graphics address of a byte. */
  address(x: number, y: number): number {
    return (this.base + surfaceOffset(this.tiling, x, y, this.pitch, this.swizzled)) | 0;
  }

  /**
   * Finds the memory behind byte `x` of row `y`.
   *
   * @param want bytes wanted, 1 or more
   * @returns how many of them lie one after another from there, 1 to `want`
   */
  locate(x: number, y: number, want: number): number {
    if (this.tiling === LINEAR) {
      return this.#linear((this.base + Math.imul(y, this.pitch) + x) | 0, want);
    }
    return this.#tiled(x, y, want);
  }

  #linear(gma: number, want: number): number {
    const space = this.#space as AddressSpace;
    let page = gma >>> 12;
    const region = space.region(page);
    this.region = region;
    let run = 4096 - (gma & 0xfff);
    if (region === 0) return Math.min(run, want);
    let first = space.word(page);
    this.word = first + ((gma & 0xfff) >>> 2);
    this.sub = gma & 3;
    // Pages that follow each other in machine memory too make one run: one fill, one move.
    while (run < want) {
      page++;
      if (space.region(page) !== region) break;
      const next = space.word(page);
      if (next !== first + 1024) break;
      first = next;
      run += 4096;
    }
    return Math.min(run, want);
  }

  #tiled(x: number, y: number, want: number): number {
    const space = this.#space as AddressSpace;
    const tiling = this.tiling;
    let tile: number;
    let within: number;
    let run: number;
    if (tiling === TILE_X) {
      tile = Math.imul(y >> 3, this.#across) + (x >> 9);
      within = inTileX(x, y);
      if (this.swizzled && ((y ^ (y >> 1)) & 1) !== 0) {
        // On such a row each two runs of 64 bytes have changed places.
        within ^= 64;
        run = 64 - (x & 63);
      } else run = 512 - (x & 511);
    } else if (tiling === TILE_Y) {
      tile = Math.imul(y >> 5, this.#across) + (x >> 7);
      within = inTileY(x, y);
      if (this.swizzled) within = swizzleBit6(tiling, within);
      run = 16 - (x & 15);
    } else {
      tile = Math.imul(y >> 6, this.#across) + (x >> 6);
      within = inTileW(x, y);
      if (this.swizzled) within = swizzleBit6(tiling, within);
      run = 1;
    }
    const page = ((this.base >>> 12) + tile) & 0xfffff;
    const region = space.region(page);
    this.region = region;
    if (region !== 0) {
      this.word = space.word(page) + (within >>> 2);
      this.sub = within & 3;
    }
    return Math.min(run, want);
  }

  /** Finds the tile at byte `x` of row `y`: {@link word} is its first. Only for tiled surfaces. */
  locateTile(x: number, y: number): void {
    const space = this.#space as AddressSpace;
    const across = x >> (TILE_WIDTH_SHIFT[this.tiling] as number);
    const down = y >> (TILE_HEIGHT_SHIFT[this.tiling] as number);
    const page = ((this.base >>> 12) + Math.imul(down, this.#across) + across) & 0xfffff;
    const region = space.region(page);
    this.region = region;
    if (region !== 0) this.word = space.word(page);
  }

  /**
   * Finds where row `y` begins in the column of a tile (512 bytes wide in an X tile, 16 in a Y tile)
   * as if nothing were swizzled: the column's rows follow each other from {@link word} on.
   */
  locateColumn(x: number, y: number): void {
    this.locateTile(x, y);
    const within = this.tiling === TILE_X ? inTileX(0, y) : inTileY(x & ~15, y);
    this.word += within >>> 2;
    this.sub = 0;
  }

  /** Reads `n` bytes of row `y` from byte `x` into the line's bytes 0 to n - 1. */
  load(x: number, y: number, n: number, line: Line): void {
    const memory = this.memory;
    if (this.swizzled && this.tiling === TILE_X && ((x | n) & 3) === 0) {
      if (((y ^ (y >> 1)) & 1) !== 0) return this.#loadSwapped(x, y, n, line.words);
    }
    let at = 0;
    while (at < n) {
      const run = this.locate(x + at, y, n - at);
      const region = this.region;
      if (region === 0) line.bytes.fill(0, at, at + run);
      else if (((this.sub | at | run) & 3) === 0) {
        copyWords(line.words, at >>> 2, memory.words[region] as Int32Array, this.word, run >>> 2);
      } else {
        const from = this.word * 4 + this.sub;
        copyBytes(line.bytes, at, memory.bytes[region] as Uint8Array, from, run);
      }
      at += run;
    }
  }

  /** Reads dwords of an X-tiled row in which each two runs of 64 bytes have changed places. */
  #loadSwapped(x: number, y: number, n: number, line: Int32Array): void {
    for (let at = 0; at < n; ) {
      const run = Math.min(512 - ((x + at) & 511), n - at);
      this.locateTile(x + at, y);
      const to = at >>> 2;
      const end = to + (run >>> 2);
      if (this.region === 0) line.fill(0, to, end);
      else {
        const words = this.memory.words[this.region] as Int32Array;
        let from = this.word + (inTileX(x + at, y) >>> 2);
        for (let i = to; i < end; i++) line[i] = words[from++ ^ 16] as number;
      }
      at += run;
    }
  }

  /** Writes the line's bytes 0 to n - 1 to row `y` from byte `x`; no other byte is touched. */
  store(x: number, y: number, n: number, line: Line): void {
    const memory = this.memory;
    let at = 0;
    while (at < n) {
      const run = this.locate(x + at, y, n - at);
      const region = this.region;
      if (region !== 0) {
        if (((this.sub | at | run) & 3) === 0) {
          copyWords(memory.words[region] as Int32Array, this.word, line.words, at >>> 2, run >>> 2);
        } else {
          const to = this.word * 4 + this.sub;
          copyBytes(memory.bytes[region] as Uint8Array, to, line.bytes, at, run);
        }
      }
      at += run;
    }
  }
}

/** A plain loop: 10 GB/s, where `set(subarray)` allocates and is slower below 4 KiB. */
export function copyWords(
  to: Int32Array,
  toAt: number,
  from: Int32Array,
  fromAt: number,
  n: number,
): void {
  for (let i = 0; i < n; i++) to[toAt + i] = from[fromAt + i] as number;
}

export function copyBytes(
  to: Uint8Array,
  toAt: number,
  from: Uint8Array,
  fromAt: number,
  n: number,
): void {
  for (let i = 0; i < n; i++) to[toAt + i] = from[fromAt + i] as number;
}

/** @param shift bytes of a pixel as a power of two @param i pixel from the line's start */
export function setPixel(line: Line, shift: number, i: number, value: number): void {
  if (shift === 2) line.words[i] = value;
  else if (shift === 1) line.halves[i] = value;
  else line.bytes[i] = value;
}

export function getPixel(line: Line, shift: number, i: number): number {
  if (shift === 2) return line.words[i] as number;
  return (shift === 1 ? line.halves[i] : line.bytes[i]) as number;
}
