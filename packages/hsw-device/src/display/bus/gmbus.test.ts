import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../port/clock.ts';
import { RegSpace } from '../../reg/reg-space.ts';
import { Gmbus } from './gmbus.ts';
import type { I2cSlave } from './i2c.ts';

const GMBUS = 0xc5100;
const READY = 0x40000000;
const STOP = 0x8000000;
const INDEX = 0x4000000;
const WAIT = 0x2000000;
const IN_USE = 0x8000;
const WAIT_PHASE = 0x4000;
const INTERRUPT = 0x1000;
const HW_READY = 0x800;
const NOT_ACKNOWLEDGED = 0x400;
const ACTIVE = 0x200;

/** A slave at 0x21 that writes down what happens on the bus; it takes `takes` bytes a start. */
class Witness implements I2cSlave {
  readonly log: string[] = [];
  takes = 99;
  #left = 0;
  #value = 0;
  start(address: number, read: boolean): boolean {
    this.log.push(`start ${address.toString(16)} ${read ? 'r' : 'w'}`);
    this.#left = this.takes;
    return address === 0x21;
  }
  write(byte: number): boolean {
    this.log.push(`write ${byte.toString(16)}`);
    return this.#left-- > 0;
  }
  read(): number {
    return this.#value++;
  }
  stop(): void {
    this.log.push('stop');
  }
}

function bench(byteNs = 0): {
  witness: Witness;
  clock: ManualClock;
  read: (register: number) => number;
  write: (register: number, value: number) => void;
  interrupts: () => number;
} {
  const regs = new RegSpace();
  const clock = new ManualClock();
  const witness = new Witness();
  let interrupts = 0;
  const done = (): void => {
    interrupts++;
  };
  const gmbus = new Gmbus(regs, clock, (pin) => (pin === 5 ? witness : null), done, byteNs);
  regs.add(gmbus.rows);
  return {
    witness,
    clock,
    read: (register) => regs.read32(GMBUS + register) >>> 0,
    write: (register, value) => regs.write32(GMBUS + register, value),
    interrupts: () => interrupts,
  };
}

/** GMBUS1 for a slave at 0x21. */
function cycle(flags: number, count: number, read: boolean, index = 0): number {
  return READY | flags | (count << 16) | (index << 8) | (0x21 << 1) | (read ? 1 : 0);
}

describe('GMBUS cycles', () => {
  test('an index of one byte goes before the read, one of two bytes is GMBUS5', () => {
    const { witness, read, write } = bench();
    write(0, 5);
    write(4, cycle(INDEX | WAIT | STOP, 2, true, 0x7f));
    expect(witness.log).toEqual(['start 21 w', 'write 7f', 'start 21 r']);
    expect(read(0xc)).toBe(0x0100);
    expect(witness.log.at(-1)).toBe('stop');
    witness.log.length = 0;
    write(0x20, 0x80000000 | 0x1234);
    write(4, cycle(WAIT | STOP, 1, true));
    expect(witness.log).toEqual(['start 21 w', 'write 12', 'write 34', 'start 21 r']);
  });

  test('without a stop the bus waits for the next cycle, which a stop cycle ends', () => {
    const { witness, read, write } = bench();
    write(0, 5);
    write(0xc, 0x030201);
    write(4, cycle(WAIT, 3, false));
    expect(read(8) & (ACTIVE | WAIT_PHASE)).toBe(ACTIVE | WAIT_PHASE);
    expect(witness.log).toEqual(['start 21 w', 'write 1', 'write 2', 'write 3']);
    write(4, READY | STOP);
    expect(read(8) & (ACTIVE | WAIT_PHASE)).toBe(0);
    expect(witness.log.at(-1)).toBe('stop');
  });

  test('writes go out in words of four as the driver fills the data register', () => {
    const { witness, read, write } = bench();
    write(0, 5);
    write(0xc, 0x44332211);
    write(4, cycle(WAIT, 6, false));
    expect(read(8) & HW_READY).toBe(HW_READY);
    expect(read(8) & 0x1ff).toBe(4);
    write(0xc, 0x6655);
    expect(witness.log.slice(1)).toEqual(
      ['11', '22', '33', '44', '55', '66'].map((byte) => `write ${byte}`),
    );
    expect(read(8) & WAIT_PHASE).toBe(WAIT_PHASE);
  });

  test('a byte that is not acknowledged ends the cycle until software clears', () => {
    const { witness, read, write } = bench();
    write(0, 5);
    witness.takes = 1;
    write(0xc, 0x2211);
    write(4, cycle(WAIT, 2, false));
    expect(read(8) & (NOT_ACKNOWLEDGED | ACTIVE)).toBe(NOT_ACKNOWLEDGED);
    write(4, 0x80000000);
    write(4, 0);
    expect(read(8) & NOT_ACKNOWLEDGED).toBe(0);
    write(4, READY | WAIT | (1 << 16) | (0x50 << 1));
    expect(read(8) & NOT_ACKNOWLEDGED).toBe(NOT_ACKNOWLEDGED);
  });

  test('the semaphore is taken by reading and given back by writing', () => {
    const { read, write } = bench();
    expect(read(8) & IN_USE).toBe(0);
    expect(read(8) & IN_USE).toBe(IN_USE);
    write(8, IN_USE);
    expect(read(8) & IN_USE).toBe(0);
  });

  test('each condition interrupts when GMBUS4 asks for it, at the time that wires take', () => {
    const conditions = [
      [0x1, cycle(WAIT, 4, true), HW_READY],
      [0x2, cycle(WAIT, 0, false), WAIT_PHASE],
      [0x8, READY | WAIT | (1 << 16) | (0x50 << 1), NOT_ACKNOWLEDGED],
    ] as const;
    for (const [enable, command, status] of conditions) {
      for (const asked of [true, false]) {
        const { clock, read, write, interrupts } = bench(90_000);
        write(0, 5);
        write(0x10, asked ? enable : 0);
        write(4, command);
        clock.advance(1e6);
        expect(read(8) & status).toBe(status);
        expect([interrupts(), read(8) & INTERRUPT]).toEqual(asked ? [1, INTERRUPT] : [0, 0]);
      }
    }
  });
});
