import type { MachineMemory } from '@xengt/hsw-device';
import type { Domain } from '../domain/domain.ts';
import type { RemappingUnit } from '../vtd/unit.ts';
import { Assignment } from './assignment.ts';
import { type DmaFault, deviceName, faultOf } from './dma-fault.ts';
import { pagesFor, SecondLevel } from './second-level.ts';
import { TablePages } from './table-pages.ts';
import { INTERRUPTS, type RawFault, UnitControl } from './unit-control.ts';

const MIB = 2 ** 20;
/** First vector of devices' interrupts. */
const VECTOR_BASE = 0x30;
const VECTORS = 0xd0;
/** Table pages for root, contexts, interrupts and queue: the first MiB. */
const OWN_PAGES = 256;

/** A piece of machine memory that a device must reach whatever its domain is: firmware's RMRR. */
export interface ReservedRange {
  /** Machine frames; the domain finds them under the same numbers. */
  readonly mfn: number;
  readonly count: number;
}

export interface VtdDriverOptions {
  readonly unit: RemappingUnit;
  readonly memory: MachineMemory;
  /** Machine address for tables, a multiple of 1 MiB; they take what an assignment needs. */
  readonly base: number;
  /** Hears of each fault that was read; about most of many there is no line to be written. */
  readonly onFault?: (fault: DmaFault, line: string | null) => void;
  /** The unit has something to say: {@link VtdDriver.service} is to be called soon. */
  readonly onEvent?: () => void;
}

interface Entry {
  readonly assignment: Assignment;
  readonly did: number;
  readonly tables: SecondLevel;
  readonly pages: TablePages;
  readonly interrupt: number;
  readonly stop: () => void;
}

/**
 * The hypervisor's side of device assignment: a device's requests go through tables made of its domain's
 * frames, which follow when frames are mapped or taken away; its interrupts through an entry that only
 * it may use. With nothing assigned the unit is off.
 */
export class VtdDriver {
  readonly unit: RemappingUnit;
  /** Reads of fault records in all. */
  faults = 0;
  readonly #o: VtdDriverOptions;
  readonly #entries = new Map<number, Entry>();
  #own: TablePages | null = null;
  #control: UnitControl | null = null;
  #pending = false;

  constructor(o: VtdDriverOptions) {
    this.#o = o;
    this.unit = o.unit;
    o.unit.onMessage = () => {
      this.#pending = true;
      o.onEvent?.();
    };
  }

  /** Devices that are assigned. */
  get assignments(): readonly Assignment[] {
    return [...this.#entries.values()].map((e) => e.assignment);
  }

  /**
   * Gives a device to a domain.
   *
   * @param sid bus << 8 | device << 3 | function
   * @returns why not: it has one already, or the unit cannot translate for the domain
   */
  assign(
    domain: Domain,
    sid: number,
    reserved: readonly ReservedRange[] = [],
  ): Assignment | string {
    const taken = this.#entries.get(sid);
    if (taken !== undefined) return `${deviceName(sid)} is ${taken.assignment.domain.name}'s`;
    const { caps } = this.unit;
    const levels = (caps.levels & 4) !== 0 ? 4 : (caps.levels & 2) !== 0 ? 3 : 0;
    if (levels === 0) return 'the remapping unit has tables of neither three nor four levels';
    const frames = domain.ramBytes / 4096;
    if (frames > 2 ** (caps.width - 12)) return `${domain.name} is larger than devices can address`;
    const control = this.#start();
    const slot = this.#slot();
    const at = this.#o.base + MIB * (1 + slot * SLOT_MIB);
    const pages = new TablePages(this.#o.memory, at, pagesFor(frames, levels));
    const tables = new SecondLevel(pages, levels, caps.largePages);
    const assignment = new Assignment(this, domain, sid);
    const did = slot + 1;
    const set = (gfn: number, mfn: number, count: number): void => {
      const done = mfn < 0 ? tables.unmap(gfn, count) : tables.map(gfn, mfn, count);
      if (!done) assignment.counters.unmapped += count;
    };
    domain.forEachRun(set);
    for (const { mfn, count } of reserved) set(mfn, mfn, count);
    const stop = domain.onFrames((gfn, mfn, count) => {
      set(gfn, mfn, count);
      control.invalidateRange(did, gfn, count);
    });
    this.#entries.set(sid, { assignment, did, tables, pages, interrupt: slot, stop });
    control.interrupt(slot, VECTOR_BASE + slot, sid);
    control.context(sid, tables.top, levels, did);
    return assignment;
  }

  /** {@link Assignment.release}. */
  release(assignment: Assignment): void {
    const entry = this.#entries.get(assignment.sid);
    const control = this.#control;
    if (entry?.assignment !== assignment || control === null) return;
    this.service();
    entry.stop();
    control.context(assignment.sid, -1, 0, entry.did);
    control.freeInterrupt(entry.interrupt);
    this.#entries.delete(assignment.sid);
    entry.pages.release();
    if (this.#entries.size > 0) return;
    control.stop();
    this.#own?.release();
    this.#own = null;
    this.#control = null;
  }

  #start(): UnitControl {
    if (this.#control !== null) return this.#control;
    this.#own = new TablePages(this.#o.memory, this.#o.base, OWN_PAGES);
    this.#control = new UnitControl(this.unit, this.#own);
    this.#control.start();
    return this.#control;
  }

  /** The lowest number that no assignment has. */
  #slot(): number {
    const used = new Set([...this.#entries.values()].map((e) => e.interrupt));
    let slot = 0;
    while (used.has(slot)) slot++;
    if (slot >= Math.min(INTERRUPTS, VECTORS)) throw new Error('VT-d: too many devices');
    return slot;
  }

  /** A device's message goes through the unit. @returns whether it came out as that device's vector */
  deliver(assignment: Assignment): boolean {
    const entry = this.#entries.get(assignment.sid);
    if (entry === undefined) return false;
    if (!this.unit.caps.interrupts) return true;
    const index = entry.interrupt;
    const address = 0xfee00010 | (index << 5);
    const got = this.unit.interrupt(assignment.sid, address, 0);
    return got !== null && got !== 'passes' && got.vector === VECTOR_BASE + index;
  }

  /** Reads what the unit has recorded: to be called after {@link VtdDriverOptions.onEvent}. */
  service(): void {
    if (!this.#pending) return;
    this.#pending = false;
    this.#control?.faults((raw) => this.#fault(raw));
  }

  #fault(raw: RawFault): void {
    this.faults++;
    const fault = faultOf(raw);
    const assignment = this.#entries.get(raw.sid)?.assignment;
    this.#o.onFault?.(fault, assignment === undefined ? fault.text : assignment.faulted(fault));
  }
}

/** Machine memory for the tables of one assignment, MiB: those of 32 GiB in small pages. */
const SLOT_MIB = 68;
