import {
  type AccessSize,
  type DmaPort,
  type MachineMemory,
  RegSpace,
  type TrapTarget,
} from '@xengt/hsw-device';
import { ContextCache, Iotlb } from './caches.ts';
import {
  type Capabilities,
  type CapabilityWords,
  capabilitiesOf,
  HASWELL_GRAPHICS_UNIT,
} from './capabilities.ts';
import { CommandRegisters } from './command-registers.ts';
import { FaultLog, type SendMsi } from './events.ts';
import { InterruptRemapping, type RemappedInterrupt } from './interrupt-remapping.ts';
import { InvalidationQueue, type Invalidations } from './invalidation-queue.ts';
import {
  CFI,
  GLOBAL,
  GSTS,
  IRE,
  OF_DOMAIN,
  QIE,
  REASON,
  SELECTIVE,
  SILENCED,
  TE,
  UNIT_BYTES,
} from './vtd.regs.ts';
import { READ, TableWalk, WRITE } from './walk.ts';

/** 0xfee00000 to 0xfeefffff: writes there are interrupts, and nothing there is translated. */
const INTERRUPT_FRAMES = 0xfee;

/** What a unit counts; faults are counted by its log. */
export interface UnitCounters {
  /** Requests, and those of them that no kept translation answered. */
  requests: number;
  walks: number;
  /** Requests that named the interrupt range. */
  interruptRange: number;
  invalidations: number;
  /** Interrupt messages that an entry of the table answered, and those that passed as they were. */
  remapped: number;
  passed: number;
}

/**
 * A DMA remapping unit (IOMMU): registers, translation of requests by source id through root, context
 * and page tables, caches with their invalidation, fault recording, interrupt remapping. It knows no
 * device; a device reaches memory through {@link port}.
 *
 * Intel VT-d specification 1.3, and 2.x where it says no less. Left out: protected memory regions,
 * device TLBs, advanced fault logging, first-level and scalable translation.
 */
export class RemappingUnit implements Invalidations {
  readonly memory: MachineMemory;
  readonly caps: Capabilities;
  readonly regs: RegSpace = new RegSpace(UNIT_BYTES);
  readonly faults: FaultLog;
  readonly queue: InvalidationQueue;
  readonly counters: UnitCounters = {
    requests: 0,
    walks: 0,
    interruptRange: 0,
    invalidations: 0,
    remapped: 0,
    passed: 0,
  };
  /** Takes interrupts of the unit's own. */
  onMessage: SendMsi = () => {};
  readonly #walk: TableWalk;
  readonly #contexts = new ContextCache();
  readonly #iotlb = new Iotlb();
  readonly #interrupts: InterruptRemapping;
  readonly #listeners = new Set<() => void>();
  #translating = false;
  #root = 0;

  constructor(memory: MachineMemory, words: CapabilityWords = HASWELL_GRAPHICS_UNIT) {
    this.memory = memory;
    this.caps = capabilitiesOf(words);
    const { regs, caps } = this;
    const send: SendMsi = (address, data) => this.onMessage(address, data);
    this.faults = new FaultLog(regs, caps.faultsAt, caps.faultRecords, send);
    this.queue = new InvalidationQueue({
      regs,
      memory,
      unit: this,
      maxMask: caps.maxMask,
      send,
      failed: () => this.faults.queueError(),
    });
    this.faults.onQueueCleared = () => this.queue.proceed();
    this.#interrupts = new InterruptRemapping(regs, memory);
    this.#walk = new TableWalk(memory, caps);
    const commands = new CommandRegisters(
      {
        ...{ regs, caps },
        contexts: (by, did, sid, mask) => this.contexts(by, did, sid, mask),
        pages: (by, did, frame, mask) => this.pages(by, did, frame, mask),
        setRoot: (frame) => {
          this.#root = frame;
        },
        latchInterrupts: () => this.#interrupts.latch(),
        switched: (status) => this.#switched(status),
      },
      words,
    );
    regs.add(commands.rows);
    regs.add(this.faults.rows);
    regs.add(this.queue.rows);
    regs.add(this.#interrupts.rows);
  }

  /** @param status GSTS as it is now */
  #switched(status: number): void {
    this.queue.enable((status & QIE) !== 0);
    const translating = (status & TE) !== 0;
    if (translating === this.#translating) return;
    this.#translating = translating;
    this.#tell();
  }

  // --- invalidation ---

  contexts(by: number, did: number, sid: number, mask: number): void {
    this.counters.invalidations++;
    if (by === GLOBAL) this.#contexts.forget();
    else if (by === OF_DOMAIN) this.#contexts.forgetDomain(did);
    else this.#contexts.forgetDevice(sid, mask);
    this.#tell();
  }

  pages(by: number, did: number, frame: number, mask: number): void {
    this.counters.invalidations++;
    if (by === GLOBAL) this.#iotlb.forget();
    else if (by === SELECTIVE && this.caps.byPage) this.#iotlb.forgetPages(did, frame, mask);
    else this.#iotlb.forgetDomain(did);
    this.#tell();
  }

  /** Entries of the interrupt table are read at each message: nothing of them is kept. */
  interrupts(): void {
    this.counters.invalidations++;
  }

  /** Devices forget what they were told: their caches are none of this unit's. */
  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  // --- requests ---

  /** The way to memory of one device. @param sid bus << 8 | device << 3 | function */
  port(sid: number): DmaPort {
    return {
      frame: (frame) => this.translate(sid, frame, READ | WRITE),
      peek: (frame) => this.look(sid, frame),
      onInvalidate: (changed) => {
        this.#listeners.add(changed);
        return () => void this.#listeners.delete(changed);
      },
    };
  }

  /**
   * Translates a request. Allocates nothing.
   *
   * @param frame address / 4096, 0 to 2^52 - 1 @param access READ, WRITE or both
   * @returns the machine frame; -1 when the request is refused and recorded
   */
  translate(sid: number, frame: number, access: number): number {
    if (!this.#translating) return frame;
    this.counters.requests++;
    if (frame >= INTERRUPT_FRAMES << 8 && frame < (INTERRUPT_FRAMES + 1) << 8) {
      this.counters.interruptRange++;
      return -1;
    }
    const cache = this.#contexts;
    const i = cache.place(sid);
    if (cache.sid[i] !== sid) {
      const walk = this.#walk;
      const reason = walk.context(this.#root, sid);
      if (reason !== 0) return this.#refuse(sid, frame, access, reason, walk.silent);
      cache.sid[i] = sid;
      cache.did[i] = walk.did;
      cache.table[i] = walk.table;
      cache.levels[i] = walk.levels;
      cache.passes[i] = walk.passes ? 1 : 0;
      cache.silent[i] = walk.silent ? 1 : 0;
    }
    const did = cache.did[i] as number;
    const silent = cache.silent[i] === 1;
    const levels = cache.levels[i] as number;
    if (frame >= this.#limit(levels)) {
      return this.#refuse(sid, frame, access, REASON.BEYOND_WIDTH, silent);
    }
    if (cache.passes[i] === 1) return frame;
    if (this.#iotlb.find(did, frame, access)) return this.#iotlb.mfn;
    this.counters.walks++;
    const walk = this.#walk;
    const reason = walk.page(cache.table[i] as number, levels, frame, access);
    if (reason !== 0) return this.#refuse(sid, frame, access, reason, silent);
    this.#iotlb.keep(did, frame, walk.mfn, walk.rights);
    return walk.mfn;
  }

  /** Frames that tables of so many levels reach, as far as the unit takes addresses. */
  #limit(levels: number): number {
    return 2 ** (Math.min(this.caps.width, 12 + 9 * levels) - 12);
  }

  /** {@link translate} for reading, as the tables are now, without a trace. */
  look(sid: number, frame: number): number {
    if (!this.#translating) return frame;
    const walk = this.#walk;
    if (walk.context(this.#root, sid) !== 0 || frame >= this.#limit(walk.levels)) return -1;
    if (walk.passes) return frame;
    return walk.page(walk.table, walk.levels, frame, READ) === 0 ? walk.mfn : -1;
  }

  #refuse(sid: number, frame: number, access: number, reason: number, silent: boolean): number {
    if (silent && SILENCED.has(reason)) {
      this.faults.counters.silenced++;
      return -1;
    }
    // Of a request for both, the read comes first.
    const read = (access & READ) !== 0 && reason !== REASON.NOT_WRITABLE;
    this.faults.record(sid, reason, frame << 12, Math.floor(frame / 2 ** 20) | 0, read);
    return -1;
  }

  /**
   * Looks an interrupt message up.
   *
   * @returns what it becomes, valid until the next; `passes` when it is delivered as it is; null when
   * it is refused and recorded
   */
  interrupt(sid: number, address: number, data: number): RemappedInterrupt | 'passes' | null {
    const status = this.regs.peek(GSTS);
    const table = this.#interrupts;
    let reason: number;
    if ((status & IRE) === 0) reason = 0;
    else if (table.remappable(address)) {
      reason = table.look(sid, address, data);
      if (reason === 0) {
        this.counters.remapped++;
        return table.found;
      }
    } else {
      table.silent = false;
      reason = (status & CFI) !== 0 && !table.strict ? 0 : REASON.IRQ_COMPATIBLE;
    }
    if (reason === 0) {
      this.counters.passed++;
      return 'passes';
    }
    if (table.silent && SILENCED.has(reason)) this.faults.counters.silenced++;
    else {
      const index = reason === REASON.IRQ_COMPATIBLE ? 0 : table.index;
      this.faults.record(sid, reason, 0, index << 16, false);
    }
    return null;
  }

  /** The registers as software reaches them. */
  readonly mmio: TrapTarget = {
    name: 'vtd',
    read: (offset: number, size: AccessSize): number => {
      const value = this.regs.read32(offset & ~3 & (UNIT_BYTES - 1));
      if (size === 4) return value;
      return (value >>> ((offset & 3) * 8)) & (size === 1 ? 0xff : 0xffff);
    },
    // Narrower writes are not allowed: they are dropped.
    write: (offset: number, size: AccessSize, value: number): void => {
      if (size === 4) this.regs.write32(offset & ~3 & (UNIT_BYTES - 1), value);
    },
  };
}
