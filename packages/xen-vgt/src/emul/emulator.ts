import type { EmulBus } from './bus.ts';
import type { CpuState } from './cpu-state.ts';
import { Exec, type Handler } from './exec.ts';
import { CpuFault, PFV, UD, Unhandled } from './fault.ts';
import { type IcedX86, INSN_BYTES_MAX, type Insn, InsnDecoder, OP_MMX } from './insn.ts';
import { EmulMemory } from './memory.ts';
import { AREA } from './ops-area.ts';
import { ATOMIC } from './ops-atomic.ts';
import { INTEGER } from './ops-integer.ts';
import { PACKED } from './ops-packed.ts';
import { PRODUCT } from './ops-product.ts';
import { STACK } from './ops-stack.ts';
import { STRING } from './ops-string.ts';
import { VECTOR } from './ops-vector.ts';

/** How an instruction ended. */
export type Emulated =
  /** Done; rIP is behind it, or still on it where a repeated one has more turns to go. */
  | { readonly kind: 'done' }
  /** It raises an exception: state is as before it, but for CR2 and finished turns of a REP. */
  | { readonly kind: 'fault'; readonly vector: number; readonly errorCode: number | null }
  /** Not an instruction that is emulated; nothing was done. */
  | { readonly kind: 'refused'; readonly reason: string };

const DONE: Emulated = { kind: 'done' };

/** What the emulator counts; plain integers that only grow. */
export interface EmulatorCounters {
  instructions: number;
  faults: number;
  /** Bytes that are no instruction, end too early, or belong to an extension that is not there. */
  undecodable: number;
  /** Instructions without a handler. */
  unhandled: number;
}

/**
 * Executes single instructions that reach trapped memory, as a hypervisor does for what the
 * processor reports only as a fault: every access goes through segmentation, page tables and the
 * bus, and is split there. Upstream: Xen `x86_emulate` with `hvmemul_*`.
 */
export class Emulator {
  readonly counters: EmulatorCounters = {
    instructions: 0,
    faults: 0,
    undecodable: 0,
    unhandled: 0,
  };
  readonly memory: EmulMemory;
  readonly #state: CpuState;
  readonly #decoder: InsnDecoder;
  readonly #exec: Exec;
  readonly #code: Uint8Array<ArrayBuffer> = new Uint8Array(INSN_BYTES_MAX);

  constructor(iced: IcedX86, state: CpuState, bus: EmulBus) {
    this.#state = state;
    this.memory = new EmulMemory(state, bus);
    this.#decoder = new InsnDecoder(iced);
    this.#exec = new Exec(state, this.memory, this.#decoder.insn);
  }

  /** The instruction decoded last. */
  get insn(): Readonly<Insn> {
    return this.#decoder.insn;
  }

  /** Executes the instruction at rIP. Never throws for what a guest does. */
  step(): Emulated {
    const state = this.#state;
    const { rflags } = state;
    try {
      this.memory.fetchFault = null;
      const bytes = this.memory.fetch(this.#code);
      const bad = this.#decoder.decode(this.#code.subarray(0, bytes), state.bits, state.rip);
      if (bad !== null) return this.#undecodable(bad);
      this.#run();
      this.counters.instructions++;
      return DONE;
    } catch (error) {
      if (error instanceof CpuFault) return this.#fault(error);
      if (!(error instanceof Unhandled)) throw error;
      state.rflags = rflags;
      this.counters.unhandled++;
      return { kind: 'refused', reason: error.message };
    }
  }

  #run(): void {
    const { insn } = this;
    const handler = handlerOf(insn);
    if (handler === undefined) throw new Unhandled(`${insn.name} is not emulated`);
    for (let i = 0; i < insn.count; i++) {
      if (insn.ops[i]?.kind === OP_MMX) throw new Unhandled(`${insn.name} of MMX is not emulated`);
    }
    const exec = this.#exec;
    exec.nextIp = insn.nextIp;
    handler(exec);
    this.#state.rip = exec.nextIp;
  }

  #undecodable(why: 'invalid' | 'truncated' | 'unsupported'): Emulated {
    const { fetchFault } = this.memory;
    if (why === 'truncated' && fetchFault !== null) return this.#fault(fetchFault);
    this.counters.undecodable++;
    if (why === 'invalid') return this.#fault(new CpuFault(UD));
    return { kind: 'refused', reason: `the instruction is ${why}` };
  }

  #fault(fault: CpuFault): Emulated {
    this.counters.faults++;
    if (fault.vector === PFV) this.#state.cr2 = fault.address;
    return { kind: 'fault', vector: fault.vector, errorCode: fault.errorCode };
  }
}

const HANDLERS: ReadonlyMap<string, Handler> = new Map(
  [INTEGER, ATOMIC, PRODUCT, VECTOR, PACKED, STACK, AREA].flatMap((table) => [...table]),
);

/** MOVSD and CMPSD are two instructions each. */
function handlerOf(insn: Insn): Handler | undefined {
  return (insn.string ? STRING : HANDLERS).get(insn.name);
}
