import { type Ggtt, type MachineMemory, PTE_VALID, pteAddress, pteMfn } from '@xengt/hsw-device';
import type { ShadowGgtt } from './shadow-ggtt.ts';

/** Entries of a page directory: each maps 4 MiB, all of them 2 GiB. PRM vol.5 "PPGTT". */
export const PDES = 512;
const PTES_SHIFT = 10;
const PTES_MASK: number = (1 << PTES_SHIFT) - 1;
/** Bytes of the 512 shadow page tables of one directory. */
export const SHADOW_BYTES: number = PDES * 4096;
/** Pages kept in a shadow at once; one more empties it and it fills again on demand. */
const FILLED_MAX = 16384;
/** Valid, LLC cached: the shadow PDEs. i915 `GEN6_PDE_ADDR_ENCODE`. */
const PDE_OWN = PTE_VALID;
/**
 * Comparisons after which a shadow is emptied: pages that went out of use would be compared for
 * ever. What is in use fills again, at about the cost of 50 comparisons a page.
 */
const COMPARISONS_MAX = 256;

/** What happened in one VM's shadow tables; they only grow. */
export interface PpgttCounters {
  /** Pages filled in on the hardware's request. */
  fills: number;
  /** Pages the guest's tables do not map: the access faults. */
  misses: number;
  /** Valid entries of the guest whose frame the domain does not have. */
  refused: number;
  /** Entries found changed when the tables were compared. */
  resynced: number;
  /** Times the tables were compared. */
  checks: number;
}

/**
 * The shadow of one guest page directory: what the hardware walks instead of the guest's tables.
 *
 * The guest writes its page tables with plain stores which nothing can trap, so the shadow is
 * *verified and resynchronised*: an entry is copied, translated, when a walk first needs it (a page
 * request), and every copied entry is compared with the guest's before anything is submitted and
 * when the guest invalidates the TLB. Between those points a guest's change has no effect, as on
 * hardware, where a TLB may still hold the old entry. The shadow only ever names frames that were
 * the VM's own when they were copied.
 */
export class ShadowDirectory {
  /** First GTT entry of the guest's directory; -1 shows its global GTT at the same addresses. */
  readonly entry: number;
  readonly #memory: MachineMemory;
  readonly #hardware: Ggtt;
  readonly #guest: ShadowGgtt;
  readonly #counters: PpgttCounters;
  /** The shadow tables: 512 of 1024 entries. */
  readonly #shadow: Int32Array;
  /** The directory as hardware has it. */
  readonly #pdes: Int32Array = new Int32Array(PDES);
  /** The guest's entry that each filled shadow entry was made from. */
  readonly #source: Int32Array = new Int32Array(PDES << PTES_SHIFT);
  readonly #filled: Int32Array = new Int32Array(FILLED_MAX);
  #count = 0;
  /** Comparisons since the shadow was empty. */
  #comparisons = 0;
  /** The guest's table that {@link #table} found last. */
  #tableWords: Int32Array;
  #tableAt = -1;

  constructor(o: {
    entry: number;
    memory: MachineMemory;
    hardware: Ggtt;
    guest: ShadowGgtt;
    counters: PpgttCounters;
    /** Memory for the tables, {@link SHADOW_BYTES} of zeros, and its first machine frame. */
    shadow: Int32Array;
    firstMfn: number;
  }) {
    this.entry = o.entry;
    this.#memory = o.memory;
    this.#hardware = o.hardware;
    this.#guest = o.guest;
    this.#counters = o.counters;
    this.#shadow = o.shadow;
    for (let i = 0; i < PDES; i++) this.#pdes[i] = pteAddress(o.firstMfn + i) | PDE_OWN;
    this.#tableWords = o.shadow;
  }

  /** Points 512 hardware entries at the shadow tables. @param first the mediator's own GTT entries */
  install(first: number): void {
    this.#hardware.writeRun(first, PDES, this.#pdes, 0);
  }

  /**
   * Copies one page's entry from the guest's tables.
   *
   * @param page graphics page of the per-process space, 0 to 2^19 - 1
   * @returns whether the guest maps it and the shadow now does
   */
  fill(page: number): boolean {
    const source = this.#read(page);
    const entry = this.#translate(source);
    if (entry === 0) {
      this.#counters.misses++;
      return false;
    }
    if ((this.#shadow[page] as number) === 0) {
      if (this.#count === FILLED_MAX) this.flush();
      this.#filled[this.#count++] = page;
    }
    this.#source[page] = source;
    this.#shadow[page] = entry;
    this.#counters.fills++;
    return true;
  }

  /** The shadow entry of a page, filled if need be; 0 when the guest maps nothing there. */
  lookup(page: number): number {
    const entry = this.#shadow[page] ?? 0;
    if (entry !== 0) return entry;
    if (page < 0 || page >= PDES << PTES_SHIFT) return 0;
    return this.fill(page) ? (this.#shadow[page] as number) : 0;
  }

  /** The guest's entry of a page as it is now; 0 where it has no table. */
  #read(page: number): number {
    if (this.entry < 0) return this.#guest.owns(page) ? (this.#guest.entries[page] as number) : 0;
    this.#table(page >>> PTES_SHIFT);
    if (this.#tableAt < 0) return 0;
    return this.#tableWords[this.#tableAt + (page & PTES_MASK)] as number;
  }

  /** Finds the guest's page table behind a directory entry, as the entry is now. */
  #table(pde: number): void {
    const value = this.#guest.entries[this.entry + pde] as number;
    this.#tableAt = -1;
    if ((value & PTE_VALID) === 0) return;
    const mfn = this.#guest.mfn(pteMfn(value));
    if (mfn < 0) {
      this.#counters.refused++;
      return;
    }
    const region = this.#memory.regionOf(mfn);
    if (region === 0) return;
    this.#tableWords = this.#memory.words[region] as Int32Array;
    this.#tableAt = this.#memory.wordOf(mfn, region);
  }

  #translate(source: number): number {
    if ((source & PTE_VALID) === 0) return 0;
    const entry = this.#guest.translate(source);
    if (entry === 0) this.#counters.refused++;
    return entry;
  }

  /**
   * Compares every filled entry with the guest's and corrects what changed. Costs a few
   * nanoseconds for each page in use.
   *
   * @returns whether anything changed or was emptied: the hardware's TLBs must forget
   */
  resync(): boolean {
    this.#counters.checks++;
    if (this.#count === 0) return false;
    if (++this.#comparisons > COMPARISONS_MAX) {
      this.flush();
      return true;
    }
    const filled = this.#filled;
    const source = this.#source;
    // Runs over every page in use for every submission: all it needs is in locals.
    const tables = this.entry >= 0;
    const mask = tables ? PTES_MASK : -1;
    let count = this.#count;
    let words = this.#guest.entries;
    let at = 0;
    let tableOf = -1;
    let changed = false;
    for (let i = 0; i < count; i++) {
      const page = filled[i] as number;
      if (tables && page >>> PTES_SHIFT !== tableOf) {
        tableOf = page >>> PTES_SHIFT;
        this.#table(tableOf);
        words = this.#tableWords;
        at = this.#tableAt;
      }
      const now = at < 0 ? 0 : (words[at + (page & mask)] as number);
      if (now === source[page]) continue;
      changed = true;
      this.#counters.resynced++;
      const entry = this.#translate(now);
      this.#shadow[page] = entry;
      source[page] = now;
      if (entry === 0) {
        filled[i] = filled[--count] as number;
        i--;
      }
    }
    this.#count = count;
    return changed;
  }

  /** Forgets every filled entry: frames moved, or the shadow is full. */
  flush(): void {
    for (let i = 0; i < this.#count; i++) this.#shadow[this.#filled[i] as number] = 0;
    this.#count = 0;
    this.#comparisons = 0;
  }

  /** Pages filled now. */
  get pages(): number {
    return this.#count;
  }
}
