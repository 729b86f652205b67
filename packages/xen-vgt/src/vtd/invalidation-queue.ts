import type { MachineMemory, RegRow, RegSpace } from '@xengt/hsw-device';
import { EventMessage, type SendMsi } from './events.ts';
import { frameOf, ICS, IECTL, IQA, IQH, IQT, IWC, SELECTIVE } from './vtd.regs.ts';

/** What an invalidation asks of the unit. */
export interface Invalidations {
  /** @param by GLOBAL, OF_DOMAIN or SELECTIVE @param mask of functions */
  contexts(by: number, did: number, sid: number, mask: number): void;
  /** @param by GLOBAL, OF_DOMAIN or SELECTIVE @param frame of 2^mask */
  pages(by: number, did: number, frame: number, mask: number): void;
  interrupts(): void;
}

// Descriptor, 16 bytes: 3:0 type, then by type
//   1 contexts    5:4 by | 31:16 domain | 47:32 source | 49:48 function mask
//   2 pages       5:4 by | 31:16 domain | 69:64 mask | 127:76 frame
//   4 interrupts  4 by index | 31:27 mask | 47:32 index
//   5 wait        4 interrupt | 5 write status | 63:32 status | 127:66 where
const CONTEXTS = 1,
  PAGES = 2,
  INTERRUPTS = 4,
  WAIT = 5;
const WAIT_INTERRUPT = 0x10;
const WAIT_STATUS = 0x20;
const DESCRIPTOR_BYTES = 16;

/**
 * The queue of invalidations: a ring in memory from which the unit takes descriptors as soon as its
 * tail moves. What it cannot do stops it until software clears the error. VT-d 1.3, 6.2.2.
 */
export class InvalidationQueue {
  readonly rows: readonly RegRow[];
  readonly event: EventMessage;
  /** Descriptors done, and those that stopped the queue. */
  readonly counters = { done: 0, refused: 0 };
  readonly #regs: RegSpace;
  readonly #memory: MachineMemory;
  readonly #unit: Invalidations;
  readonly #maxMask: number;
  readonly #failed: () => void;
  #on = false;
  #stopped = false;

  /** @param failed is told that the queue stopped at what it cannot do */
  constructor(o: {
    readonly regs: RegSpace;
    readonly memory: MachineMemory;
    readonly unit: Invalidations;
    readonly maxMask: number;
    readonly send: SendMsi;
    readonly failed: () => void;
  }) {
    this.#regs = o.regs;
    this.#memory = o.memory;
    this.#unit = o.unit;
    this.#maxMask = o.maxMask;
    this.#failed = o.failed;
    this.event = new EventMessage(o.regs, IECTL, o.send);
    const src = 'VT-d 1.3, 10.4.18 to 10.4.22';
    // biome-ignore format: one register a line
    this.rows = [
      ...this.event.rows,
      { name: 'IQH', offset: IQH, rw: 0, src },
      { name: 'IQT', offset: IQT, rw: 0x7fff0, onWrite: () => this.#run(), src },
      { name: 'IQT_HIGH', offset: IQT + 4, rw: 0, src },
      { name: 'IQA', offset: IQA, rw: ~0xff8, src },
      { name: 'IQA_HIGH', offset: IQA + 4, src },
      { name: 'ICS', offset: ICS, rw: 0, w1c: IWC, onWrite: () => this.event.settle(), src },
    ];
  }

  /** GCMD switches the queue on, from its beginning, or off. */
  enable(on: boolean): void {
    if (on === this.#on) return;
    this.#on = on;
    this.#stopped = false;
    this.#regs.poke(IQH, 0);
    if (on) this.#run();
  }

  /** Software cleared the error: the descriptor that stopped the queue is looked at again. */
  proceed(): void {
    this.#stopped = false;
    this.#run();
  }

  /** At most a round of the ring: the unit does not move the tail. */
  #run(): void {
    if (!this.#on || this.#stopped) return;
    const regs = this.#regs;
    const low = regs.peek(IQA);
    const size = 4096 << (low & 7);
    const base = frameOf(low, regs.peek(IQA + 4));
    let head = regs.peek(IQH);
    const tail = regs.peek(IQT);
    while (head !== tail) {
      if (base < 0 || tail >= size || !this.#descriptor(base + (head >>> 12), head & 0xfff)) {
        this.#stopped = true;
        this.counters.refused++;
        this.#failed();
        break;
      }
      this.counters.done++;
      head = (head + DESCRIPTOR_BYTES) & (size - 1);
      regs.poke(IQH, head);
    }
  }

  /** @returns false when it cannot be read or done */
  #descriptor(mfn: number, at: number): boolean {
    const region = this.#memory.regionOf(mfn);
    if (region === 0) return false;
    const words = this.#memory.words[region] as Int32Array;
    const i = this.#memory.wordOf(mfn, region) + (at >>> 2);
    const a = words[i] as number;
    const b = words[i + 1] as number;
    const c = words[i + 2] as number;
    const d = words[i + 3] as number;
    const by = (a >>> 4) & 3;
    switch (a & 0xf) {
      case CONTEXTS:
        if (by === 0 || (a & 0xffc0) !== 0 || (b & ~0x3ffff) !== 0 || (c | d) !== 0) return false;
        this.#unit.contexts(by, a >>> 16, b & 0xffff, b >>> 16);
        return true;
      case PAGES: {
        const mask = c & 0x3f;
        if (by === 0 || (a & 0xff00) !== 0 || b !== 0 || (c & 0xf80) !== 0) return false;
        if (by === SELECTIVE && mask > this.#maxMask) return false;
        this.#unit.pages(by, a >>> 16, (c >>> 12) + (d >>> 0) * 2 ** 20, mask);
        return true;
      }
      case INTERRUPTS:
        if ((a & 0x07ffffe0) !== 0 || (b & ~0xffff) !== 0 || (c | d) !== 0) return false;
        this.#unit.interrupts();
        return true;
      case WAIT:
        return this.#wait(a, b, c, d);
      default:
        return false;
    }
  }

  /** Everything before it is done: says so where it was asked to. */
  #wait(a: number, status: number, low: number, high: number): boolean {
    if ((a & ~0x7f) !== 0 || (low & 3) !== 0) return false;
    if ((a & WAIT_STATUS) !== 0) {
      const mfn = frameOf(low, high);
      const region = this.#memory.regionOf(mfn);
      if (region === 0) return false;
      const words = this.#memory.words[region] as Int32Array;
      words[this.#memory.wordOf(mfn, region) + ((low & 0xfff) >>> 2)] = status;
    }
    if ((a & WAIT_INTERRUPT) !== 0) {
      const done = this.#regs.peek(ICS);
      this.#regs.poke(ICS, done | IWC);
      if ((done & IWC) === 0) this.event.raise();
    }
    return true;
  }
}
