import { CF, DF, OF, PF, SF, ZF } from './cpu-state.ts';
import type { Exec, Handler } from './exec.ts';
import { CpuFault, UD, Unhandled } from './fault.ts';
import { mask, signed } from './flags.ts';
import { OP_SEGMENT } from './insn.ts';

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
  ...conditional(),
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
