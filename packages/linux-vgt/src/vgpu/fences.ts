import { FenceRegisters, type RegBlock, type RegRow, type RegSpace } from '@xengt/hsw-device';
import { FENCES, inSlice, type Slice } from '../partition/partition.ts';

/** Fence registers, 8 bytes each. i915 `FENCE_REG_GEN6_LO`. */
const FENCE_BASE = 0x100000;
/** Low dword: 31:12 first page, 1 tiling in Y, 0 valid; high dword: 31:12 last page, pitch below. */
const FENCE_VALID = 1;

/**
 * A VM's fences: its own numbers from 0, in hardware from its slice's first fence on. A VM that shares
 * its addresses has registers of its own instead: only a processor's accesses go through fences, and
 * the mediator is the one that answers those.
 */
export class VirtualFences implements RegBlock {
  readonly rows: readonly RegRow[];
  /** Accesses to fences the VM was not given. */
  beyond = 0;
  /** Fences over memory that is not the VM's: not set. */
  refused = 0;
  /** What the VM's aperture goes by; null when that is hardware's. */
  readonly own: FenceRegisters | null;
  readonly #vreg: RegSpace;
  readonly #hw: RegSpace;
  readonly #slice: Slice;

  constructor(vreg: RegSpace, hw: RegSpace, slice: Slice) {
    this.#vreg = vreg;
    this.#hw = hw;
    this.#slice = slice;
    this.own = slice.shared ? new FenceRegisters(vreg, hw) : null;
    const src = 'i915 FENCE_REG_GEN6_LO; HSW PRM vol.2c FENCE';
    this.rows = [
      {
        name: 'FENCE',
        offset: FENCE_BASE,
        count: FENCES * 2,
        onWrite: (offset, _value, old) => this.#write(offset, old),
        onRead: (offset, value) => this.#read(offset, value),
        src,
      },
    ];
  }

  #read(offset: number, value: number): number {
    if ((offset - FENCE_BASE) >>> 3 >= this.#slice.fences) this.beyond++;
    return value;
  }

  #write(offset: number, old: number): void {
    const id = (offset - FENCE_BASE) >>> 3;
    if (id >= this.#slice.fences) {
      this.beyond++;
      this.#vreg.poke(offset, old);
      return;
    }
    this.#program(id);
  }

  /** Writes one fence to hardware, low dword last as it makes the fence valid. */
  #program(id: number): void {
    const at = FENCE_BASE + id * 8;
    const to = FENCE_BASE + (this.#slice.fenceBase + id) * 8;
    const low = this.#vreg.peek(at);
    const high = this.#vreg.peek(at + 4);
    const first = (low & ~0xfff) >>> 0;
    const bytes = ((high & ~0xfff) >>> 0) + 4096 - first;
    const valid = (low & FENCE_VALID) !== 0;
    const mine = bytes > 0 && inSlice(this.#slice, first, bytes);
    if (valid && !mine) this.refused++;
    if (this.own !== null) {
      // One that reaches beyond the slice shows what is inside: the aperture keeps to the slice.
      this.own.update(id);
      return;
    }
    this.#hw.write32(to, 0);
    this.#hw.write32(to + 4, high);
    if (!valid || mine) this.#hw.write32(to, low);
  }

  /** Writes all of the VM's fences to hardware: its registers came from elsewhere, or hardware forgot. */
  restore(): void {
    for (let id = 0; id < this.#slice.fences; id++) this.#program(id);
  }

  /** Clears the VM's fences in hardware. */
  release(): void {
    if (this.own !== null) return;
    for (let id = 0; id < this.#slice.fences; id++) {
      const to = FENCE_BASE + (this.#slice.fenceBase + id) * 8;
      this.#hw.write32(to, 0);
      this.#hw.write32(to + 4, 0);
    }
  }
}
