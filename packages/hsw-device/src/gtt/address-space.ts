import { type DmaPort, UNTRANSLATED } from '../port/dma.ts';
import type { MachineMemory } from '../port/memory.ts';

/** Pages of the largest graphics address space: 2 GiB. PRM vol.5: 512 Ki entries of 4 KiB. */
export const GM_PAGES = 0x80000;
/** Above this many cached pages an invalidation clears the whole cache instead of one by one. */
const FILLED_MAX = 4096;

/** Valid bit of a gen7.5 PTE and PDE. PRM vol.5 "GTT entry", bit 0. */
export const PTE_VALID = 1;

/**
 * Machine frame in a Haswell PTE: entry bits 31:12 hold address bits 31:12, entry bits 10:4 hold
 * address bits 38:32. i915: `hsw_pte_encode`, `GEN6_GTT_ADDR_ENCODE`.
 */
export function pteMfn(pte: number): number {
  return (pte >>> 12) | ((pte & 0x7f0) << 16);
}

/** The address bits of a PTE that maps `mfn`; the caller adds cacheability and the valid bit. */
export function pteAddress(mfn: number): number {
  return (mfn << 12) | ((mfn >>> 16) & 0x7f0);
}

/** What a TLB holds, and what was not found. */
export interface SpaceStateV1 {
  readonly faults: number;
  readonly faultAt: number;
  /** Graphics page and machine frame of each translation, by page. */
  readonly pages: readonly number[];
}

/**
 * A graphics address space with its TLB: graphics page to (region of machine memory, word index).
 * GGTT and PPGTT differ only in where an entry is read from.
 *
 * Lookups that miss every mapping are recorded, read as 0 and drop writes.
 */
export class AddressSpace {
  readonly name: string;
  readonly memory: MachineMemory;
  /** Lookups that found no valid entry, or an entry that no memory backs or that may not be used. */
  faults = 0;
  /** Graphics address of the latest fault, page bounds. */
  faultAt = 0;
  /** The arbiter hears of each lookup that found no valid entry. @param gma page bounds, int32 */
  onInvalid: ((gma: number) => void) | null = null;
  /** Hears of each fault. @param gma graphics address, page bounds */
  onFault: ((gma: number) => void) | null = null;
  readonly #entry: (page: number) => number;
  readonly #dma: DmaPort;
  readonly #region = new Uint8Array(GM_PAGES);
  readonly #word = new Int32Array(GM_PAGES);
  readonly #filled = new Int32Array(FILLED_MAX);
  readonly #forget: readonly (() => void)[];
  #filledCount = 0;

  /**
   * @param entry reads the PTE of a page, 0 when there is none; it need not check the range
   * @param dma what the frames in its entries are frames of
   */
  constructor(
    name: string,
    memory: MachineMemory,
    entry: (page: number) => number,
    dma: DmaPort = UNTRANSLATED,
  ) {
    this.name = name;
    this.memory = memory;
    this.#entry = entry;
    this.#dma = dma;
    const forget = (): void => this.invalidate();
    this.#forget = [memory.onChange(forget), dma.onInvalidate(forget)];
  }

  /** Stops listening to the memory: the space's owner is gone. */
  dispose(): void {
    for (const stop of this.#forget) stop();
  }

  /**
   * Region of machine memory behind a graphics page; 0 is a fault.
   *
   * @param page graphics address >>> 12, 0 to GM_PAGES - 1 (larger ones fault)
   */
  region(page: number): number {
    const hit = this.#region[page];
    return hit !== undefined && hit !== 0 ? hit : this.#fill(page);
  }

  /** Word index in `memory.words[region]` of a page for which {@link region} gave a region. */
  word(page: number): number {
    return this.#word[page] as number;
  }

  #fill(page: number): number {
    const pte = page >= 0 && page < GM_PAGES ? this.#entry(page) : 0;
    if ((pte & PTE_VALID) !== 0) {
      const mfn = this.#dma.frame(pteMfn(pte));
      const region = mfn < 0 ? 0 : this.#keep(page, mfn);
      if (region !== 0) return region;
    }
    this.faults++;
    this.faultAt = page << 12;
    this.onFault?.(page << 12);
    if ((pte & PTE_VALID) === 0) this.onInvalid?.(page << 12);
    return 0;
  }

  exportState(): SpaceStateV1 {
    const pages: number[] = [];
    for (let page = 0; page < GM_PAGES; page++) {
      const region = this.#region[page] as number;
      if (region === 0) continue;
      const frame =
        (this.memory.firstMfn[region] as number) + ((this.#word[page] as number) >>> 10);
      pages.push(page, frame);
    }
    return { faults: this.faults, faultAt: this.faultAt, pages };
  }

  /** What of a state of the right form cannot be; null when nothing. */
  stateError({ pages }: SpaceStateV1): string | null {
    if (pages.length % 2 !== 0 || pages.length > GM_PAGES * 2) return `${this.name}: pages`;
    for (let i = 0; i < pages.length; i += 2) {
      const page = pages[i] as number;
      if (!Number.isInteger(page) || page < 0 || page >= GM_PAGES)
        return `${this.name}: page ${page}`;
      if (this.memory.regionOf(pages[i + 1] as number) === 0) return `${this.name}: no memory`;
    }
    return null;
  }

  importState(s: SpaceStateV1): void {
    this.invalidate();
    for (let i = 0; i < s.pages.length; i += 2) {
      this.#keep(s.pages[i] as number, s.pages[i + 1] as number);
    }
    this.faults = s.faults;
    this.faultAt = s.faultAt;
  }

  /** Takes a translation. @returns the frame's region; 0 when nothing backs it */
  #keep(page: number, mfn: number): number {
    const region = this.memory.regionOf(mfn);
    if (region === 0) return 0;
    this.#region[page] = region;
    this.#word[page] = this.memory.wordOf(mfn, region);
    if (this.#filledCount < FILLED_MAX) this.#filled[this.#filledCount] = page;
    this.#filledCount++;
    return region;
  }

  /** Forgets one page: its entry changed. */
  invalidatePage(page: number): void {
    this.#region[page] = 0;
  }

  /** Forgets a run of pages. */
  invalidatePages(first: number, count: number): void {
    this.#region.fill(0, first, first + count);
  }

  /** Forgets every cached page. PRM vol.5 "TLB invalidation". */
  invalidate(): void {
    if (this.#filledCount > FILLED_MAX) this.#region.fill(0);
    else {
      for (let i = 0; i < this.#filledCount; i++) this.#region[this.#filled[i] as number] = 0;
    }
    this.#filledCount = 0;
  }

  /** @param gma graphics address, bytes, as int32 or double; bits 1:0 are ignored */
  read32(gma: number): number {
    const page = gma >>> 12;
    const region = this.region(page);
    if (region === 0) return 0;
    const words = this.memory.words[region] as Int32Array;
    return words[(this.#word[page] as number) + ((gma & 0xfff) >>> 2)] as number;
  }

  write32(gma: number, value: number): void {
    const page = gma >>> 12;
    const region = this.region(page);
    if (region === 0) return;
    const words = this.memory.words[region] as Int32Array;
    words[(this.#word[page] as number) + ((gma & 0xfff) >>> 2)] = value;
  }
}
