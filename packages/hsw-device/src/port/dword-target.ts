import type { AccessSize, TrapTarget } from './trap.ts';

/**
 * A range made of dwords. Bytes, words and what crosses a dword become accesses of the dwords they
 * touch, lowest first, as byte enables make of them on the bus. Nothing is allocated.
 */
export abstract class DwordTarget implements TrapTarget {
  abstract readonly name: string;

  /** @param offset multiple of 4 @returns int32 */
  abstract read32(offset: number): number;
  /** @param offset multiple of 4 @param value int32 */
  abstract write32(offset: number, value: number): void;
  /**
   * What the bytes of a dword that a narrow write leaves alone are written back as, without the
   * effects of a read; bits that clear by writing 1 are 0.
   */
  protected abstract stored(offset: number): number;

  read(offset: number, size: AccessSize): number {
    const shift = (offset & 3) * 8;
    if (size === 4 && shift === 0) return this.read32(offset);
    const low = this.read32(offset & ~3) >>> shift;
    if (size === 1) return low & 0xff;
    const over = shift + size * 8 - 32;
    const value = over > 0 ? low | (this.read32((offset & ~3) + 4) << (32 - shift)) : low;
    return size === 2 ? value & 0xffff : value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size === 4 && (offset & 3) === 0) {
      this.write32(offset, value);
      return;
    }
    for (let i = 0; i < size; ) {
      const at = offset + i;
      const within = at & 3;
      const bytes = Math.min(size - i, 4 - within);
      const mask = (bytes === 4 ? -1 : (1 << (bytes * 8)) - 1) << (within * 8);
      const part = (value >>> (i * 8)) << (within * 8);
      this.write32(at & ~3, (this.stored(at & ~3) & ~mask) | (part & mask));
      i += bytes;
    }
  }
}
