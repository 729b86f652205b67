import { CF, DF, OF, PF, RAX, RBX, RCX, RDX, SF, ZF } from './cpu-state.ts';
import type { Exec, Handler } from './exec.ts';
import { CpuFault, DE, UD, Unhandled } from './fault.ts';
import { mask, signed } from './flags.ts';
import { OP_IMMEDIATE, OP_SEGMENT } from './insn.ts';

function mov(e: Exec): void {
  const to = e.op(0);
  if (to.kind === OP_SEGMENT) throw new Unhandled('a segment register is loaded');
  if (e.op(1).kind !== OP_SEGMENT) e.write(0, e.read(1, to.bytes));
  // A selector stored to memory is 2 bytes, in a register it fills the operand.
  else e.write(0, e.read(1), e.isMemory(0) ? 2 : to.bytes);
}

function extend(sign: boolean): Handler {
  return (e) => {
    const from = e.op(1).bytes;
    const value = e.read(1);
    e.write(0, (sign ? signed(value, from) : value) & mask(e.bytes));
  };
}

type Binary = (e: Exec, a: bigint, b: bigint, bytes: number) => bigint;

const carry = (e: Exec): bigint => BigInt(e.state.rflags & CF);

/** Two-operand arithmetic and logic; a result of null is not stored. */
const BINARY: Readonly<Record<string, Binary>> = {
  Add: (e, a, b, n) => e.alu.add(e.state.rflags, a, b, n),
  Adc: (e, a, b, n) => e.alu.add(e.state.rflags, a, b, n, carry(e)),
  Sub: (e, a, b, n) => e.alu.sub(e.state.rflags, a, b, n),
  Sbb: (e, a, b, n) => e.alu.sub(e.state.rflags, a, b, n, carry(e)),
  And: (e, a, b, n) => e.alu.logic(e.state.rflags, a & b, n),
  Or: (e, a, b, n) => e.alu.logic(e.state.rflags, a | b, n),
  Xor: (e, a, b, n) => e.alu.logic(e.state.rflags, a ^ b, n),
};

function binary(op: Binary, store = true): Handler {
  return (e) => {
    const n = e.bytes;
    // The second operand first: it may be memory, and at most one is.
    const b = e.read(1, n);
    const r = op(e, store ? e.readToModify(0) : e.read(0), b, n);
    const { flags } = e.alu;
    if (store) e.write(0, r);
    e.setFlags(flags);
  };
}

function unary(op: (e: Exec, a: bigint, bytes: number) => bigint): Handler {
  return (e) => {
    e.alu.flags = e.state.rflags;
    const r = op(e, e.readToModify(0), e.bytes);
    const { flags } = e.alu;
    e.write(0, r);
    e.setFlags(flags);
  };
}

/** Shift count: 5 bits, 6 for 8-byte operands. */
function countOf(e: Exec, i: number): number {
  return Number(e.read(i, 1)) & (e.bytes === 8 ? 63 : 31);
}

function shift(kind: number): Handler {
  return (e) => {
    const n = e.bytes;
    const a = e.readToModify(0);
    const count = countOf(e, 1);
    if (count === 0) {
      // Nothing changes, but a location in memory is written all the same.
      e.write(0, a);
      return;
    }
    const { alu, state } = e;
    const r =
      kind < 4
        ? alu.rotate(state.rflags, kind, a, count, n)
        : alu.shift(state.rflags, kind, a, count, n);
    const { flags } = alu;
    e.write(0, r);
    e.setFlags(flags);
  };
}

function doubleShift(left: boolean): Handler {
  return (e) => {
    const n = e.bytes;
    const a = e.readToModify(0);
    const count = countOf(e, 2);
    if (count === 0 || count > n * 8) {
      e.write(0, a);
      return;
    }
    const r = e.alu.double(e.state.rflags, left, a, e.read(1), count, n);
    const { flags } = e.alu;
    e.write(0, r);
    e.setFlags(flags);
  };
}

/** BT, BTS, BTR, BTC: a bit number in a register reaches beyond a memory operand. */
function bit(change: ((value: bigint, bit: bigint) => bigint) | null): Handler {
  return (e) => {
    const n = e.bytes;
    const number = e.read(1, n);
    let extra = 0n;
    if (e.isMemory(0) && e.op(1).kind !== OP_IMMEDIATE) {
      extra = (signed(number, n) >> BigInt(n === 8 ? 6 : n === 4 ? 5 : 4)) * BigInt(n);
    }
    const at = 1n << (number & BigInt(n * 8 - 1));
    let value: bigint;
    if (!e.isMemory(0)) value = e.read(0);
    else value = change === null ? e.loadOperand(n, extra) : e.loadToModify(n, extra);
    if (change !== null) {
      const r = change(value, at) & mask(n);
      if (e.isMemory(0)) e.storeOperand(n, r, extra);
      else e.write(0, r);
    }
    e.setFlags((e.state.rflags & ~CF) | ((value & at) === 0n ? 0 : CF));
  };
}

function xchg(e: Exec): void {
  const a = e.readToModify(0);
  const b = e.readToModify(1);
  // Memory first: it may fault, and then no register has changed.
  const memory = e.isMemory(0) ? 0 : 1;
  e.write(memory, memory === 0 ? b : a);
  e.write(1 - memory, memory === 0 ? a : b);
}

function xadd(e: Exec): void {
  const a = e.readToModify(0);
  const r = e.alu.add(e.state.rflags, a, e.read(1), e.bytes);
  const { flags } = e.alu;
  if (e.isMemory(0)) {
    e.write(0, r);
    e.write(1, a);
  } else {
    e.write(1, a);
    e.write(0, r);
  }
  e.setFlags(flags);
}

function cmpxchg(e: Exec): void {
  const n = e.bytes;
  const found = e.readToModify(0);
  const wanted = e.readGpr(RAX, n);
  e.alu.sub(e.state.rflags, wanted, found, n);
  const { flags } = e.alu;
  // Whatever the comparison says, the location is written.
  if (found === wanted) e.write(0, e.read(1));
  else {
    if (e.isMemory(0)) e.write(0, found);
    e.writeGpr(RAX, n, found);
  }
  e.setFlags(flags);
}

/** CMPXCHG8B and 16B. @param half bytes of a half */
function cmpxchgPair(half: number): Handler {
  return (e) => {
    if (half === 8) e.requireAligned(16);
    e.probe(half * 2, 'write');
    e.loadBytes(half * 2);
    const low = e.fromBuffer(half);
    const high = e.fromBuffer(half, half);
    const equal = low === e.readGpr(RAX, half) && high === e.readGpr(RDX, half);
    e.toBuffer(half, equal ? e.readGpr(RBX, half) : low);
    e.toBuffer(half, equal ? e.readGpr(RCX, half) : high, half);
    e.storeBytes(half * 2);
    if (!equal) {
      e.writeGpr(RAX, half, low);
      e.writeGpr(RDX, half, high);
    }
    e.setFlags((e.state.rflags & ~ZF) | (equal ? ZF : 0));
  };
}

function swapped(value: bigint, bytes: number): bigint {
  let r = 0n;
  for (let i = 0; i < bytes; i++) r = (r << 8n) | ((value >> BigInt(8 * i)) & 0xffn);
  return r;
}

function movbe(e: Exec): void {
  const n = e.isMemory(0) ? e.op(1).bytes : e.bytes;
  e.write(0, swapped(e.read(1, n), n), n);
}

/** The 16 conditions by encoding. SDM vol.1 appendix B. */
export function condition(code: number, flags: number): boolean {
  const less = ((flags & SF) !== 0) !== ((flags & OF) !== 0);
  const tests = [
    (flags & OF) !== 0,
    (flags & CF) !== 0,
    (flags & ZF) !== 0,
    (flags & (CF | ZF)) !== 0,
    (flags & SF) !== 0,
    (flags & PF) !== 0,
    less,
    less || (flags & ZF) !== 0,
  ];
  return tests[code >> 1] !== ((code & 1) !== 0);
}

const CONDITIONS = 'o no b ae e ne be a s ns p np l ge le g'.split(' ');

function conditional(): [string, Handler][] {
  return CONDITIONS.flatMap((name, code): [string, Handler][] => [
    [`Set${name}`, (e) => e.write(0, condition(code, e.state.rflags) ? 1n : 0n)],
    [
      `Cmov${name}`,
      (e) => {
        // The source is read whatever the condition; a 4-byte destination is cleared above.
        const value = e.read(1);
        e.write(0, condition(code, e.state.rflags) ? value : e.read(0));
      },
    ],
  ]);
}

/** Products: low half, and whether the high one holds anything. */
function multiply(e: Exec, sign: boolean): void {
  const n = e.op(0).bytes;
  const value = e.read(0);
  const a = e.readGpr(RAX, n);
  const product = sign ? signed(a, n) * signed(value, n) : a * value;
  const low = product & mask(n);
  const high = (product >> BigInt(n * 8)) & mask(n);
  if (n === 1) e.writeGpr(RAX, 2, (high << 8n) | low);
  else {
    e.writeGpr(RAX, n, low);
    e.writeGpr(RDX, n, high);
  }
  const over = sign ? product !== signed(low, n) : high !== 0n;
  e.setFlags((e.state.rflags & ~(CF | OF)) | (over ? CF | OF : 0));
}

function imul(e: Exec): void {
  if (e.insn.count === 1) {
    multiply(e, true);
    return;
  }
  const n = e.bytes;
  const [a, b] = e.insn.count === 2 ? [e.read(0), e.read(1)] : [e.read(1), e.read(2, n)];
  const product = signed(a, n) * signed(b, n);
  const low = product & mask(n);
  e.write(0, low);
  const over = product !== signed(low, n);
  e.setFlags((e.state.rflags & ~(CF | OF)) | (over ? CF | OF : 0));
}

function divide(e: Exec, sign: boolean): void {
  const n = e.op(0).bytes;
  const divisor = sign ? signed(e.read(0), n) : e.read(0);
  const wide =
    n === 1 ? e.readGpr(RAX, 2) : (e.readGpr(RDX, n) << BigInt(n * 8)) | e.readGpr(RAX, n);
  const dividend = sign ? signed(wide, n * 2) : wide;
  if (divisor === 0n) throw new CpuFault(DE);
  const quotient = dividend / divisor;
  const fits = sign ? quotient === signed(quotient & mask(n), n) : quotient <= mask(n);
  if (!fits) throw new CpuFault(DE);
  const rest = (dividend % divisor) & mask(n);
  if (n === 1) e.writeGpr(RAX, 2, (rest << 8n) | (quotient & 0xffn));
  else {
    e.writeGpr(RAX, n, quotient & mask(n));
    e.writeGpr(RDX, n, rest);
  }
}

/** BSF and BSR leave the destination for a source of 0; TZCNT and LZCNT give the width. */
function scan(up: boolean, counts: boolean): Handler {
  return (e) => {
    const n = e.bytes;
    const value = e.read(1);
    let flags = e.state.rflags & ~(ZF | (counts ? CF : 0));
    let r = BigInt(n * 8);
    if (value !== 0n) {
      const top = value.toString(2).length - 1;
      const low = (value & -value).toString(2).length - 1;
      if (counts) r = BigInt(up ? low : n * 8 - 1 - top);
      else r = BigInt(up ? low : top);
    }
    if (counts) flags |= (value === 0n ? CF : 0) | (r === 0n ? ZF : 0);
    else if (value === 0n) flags |= ZF;
    if (counts || value !== 0n) e.write(0, r);
    e.setFlags(flags);
  };
}

function popcnt(e: Exec): void {
  const value = e.read(1);
  const ones = [...value.toString(2)].filter((c) => c === '1').length;
  e.write(0, BigInt(ones));
  e.alu.logic(e.state.rflags, BigInt(ones), e.bytes);
  e.setFlags((e.alu.flags & ~(SF | PF | 0x10)) | 0);
}

const none: Handler = () => {};

const invalid: Handler = () => {
  throw new CpuFault(UD);
};

/** Address checked, nothing done: prefetches and cache line operations. */
const touch: Handler = (e) => e.probe(1, 'read');

/** Integer instructions by iced's mnemonic. */
export const INTEGER: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['Mov', mov],
  ['Movnti', mov],
  ['Movzx', extend(false)],
  ['Movsx', extend(true)],
  ['Movsxd', extend(true)],
  ['Movbe', movbe],
  ...Object.entries(BINARY).map(([name, op]): [string, Handler] => [name, binary(op)]),
  ['Cmp', binary(BINARY['Sub'] as Binary, false)],
  ['Test', binary(BINARY['And'] as Binary, false)],
  ['Inc', unary((e, a, n) => e.alu.step(e.state.rflags, a, n, false))],
  ['Dec', unary((e, a, n) => e.alu.step(e.state.rflags, a, n, true))],
  ['Neg', unary((e, a, n) => e.alu.sub(e.state.rflags, 0n, a, n))],
  ['Not', unary((_e, a, n) => ~a & mask(n))],
  ['Rol', shift(0)],
  ['Ror', shift(1)],
  ['Rcl', shift(2)],
  ['Rcr', shift(3)],
  ['Shl', shift(4)],
  ['Sal', shift(4)],
  ['Shr', shift(5)],
  ['Sar', shift(7)],
  ['Shld', doubleShift(true)],
  ['Shrd', doubleShift(false)],
  ['Bt', bit(null)],
  ['Bts', bit((v, b) => v | b)],
  ['Btr', bit((v, b) => v & ~b)],
  ['Btc', bit((v, b) => v ^ b)],
  ['Xchg', xchg],
  ['Xadd', xadd],
  ['Cmpxchg', cmpxchg],
  ['Cmpxchg8b', cmpxchgPair(4)],
  ['Cmpxchg16b', cmpxchgPair(8)],
  ...conditional(),
  ['Mul', (e) => multiply(e, false)],
  ['Imul', imul],
  ['Div', (e) => divide(e, false)],
  ['Idiv', (e) => divide(e, true)],
  ['Bsf', scan(true, false)],
  ['Bsr', scan(false, false)],
  ['Tzcnt', scan(true, true)],
  ['Lzcnt', scan(false, true)],
  ['Popcnt', popcnt],
  ['Nop', none],
  ['Cld', (e) => e.setFlags(e.state.rflags & ~DF)],
  ['Std', (e) => e.setFlags(e.state.rflags | DF)],
  ['Prefetchnta', none],
  ['Prefetcht0', none],
  ['Prefetcht1', none],
  ['Prefetcht2', none],
  ['Prefetchw', none],
  ['Clflush', touch],
  ['Clflushopt', touch],
  ['Clwb', touch],
  ...['Ud0', 'Ud1', 'Ud2'].map((name): [string, Handler] => [name, invalid]),
  ['Sfence', none],
  ['Lfence', none],
  ['Mfence', none],
]);
