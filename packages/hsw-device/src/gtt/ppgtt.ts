import type { MachineMemory } from '../port/memory.ts';
import { AddressSpace, PTE_VALID, pteMfn } from './address-space.ts';
import type { Ggtt } from './ggtt.ts';

/** Entries of one page table: 1024 pages, 4 MiB. */
const PTES_SHIFT = 10;

/**
 * The per-process GTT of one engine: a directory of 512 entries that lies in the GGTT itself, page
 * tables in memory; 2 GiB. PRM vol.5 "PPGTT"; i915 gen6_ppgtt.c.
 */
export class Ppgtt {
  readonly space: AddressSpace;
  /** PP_DIR_BASE 31:16: the directory's place in the GTT, in cache lines of 64 bytes. */
  base = 0;
  /**
   * Asked when a walk meets an invalid entry; true means "look again". The chip has no such
   * service: without one the access faults.
   */
  onPageRequest: ((page: number) => boolean) | null = null;
  readonly #memory: MachineMemory;
  readonly #ggtt: Ggtt;

  constructor(name: string, memory: MachineMemory, ggtt: Ggtt) {
    this.#memory = memory;
    this.#ggtt = ggtt;
    this.space = new AddressSpace(name, memory, (page) => this.#entry(page));
  }

  #entry(page: number): number {
    const pte = this.walk(page);
    if ((pte & PTE_VALID) !== 0 || this.onPageRequest === null) return pte;
    return this.onPageRequest(page) ? this.walk(page) : 0;
  }

  /** The page's PTE through directory and table; 0 where either is missing. */
  walk(page: number): number {
    const pde = this.#ggtt.read((this.base >>> 16) * 16 + (page >>> PTES_SHIFT));
    if ((pde & PTE_VALID) === 0) return 0;
    const mfn = pteMfn(pde);
    const region = this.#memory.regionOf(mfn);
    if (region === 0) return 0;
    const words = this.#memory.words[region] as Int32Array;
    return words[this.#memory.wordOf(mfn, region) + (page & ((1 << PTES_SHIFT) - 1))] as number;
  }
}
