import type { Clock, ClockEvent } from '../../port/clock.ts';
import type { RegSpace } from '../../reg/reg-space.ts';
import type { RegRow } from '../../reg/row.ts';
import { GMBUS_BASE } from '../display.regs.ts';
import type { I2cSlave } from './i2c.ts';

/** Registers, bytes from GMBUS_BASE. i915 `intel_gmbus_regs.h`; PRM vol.2c "GMBUS0" to "GMBUS5". */
const GMBUS0 = 0x00;
const GMBUS1 = 0x04;
const GMBUS2 = 0x08;
const GMBUS3 = 0x0c;
const GMBUS4 = 0x10;
const GMBUS5 = 0x20;

/** GMBUS1. */
const SW_CLR_INT = 0x80000000;
const SW_RDY = 0x40000000;
const CYCLE_STOP = 0x8000000;
const CYCLE_INDEX = 0x4000000;
const CYCLE_WAIT = 0x2000000;
const SLAVE_READ = 1;

/** GMBUS2. */
const INUSE = 0x8000;
const HW_WAIT_PHASE = 0x4000;
const INT_STATUS = 0x1000;
const HW_RDY = 0x800;
const SATOER = 0x400;
const ACTIVE = 0x200;

/** GMBUS4: which condition interrupts. */
const NAK_EN = 0x8;
const IDLE_EN = 0x4;
const HW_WAIT_EN = 0x2;
const HW_RDY_EN = 0x1;

/** GMBUS5 31: the index has two bytes. */
const TWO_BYTE_INDEX = 0x80000000;

const IDLE = 0;
const READING = 1;
const WRITING = 2;

/**
 * The I2C controller of the PCH: cycles with and without an index, reads and writes of up to 511
 * bytes in words of four, not-acknowledge, wait and stop phases, and the semaphore bit.
 */
export class Gmbus {
  readonly rows: readonly RegRow[];
  readonly #regs: RegSpace;
  readonly #clock: Clock;
  readonly #slaveOf: (pin: number) => I2cSlave | null;
  readonly #interrupt: () => void;
  readonly #byteNs: number;
  #status = 0;
  #inUse = false;
  #phase = IDLE;
  #left = 0;
  #moved = 0;
  #slave: I2cSlave | null = null;
  #later: ClockEvent | null = null;

  /**
   * @param slaveOf what is on a pin pair, by GMBUS0 2:0; null when nothing is
   * @param interrupt raises the PCH's GMBUS interrupt
   * @param byteNs time of one byte on the wires, nanoseconds; 0 does every step at once
   */
  constructor(
    regs: RegSpace,
    clock: Clock,
    slaveOf: (pin: number) => I2cSlave | null,
    interrupt: () => void,
    byteNs: number,
  ) {
    this.#regs = regs;
    this.#clock = clock;
    this.#slaveOf = slaveOf;
    this.#interrupt = interrupt;
    this.#byteNs = byteNs;
    const src = 'HSW PRM vol.2c GMBUS; i915 intel_gmbus.c';
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'GMBUS0', offset: GMBUS_BASE + GMBUS0, src },
      { name: 'GMBUS1', offset: GMBUS_BASE + GMBUS1, onWrite: (_o, v) => this.#command(v), src },
      { name: 'GMBUS2', offset: GMBUS_BASE + GMBUS2, rw: INUSE, onRead: () => this.#readStatus(), onWrite: (_o, v) => this.#writeStatus(v), src },
      { name: 'GMBUS3', offset: GMBUS_BASE + GMBUS3, onRead: (_o, v) => this.#readData(v), onWrite: () => this.#writeData(), src },
      { name: 'GMBUS4', offset: GMBUS_BASE + GMBUS4, rw: 0x1f, src },
      { name: 'GMBUS5', offset: GMBUS_BASE + GMBUS5, src },
    ];
  }

  #peek(register: number): number {
    return this.#regs.peek(GMBUS_BASE + register);
  }

  #command(value: number): void {
    if ((value & SW_CLR_INT) !== 0) {
      this.#finish();
      this.#status = 0;
      return;
    }
    if ((value & SW_RDY) === 0) return;
    if ((value & (CYCLE_INDEX | CYCLE_WAIT)) === 0) {
      if ((value & CYCLE_STOP) !== 0) this.#stop();
      return;
    }
    this.#status &= ~(HW_RDY | HW_WAIT_PHASE | SATOER | INT_STATUS);
    this.#status |= ACTIVE;
    this.#slave = this.#slaveOf(this.#peek(0) & 7);
    this.#left = (value >>> 16) & 0x1ff;
    this.#moved = 0;
    const read = (value & SLAVE_READ) !== 0;
    if (!this.#address((value >>> 1) & 0x7f, read, value)) {
      this.#refuse();
      return;
    }
    this.#phase = read ? READING : WRITING;
    if (this.#left === 0) this.#done();
    else if (read) this.#fetch();
    else this.#writeData();
  }

  /** Start, and the index when the cycle has one. @returns whether everything was acknowledged */
  #address(address: number, read: boolean, command: number): boolean {
    const slave = this.#slave;
    if (slave === null) return false;
    const index5 = this.#peek(GMBUS5);
    const twoBytes = (index5 & TWO_BYTE_INDEX) !== 0;
    const indexed = twoBytes || (command & CYCLE_INDEX) !== 0;
    if (!indexed) return slave.start(address, read);
    if (!slave.start(address, false)) return false;
    if (twoBytes && !slave.write((index5 >>> 8) & 0xff)) return false;
    if (!slave.write((twoBytes ? index5 : command >>> 8) & 0xff)) return false;
    return !read || slave.start(address, true);
  }

  #refuse(): void {
    this.#slave?.stop();
    this.#phase = IDLE;
    this.#after(1, () => {
      this.#status = (this.#status & ~ACTIVE) | SATOER;
      this.#signal(NAK_EN | IDLE_EN);
    });
  }

  /** Reads the next word from the slave into GMBUS3. */
  #fetch(): void {
    const count = Math.min(this.#left, 4);
    let word = 0;
    for (let i = 0; i < count; i++) word |= ((this.#slave?.read() ?? 0xff) & 0xff) << (i * 8);
    this.#left -= count;
    this.#moved += count;
    this.#after(count, () => {
      this.#regs.poke(GMBUS_BASE + GMBUS3, word);
      this.#status |= HW_RDY;
      this.#signal(HW_RDY_EN);
    });
  }

  #readData(value: number): number {
    if (this.#phase === READING && (this.#status & HW_RDY) !== 0) {
      this.#status &= ~HW_RDY;
      if (this.#left > 0) this.#fetch();
      else this.#done();
    }
    return value;
  }

  /** Sends the word in GMBUS3 to the slave, when a write is under way. */
  #writeData(): void {
    if (this.#phase !== WRITING || this.#left === 0) return;
    this.#status &= ~HW_RDY;
    const word = this.#peek(GMBUS3);
    const count = Math.min(this.#left, 4);
    for (let i = 0; i < count; i++) {
      if (this.#slave?.write((word >>> (i * 8)) & 0xff) !== true) {
        this.#refuse();
        return;
      }
    }
    this.#left -= count;
    this.#moved += count;
    this.#after(count, () => {
      this.#status |= HW_RDY;
      this.#signal(HW_RDY_EN);
      if (this.#left === 0) this.#done();
    });
  }

  /** Every byte moved: the wait phase begins, or the bus stops when the command asked for that. */
  #done(): void {
    const command = this.#peek(GMBUS1);
    this.#phase = IDLE;
    if ((command & CYCLE_STOP) !== 0) this.#stop();
    else {
      this.#status |= HW_WAIT_PHASE;
      this.#signal(HW_WAIT_EN);
    }
  }

  #stop(): void {
    this.#slave?.stop();
    this.#slave = null;
    this.#phase = IDLE;
    this.#status &= ~(ACTIVE | HW_WAIT_PHASE | HW_RDY);
    this.#signal(IDLE_EN);
  }

  #signal(conditions: number): void {
    if ((this.#peek(GMBUS4) & conditions) === 0) return;
    this.#status |= INT_STATUS;
    this.#interrupt();
  }

  #after(bytes: number, then: () => void): void {
    if (this.#byteNs === 0) {
      then();
      return;
    }
    this.#later?.cancel();
    this.#later = this.#clock.at(this.#clock.now + bytes * this.#byteNs, then);
  }

  #readStatus(): number {
    const value = this.#status | (this.#inUse ? INUSE : 0) | (this.#moved & 0x1ff);
    this.#inUse = true;
    return value;
  }

  #writeStatus(value: number): void {
    if ((value & INUSE) !== 0) this.#inUse = false;
  }

  #finish(): void {
    this.#later?.cancel();
    this.#later = null;
    this.#slave?.stop();
    this.#slave = null;
    this.#phase = IDLE;
    this.#left = 0;
    this.#moved = 0;
  }

  reset(): void {
    this.#finish();
    this.#status = 0;
    this.#inUse = false;
  }
}
