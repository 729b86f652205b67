import { CF, OF, PF, RAX, RDX, SF, ZF } from './cpu-state.ts';
import type { Exec, Handler } from './exec.ts';
import { CpuFault, DE } from './fault.ts';
import { mask, signed } from './flags.ts';

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

/** Products, quotients and bit scans, by iced's mnemonic. */
export const PRODUCT: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['Mul', (e) => multiply(e, false)],
  ['Imul', imul],
  ['Div', (e) => divide(e, false)],
  ['Idiv', (e) => divide(e, true)],
  ['Bsf', scan(true, false)],
  ['Bsr', scan(false, false)],
  ['Tzcnt', scan(true, true)],
  ['Lzcnt', scan(false, true)],
  ['Popcnt', popcnt],
]);
