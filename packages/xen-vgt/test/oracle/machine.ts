import { EmulBus } from '../../src/emul/bus.ts';
import {
  CpuState,
  CR0_PG,
  CR0_WP,
  CR4_OSFXSR,
  CR4_OSXSAVE,
  CR4_PAE,
  EFER_LMA,
  EFER_NXE,
  type Segment,
} from '../../src/emul/cpu-state.ts';
import { Emulator } from '../../src/emul/emulator.ts';
import type { IcedX86 } from '../../src/emul/insn.ts';
import {
  CODE,
  DATA,
  FIXED,
  FIXED_BYTE,
  type NativeCase,
  type NativeResult,
  WINDOW,
  WINDOW_BYTES,
} from './native.ts';

const PAGE = 4096;
/** Guest-physical pages: page tables from 0x1000 up, then what native.s has. */
const TABLES = 0x1000;
const PHYSICAL: readonly (readonly [linear: bigint, gpa: number, rights: bigint])[] = [
  [DATA, 0x10000, 7n],
  [DATA + 4096n, 0x11000, 7n],
  [FIXED, 0x12000, 5n],
  [CODE, 0x13000, 7n],
];
const RAM = 0x20000;

/** The machine of native.s under the emulator: the same pages at the same addresses. */
export class EmulatedMachine {
  readonly ram: Uint8Array<ArrayBuffer> = new Uint8Array(RAM);
  readonly state: CpuState = new CpuState();
  readonly emulator: Emulator;
  readonly #tables: Uint8Array;

  constructor(iced: IcedX86) {
    this.emulator = new Emulator(iced, this.state, new EmulBus(this.ram));
    this.#map();
    this.#tables = this.ram.slice(0, 0x10000);
  }

  #map(): void {
    const view = new DataView(this.ram.buffer);
    let free = TABLES + PAGE;
    const next = (at: number): number => {
      const entry = view.getBigUint64(at, true);
      if (entry !== 0n) return Number(entry & ~0xfffn);
      view.setBigUint64(at, BigInt(free) | 7n, true);
      free += PAGE;
      return free - PAGE;
    };
    for (const [linear, gpa, rights] of PHYSICAL) {
      let table = TABLES;
      for (const shift of [39n, 30n, 21n]) {
        table = next(table + Number((linear >> shift) & 511n) * 8);
      }
      view.setBigUint64(table + Number((linear >> 12n) & 511n) * 8, BigInt(gpa) | rights, true);
    }
  }

  run(one: NativeCase): NativeResult | { readonly refused: string } {
    const { ram, state } = this;
    ram.set(this.#tables);
    ram.fill(0, 0x10000, 0x12000);
    ram.fill(FIXED_BYTE, 0x12000, 0x13000);
    ram.fill(0xcc, 0x13000, 0x14000);
    const window = 0x10000 + Number(WINDOW - DATA);
    ram.set(one.window, window);
    const codeAt = 0x13000 + (Number(one.rip) & 0xfff);
    ram.set(one.code.subarray(0, Math.min(one.code.length, 0x14000 - codeAt)), codeAt);
    this.#load(one);
    const ended = this.emulator.step();
    if (ended.kind === 'refused') return { refused: ended.reason };
    const fx = new Uint8Array(512);
    const high = new Uint8Array(256);
    this.#save(fx, high);
    return {
      gpr: state.gpr.slice(),
      rip: state.rip,
      flags: state.rflags,
      fx,
      high,
      window: ram.slice(window, window + WINDOW_BYTES),
      trap: ended.kind === 'fault' ? ended.vector : 3,
      error: ended.kind === 'fault' ? (ended.errorCode ?? 0) : 0,
      cr2: state.cr2,
    };
  }

  #load(one: NativeCase): void {
    const { state } = this;
    const long = one.bits === 64;
    state.gpr.set(one.gpr);
    state.rip = one.rip;
    state.rflags = one.flags;
    state.cr0 |= CR0_PG | CR0_WP;
    state.cr3 = BigInt(TABLES);
    state.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXSAVE;
    state.efer = EFER_LMA | EFER_NXE;
    state.xcr0 = 7;
    state.cpl = 3;
    state.cr2 = 0n;
    for (const segment of state.segments) {
      segment.big = true;
      segment.long = false;
      segment.limit = 0xffffffff;
      segment.base = 0n;
    }
    for (const [i, selector] of [0x2b, one.bits === 64 ? 0x33 : 0x23, 0x2b, 0x2b, 0, 0].entries()) {
      (state.segments[i] as Segment).selector = selector;
    }
    const cs = state.segments[1];
    if (cs !== undefined) {
      cs.long = long;
      cs.big = one.bits === 32;
      cs.writable = false;
    }
    if (one.bits === 16) {
      for (const [i, base] of [
        [0, DATA],
        [1, CODE],
        [3, DATA],
      ] as const) {
        const segment = state.segments[i] as Segment;
        segment.base = base;
        segment.selector = base === CODE ? 0x07 : 0x0f;
        segment.limit = 0xffff;
        segment.big = false;
      }
    }
    const view = new DataView(one.fx.buffer, one.fx.byteOffset);
    const { x87 } = state;
    x87.control = view.getUint16(0, true);
    x87.status = view.getUint16(2, true);
    x87.tags = view.getUint8(4);
    x87.opcode = view.getUint16(6, true);
    x87.ip = view.getBigUint64(8, true);
    x87.dp = view.getBigUint64(16, true);
    x87.st.set(one.fx.subarray(32, 160));
    state.mxcsr = view.getUint32(24, true);
    for (let i = 0; i < 16; i++) {
      state.vectors.set(one.fx.subarray(160 + i * 16, 176 + i * 16), i * 32);
      state.vectors.set(one.high.subarray(i * 16, i * 16 + 16), i * 32 + 16);
    }
  }

  #save(fx: Uint8Array, high: Uint8Array): void {
    const { state } = this;
    const view = new DataView(fx.buffer);
    const { x87 } = state;
    view.setUint16(0, x87.control, true);
    view.setUint16(2, x87.status, true);
    view.setUint8(4, x87.tags);
    view.setUint32(24, state.mxcsr, true);
    fx.set(x87.st, 32);
    for (let i = 0; i < 16; i++) {
      fx.set(state.vectors.subarray(i * 32, i * 32 + 16), 160 + i * 16);
      high.set(state.vectors.subarray(i * 32 + 16, i * 32 + 32), i * 16);
    }
  }
}
