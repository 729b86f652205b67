import type { RegSpace } from '../../reg/reg-space.ts';
import type { RegRow } from '../../reg/row.ts';
import type { I2cSlave } from './i2c.ts';

/** GPIO pairs of the PCH: A (VGA), B, C, D (DDI C), E (DDI B), F (DDI D). i915: `gmbus_pins`. */
const PAIRS = 6;

/** Data bits are the clock bits, 8 places up. i915: `GPIO_CLOCK_*`. */
const DIR_MASK = 1;
const DIR_OUT = 2;
const VAL_MASK = 4;
const VAL_OUT = 8;
const VAL_IN = 0x10;
/** Bits that a read gives back as stored: directions, values out and pull-up disables. */
const KEPT = 0x2a2a;

const WAITING = 0;
const ADDRESS = 1;
const WRITE = 2;
const READ = 3;
/** The slave holds the data line for its acknowledge bit. */
const ACK_OUT = 4;
/** The master's acknowledge bit. */
const ACK_IN = 5;

/** An I2C slave behind two open-drain lines. */
class BitSlave {
  /** The slave pulls the data line low. */
  pulls = false;
  #mode = WAITING;
  #next = WAITING;
  #bits = 0;
  #shift = 0;
  #nak = false;
  #scl = true;
  #sda = true;

  /** The master moved a line. Levels are what the master lets the lines be. */
  move(scl: boolean, sda: boolean, slave: I2cSlave): void {
    if (scl && this.#scl && sda !== this.#sda) {
      this.pulls = false;
      if (sda) slave.stop();
      this.#enter(sda ? WAITING : ADDRESS);
    } else if (scl && !this.#scl) this.#rise(sda);
    else if (!scl && this.#scl) this.#fall(slave);
    this.#scl = scl;
    this.#sda = sda;
  }

  #enter(mode: number): void {
    this.#mode = mode;
    this.#bits = 0;
    this.#shift = 0;
  }

  #rise(sda: boolean): void {
    if (this.#mode === ADDRESS || this.#mode === WRITE) {
      this.#shift = (this.#shift << 1) | (sda ? 1 : 0);
      this.#bits++;
    } else if (this.#mode === READ) this.#bits++;
    else if (this.#mode === ACK_IN) this.#nak = sda;
  }

  #fall(slave: I2cSlave): void {
    switch (this.#mode) {
      case ADDRESS:
        if (this.#bits === 8) {
          const read = (this.#shift & 1) !== 0;
          this.#acknowledge(slave.start(this.#shift >>> 1, read), read ? READ : WRITE);
        }
        break;
      case WRITE:
        if (this.#bits === 8) this.#acknowledge(slave.write(this.#shift), WRITE);
        break;
      case ACK_OUT:
        this.pulls = false;
        this.#enter(this.#next);
        if (this.#next === READ) this.#load(slave);
        break;
      case READ:
        if (this.#bits === 8) {
          this.pulls = false;
          this.#mode = ACK_IN;
        } else this.pulls = (this.#shift & (0x80 >>> this.#bits)) === 0;
        break;
      case ACK_IN:
        if (this.#nak) this.#enter(WAITING);
        else {
          this.#enter(READ);
          this.#load(slave);
        }
        break;
      default:
    }
  }

  #acknowledge(acknowledged: boolean, next: number): void {
    this.pulls = acknowledged;
    this.#mode = ACK_OUT;
    this.#next = acknowledged ? next : WAITING;
  }

  #load(slave: I2cSlave): void {
    this.#shift = slave.read() & 0xff;
    this.pulls = (this.#shift & 0x80) === 0;
  }
}

/** The GPIO registers that a driver bit-bangs DDC on. PRM vol.2c "GPIO_CTL". */
export function gpioRows(
  regs: RegSpace,
  base: number,
  slaveOf: (gpio: number) => I2cSlave | null,
): RegRow[] {
  const rows: RegRow[] = [];
  for (let i = 0; i < PAIRS; i++) {
    const offset = base + i * 4;
    const bits = new BitSlave();
    const level = (value: number): boolean => (value & DIR_OUT) === 0 || (value & VAL_OUT) !== 0;
    const take = (value: number, old: number): number => {
      let next = old;
      if ((value & DIR_MASK) !== 0) next = (next & ~DIR_OUT) | (value & DIR_OUT);
      if ((value & VAL_MASK) !== 0) next = (next & ~VAL_OUT) | (value & VAL_OUT);
      return (next & (DIR_OUT | VAL_OUT)) | (value & 0x20);
    };
    rows.push({
      name: `GPIO_CTL_${'ABCDEF'[i]}`,
      offset,
      onWrite: (_offset, value, old) => {
        const next = take(value & 0xff, old & 0xff) | (take(value >>> 8, old >>> 8) << 8);
        regs.poke(offset, next & KEPT);
        const slave = slaveOf(offset);
        if (slave !== null) bits.move(level(next), level(next >>> 8), slave);
      },
      onRead: (_offset, value) => {
        const data = level(value >>> 8) && !(slaveOf(offset) !== null && bits.pulls);
        return (value & KEPT) | (level(value) ? VAL_IN : 0) | (data ? VAL_IN << 8 : 0);
      },
      src: 'HSW PRM vol.2c GPIO_CTL; i915 set_clock, get_data',
    });
  }
  return rows;
}
