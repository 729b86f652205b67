import type { Clock, ClockEvent } from '../../port/clock.ts';
import type { RegSpace } from '../../reg/reg-space.ts';
import type { RegRow } from '../../reg/row.ts';
import type { Dpcd } from './dpcd.ts';
import type { I2cSlave } from './i2c.ts';

/** DP_AUX_CH_CTL. i915: `DP_AUX_CH_CTL_*`. */
const SEND_BUSY = 0x80000000;
const DONE = 0x40000000;
const INTERRUPT = 0x20000000;
const TIME_OUT_ERROR = 0x10000000;
const STATUS = 0x52000000;
const SIZE_SHIFT = 20;
const SIZE_MASK = 0x1f00000;

/** Five data registers follow the control register. */
const DATA_REGISTERS = 5;
const MESSAGE_MAX = 20;

/** First nibble of a request: 3 native, 2 more data follow (I2C), 1:0 kind. DisplayPort 1.2, 2.7. */
const NATIVE = 8;
const MIDDLE_OF_TRANSACTION = 4;
const KIND_READ = 1;
/** I2C 1:0: how far an earlier write got. Writes are over when they are answered. */
const KIND_WRITE_STATUS = 2;
/** First byte of a reply. */
const REPLY_ACK = 0;
const REPLY_NATIVE_NAK = 0x10;
const REPLY_I2C_NAK = 0x40;
const REPLY_NATIVE_DEFER = 0x20;
const REPLY_I2C_DEFER = 0x80;

/** What is at the far end of an AUX channel. */
export interface AuxSink {
  readonly dpcd: Dpcd;
  readonly ddc: I2cSlave;
}

/** One AUX channel: native requests go to the sink's DPCD, I2C requests to its DDC memory. */
export class AuxChannel {
  readonly rows: readonly RegRow[];
  readonly #regs: RegSpace;
  readonly #clock: Clock;
  readonly #base: number;
  readonly #sinkOf: () => AuxSink | null;
  readonly #interrupt: () => void;
  readonly #byteNs: number;
  readonly #message = new Uint8Array(MESSAGE_MAX);
  #length = 0;
  #i2cAddress = -1;
  #i2cRead = false;
  #later: ClockEvent | null = null;

  /**
   * @param base offset of the control register, bytes
   * @param interrupt raises the channel's interrupt
   * @param byteNs time of one byte on the wires, nanoseconds; 0 answers at once
   */
  constructor(
    regs: RegSpace,
    clock: Clock,
    name: string,
    base: number,
    sinkOf: () => AuxSink | null,
    interrupt: () => void,
    byteNs: number,
  ) {
    this.#regs = regs;
    this.#clock = clock;
    this.#base = base;
    this.#sinkOf = sinkOf;
    this.#interrupt = interrupt;
    this.#byteNs = byteNs;
    const src = 'HSW PRM vol.2c DDI_AUX_CTL; i915 intel_dp_aux_xfer';
    // biome-ignore format: one register a line
    this.rows = [
      { name: `DDI_AUX_CTL_${name}`, offset: base, rw: ~STATUS, w1c: STATUS, onWrite: (_o, v, old) => this.#control(v, old), src },
      { name: `DDI_AUX_DATA_${name}`, offset: base + 4, count: DATA_REGISTERS, src },
    ];
  }

  #control(value: number, old: number): void {
    if ((old & SEND_BUSY) !== 0) {
      this.#regs.poke(this.#base, value | SEND_BUSY);
      return;
    }
    if ((value & SEND_BUSY) === 0) return;
    const sent = (value & SIZE_MASK) >>> SIZE_SHIFT;
    const answered = this.#exchange(Math.min(sent, MESSAGE_MAX));
    if (this.#byteNs === 0) this.#finish(answered);
    else {
      const bytes = sent + this.#length + 8;
      const at = this.#clock.now + bytes * this.#byteNs;
      this.#later = this.#clock.at(at, () => this.#finish(answered));
    }
  }

  #finish(answered: boolean): void {
    this.#later = null;
    const regs = this.#regs;
    const old = regs.peek(this.#base);
    let value = (old & ~(SEND_BUSY | SIZE_MASK | STATUS)) | DONE;
    if (answered) {
      value |= this.#length << SIZE_SHIFT;
      this.#unload();
    } else value |= TIME_OUT_ERROR;
    regs.poke(this.#base, value);
    if ((value & INTERRUPT) !== 0) this.#interrupt();
  }

  /** Takes the request from the data registers and makes the reply. @returns false: nobody answered */
  #exchange(size: number): boolean {
    const sink = this.#sinkOf();
    if (sink === null || size < 3) return false;
    this.#load(size);
    const m = this.#message;
    const request = (m[0] as number) >>> 4;
    const address = (((m[0] as number) & 15) << 16) | ((m[1] as number) << 8) | (m[2] as number);
    const count = size > 3 ? Math.min((m[3] as number) + 1, MESSAGE_MAX - 4) : 0;
    const native = (request & NATIVE) !== 0;
    if (sink.dpcd.defers()) {
      m[0] = native ? REPLY_NATIVE_DEFER : REPLY_I2C_DEFER;
      this.#length = 1;
    } else if (native) this.#native(sink.dpcd, request, address, count);
    else this.#i2c(sink.ddc, request, address & 0x7f, count, Math.min(count, sink.dpcd.partial));
    return true;
  }

  #native(dpcd: Dpcd, request: number, address: number, count: number): void {
    const m = this.#message;
    if ((request & KIND_READ) !== 0) {
      for (let i = 0; i < count; i++) m[1 + i] = dpcd.read(address + i);
      this.#length = 1 + count;
      m[0] = count > 0 ? REPLY_ACK : REPLY_NATIVE_NAK;
    } else {
      const there = dpcd.holds(address, count);
      if (there) for (let i = 0; i < count; i++) dpcd.write(address + i, m[4 + i] as number);
      // A refusal says how many bytes were written all the same.
      this.#length = there ? 1 : 2;
      m[0] = there ? REPLY_ACK : REPLY_NATIVE_NAK;
      m[1] = 0;
    }
  }

  /** @param size bytes asked for @param count how many of them are handled */
  #i2c(slave: I2cSlave, request: number, address: number, size: number, count: number): void {
    const m = this.#message;
    const read = (request & KIND_READ) !== 0;
    if ((request & 3) === KIND_WRITE_STATUS) {
      m[0] = REPLY_ACK;
      this.#length = 1;
      return;
    }
    const more = (request & MIDDLE_OF_TRANSACTION) !== 0;
    let good = true;
    const same = this.#i2cAddress === address && this.#i2cRead === read;
    if (count === 0 ? more : !same) {
      good = slave.start(address, read);
      this.#i2cAddress = good ? address : -1;
      this.#i2cRead = read;
    }
    this.#length = 1;
    if (good && read) {
      for (let i = 0; i < count; i++) m[1 + i] = slave.read();
      this.#length = 1 + count;
    } else if (good) {
      for (let i = 0; i < count && good; i++) good = slave.write(m[4 + i] as number);
      // Of a write that was not taken whole, the reply says how much was.
      if (good && count < size) {
        m[1] = count;
        this.#length = 2;
      }
    }
    if (good && count < size) {
      m[0] = REPLY_ACK;
      return;
    }
    if (!more || !good) {
      slave.stop();
      this.#i2cAddress = -1;
    }
    m[0] = good ? REPLY_ACK : REPLY_I2C_NAK;
  }

  /** Bytes lie in the data registers with the first one in bits 31:24. */
  #load(size: number): void {
    for (let i = 0; i < size; i++) {
      const word = this.#regs.peek(this.#base + 4 + (i & ~3));
      this.#message[i] = word >>> (24 - (i & 3) * 8);
    }
  }

  #unload(): void {
    for (let r = 0; r * 4 < this.#length; r++) {
      let word = 0;
      for (let i = 0; i < 4; i++) {
        const at = r * 4 + i;
        const byte = at < this.#length ? (this.#message[at] as number) : 0;
        word |= byte << (24 - i * 8);
      }
      this.#regs.poke(this.#base + 4 + r * 4, word);
    }
  }

  /** Forgets a transaction under way. */
  reset(): void {
    this.#later?.cancel();
    this.#later = null;
    this.#i2cAddress = -1;
  }
}
