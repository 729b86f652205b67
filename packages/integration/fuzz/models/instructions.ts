import { type CpuState, Emulator, EmulBus, flatState } from '@xengt/xen-vgt';
import iced from 'iced-x86';
import type { Random } from '../lib/random.ts';
import type { Model, ModelLife } from './model.ts';

const RAM = 1 << 20;
const BAR = 0xd0000000;
const BAR_BYTES = 0x10000;
/** Where random bytes are executed. */
const CODE = 0x1000;
const CODE_BYTES = 0x1000;
const LONGEST = 15;
/** Flags that decide what instructions do: arithmetic ones and the direction. */
const FLAGS = 0xcd5;
const RCX = 1;

class InstructionLife implements ModelLife {
  readonly #ram = new Uint8Array(RAM);
  readonly #state: CpuState;
  readonly #flags: number;
  readonly #emulator: Emulator;
  readonly #ends = { done: 0, fault: 0, refused: 0 };
  #outside = 0;

  constructor(random: Random) {
    this.#state = flatState(random.pick([16, 32, 64] as const));
    this.#flags = this.#state.rflags;
    const bus = new EmulBus(this.#ram);
    this.#emulator = new Emulator(iced, this.#state, bus);
    const look = (offset: number, size: number): void => {
      if (offset < 0 || offset + size > BAR_BYTES) this.#outside++;
    };
    bus.ranges.add(BAR, BAR_BYTES, {
      name: 'bar',
      read: (offset, size) => {
        look(offset, size);
        return offset;
      },
      write: look,
    });
  }

  step(random: Random): string | null {
    const state = this.#state;
    const at = CODE + random.below(CODE_BYTES);
    for (let k = 0; k < LONGEST; k++) this.#ram[at + k] = random.u32();
    for (let r = 0; r < 16; r++) {
      const far = random.once(4);
      state.gpr[r] = BigInt(far ? BAR + random.below(BAR_BYTES) : random.below(RAM));
    }
    // The count of a REP stays small.
    state.gpr[RCX] = BigInt(random.below(16));
    state.rip = BigInt(at);
    state.rflags = this.#flags | (random.u32() & FLAGS);
    this.#ends[this.#emulator.step().kind]++;
    return this.#outside === 0 ? null : 'an access leaves its range';
  }

  /** Every way to end is common. */
  end(): string | null {
    const { done, fault, refused } = this.#ends;
    return Math.min(done, fault, refused) > 0 ? null : `${done} done, ${fault} faults, ${refused}`;
  }
}

/** Random bytes as instructions of 16, 32 or 64-bit code that reach trapped memory. */
export const instructionsModel: Model = {
  name: 'instructions',
  make: (random) => new InstructionLife(random),
};
