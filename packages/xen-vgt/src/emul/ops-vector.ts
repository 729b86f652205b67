import { RDI, VECTOR_BYTES } from './cpu-state.ts';
import type { Exec, Handler } from './exec.ts';
import { mask } from './flags.ts';
import { OP_GPR, OP_MEMORY, OP_VECTOR } from './insn.ts';
import { both, result, source, vector } from './vector-operands.ts';

/** MOVAPS and its kin: all of a register. */
function whole(aligned: boolean): Handler {
  return (e) => {
    const [to, from] = [e.op(0), e.op(1)];
    const n = to.kind === OP_VECTOR ? to.bytes : from.bytes;
    if (aligned && (to.kind === OP_MEMORY || from.kind === OP_MEMORY)) {
      e.requireAligned(n);
    }
    if (to.kind === OP_MEMORY) {
      e.memory.buffer.set(e.vector(from.reg, n));
      e.storeBytes(n);
    } else {
      const bytes = source(e, 1, n);
      result(e, n).set(bytes);
    }
  };
}

/** MOVSS, MOVSD: memory clears the rest of the register, a register leaves it. */
function scalar(n: number): Handler {
  return (e) => {
    const [to, from] = [e.op(0), e.op(1)];
    if (to.kind === OP_MEMORY) {
      e.memory.buffer.set(e.vector(from.reg, n));
      e.storeBytes(n);
    } else if (from.kind === OP_MEMORY) {
      const bytes = source(e, 1, n);
      const r = result(e, 16);
      r.fill(0, n);
      r.set(bytes);
    } else mergeLow(e, n);
  };
}

/** The low part of the last operand with the rest of the one before it. */
function mergeLow(e: Exec, n: number): void {
  const { count } = e.insn;
  const low = e.vector(e.op(count - 1).reg, n).slice();
  const rest = e.vector(e.op(count - 2).reg, 16).slice();
  const r = result(e, 16);
  r.set(rest);
  r.set(low);
}

/** MOVD, MOVQ between general registers, memory and vector registers. */
function gprMove(n: number): Handler {
  return (e) => {
    const [to, from] = [e.op(0), e.op(1)];
    if (to.kind === OP_VECTOR) {
      if (from.kind === OP_GPR) e.toBuffer(n, e.readGpr(from.reg, n));
      else source(e, 1, n);
      const r = result(e, 16);
      r.fill(0, n);
      r.set(e.memory.buffer.subarray(0, n));
      return;
    }
    e.memory.buffer.set(e.vector(from.reg, n));
    if (to.kind === OP_MEMORY) e.storeBytes(n);
    else e.writeGpr(to.reg, n, e.fromBuffer(n));
  };
}

/** MOVLPS, MOVHPS and the like: 8 bytes of memory as one half. @param at 0 low, 8 high */
function half(at: number): Handler {
  return (e) => {
    if (e.isMemory(0)) {
      const from = e.op(1).reg;
      e.memory.buffer.set(e.vector(from).subarray(at, at + 8));
      e.storeBytes(8);
      return;
    }
    const { count } = e.insn;
    const bytes = source(e, count - 1, 8).slice();
    const rest = e.vector(e.op(count - 2).reg, 16).slice();
    const r = result(e, 16);
    r.set(rest);
    r.set(bytes, at);
  };
}

/** MOVDDUP, MOVSHDUP, MOVSLDUP: `pick` names the source's unit for each unit of the result. */
function duplicate(unit: number, pick: (i: number) => number): Handler {
  return (e) => {
    const n = e.bytes;
    // MOVDDUP reads 8 bytes for a 16-byte result.
    const read = unit === 8 && n === 16 ? 8 : n;
    if (!e.insn.vex && unit === 4 && e.isMemory(1)) e.requireAligned(n);
    const bytes = source(e, 1, read).slice();
    const r = result(e, n);
    for (let i = 0; i < n / unit; i++) {
      const from = pick(i) * unit;
      r.set(bytes.subarray(from, from + unit), i * unit);
    }
  };
}

/** VBROADCAST and VPBROADCAST. @param unit bytes that are repeated */
function broadcast(unit: number): Handler {
  return (e) => {
    const n = e.bytes;
    const bytes = source(e, 1, unit).slice();
    const r = result(e, n);
    for (let at = 0; at < n; at += unit) r.set(bytes, at);
  };
}

/** PINSR: a number from a general register or memory. */
function insert(unit: number): Handler {
  return (e) => {
    const { count } = e.insn;
    const value = e.op(count - 2);
    const number = value.kind === OP_GPR ? e.readGpr(value.reg, unit) : e.loadOperand(unit);
    const to = Number(e.read(count - 1, 1)) & (16 / unit - 1);
    const rest = e.vector(e.op(count === 4 ? 1 : 0).reg, 16).slice();
    const r = result(e, 16);
    r.set(rest);
    for (let i = 0; i < unit; i++) r[to * unit + i] = Number((number >> BigInt(8 * i)) & 0xffn);
  };
}

/** PEXTR and EXTRACTPS. */
function extract(unit: number): Handler {
  return (e) => {
    const from = (Number(e.read(2, 1)) & (16 / unit - 1)) * unit;
    e.memory.buffer.set(e.vector(e.op(1).reg).subarray(from, from + unit));
    if (e.isMemory(0)) e.storeBytes(unit);
    else e.writeGpr(e.op(0).reg, Math.max(unit, 4), e.fromBuffer(unit));
  };
}

/** PMOVZX and PMOVSX. @param from bytes of a source's unit @param to of a result's */
function widen(from: number, to: number, sign: boolean): Handler {
  return (e) => {
    const n = e.bytes;
    const bytes = source(e, 1, (n / to) * from).slice();
    const r = result(e, n);
    for (let i = 0; i < n / to; i++) {
      for (let b = 0; b < from; b++) r[i * to + b] = bytes[i * from + b] as number;
      const negative = sign && ((bytes[i * from + from - 1] as number) & 0x80) !== 0;
      r.fill(negative ? 0xff : 0, i * to + from, (i + 1) * to);
    }
  };
}

/** VINSERTF128 and VEXTRACTF128. */
const insertHalf: Handler = (e) => {
  const bytes = source(e, 2, 16).slice();
  const rest = e.vector(e.op(1).reg).slice();
  const r = result(e, VECTOR_BYTES);
  r.set(rest);
  r.set(bytes, (Number(e.read(3, 1)) & 1) * 16);
};
const extractHalf: Handler = (e) => {
  const from = (Number(e.read(2, 1)) & 1) * 16;
  const part = e.vector(e.op(1).reg).slice(from, from + 16);
  if (e.isMemory(0)) {
    e.memory.buffer.set(part);
    e.storeBytes(16);
  } else result(e, 16).set(part);
};

/** Stores the units whose mask's top bit is set; a unit that is not stored faults nowhere. */
function storeMasked(
  e: Exec,
  segment: number,
  offset: (extra: bigint) => bigint,
  data: Uint8Array,
  bits: Uint8Array,
  unit: number,
): void {
  const { memory } = e;
  const chosen: number[] = [];
  for (let at = 0; at < data.length; at += unit) {
    if (((bits[at + unit - 1] as number) & 0x80) !== 0) chosen.push(at);
  }
  for (const at of chosen) memory.probe(segment, offset(BigInt(at)), unit, 'write');
  for (const at of chosen) {
    memory.buffer.set(data.subarray(at, at + unit));
    memory.write(segment, offset(BigInt(at)), unit);
  }
}

/** MASKMOVDQU: bytes to DS:rDI, or to the segment of its prefix. */
const maskedBytes: Handler = (e) => {
  const count = e.insn.count;
  const data = e.vector(e.op(count - 2).reg, 16).slice();
  const bits = e.vector(e.op(count - 1).reg, 16).slice();
  const n = e.insn.addressBytes;
  const at = (extra: bigint): bigint => (e.readGpr(RDI, n) + extra) & mask(n);
  storeMasked(e, e.insn.segment, at, data, bits, 1);
};

/** VMASKMOV and VPMASKMOV, both ways. */
function masked(unit: number): Handler {
  return (e) => {
    const load = e.op(0).kind === OP_VECTOR;
    const n = load ? e.bytes : e.op(2).bytes;
    const bits = e.vector(e.op(1).reg, n).slice();
    const offset = (extra: bigint): bigint => e.offset(extra);
    if (!load) {
      storeMasked(e, e.insn.segment, offset, e.vector(e.op(2).reg, n).slice(), bits, unit);
      return;
    }
    const got = new Uint8Array(n);
    for (let at = 0; at < n; at += unit) {
      if (((bits[at + unit - 1] as number) & 0x80) === 0) continue;
      e.memory.read(e.insn.segment, offset(BigInt(at)), unit);
      got.set(e.memory.buffer.subarray(0, unit), at);
    }
    result(e, n).set(got);
  };
}

const WIDENED = [
  ['bw', 1, 2],
  ['bd', 1, 4],
  ['bq', 1, 8],
  ['wd', 2, 4],
  ['wq', 2, 8],
  ['dq', 4, 8],
] as const;

/** Moves of vector registers, by iced's mnemonic. */
export const VECTOR: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ...both(
    ['Movaps', 'Movapd', 'Movdqa', 'Movntps', 'Movntpd', 'Movntdq', 'Movntdqa'].map(
      (name) => [name, whole(true)] as const,
    ),
  ),
  ...both(['Movups', 'Movupd', 'Movdqu', 'Lddqu'].map((name) => [name, whole(false)] as const)),
  ...both([
    ['Movss', scalar(4)],
    ['Movsd', scalar(8)],
    ['Movd', gprMove(4)],
    ['Movq', gprMove(8)],
    ['Movlps', half(0)],
    ['Movlpd', half(0)],
    ['Movhps', half(8)],
    ['Movhpd', half(8)],
    ['Movddup', duplicate(8, (i) => i & ~1)],
    ['Movshdup', duplicate(4, (i) => i | 1)],
    ['Movsldup', duplicate(4, (i) => i & ~1)],
    ['Pinsrb', insert(1)],
    ['Pinsrw', insert(2)],
    ['Pinsrd', insert(4)],
    ['Pinsrq', insert(8)],
    ['Pextrb', extract(1)],
    ['Pextrw', extract(2)],
    ['Pextrd', extract(4)],
    ['Pextrq', extract(8)],
    ['Extractps', extract(4)],
    ['Maskmovdqu', maskedBytes],
    ...WIDENED.flatMap(([name, from, to]) => [
      [`Pmovzx${name}`, widen(from, to, false)] as const,
      [`Pmovsx${name}`, widen(from, to, true)] as const,
    ]),
  ]),
  ...(
    [
      ['Vbroadcastss', broadcast(4)],
      ['Vbroadcastsd', broadcast(8)],
      ['Vbroadcastf128', broadcast(16)],
      ['Vbroadcasti128', broadcast(16)],
      ['Vpbroadcastb', broadcast(1)],
      ['Vpbroadcastw', broadcast(2)],
      ['Vpbroadcastd', broadcast(4)],
      ['Vpbroadcastq', broadcast(8)],
      ['Vinsertf128', insertHalf],
      ['Vinserti128', insertHalf],
      ['Vextractf128', extractHalf],
      ['Vextracti128', extractHalf],
      ['Vmaskmovps', masked(4)],
      ['Vmaskmovpd', masked(8)],
      ['Vpmaskmovd', masked(4)],
      ['Vpmaskmovq', masked(8)],
    ] as const
  ).map(([name, run]): [string, Handler] => [name, vector(run)]),
]);
