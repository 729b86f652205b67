import type { MachineMemory } from '../port/memory.ts';
import { AddressSpace, PTE_VALID, pteMfn } from './address-space.ts';
import type { Ggtt } from './ggtt.ts';

/** Entries of one page table: 1024 pages, 4 MiB. */
const PTES_SHIFT = 10;
/** Directory entries that one bit of PP_DCLV stands for: a cache line. */
const PDES_SHIFT = 4;

/** Why a walk found nothing, as RING_FAULT 2:1 says it. */
export const FAULT_INVALID_PTE = 0;
export const FAULT_INVALID_PDE = 1;
export const FAULT_UNLOADED_PDE = 2;

// PDE, HSW (32 bits):  31:12 table's address 31:12 | 10:4 address 38:32 | 0 valid

/**
 * The per-process GTT of one engine: a directory of 512 entries that lies in the GGTT itself, page
 * tables in memory; 2 GiB. PRM vol.5 "PPGTT"; i915 gen6_ppgtt.c.
 */
export class Ppgtt {
  readonly space: AddressSpace;
  /** PP_DIR_BASE 31:16: the directory's place in the GTT, in cache lines of 64 bytes. */
  base = 0;
  /** PP_DCLV as it was when the directory was loaded: cache lines of 16 entries that count. */
  loaded = -1;
  /** Why the latest walk that failed did: FAULT_*. */
  faultKind: number = FAULT_INVALID_PTE;
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
    this.space = new AddressSpace(name, memory, (page) => this.#entry(page), ggtt.dma);
  }

  #entry(page: number): number {
    const pte = this.walk(page);
    if ((pte & PTE_VALID) !== 0 || this.onPageRequest === null) return pte;
    return this.onPageRequest(page) ? this.walk(page) : 0;
  }

  /** A write of PP_DIR_BASE: takes the directory with the lines that PP_DCLV names, drops the TLB. */
  load(base: number, dclv: number): void {
    this.base = base;
    this.loaded = dclv;
    this.space.invalidate();
  }

  /**
   * The page's PTE through directory and table; 0 where either is missing.
   *
   * @param looking somebody only looks: a table that may not be read is no fault then
   */
  walk(page: number, looking = false): number {
    const index = page >>> PTES_SHIFT;
    this.faultKind = FAULT_UNLOADED_PDE;
    if (((this.loaded >>> (index >>> PDES_SHIFT)) & 1) === 0) return 0;
    const pde = this.#ggtt.read((this.base >>> 16) * 16 + index);
    this.faultKind = FAULT_INVALID_PDE;
    if ((pde & PTE_VALID) === 0) return 0;
    this.faultKind = FAULT_INVALID_PTE;
    const { dma } = this.#ggtt;
    const mfn = looking ? dma.peek(pteMfn(pde)) : dma.frame(pteMfn(pde));
    const region = mfn < 0 ? 0 : this.#memory.regionOf(mfn);
    if (region === 0) return 0;
    const words = this.#memory.words[region] as Int32Array;
    return words[this.#memory.wordOf(mfn, region) + (page & ((1 << PTES_SHIFT) - 1))] as number;
  }
}
