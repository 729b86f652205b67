import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import { RangeMap } from '../trap/range-map.ts';
import { chainAccesses } from '../trap/wide.ts';
import { isWide } from '../trap/widths.ts';

/** Guest-physical memory as instructions reach it: RAM from 0 up, and ranges that trap. */
export class EmulBus {
  readonly ram: Uint8Array;
  readonly ranges: RangeMap<TrapTarget> = new RangeMap();
  /** Accesses to where nothing is: reads give ones, writes are lost. */
  stray = 0;

  constructor(ram: Uint8Array) {
    this.ram = ram;
  }

  /**
   * Reads bytes that lie in one page. A trapped range sees naturally aligned accesses of 4, 2 and 1
   * bytes in ascending order, the widest first that fit: 16 bytes are four dwords, as upstream's
   * 8-byte requests are two each.
   */
  read(gpa: number, bytes: number, into: Uint8Array, at: number): void {
    const { ram } = this;
    if (gpa + bytes <= ram.length) {
      for (let i = 0; i < bytes; i++) into[at + i] = ram[gpa + i] as number;
      return;
    }
    this.#chain(gpa, bytes);
    for (let done = 0; done < bytes; ) {
      const size = widest(gpa + done, bytes - done);
      let value = this.#readOne(gpa + done, size);
      for (let i = 0; i < size; i++, value >>>= 8) into[at + done + i] = value;
      done += size;
    }
  }

  write(gpa: number, bytes: number, from: Uint8Array, at: number): void {
    const { ram } = this;
    if (gpa + bytes <= ram.length) {
      for (let i = 0; i < bytes; i++) ram[gpa + i] = from[at + i] as number;
      return;
    }
    this.#chain(gpa, bytes);
    for (let done = 0; done < bytes; ) {
      const size = widest(gpa + done, bytes - done);
      let value = 0;
      for (let i = size - 1; i >= 0; i--) value = (value << 8) | (from[at + done + i] as number);
      this.#writeOne(gpa + done, size, value);
      done += size;
    }
  }

  /** A wide access that is aligned to dwords is a chain of requests with one completion. */
  #chain(gpa: number, bytes: number): void {
    if (!isWide(bytes) || gpa % 4 !== 0) return;
    const target = this.ranges.find(gpa);
    if (target !== undefined) chainAccesses(target, bytes);
  }

  #readOne(gpa: number, size: AccessSize): number {
    const target = this.ranges.find(gpa);
    if (target !== undefined) return target.read(gpa - this.ranges.first, size);
    this.stray++;
    return -1;
  }

  #writeOne(gpa: number, size: AccessSize, value: number): void {
    const target = this.ranges.find(gpa);
    if (target !== undefined) target.write(gpa - this.ranges.first, size, value);
    else this.stray++;
  }
}

/** The widest access at an address that is aligned and not above `left` bytes. */
function widest(gpa: number, left: number): AccessSize {
  if (left >= 4 && gpa % 4 === 0) return 4;
  return left >= 2 && gpa % 2 === 0 ? 2 : 1;
}
