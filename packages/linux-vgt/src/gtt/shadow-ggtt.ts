import {
  AddressSpace,
  type Ggtt,
  GM_PAGES,
  type MachineMemory,
  PTE_VALID,
  pteAddress,
  pteMfn,
} from '@xengt/hsw-device';
import { inSlice, type Slice } from '../partition/partition.ts';
import type { Mpt } from '../port/mpt.ts';

/** Control bits of a PTE that a guest decides: cacheability 11 and 3:1. Upstream: mask 0x80E. */
const PTE_CONTROL = 0x80e;

/** Counters of one VM's tables; they only grow. */
export interface GttCounters {
  reads: number;
  writes: number;
  /** Writes outside the slice: kept in the copy, as a guest does when it fills the whole table. */
  outside: number;
  /** Valid entries whose frame the domain does not have: hardware gets an invalid entry. */
  refused: number;
}

/**
 * A VM's view of the global GTT: a copy that reads back what was written, guest frames and all,
 * and behind it, in the VM's slice only, hardware entries with machine frames.
 */
export class ShadowGgtt {
  /** What the guest wrote, by entry. */
  readonly entries: Int32Array = new Int32Array(GM_PAGES);
  readonly counters: GttCounters = { reads: 0, writes: 0, outside: 0, refused: 0 };
  readonly #domid: number;
  readonly #slice: Slice;
  readonly #hardware: Ggtt;
  readonly #mpt: Mpt;
  /** The VM's part of the global GTT as its display engine reads it: outside the slice are faults. */
  readonly space: AddressSpace;

  constructor(domid: number, slice: Slice, hardware: Ggtt, memory: MachineMemory, mpt: Mpt) {
    this.#domid = domid;
    this.#slice = slice;
    this.#hardware = hardware;
    this.#mpt = mpt;
    this.space = new AddressSpace(`VM${domid} GGTT`, memory, (page) =>
      this.owns(page) ? hardware.read(page) : 0,
    );
  }

  /** Whether an entry is part of the VM's slice. */
  owns(index: number): boolean {
    return inSlice(this.#slice, index * 4096, 4096);
  }

  read(index: number): number {
    this.counters.reads++;
    return this.entries[index] ?? 0;
  }

  write(index: number, value: number): void {
    if (index >= GM_PAGES) return;
    this.counters.writes++;
    this.entries[index] = value;
    if (!this.owns(index)) {
      this.counters.outside++;
      return;
    }
    this.load(index);
  }

  /** Writes the hardware entry that the guest's entry asks for. */
  load(index: number): void {
    this.#hardware.write(index, this.translate(this.entries[index] as number));
    this.space.invalidatePage(index);
  }

  /** A guest's entry with the machine frame in place of the guest's; 0 (invalid) where none is. */
  translate(entry: number): number {
    if ((entry & PTE_VALID) === 0) return 0;
    const mfn = this.#mpt.gfnToMfn(this.#domid, pteMfn(entry));
    if (mfn < 0) {
      this.counters.refused++;
      return 0;
    }
    return pteAddress(mfn) | (entry & PTE_CONTROL) | PTE_VALID;
  }

  /** Machine frame of a guest frame, -1 when the domain has none. */
  mfn(gfn: number): number {
    return this.#mpt.gfnToMfn(this.#domid, gfn);
  }

  /** Translates every entry of the slice anew: the domain's frames have moved. */
  reload(): void {
    const s = this.#slice;
    for (const [base, bytes] of [
      [s.lowBase, s.lowBytes],
      [s.highBase, s.highBytes],
    ] as const) {
      for (let i = base >>> 12; i < (base + bytes) >>> 12; i++) {
        this.load(i);
      }
    }
  }
}

/** Points every hardware entry of a slice at the dummy page: what a VM leaves behind. */
export function fillDummy(ggtt: Ggtt, s: Slice, dummyPte: number): void {
  for (let i = s.lowBase >>> 12; i < (s.lowBase + s.lowBytes) >>> 12; i++) ggtt.write(i, dummyPte);
  for (let i = s.highBase >>> 12; i < (s.highBase + s.highBytes) >>> 12; i++) {
    ggtt.write(i, dummyPte);
  }
}
