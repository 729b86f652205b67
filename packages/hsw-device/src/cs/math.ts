import type { Engine } from './engine.ts';

/** CS_GPR 0 to 15, 64 bits each. i915: `HSW_CS_GPR`. */
export const CS_GPR = 0x2600;

/** ALU opcodes, bits 31:20 of an instruction. PRM vol.2a MI_MATH. */
const ALU = {
  NOOP: 0x000,
  LOAD: 0x080,
  LOADINV: 0x480,
  LOAD0: 0x081,
  LOAD1: 0x481,
  ADD: 0x100,
  SUB: 0x101,
  AND: 0x102,
  OR: 0x103,
  XOR: 0x104,
  STORE: 0x180,
  STOREINV: 0x580,
} as const;
const SRCA = 0x20;
const SRCB = 0x21;
const ACCU = 0x31;
const ZF = 0x32;
const CF = 0x33;

/** ALU registers of the command at hand: pairs (low, high). MI_MATH starts with them clear. */
const alu = { aLo: 0, aHi: 0, bLo: 0, bHi: 0, accLo: 0, accHi: 0, zf: 0, cf: 0 };

function add(bLo: number, bHi: number, carryIn: number): void {
  const lo = (alu.aLo >>> 0) + (bLo >>> 0) + carryIn;
  const hi = (alu.aHi >>> 0) + (bHi >>> 0) + (lo > 0xffffffff ? 1 : 0);
  alu.accLo = lo | 0;
  alu.accHi = hi | 0;
  alu.cf = hi > 0xffffffff ? 1 : 0;
}

function load(operand: number, lo: number, hi: number): void {
  if (operand === SRCA) {
    alu.aLo = lo;
    alu.aHi = hi;
  } else if (operand === SRCB) {
    alu.bLo = lo;
    alu.bHi = hi;
  }
}

function store(e: Engine, to: number, from: number, invert: number): void {
  if (to > 15) return;
  let lo = 0;
  let hi = 0;
  if (from === ACCU) {
    lo = alu.accLo;
    hi = alu.accHi;
  } else if (from === ZF) {
    lo = hi = -alu.zf | 0;
  } else if (from === CF) {
    lo = hi = -alu.cf | 0;
  }
  e.regs.poke(CS_GPR + to * 8, lo ^ invert);
  e.regs.poke(CS_GPR + to * 8 + 4, hi ^ invert);
}

function step(e: Engine, instruction: number): void {
  const first = (instruction >>> 10) & 0x3ff;
  const second = instruction & 0x3ff;
  const lo = second < 16 ? e.regs.peek(CS_GPR + second * 8) : 0;
  const hi = second < 16 ? e.regs.peek(CS_GPR + second * 8 + 4) : 0;
  switch (instruction >>> 20) {
    case ALU.LOAD:
      return load(first, lo, hi);
    case ALU.LOADINV:
      return load(first, ~lo, ~hi);
    case ALU.LOAD0:
      return load(first, 0, 0);
    case ALU.LOAD1:
      return load(first, -1, -1);
    case ALU.ADD:
      add(alu.bLo, alu.bHi, 0);
      break;
    case ALU.SUB:
      add(~alu.bLo, ~alu.bHi, 1);
      alu.cf ^= 1;
      break;
    case ALU.AND:
      alu.accLo = alu.aLo & alu.bLo;
      alu.accHi = alu.aHi & alu.bHi;
      break;
    case ALU.OR:
      alu.accLo = alu.aLo | alu.bLo;
      alu.accHi = alu.aHi | alu.bHi;
      break;
    case ALU.XOR:
      alu.accLo = alu.aLo ^ alu.bLo;
      alu.accHi = alu.aHi ^ alu.bHi;
      break;
    case ALU.STORE:
      return store(e, first, second, 0);
    case ALU.STOREINV:
      return store(e, first, second, -1);
    default:
      return;
  }
  alu.zf = (alu.accLo | alu.accHi) === 0 ? 1 : 0;
}

/** MI_MATH: a run of ALU instructions over the 16 general registers. PRM vol.2a. */
export function miMath(e: Engine): void {
  alu.aLo = alu.aHi = alu.bLo = alu.bHi = alu.accLo = alu.accHi = alu.zf = alu.cf = 0;
  for (let i = 1; i < e.length; i++) step(e, e.cmd[i] as number);
}
