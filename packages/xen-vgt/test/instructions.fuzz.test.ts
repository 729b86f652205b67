import iced from 'iced-x86';
import { expect, test } from 'vitest';
import { EmulBus } from '../src/emul/bus.ts';
import { flatState } from '../src/emul/cpu-state.ts';
import { Emulator } from '../src/emul/emulator.ts';
import { Dice } from './oracle/cases.ts';

/** Instructions of each width of code; XENGT_INSTRUCTIONS=10000000 for a long run. */
const COUNT = Number(process.env['XENGT_INSTRUCTIONS'] ?? 60_000);
const RAM = 1 << 20;
const BAR = 0xd0000000;
const BAR_BYTES = 0x10000;
/** Random bytes that code is read from, changed a little before each instruction. */
const CODE = 0x1000;
const CODE_BYTES = 0x1000;

test.each([16, 32, 64] as const)(
  `${COUNT} random instructions in %i-bit code end as done, fault or refused; accesses stay in their range`,
  (bits) => {
    const dice = new Dice(bits);
    const ram = new Uint8Array(RAM);
    const bus = new EmulBus(ram);
    const state = flatState(bits);
    const first = flatState(bits);
    const emulator = new Emulator(iced, state, bus);
    let outside = 0;
    const look = (offset: number, size: number): void => {
      if (offset < 0 || offset + size > BAR_BYTES) outside++;
    };
    bus.ranges.add(BAR, BAR_BYTES, {
      name: 'bar',
      read: (offset, size) => {
        look(offset, size);
        return dice.next() | 0;
      },
      write: look,
    });
    const ends = { done: 0, fault: 0, refused: 0 };
    for (let i = 0; i < COUNT; i++) {
      const at = CODE + dice.below(CODE_BYTES);
      for (let k = 0; k < 15; k++) ram[at + k] = dice.next();
      for (let r = 0; r < 16; r++) {
        const far = dice.below(4) === 0;
        state.gpr[r] = BigInt(far ? BAR + dice.below(BAR_BYTES) : dice.below(RAM));
      }
      // What instructions change of the machine is put back; the count of a REP stays small.
      state.gpr[1] = BigInt(dice.below(16));
      state.rip = BigInt(at);
      state.rflags = first.rflags | (dice.next() & 0xcd5);
      ends[emulator.step().kind]++;
    }
    expect(outside).toBe(0);
    expect(ends.done + ends.fault + ends.refused).toBe(COUNT);
    // Every way to end is common; nothing ends all runs alike.
    for (const times of Object.values(ends)) expect(times).toBeGreaterThan(COUNT / 100);
    const { instructions, faults, undecodable, unhandled } = emulator.counters;
    expect(instructions).toBe(ends.done);
    expect(faults + undecodable + unhandled).toBeGreaterThanOrEqual(ends.fault + ends.refused);
  },
  3_600_000,
);
