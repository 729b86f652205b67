import { CF, RAX, RBX, RCX, RDX, ZF } from './cpu-state.ts';
import type { Exec, Handler } from './exec.ts';
import { mask, signed } from './flags.ts';
import { OP_IMMEDIATE } from './insn.ts';

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

/** Exchanges and bit tests, by iced's mnemonic. */
export const ATOMIC: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['Bt', bit(null)],
  ['Bts', bit((v, b) => v | b)],
  ['Btr', bit((v, b) => v & ~b)],
  ['Btc', bit((v, b) => v ^ b)],
  ['Xchg', xchg],
  ['Xadd', xadd],
  ['Cmpxchg', cmpxchg],
  ['Cmpxchg8b', cmpxchgPair(4)],
  ['Cmpxchg16b', cmpxchgPair(8)],
]);
