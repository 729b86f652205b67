import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';
import { fencesSwizzle } from '../tiling/swizzle.ts';
import { TILE_X, TILE_Y, type Tiling } from '../tiling/tiling.ts';

/** First fence register; each is a low and a high dword. i915: `FENCE_REG_GEN6_LO`. */
export const FENCE_BASE = 0x100000;
/** Fences of gen7. i915: `intel_ggtt_init_fences`. */
export const FENCE_COUNT = 32;
/** Graphics pages that a CPU can see at most: 512 MiB of aperture. PRM vol.1 "GMADR". */
export const APERTURE_PAGES_MAX = 0x20000;

// Fence, HSW (64 bits), as two dwords. i915 `i965_write_fence_reg`:
//   low   31:12 first page | 1 Y-tiled, not X-tiled | 0 valid
//   high  31:12 last page (inside) | 11:0 pitch in units of 128 bytes, minus 1
export const FENCE_VALID = 1;
export const FENCE_TILE_Y = 2;

/** The fence registers of a GPU, real or virtual: linear windows onto tiled surfaces. */
export class FenceRegisters implements RegBlock {
  readonly rows: readonly RegRow[];
  /** Fence over each page, its number plus 1; 0 where there is none. The lowest number wins. */
  readonly over: Uint8Array = new Uint8Array(APERTURE_PAGES_MAX);
  readonly #listeners: ((first: number, last: number) => void)[] = [];
  readonly #regs: RegSpace;
  readonly #board: RegSpace;
  readonly #first: Int32Array = new Int32Array(FENCE_COUNT);
  /** Last page, inside; less than the first when the fence is off. */
  readonly #last: Int32Array = new Int32Array(FENCE_COUNT).fill(-1);

  /** @param board where the machine's swizzling is set: hardware's registers */
  constructor(regs: RegSpace, board: RegSpace = regs) {
    this.#regs = regs;
    this.#board = board;
    const onWrite = (offset: number): void => this.update((offset - FENCE_BASE) >> 3);
    const src = 'HSW PRM vol.2c FENCE; i915 intel_ggtt_fencing.c i965_write_fence_reg';
    const run = { count: FENCE_COUNT, stride: 8, onWrite, src };
    this.rows = [
      { name: 'FENCE_REG_LO', offset: FENCE_BASE, rw: ~0xffc, ...run },
      { name: 'FENCE_REG_HI', offset: FENCE_BASE + 4, ...run },
    ];
  }

  /**
   * Calls `changed` after the pages first to last (inside) may have another fence over them.
   * @returns takes it back
   */
  onChange(changed: (first: number, last: number) => void): () => void {
    this.#listeners.push(changed);
    return () => {
      const at = this.#listeners.indexOf(changed);
      if (at >= 0) this.#listeners.splice(at, 1);
    };
  }

  low(fence: number): number {
    return this.#regs.peek(FENCE_BASE + fence * 8);
  }

  high(fence: number): number {
    return this.#regs.peek(FENCE_BASE + fence * 8 + 4);
  }

  /** Graphics address of a fence's first byte, as int32. */
  start(fence: number): number {
    return this.low(fence) & ~0xfff;
  }

  /** Bytes from row to row of a fence's surface, 128 to 512 Ki. */
  pitch(fence: number): number {
    return ((this.high(fence) & 0xfff) + 1) << 7;
  }

  tiling(fence: number): Tiling {
    return (this.low(fence) & FENCE_TILE_Y) !== 0 ? TILE_Y : TILE_X;
  }

  /** Whether what lies under fences is swizzled on bit 6. */
  get swizzled(): boolean {
    return fencesSwizzle(this.#board);
  }

  /** Takes a fence's registers as they are now: after a poke, a reset or an import. */
  update(fence: number): void {
    const oldFirst = this.#first[fence] as number;
    const oldLast = this.#last[fence] as number;
    const low = this.low(fence);
    const first = low >>> 12;
    let last = Math.min(this.high(fence) >>> 12, APERTURE_PAGES_MAX - 1);
    if ((low & FENCE_VALID) === 0 || last < first) last = first - 1;
    if (first === oldFirst && last === oldLast) return;
    this.#first[fence] = first;
    this.#last[fence] = last;
    if (oldLast >= oldFirst) this.over.fill(0, oldFirst, oldLast + 1);
    for (let i = FENCE_COUNT - 1; i >= 0; i--) {
      const from = this.#first[i] as number;
      const to = this.#last[i] as number;
      if (to >= from) this.over.fill(i + 1, from, to + 1);
    }
    for (const changed of this.#listeners) {
      if (oldLast >= oldFirst) changed(oldFirst, oldLast);
      if (last >= first) changed(first, last);
    }
  }

  /** {@link update} for every fence. */
  updateAll(): void {
    for (let i = 0; i < FENCE_COUNT; i++) this.update(i);
  }
}
