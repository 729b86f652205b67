import type { RegRow, RegSpace } from '@xengt/hsw-device';
import {
  EVENT_MASKED,
  EVENT_PENDING,
  FEADDR,
  FECTL,
  FEDATA,
  FEUADDR,
  FRCD_BYTES,
  FRCD_F,
  FRCD_READ,
  FRCD_REASON,
  FRCD_SOURCE,
  FRI_SHIFT,
  FSTS,
  IEADDR,
  type IECTL,
  IEDATA,
  IEUADDR,
  IQE,
  PFO,
  PPF,
} from './vtd.regs.ts';

/** Sends a message-signalled interrupt of the unit's own. */
export type SendMsi = (address: number, data: number) => void;

/** An event's message and its mask: FECTL and what follows it, IECTL and what follows it. */
export class EventMessage {
  readonly rows: readonly RegRow[];
  readonly #regs: RegSpace;
  readonly #at: typeof FECTL | typeof IECTL;
  readonly #send: SendMsi;

  constructor(regs: RegSpace, at: typeof FECTL | typeof IECTL, send: SendMsi) {
    this.#regs = regs;
    this.#at = at;
    this.#send = send;
    const [data, low, high] = at === FECTL ? [FEDATA, FEADDR, FEUADDR] : [IEDATA, IEADDR, IEUADDR];
    const name = at === FECTL ? 'FE' : 'IE';
    const src = 'VT-d 1.3, 10.4.10 and 10.4.23';
    // biome-ignore format: one register a line
    this.rows = [
      { name: `${name}CTL`,   offset: at, reset: EVENT_MASKED, rw: EVENT_MASKED, onWrite: () => this.#unmasked(), src },
      { name: `${name}DATA`,  offset: data, rw: 0xffff, src },
      { name: `${name}ADDR`,  offset: low, rw: ~3, src },
      { name: `${name}UADDR`, offset: high, src },
    ];
  }

  /** Something happened: software hears of it now, or once it unmasks. */
  raise(): void {
    const regs = this.#regs;
    const control = regs.peek(this.#at);
    if ((control & EVENT_MASKED) !== 0) regs.poke(this.#at, control | EVENT_PENDING);
    else this.#send(regs.peek(this.#at + 8), regs.peek(this.#at + 4));
  }

  /** Software has seen it. */
  settle(): void {
    this.#regs.poke(this.#at, this.#regs.peek(this.#at) & ~EVENT_PENDING);
  }

  #unmasked(): void {
    const control = this.#regs.peek(this.#at);
    if ((control & EVENT_MASKED) !== 0 || (control & EVENT_PENDING) === 0) return;
    this.settle();
    this.raise();
  }
}

/**
 * Fault recording: FSTS and the records. A fault that finds its record taken is an overflow, and until
 * software clears that nothing more is recorded, however many faults there are.
 */
export class FaultLog {
  readonly rows: readonly RegRow[];
  readonly event: EventMessage;
  /** Faults in all, those that found no record, and those that an entry's FPD kept silent. */
  readonly counters = { faults: 0, overflowed: 0, silenced: 0 };
  /** Called when software has cleared an error of the invalidation queue. */
  onQueueCleared: () => void = () => {};
  readonly #regs: RegSpace;
  readonly #at: number;
  readonly #records: number;
  #next = 0;

  constructor(regs: RegSpace, at: number, records: number, send: SendMsi) {
    this.#regs = regs;
    this.#at = at;
    this.#records = records;
    this.event = new EventMessage(regs, FECTL, send);
    const run = { count: records, stride: FRCD_BYTES, rw: 0 };
    const src = 'VT-d 1.3, 10.4.9 and 10.4.14';
    // biome-ignore format: one register a line
    this.rows = [
      ...this.event.rows,
      { name: 'FSTS', offset: FSTS, rw: 0, w1c: PFO | IQE, onWrite: (_, value, old) => this.#statusWritten(value, old), src },
      { name: 'FRCD_ADDRESS', offset: at, ...run, src },
      { name: 'FRCD_ADDRESS_HIGH', offset: at + 4, ...run, src },
      { name: 'FRCD_SOURCE', offset: at + FRCD_SOURCE, ...run, src },
      { name: 'FRCD_REASON', offset: at + FRCD_REASON, ...run, w1c: FRCD_F, onWrite: () => this.#recordWritten(), src },
    ];
  }

  /**
   * @param low address of the request, or for an interrupt 0 @param high address bits 63:32, or an
   * interrupt's index in 31:16
   */
  record(sid: number, reason: number, low: number, high: number, read: boolean): void {
    const regs = this.#regs;
    this.counters.faults++;
    const status = regs.peek(FSTS);
    const at = this.#at + this.#next * FRCD_BYTES;
    const full = (regs.peek(at + FRCD_REASON) & FRCD_F) !== 0;
    if ((status & PFO) !== 0 || full) {
      this.counters.overflowed++;
      regs.poke(FSTS, status | PFO);
    } else {
      regs.poke(at, low & ~0xfff);
      regs.poke(at + 4, high);
      regs.poke(at + FRCD_SOURCE, sid);
      regs.poke(at + FRCD_REASON, FRCD_F | (read ? FRCD_READ : 0) | reason);
      const first = (status & PPF) !== 0 ? status & (0xff << FRI_SHIFT) : this.#next << FRI_SHIFT;
      regs.poke(FSTS, (status & 0xff) | PPF | first);
      this.#next = (this.#next + 1) % this.#records;
    }
    if ((status & (PFO | PPF | IQE)) === 0) this.event.raise();
  }

  /** The invalidation queue stops at what it cannot do. */
  queueError(): void {
    const status = this.#regs.peek(FSTS);
    this.#regs.poke(FSTS, status | IQE);
    if ((status & (PFO | PPF | IQE)) === 0) this.event.raise();
  }

  #statusWritten(value: number, old: number): void {
    this.#settle();
    if ((old & IQE) !== 0 && (value & IQE) === 0) this.onQueueCleared();
  }

  #recordWritten(): void {
    const regs = this.#regs;
    let pending = false;
    for (let i = 0; i < this.#records; i++) {
      if ((regs.peek(this.#at + i * FRCD_BYTES + FRCD_REASON) & FRCD_F) !== 0) pending = true;
    }
    if (!pending) regs.poke(FSTS, regs.peek(FSTS) & ~PPF);
    this.#settle();
  }

  #settle(): void {
    if ((this.#regs.peek(FSTS) & (PFO | PPF | IQE)) === 0) this.event.settle();
  }
}
