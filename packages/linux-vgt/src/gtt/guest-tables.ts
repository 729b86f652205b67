import { type MachineMemory, PTE_VALID, pteMfn } from '@xengt/hsw-device';
import type { PpgttCounters } from './shadow-directory.ts';
import type { ShadowGgtt } from './shadow-ggtt.ts';

/** Entries of a page directory: each maps 4 MiB, all of them 2 GiB. PRM vol.5 "PPGTT". */
export const PDES = 512;
export const PTES_SHIFT = 10;
const NEVER = -1;

/**
 * Where a guest's page tables are. Its directory lies in its GTT, whose changes trap: a table is
 * looked up again only after one, or after memory moved. What the tables hold nothing traps.
 */
export class GuestTables {
  /** The table found last: dwords, the same two by two, and its first dword; -1 when there is none. */
  words: Int32Array;
  pairs: Float64Array | null = null;
  at = -1;
  readonly #entry: number;
  readonly #guest: ShadowGgtt;
  readonly #memory: MachineMemory;
  readonly #counters: PpgttCounters;
  /** By directory entry: what was found, and at which state of the guest's GTT and of memory. */
  readonly #words: Int32Array[];
  readonly #pairs: (Float64Array | null)[] = new Array(PDES).fill(null);
  readonly #at: Int32Array = new Int32Array(PDES);
  readonly #found: Float64Array = new Float64Array(PDES).fill(NEVER);

  /** @param entry first GTT entry of the guest's directory; -1 for its GTT in place of tables */
  constructor(entry: number, guest: ShadowGgtt, memory: MachineMemory, counters: PpgttCounters) {
    this.#entry = entry;
    this.#guest = guest;
    this.#memory = memory;
    this.#counters = counters;
    this.words = guest.entries;
    this.#words = new Array(PDES).fill(guest.entries);
  }

  /** Finds the table behind a directory entry. */
  find(pde: number): void {
    // Both only grow: their sum is another one after each change of either.
    const state = this.#guest.version + this.#memory.changes;
    if (this.#found[pde] !== state) {
      this.#found[pde] = state;
      this.#find(pde);
    }
    this.words = this.#words[pde] as Int32Array;
    this.pairs = this.#pairs[pde] as Float64Array | null;
    this.at = this.#at[pde] as number;
  }

  #find(pde: number): void {
    if (this.#entry < 0) {
      this.#keep(pde, this.#guest.entries, pde << PTES_SHIFT);
      return;
    }
    this.#at[pde] = -1;
    const value = this.#guest.entries[this.#entry + pde] as number;
    if ((value & PTE_VALID) === 0) return;
    const mfn = this.#guest.mfn(pteMfn(value));
    if (mfn < 0) {
      this.#counters.refused++;
      return;
    }
    const region = this.#memory.regionOf(mfn);
    if (region === 0) return;
    const words = this.#memory.words[region] as Int32Array;
    this.#keep(pde, words, this.#memory.wordOf(mfn, region));
  }

  #keep(pde: number, words: Int32Array, at: number): void {
    if (this.#words[pde] !== words || this.#pairs[pde] === null) {
      this.#words[pde] = words;
      this.#pairs[pde] = pairsOf(words);
    }
    this.#at[pde] = at;
  }

  /** The domain's frames moved: nothing is where it was. */
  forget(): void {
    this.#found.fill(NEVER);
    this.#pairs.fill(null);
  }
}

/** The same memory two dwords at a time; null where it does not begin at a multiple of 8 bytes. */
export function pairsOf(words: Int32Array): Float64Array | null {
  if (words.byteOffset % 8 !== 0) return null;
  return new Float64Array(words.buffer, words.byteOffset, words.length >>> 1);
}
