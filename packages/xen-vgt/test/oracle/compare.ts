import { AF, CF, DF, OF, PF, SF, ZF } from '../../src/emul/cpu-state.ts';
import type { IcedX86 } from '../../src/emul/insn.ts';
import { CODE, type NativeCase, type NativeResult } from './native.ts';

const ALL: number = CF | PF | AF | ZF | SF | DF | OF;
const hex = (n: number | bigint): string => `0x${n.toString(16)}`;

/** Even the result of a double shift by more than its operand's width is undefined. */
const ALL_UNDEFINED = -1;

/** Flags that mean something after an instruction: those that it leaves undefined do not. */
function definedFlags(iced: IcedX86, one: NativeCase): number {
  const { Decoder, Mnemonic, RflagsBits } = iced;
  const decoder = new Decoder(one.bits, one.code, 0);
  const insn = decoder.decode();
  let undefined_ = insn.rflagsUndefined;
  const bits: readonly (readonly [number, number])[] = [
    [RflagsBits.OF, OF],
    [RflagsBits.SF, SF],
    [RflagsBits.ZF, ZF],
    [RflagsBits.AF, AF],
    [RflagsBits.CF, CF],
    [RflagsBits.PF, PF],
  ];
  const { mnemonic } = insn;
  // With a count of 1 iced calls OF defined; with CL nobody knows before.
  if (mnemonic === Mnemonic.Shld || mnemonic === Mnemonic.Shrd)
    undefined_ |= RflagsBits.OF | RflagsBits.AF;
  if ([Mnemonic.Shl, Mnemonic.Shr, Mnemonic.Sar, Mnemonic.Sal].includes(mnemonic))
    undefined_ |= RflagsBits.AF | RflagsBits.OF;
  if ([Mnemonic.Rol, Mnemonic.Ror, Mnemonic.Rcl, Mnemonic.Rcr].includes(mnemonic))
    undefined_ |= RflagsBits.OF;
  const double = mnemonic === Mnemonic.Shld || mnemonic === Mnemonic.Shrd;
  if (double && insn.opCode.operandSize === 16) {
    const cl = insn.opKind(2) === iced.OpKind.Register;
    const count = cl ? Number((one.gpr[1] as bigint) & 31n) : insn.immediate8 & 31;
    if (count > 16) undefined_ = ALL_UNDEFINED;
  }
  insn.free();
  decoder.free();
  if (undefined_ === ALL_UNDEFINED) return 0;
  return bits.reduce(
    (mask, [theirs, ours]) => ((undefined_ & theirs) === 0 ? mask : mask & ~ours),
    ALL,
  );
}

/** Two addresses of a fault. In an area or a masked store processors begin where they like. */
function samePlace(one: NativeCase, a: bigint, b: bigint): boolean {
  const area = one.code.some((byte, i) => byte === 0x0f && one.code[i + 1] === 0xae);
  const masked = one.code.includes(0xf7);
  const apart = a > b ? a - b : b - a;
  return apart < (area ? 832n : masked ? 16n : 1n);
}

/** @returns null when two results are the same, or what is not */
export function compare(
  iced: IcedX86,
  one: NativeCase,
  mine: NativeResult,
  real: NativeResult,
): string | null {
  // Where the instruction ended the next one cannot be fetched.
  const base = one.bits === 16 ? CODE : 0n;
  const fetch = real.trap === 14 && (real.error & 0x10) !== 0 && real.cr2 === real.rip + base;
  if (fetch && mine.trap === 3 && mine.rip === real.rip && mine.rip !== one.rip)
    return rest(iced, one, mine, real);
  // The processor fetches all of an instruction before it says that it is none.
  if (fetch === false && real.trap === 14 && (real.error & 0x10) !== 0 && mine.trap === 6)
    return null;
  if (mine.trap !== real.trap) return `trap is ${mine.trap}, real ${real.trap}`;
  // Whether a page of the system is there does not matter to a process.
  const system = mine.trap === 14 && mine.cr2 >= 0x800000000000n;
  if (mine.trap !== 3 && ((mine.error ^ real.error) & (system ? ~1 : -1)) !== 0)
    return `error ${hex(mine.error)}, real ${hex(real.error)}`;
  if (mine.trap === 14 && !samePlace(one, mine.cr2, real.cr2))
    return `CR2 ${hex(mine.cr2)}, real ${hex(real.cr2)}`;
  if (mine.rip !== real.rip) return `RIP ${hex(mine.rip)}, real ${hex(real.rip)}`;
  return rest(iced, one, mine, real);
}

function rest(
  iced: IcedX86,
  one: NativeCase,
  mine: NativeResult,
  real: NativeResult,
): string | null {
  const mask = definedFlags(iced, one);
  if (mask === 0) return null;
  for (let i = 0; i < (one.bits === 64 ? 16 : 8); i++) {
    if (mine.gpr[i] !== real.gpr[i])
      return `register ${i} ${hex(mine.gpr[i] as bigint)}, real ${hex(real.gpr[i] as bigint)}`;
  }
  if (((mine.flags ^ real.flags) & mask) !== 0)
    return `flags ${hex(mine.flags & mask)}, real ${hex(real.flags & mask)}`;
  for (let i = 0; i < mine.window.length; i++) {
    if (mine.window[i] !== real.window[i])
      return `memory ${hex(i)} is ${hex(mine.window[i] as number)}, real ${hex(real.window[i] as number)}`;
  }
  for (let at = 160; at < 416; at++) {
    if (mine.fx[at] !== real.fx[at]) return `XMM ${(at - 160) >> 4} byte ${at & 15}`;
  }
  for (let at = 0; at < 256; at++)
    if (mine.high[at] !== real.high[at]) return `YMM ${at >> 4} high`;
  for (const at of [0, 1, 2, 3, 4, 24, 25]) {
    if (mine.fx[at] !== real.fx[at]) return `x87 word ${at}`;
  }
  for (let at = 32; at < 160; at++)
    if ((at & 15) < 10 && mine.fx[at] !== real.fx[at]) return `ST ${(at - 32) >> 4}`;
  return null;
}
