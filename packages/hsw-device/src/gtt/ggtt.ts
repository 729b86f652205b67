import { type DmaPort, UNTRANSLATED } from '../port/dma.ts';
import type { MachineMemory } from '../port/memory.ts';
import { AddressSpace, GM_PAGES } from './address-space.ts';

// GGTT PTE, HSW (32 bits):  31:12 address 31:12 | 11 cacheability 3 | 10:4 address 38:32 | 3:1 cacheability 2:0 | 0 valid

/**
 * The global GTT: one flat table of 4-byte entries in stolen memory, written through BAR0.
 *
 * An entry takes effect at once: the chip snoops GTT writes, and i915 writes GFX_FLSH_CNTL_GEN6
 * after them in any case (`gen6_ggtt_invalidate`).
 */
export class Ggtt {
  /** Entries as the CPU wrote them. */
  readonly pte: Int32Array = new Int32Array(GM_PAGES);
  readonly space: AddressSpace;
  /** What the frames in its entries, and in page tables that hang from it, are frames of. */
  readonly dma: DmaPort;

  constructor(memory: MachineMemory, dma: DmaPort = UNTRANSLATED) {
    const pte = this.pte;
    this.dma = dma;
    this.space = new AddressSpace('GGTT', memory, (page) => pte[page] as number, dma);
  }

  /** @param index graphics page, 0 to GM_PAGES - 1; others read 0 */
  read(index: number): number {
    return this.pte[index] ?? 0;
  }

  /** Every entry becomes invalid. */
  clear(): void {
    this.pte.fill(0);
    this.space.invalidate();
  }

  /**
   * Writes a run of entries.
   *
   * @param index of the first @param from their values, from the same index on or from `at`
   */
  writeRun(index: number, count: number, from: Int32Array, at: number = index): void {
    const pte = this.pte;
    for (let i = 0; i < count; i++) pte[index + i] = from[at + i] as number;
    this.space.invalidatePages(index, count);
  }

  write(index: number, value: number): void {
    if (index < 0 || index >= GM_PAGES) return;
    this.pte[index] = value;
    this.space.invalidatePage(index);
  }
}
