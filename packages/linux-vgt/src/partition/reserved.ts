import {
  CONTEXT_BYTES,
  type Ggtt,
  GM_PAGES,
  type MachineMemory,
  pteAddress,
} from '@xengt/hsw-device';
import { CONTEXT_MIB, DIRECTORY_MIB, RESERVED_MIB } from './partition.ts';

const KIB = 1024;
/** Largest guest ring that the mediator carries, bytes. i915 uses 16 KiB. */
export const RING_BYTES_MAX: number = 256 * KIB;
/** Bytes of a render context save area: the image, rounded up. */
const CONTEXT_AREA = 128 * KIB;
/** Entries of a page directory; they lie in the GTT itself, and take the addresses they would map. */
const PDES = 512;
/** Page directories of the running VM: its global GTT, and seven of its own. */
export const DIRECTORY_SLOTS: number = (DIRECTORY_MIB * KIB) / 4 / PDES;

// Layout of the reserved top of the aperture, bytes from its start. Upstream's own parts are the
// scratch page, ring, null context and save areas; the shadow rings and batch arenas are ours.
//
//   0        scratch page (dword 0: the context switch's magic)
//   0x1000   dummy page
//   0x4000   the mediator's own render ring, 16 KiB
//   0x8000   null context
//   0x100000 shadow rings, one per engine
//   0x200000 batch arenas: RCS and BCS 2 MiB, VCS and VECS 1 MiB
//
// And of the reserved top of the hidden memory:
//
//   0        GTT entries only, for page directories
//   16 MiB   context save areas
const SCRATCH = 0;
const DUMMY = 0x1000;
const OWN_RING = 0x4000;
const NULL_CONTEXT = 0x8000;
const RINGS = 0x100000;
const ARENAS = 0x200000;
/** Start and size of each engine's arena, in the order RCS, VCS, BCS, VECS. */
const ARENA_AT: readonly (readonly [number, number])[] = [
  [ARENAS, 0x200000],
  [ARENAS + 0x200000, 0x100000],
  [ARENAS + 0x300000, 0x200000],
  [ARENAS + 0x500000, 0x100000],
];

export const OWN_RING_BYTES: number = 16 * KIB;
/** What fills the dummy page. Upstream fills it with the same byte. */
const DUMMY_BYTE = 0x77;
/** GTT entry control bits of the mediator's own pages: LLC cached, valid. i915 `hsw_pte_encode`. */
const PTE_OWN = 0x6 | 1;

/** How many save areas fit: as many VMs can exist at once. */
export const CONTEXT_AREAS: number = (CONTEXT_MIB * KIB * KIB) / CONTEXT_AREA;

/** The mediator's own memory and its place in graphics memory. */
export class ReservedMemory {
  /** Graphics address of the whole, bytes. */
  readonly base: number;
  /** The memory as dwords: the aperture's part, then the save areas. */
  readonly words: Int32Array;
  readonly firstMfn: number;
  /** GTT entry of the dummy page: what graphics memory nobody uses points at. */
  readonly dummyPte: number;
  readonly #highBase: number;
  readonly #contexts: number;
  readonly #areas = new Uint8Array(CONTEXT_AREAS);

  /**
   * @param base graphics address of the reserved part of the aperture
   * @param highBase graphics address of the reserved part of the hidden memory
   * @param machineBase machine address where the mediator's memory is placed, a multiple of 1 MiB
   */
  constructor(
    base: number,
    highBase: number,
    memory: MachineMemory,
    machineBase: number,
    ggtt: Ggtt,
  ) {
    this.base = base;
    this.#highBase = highBase;
    this.#contexts = highBase + DIRECTORY_MIB * KIB * KIB;
    this.words = new Int32Array((RESERVED_MIB + CONTEXT_MIB) * KIB * (KIB / 4));
    memory.addRegion(machineBase, this.words);
    this.firstMfn = machineBase / 4096;
    this.dummyPte = pteAddress(this.firstMfn + (DUMMY >>> 12)) | PTE_OWN;
    const byte = DUMMY_BYTE * 0x01010101;
    this.words.fill(byte, DUMMY / 4, DUMMY / 4 + KIB);
    for (let i = 0; i < GM_PAGES; i++) ggtt.write(i, this.dummyPte);
    this.map(ggtt);
  }

  /** Writes the GTT entries of the mediator's own memory. */
  map(ggtt: Ggtt): void {
    const pages = (RESERVED_MIB * KIB) / 4;
    const areaPages = (CONTEXT_MIB * KIB) / 4;
    for (let i = 0; i < pages; i++) {
      ggtt.write((this.base >>> 12) + i, pteAddress(this.firstMfn + i) | PTE_OWN);
    }
    for (let i = 0; i < areaPages; i++) {
      const mfn = this.firstMfn + pages + i;
      ggtt.write((this.#contexts >>> 12) + i, pteAddress(mfn) | PTE_OWN);
    }
  }

  get scratch(): number {
    return this.base + SCRATCH;
  }
  get ownRing(): number {
    return this.base + OWN_RING;
  }
  get nullContext(): number {
    return this.base + NULL_CONTEXT;
  }
  /** First GTT entry of a page directory slot. @param i 0 to DIRECTORY_SLOTS - 1 */
  slotEntry(i: number): number {
    return (this.#highBase >>> 12) + i * PDES;
  }
  /** Graphics address of an engine's shadow ring. @param engine 0 RCS, 1 VCS, 2 BCS, 3 VECS */
  ring(engine: number): number {
    return this.base + RINGS + engine * RING_BYTES_MAX;
  }
  arena(engine: number): number {
    return this.base + (ARENA_AT[engine] as readonly [number, number])[0];
  }
  arenaBytes(engine: number): number {
    return (ARENA_AT[engine] as readonly [number, number])[1];
  }
  /** Graphics address of a VM's save area. */
  context(area: number): number {
    return this.#contexts + area * CONTEXT_AREA;
  }

  /** Takes a context save area; -1 when none is left. */
  takeContext(): number {
    const area = this.#areas.indexOf(0);
    if (area >= 0) this.#areas[area] = 1;
    return area;
  }
  freeContext(area: number): void {
    this.#areas[area] = 0;
  }

  /** Dword index in {@link words} of a reserved graphics address. */
  index(gma: number): number {
    const area = gma - this.#contexts;
    return (area < 0 ? gma - this.base : RESERVED_MIB * KIB * KIB + area) >>> 2;
  }

  /**
   * Entry of a VM's own dummy page, behind its save area, filled anew: what of its part the VM has not
   * mapped yet. Two VMs would talk through one that they shared.
   */
  ownDummy(area: number): number {
    const at = this.index(this.context(area) + CONTEXT_BYTES);
    this.words.fill(DUMMY_BYTE * 0x01010101, at, at + KIB);
    return pteAddress(this.firstMfn + (at >>> 10)) | PTE_OWN;
  }

  /** Copies the null context's image into a save area. */
  copyNullContext(area: number): void {
    const from = this.index(this.nullContext);
    this.words.copyWithin(this.index(this.context(area)), from, from + CONTEXT_BYTES / 4);
  }
}
