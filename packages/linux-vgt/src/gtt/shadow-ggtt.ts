import {
  AddressSpace,
  GM_PAGES,
  type MachineMemory,
  PTE_VALID,
  pteAddress,
  pteMfn,
} from '@xengt/hsw-device';
import { inSlice, type Slice } from '../partition/partition.ts';
import type { Mpt } from '../port/mpt.ts';
import type { MachineEntries, Residency } from './residency.ts';

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
 * A VM's view of the global GTT: a copy that reads back what was written, guest frames and all;
 * behind it, in the VM's slice only, entries with machine frames, which are hardware's while the
 * {@link Residency} says so.
 */
export class ShadowGgtt implements MachineEntries {
  readonly tag: number;
  /** What the guest wrote, by entry. */
  readonly entries: Int32Array = new Int32Array(GM_PAGES);
  /** The same with machine frames, in the slice; what the guest left alone is a dummy page of its own. */
  readonly machine: Int32Array = new Int32Array(GM_PAGES);
  /** Hears of each page of the slice whose entry changed. */
  onChange: ((page: number) => void) | null = null;
  /** Another number after each change of the entries. */
  version = 0;
  readonly counters: GttCounters = { reads: 0, writes: 0, outside: 0, refused: 0 };
  readonly #domid: number;
  readonly #slice: Slice;
  readonly #residency: Residency;
  readonly #mpt: Mpt;
  /**
   * The VM's part of the global GTT for all that is done for the VM by others than the engines: its
   * processor's aperture, its display engine, the scanner. Outside the slice are faults.
   */
  readonly space: AddressSpace;

  constructor(o: {
    domid: number;
    /** See {@link MachineEntries}. */
    tag: number;
    slice: Slice;
    residency: Residency;
    memory: MachineMemory;
    mpt: Mpt;
    /** Entry of the VM's dummy page. */
    dummyPte: number;
  }) {
    const { slice } = o;
    const { machine } = this;
    this.#domid = o.domid;
    this.tag = o.tag;
    this.#slice = slice;
    machine.fill(o.dummyPte, slice.lowBase >>> 12, (slice.lowBase + slice.lowBytes) >>> 12);
    machine.fill(o.dummyPte, slice.highBase >>> 12, (slice.highBase + slice.highBytes) >>> 12);
    this.#residency = o.residency;
    this.#mpt = o.mpt;
    this.space = new AddressSpace(`VM${o.domid} GGTT`, o.memory, (page) => machine[page] as number);
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
    this.version++;
    if (!this.owns(index)) {
      this.counters.outside++;
      return;
    }
    this.load(index);
  }

  /** Makes the entry for hardware that the guest's entry asks for. */
  load(index: number): void {
    this.machine[index] = this.translate(this.entries[index] as number);
    this.space.invalidatePage(index);
    this.#residency.changed(this, index);
    this.onChange?.(index);
  }

  /** Hardware shall have all of the slice's entries. */
  install(): void {
    const s = this.#slice;
    this.#residency.need(this, s.lowBase, s.lowBytes);
    if (s.highBytes > 0) this.#residency.need(this, s.highBase, s.highBytes);
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
    this.version++;
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
