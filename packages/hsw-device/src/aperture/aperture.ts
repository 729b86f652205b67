import type { AddressSpace } from '../gtt/address-space.ts';
import type { AccessSize, TrapTarget } from '../port/trap.ts';
import { detileOffset, TILE_WIDTH_SHIFT } from '../tiling/tiling.ts';
import type { FenceRegisters } from './fences.ts';

/** A page's way: straight to memory, or the slow way because of a fence or the slice. */
const PLAIN = 0;
const FENCED = 1;
const OUTSIDE = 2;

/**
 * The CPU's window onto low graphics memory (BAR2, GMADR): each access goes through the GGTT straight
 * to memory; under a fence the CPU sees a tiled surface as a linear one.
 *
 * A guest of a shared GPU sees a slice of it: outside, reads give all ones and writes are dropped.
 * Pages without a valid GGTT entry read 0 and drop writes, and the address space counts them.
 */
export class Aperture implements TrapTarget {
  readonly name: string;
  readonly counters = {
    /** Accesses outside the slice. */
    outsideReads: 0,
    outsideWrites: 0,
    /** Accesses under a fence. */
    fenced: 0,
  };
  readonly #space: AddressSpace;
  readonly #words: Int32Array[];
  readonly #bytes: Uint8Array[];
  readonly #fences: FenceRegisters;
  readonly #way: Uint8Array;
  readonly #firstPage: number;
  readonly #endPage: number;
  readonly #forget: () => void;

  /**
   * @param space the GGTT
   * @param fences that the hardware applies to the CPU's accesses
   * @param base first byte that may be accessed; offsets count from the aperture's start all the same
   * @param bytes how many; both are multiples of 4 KiB
   */
  constructor(
    name: string,
    space: AddressSpace,
    fences: FenceRegisters,
    base: number,
    bytes: number,
  ) {
    this.name = name;
    this.#space = space;
    this.#words = space.memory.words;
    this.#bytes = space.memory.bytes;
    this.#fences = fences;
    this.#firstPage = base >>> 12;
    this.#endPage = (base + bytes) >>> 12;
    this.#way = new Uint8Array(this.#endPage);
    this.#judge(0, this.#endPage - 1);
    this.#forget = fences.onChange((first, last) => this.#judge(first, last));
  }

  /** Stops listening to the fences: the aperture's owner is gone. */
  dispose(): void {
    this.#forget();
  }

  #judge(first: number, last: number): void {
    const over = this.#fences.over;
    const end = Math.min(last + 1, this.#way.length);
    for (let page = first; page < end; page++) {
      const inside = page >= this.#firstPage && page < this.#endPage;
      this.#way[page] = !inside ? OUTSIDE : over[page] !== 0 ? FENCED : PLAIN;
    }
  }

  read(offset: number, size: AccessSize): number {
    return size === 4 ? this.read32(offset) : size === 1 ? this.read8(offset) : this.read16(offset);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size === 4) this.write32(offset, value);
    else if (size === 1) this.write8(offset, value);
    else this.write16(offset, value);
  }

  /** @param offset bytes; need not be aligned @returns int32 */
  read32(offset: number): number {
    const page = offset >>> 12;
    if (this.#way[page] !== PLAIN || (offset & 3) !== 0) return this.#slowRead(offset, 4);
    const region = this.#space.region(page);
    if (region === 0) return 0;
    const at = this.#space.word(page) + ((offset & 0xfff) >>> 2);
    return (this.#words[region] as Int32Array)[at] as number;
  }

  write32(offset: number, value: number): void {
    const page = offset >>> 12;
    if (this.#way[page] !== PLAIN || (offset & 3) !== 0) {
      this.#slowWrite(offset, 4, value);
      return;
    }
    const region = this.#space.region(page);
    if (region === 0) return;
    const at = this.#space.word(page) + ((offset & 0xfff) >>> 2);
    (this.#words[region] as Int32Array)[at] = value;
  }

  read8(offset: number): number {
    const page = offset >>> 12;
    if (this.#way[page] !== PLAIN) return this.#slowRead(offset, 1);
    const region = this.#space.region(page);
    if (region === 0) return 0;
    const at = this.#space.word(page) * 4 + (offset & 0xfff);
    return (this.#bytes[region] as Uint8Array)[at] as number;
  }

  write8(offset: number, value: number): void {
    const page = offset >>> 12;
    if (this.#way[page] !== PLAIN) {
      this.#slowWrite(offset, 1, value);
      return;
    }
    const region = this.#space.region(page);
    if (region === 0) return;
    const at = this.#space.word(page) * 4 + (offset & 0xfff);
    (this.#bytes[region] as Uint8Array)[at] = value;
  }

  read16(offset: number): number {
    const page = offset >>> 12;
    if (this.#way[page] !== PLAIN || (offset & 1) !== 0) return this.#slowRead(offset, 2);
    return this.#load(offset, 2);
  }

  write16(offset: number, value: number): void {
    const page = offset >>> 12;
    if (this.#way[page] !== PLAIN || (offset & 1) !== 0) this.#slowWrite(offset, 2, value);
    else this.#store(offset, 2, value);
  }

  /** Fenced, outside or unaligned. */
  #slowRead(offset: number, size: AccessSize): number {
    if ((offset & (size - 1)) !== 0) {
      let value = 0;
      for (let i = 0; i < size; i++) value |= this.read8(offset + i) << (i * 8);
      return value;
    }
    const gma = this.#gma(offset);
    if (gma >= 0) return this.#load(gma, size);
    this.counters.outsideReads++;
    return size === 4 ? -1 : (1 << (size * 8)) - 1;
  }

  #slowWrite(offset: number, size: AccessSize, value: number): void {
    if ((offset & (size - 1)) !== 0) {
      for (let i = 0; i < size; i++) this.write8(offset + i, value >>> (i * 8));
      return;
    }
    const gma = this.#gma(offset);
    if (gma >= 0) this.#store(gma, size, value);
    else this.counters.outsideWrites++;
  }

  /** Graphics address that an aperture offset means; -1 outside the slice. */
  #gma(offset: number): number {
    const way = this.#way[offset >>> 12];
    if (way === PLAIN) return offset;
    if (way !== FENCED) return -1;
    this.counters.fenced++;
    const fences = this.#fences;
    const fence = (fences.over[offset >>> 12] as number) - 1;
    const start = fences.start(fence);
    const tiling = fences.tiling(fence);
    // Whole tiles only: an X tile is 512 bytes wide, a pitch of 128 would have none in a row.
    const unit = 1 << (TILE_WIDTH_SHIFT[tiling] as number);
    const pitch = Math.max(fences.pitch(fence) & ~(unit - 1), unit);
    const gma = start + detileOffset(tiling, offset - start, pitch, fences.swizzled);
    const page = gma >>> 12;
    return page >= this.#firstPage && page < this.#endPage ? gma : -1;
  }

  #load(gma: number, size: AccessSize): number {
    const page = gma >>> 12;
    const region = this.#space.region(page);
    if (region === 0) return 0;
    const at = this.#space.word(page) + ((gma & 0xfff) >>> 2);
    const word = (this.#words[region] as Int32Array)[at] as number;
    if (size === 4) return word;
    return (word >>> ((gma & 3) << 3)) & (size === 2 ? 0xffff : 0xff);
  }

  /** Bytes are stored one by one: a word is never read and written back. */
  #store(gma: number, size: AccessSize, value: number): void {
    const page = gma >>> 12;
    const region = this.#space.region(page);
    if (region === 0) return;
    const at = this.#space.word(page);
    if (size === 4) {
      (this.#words[region] as Int32Array)[at + ((gma & 0xfff) >>> 2)] = value;
      return;
    }
    const bytes = this.#bytes[region] as Uint8Array;
    const first = at * 4 + (gma & 0xfff);
    bytes[first] = value;
    if (size === 2) bytes[first + 1] = value >>> 8;
  }
}
