import { type Ggtt, type MachineMemory, PTE_VALID, pteAddress } from '@xengt/hsw-device';
import { GuestTables, PDES, PTES_SHIFT, pairsOf } from './guest-tables.ts';
import type { ShadowGgtt } from './shadow-ggtt.ts';

const PTES_MASK: number = (1 << PTES_SHIFT) - 1;
/** Bytes of the 512 shadow page tables of one directory. */
export const SHADOW_BYTES: number = PDES * 4096;
/**
 * Entries between the first and the last in use of each table, all tables together: what is
 * compared. One more empties the shadow, and it fills again on demand.
 */
const SPAN_MAX = 131_072;
/** Valid, LLC cached: the shadow PDEs. i915 `GEN6_PDE_ADDR_ENCODE`. */
const PDE_OWN = PTE_VALID;
/**
 * Comparisons after which a shadow is emptied: pages that went out of use would be compared for
 * ever. What is in use fills again, at about the cost of 100 comparisons a page.
 */
const COMPARISONS_MAX = 1024;

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
  readonly #hardware: Ggtt;
  readonly #guest: ShadowGgtt;
  readonly #counters: PpgttCounters;
  readonly #tables: GuestTables;
  /** The shadow tables: 512 of 1024 entries. */
  readonly #shadow: Int32Array;
  /** The directory as hardware has it. */
  readonly #pdes: Int32Array = new Int32Array(PDES);
  /** The guest's entry that each filled shadow entry was made from; of others any value. */
  readonly #source: Int32Array = new Int32Array(PDES << PTES_SHIFT);
  readonly #sourcePairs: Float64Array = pairsOf(this.#source) as Float64Array;
  /** Tables with filled entries, and the first and last such entry of each; -1 without. */
  readonly #inUse: Int32Array = new Int32Array(PDES);
  #used = 0;
  readonly #first: Int32Array = new Int32Array(PDES).fill(-1);
  readonly #last: Int32Array = new Int32Array(PDES).fill(-1);
  #span = 0;
  /** Filled entries. */
  #count = 0;
  /** Comparisons since the shadow was empty. */
  #comparisons = 0;
  /** State of the guest's GTT at the last comparison. */
  #version = -1;

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
    this.#hardware = o.hardware;
    this.#guest = o.guest;
    this.#counters = o.counters;
    this.#shadow = o.shadow;
    for (let i = 0; i < PDES; i++) this.#pdes[i] = pteAddress(o.firstMfn + i) | PDE_OWN;
    this.#tables = new GuestTables(o.entry, o.guest, o.memory, o.counters);
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
      this.#extend(page >>> PTES_SHIFT, page & PTES_MASK);
      this.#count++;
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
    const tables = this.#tables;
    tables.find(page >>> PTES_SHIFT);
    return tables.at < 0 ? 0 : (tables.words[tables.at + (page & PTES_MASK)] as number);
  }

  /** An entry of a table comes into use. */
  #extend(pde: number, entry: number): void {
    const first = this.#first[pde] as number;
    const last = this.#last[pde] as number;
    const more = first < 0 ? 1 : Math.max(first - entry, entry - last, 0);
    if (this.#span + more > SPAN_MAX) {
      this.flush();
      this.#extend(pde, entry);
      return;
    }
    this.#span += more;
    if (first < 0) this.#inUse[this.#used++] = pde;
    this.#first[pde] = first < 0 ? entry : Math.min(first, entry);
    this.#last[pde] = Math.max(last, entry);
  }

  #translate(source: number): number {
    if ((source & PTE_VALID) === 0) return 0;
    const entry = this.#guest.translate(source);
    if (entry === 0) this.#counters.refused++;
    return entry;
  }

  /**
   * Compares every filled entry with the guest's and corrects what changed. Costs less than a
   * nanosecond for each page in use: the tables are compared two entries at a time.
   *
   * @returns whether anything changed or was emptied: the hardware's TLBs must forget
   */
  resync(): boolean {
    this.#counters.checks++;
    if (this.#count === 0) return false;
    const { version } = this.#guest;
    // Changes of the GTT itself trap.
    if (this.entry < 0 && version === this.#version) return false;
    this.#version = version;
    if (++this.#comparisons > COMPARISONS_MAX) {
      this.flush();
      return true;
    }
    let changed = false;
    for (let i = 0; i < this.#used; i++) {
      const pde = this.#inUse[i] as number;
      this.#tables.find(pde);
      if (!this.#same(pde) && this.#correct(pde)) changed = true;
    }
    return changed;
  }

  /**
   * Whether a table is the same in all that is in use of it. Two entries are compared as one number:
   * numbers that are equal though their bits are not are the two zeros, whose entries are all
   * invalid; one that is not equal to itself only costs the comparison of its bits.
   */
  #same(pde: number): boolean {
    const { pairs, at } = this.#tables;
    if (pairs === null || at < 0) return false;
    const source = this.#sourcePairs;
    const base = pde << PTES_SHIFT;
    const end = (base + (this.#last[pde] as number)) >> 1;
    let from = (at + (this.#first[pde] as number)) >> 1;
    for (let i = (base + (this.#first[pde] as number)) >> 1; i <= end; i++, from++) {
      if (pairs[from] !== source[i]) return false;
    }
    return true;
  }

  /** Takes over what changed in a table. @returns whether a filled entry did */
  #correct(pde: number): boolean {
    const { words, at } = this.#tables;
    const source = this.#source;
    const base = pde << PTES_SHIFT;
    // Pairs were compared: the neighbours of the first and last too.
    const end = (this.#last[pde] as number) | 1;
    let changed = false;
    for (let i = (this.#first[pde] as number) & ~1; i <= end; i++) {
      const page = base + i;
      const now = at < 0 ? 0 : (words[at + i] as number);
      if (now === source[page]) continue;
      source[page] = now;
      if (this.#shadow[page] === 0) continue;
      changed = true;
      this.#counters.resynced++;
      const entry = this.#translate(now);
      this.#shadow[page] = entry;
      if (entry === 0) this.#count--;
    }
    return changed;
  }

  /** Forgets every filled entry: frames moved, or the shadow is full. */
  flush(): void {
    for (let i = 0; i < this.#used; i++) {
      const pde = this.#inUse[i] as number;
      const base = pde << PTES_SHIFT;
      this.#shadow.fill(
        0,
        base + (this.#first[pde] as number),
        base + (this.#last[pde] as number) + 1,
      );
      this.#first[pde] = -1;
      this.#last[pde] = -1;
    }
    this.#used = 0;
    this.#span = 0;
    this.#count = 0;
    this.#comparisons = 0;
  }

  /** The domain's frames, or memory, moved: every translation is made anew. */
  moved(): void {
    this.#tables.forget();
    this.flush();
  }

  /** Pages filled now. */
  get pages(): number {
    return this.#count;
  }
}
