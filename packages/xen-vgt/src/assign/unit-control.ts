import type { RemappingUnit } from '../vtd/unit.ts';
import {
  CFI,
  FEADDR,
  FECTL,
  FEDATA,
  FRCD_BYTES,
  FRCD_F,
  FRCD_READ,
  FRCD_REASON,
  FRCD_SOURCE,
  FSTS,
  GCMD,
  GLOBAL,
  GSTS,
  GSTS_LASTING,
  IQA,
  IQE,
  IQT,
  IRE,
  IRTA,
  OF_DOMAIN,
  PFO,
  QIE,
  RTADDR,
  SELECTIVE,
  SIRTP,
  SRTP,
  TE,
} from '../vtd/vtd.regs.ts';
import type { TablePages } from './table-pages.ts';

/** 256 entries of 16 bytes: a page. */
const INTERRUPT_ORDER = 7;
export const INTERRUPTS: number = 2 ** (INTERRUPT_ORDER + 1);
const DESCRIPTORS = 256;
/** Where the unit sends its own interrupt: the first processor, by a vector of the hypervisor's. */
const EVENT_ADDRESS = 0xfee00000 | 0;
export const EVENT_VECTOR = 0x28;
const WAIT_WITH_STATUS = 5 | 0x20;

/** A fault record as it was read. */
export interface RawFault {
  readonly sid: number;
  readonly reason: number;
  readonly read: boolean;
  readonly low: number;
  readonly high: number;
}

/**
 * How a hypervisor drives a unit: nothing here but writes and reads of its registers and of the tables
 * that lie in the hypervisor's memory.
 */
export class UnitControl {
  readonly #unit: RemappingUnit;
  readonly #pages: TablePages;
  readonly #root: number;
  readonly #contexts = new Map<number, number>();
  readonly #interrupts: number;
  readonly #queue: number;
  readonly #status: number;
  #tail = 0;
  #waits = 0;

  constructor(unit: RemappingUnit, pages: TablePages) {
    this.#unit = unit;
    this.#pages = pages;
    this.#root = pages.take();
    this.#interrupts = pages.take();
    this.#queue = pages.take();
    this.#status = pages.take();
  }

  #write(offset: number, value: number): void {
    this.#unit.mmio.write(offset, 4, value);
  }
  #read(offset: number): number {
    return this.#unit.mmio.read(offset, 4);
  }
  #command(set: number, clear = 0): void {
    this.#write(GCMD, (this.#read(GSTS) & GSTS_LASTING & ~clear) | set);
  }
  #address(offset: number, mfn: number, flags: number): void {
    this.#write(offset, (mfn << 12) | flags);
    this.#write(offset + 4, mfn >>> 20);
  }

  /** Queue, interrupts and translation on, in the order that Xen switches them on. */
  start(): void {
    const { queue, interrupts } = this.#unit.caps;
    this.#address(RTADDR, this.#root, 0);
    this.#command(SRTP);
    this.#write(FEDATA, EVENT_VECTOR);
    this.#write(FEADDR, EVENT_ADDRESS);
    this.#write(FECTL, 0);
    if (queue) {
      this.#write(IQT, 0);
      this.#tail = 0;
      this.#address(IQA, this.#queue, 0);
      this.#command(QIE);
    }
    if (interrupts) {
      this.#address(IRTA, this.#interrupts, INTERRUPT_ORDER);
      this.#command(SIRTP);
      this.#command(IRE, CFI);
    }
    this.invalidateContexts();
    this.invalidatePages(GLOBAL, 0);
    this.#command(TE);
  }

  stop(): void {
    this.#command(0, TE);
    this.#command(0, IRE);
    this.#command(0, QIE);
  }

  /** @param table frame of the topmost table; -1 takes the device out @returns whether it was done */
  context(sid: number, table: number, levels: number, did: number): boolean {
    const bus = sid >>> 8;
    let contexts = this.#contexts.get(bus);
    if (contexts === undefined) {
      contexts = this.#pages.take();
      if (contexts < 0) return false;
      this.#contexts.set(bus, contexts);
      this.#pages.put(this.#root, bus * 2, (contexts << 12) | 1, contexts >>> 20);
    }
    const index = (sid & 0xff) * 2;
    if (table < 0) {
      this.#pages.put(contexts, index, 0);
      this.#pages.put(contexts, index + 1, 0);
    } else {
      this.#pages.put(contexts, index + 1, (levels - 2) | (did << 8));
      this.#pages.put(contexts, index, (table << 12) | 1, table >>> 20);
    }
    this.invalidateContexts();
    this.invalidatePages(OF_DOMAIN, did);
    return true;
  }

  /** Writes an entry of the interrupt table, for one device and the first processor. */
  interrupt(index: number, vector: number, sid: number): void {
    this.#pages.put(this.#interrupts, index * 2 + 1, sid | (1 << 18));
    this.#pages.put(this.#interrupts, index * 2, 1 | (vector << 16));
    this.#invalidate(4, 0, 0, 0);
  }

  freeInterrupt(index: number): void {
    this.#pages.put(this.#interrupts, index * 2, 0);
    this.#pages.put(this.#interrupts, index * 2 + 1, 0);
    this.#invalidate(4, 0, 0, 0);
  }

  invalidateContexts(): void {
    if (!this.#unit.caps.queue) this.#write(0x2c, (1 << 31) | (GLOBAL << 29));
    else this.#invalidate(1 | (GLOBAL << 4), 0, 0, 0);
  }

  /** @param by GLOBAL, OF_DOMAIN, or SELECTIVE for `2 ** mask` frames from `frame` on */
  invalidatePages(by: number, did: number, frame = 0, mask = 0): void {
    const { queue, ivaAt } = this.#unit.caps;
    if (queue) {
      this.#invalidate(2 | (by << 4) | (did << 16), 0, (frame << 12) | mask, frame >>> 20);
      return;
    }
    this.#address(ivaAt, frame, mask);
    this.#write(ivaAt + 12, (1 << 31) | (by << 28) | did);
  }

  /** What a mapping that changed needs: pages where the unit can, else the whole domain. */
  invalidateRange(did: number, gfn: number, count: number): void {
    const { byPage, maxMask } = this.#unit.caps;
    let mask = 0;
    while (gfn - (gfn % 2 ** mask) + 2 ** mask < gfn + count) mask++;
    if (byPage && mask <= maxMask) this.invalidatePages(SELECTIVE, did, gfn, mask);
    else this.invalidatePages(OF_DOMAIN, did);
  }

  /** Puts a descriptor and a wait into the queue. The unit is done when it has written the status. */
  #invalidate(a: number, b: number, c: number, d: number): void {
    if (!this.#unit.caps.queue) return;
    this.#descriptor(a, b, c, d);
    const status = ++this.#waits | 0;
    const mfn = this.#status;
    this.#descriptor(WAIT_WITH_STATUS, status, mfn << 12, mfn >>> 20);
    this.#write(IQT, this.#tail * 16);
    if (this.#pages.words[this.#pages.at(mfn, 0)] === status) return;
    // Only our own mistake leads here: the caches are emptied by switching translation.
    throw new Error(`VT-d: invalidation ${a.toString(16)} was not done`);
  }

  #descriptor(a: number, b: number, c: number, d: number): void {
    this.#pages.put(this.#queue, this.#tail * 2, a, b);
    this.#pages.put(this.#queue, this.#tail * 2 + 1, c, d);
    this.#tail = (this.#tail + 1) % DESCRIPTORS;
  }

  /** Takes every record, and clears the status. @param take is called with each */
  faults(take: (fault: RawFault) => void): void {
    const { faultsAt, faultRecords } = this.#unit.caps;
    for (let i = 0; i < faultRecords; i++) {
      const at = faultsAt + i * FRCD_BYTES;
      const status = this.#read(at + FRCD_REASON);
      if ((status & FRCD_F) === 0) continue;
      take({
        sid: this.#read(at + FRCD_SOURCE) & 0xffff,
        reason: status & 0xff,
        read: (status & FRCD_READ) !== 0,
        low: this.#read(at),
        high: this.#read(at + 4),
      });
      this.#write(at + FRCD_REASON, FRCD_F);
    }
    this.#write(FSTS, PFO | IQE);
  }
}
