import { AF, CF, OF, PF, SF, ZF } from './cpu-state.ts';

const ARITHMETIC: number = CF | PF | AF | ZF | SF | OF;

/** All ones of a width. */
export function mask(bytes: number): bigint {
  return (1n << BigInt(bytes * 8)) - 1n;
}

/** Sign bit of a width. */
export function signBit(bytes: number): bigint {
  return 1n << BigInt(bytes * 8 - 1);
}

/** A value as signed number of its width. */
export function signed(value: bigint, bytes: number): bigint {
  return BigInt.asIntN(bytes * 8, value);
}

function parity(value: bigint): number {
  let low = Number(value & 0xffn);
  low ^= low >> 4;
  low ^= low >> 2;
  low ^= low >> 1;
  return (low & 1) === 0 ? PF : 0;
}

/** ZF, SF and PF of a result. */
export function resultFlags(value: bigint, bytes: number): number {
  return (value === 0n ? ZF : 0) | ((value & signBit(bytes)) === 0n ? 0 : SF) | parity(value);
}

/** Result and flags of the last operation: read at once, before the next. */
export class Alu {
  value = 0n;
  /** New EFLAGS. */
  flags = 0;

  #set(old: number, value: bigint, bytes: number, flags: number): bigint {
    this.value = value;
    this.flags = (old & ~ARITHMETIC) | resultFlags(value, bytes) | flags;
    return value;
  }

  add(old: number, a: bigint, b: bigint, bytes: number, carry = 0n): bigint {
    const sum = a + b + carry;
    const r = sum & mask(bytes);
    const over = (a ^ r) & (b ^ r) & signBit(bytes);
    const flags =
      (sum > mask(bytes) ? CF : 0) | (over === 0n ? 0 : OF) | Number((a ^ b ^ r) & 0x10n);
    return this.#set(old, r, bytes, flags);
  }

  sub(old: number, a: bigint, b: bigint, bytes: number, borrow = 0n): bigint {
    const r = (a - b - borrow) & mask(bytes);
    const over = (a ^ b) & (a ^ r) & signBit(bytes);
    const flags = (a < b + borrow ? CF : 0) | (over === 0n ? 0 : OF) | Number((a ^ b ^ r) & 0x10n);
    return this.#set(old, r, bytes, flags);
  }

  /** AND, OR, XOR, TEST: carry and overflow are 0; AF is undefined and becomes 0. */
  logic(old: number, value: bigint, bytes: number): bigint {
    return this.#set(old, value, bytes, 0);
  }

  /** INC and DEC leave the carry. */
  step(old: number, a: bigint, bytes: number, down: boolean): bigint {
    const r = down ? this.sub(old, a, 1n, bytes) : this.add(old, a, 1n, bytes);
    this.flags = (this.flags & ~CF) | (old & CF);
    return r;
  }

  /**
   * SHL, SHR, SAR with a count above 0.
   *
   * @param kind 4 SHL, 5 SHR, 7 SAR, as the opcode extension has them
   */
  shift(old: number, kind: number, a: bigint, count: number, bytes: number): bigint {
    const bits = bytes * 8;
    const n = BigInt(count);
    let r: bigint;
    let carry: bigint;
    let over: bigint;
    if (kind === 4) {
      r = (a << n) & mask(bytes);
      carry = count > bits ? 0n : (a >> BigInt(bits - count)) & 1n;
      over = (r >> BigInt(bits - 1)) ^ carry;
    } else if (kind === 5) {
      r = a >> n;
      carry = (a >> (n - 1n)) & 1n;
      over = a >> BigInt(bits - 1);
    } else {
      const s = signed(a, bytes);
      r = (s >> n) & mask(bytes);
      carry = (s >> (n - 1n)) & 1n;
      over = 0n;
    }
    return this.#set(old, r, bytes, (carry === 0n ? 0 : CF) | (over === 0n ? 0 : OF));
  }

  /** ROL, ROR, RCL, RCR; they change CF and OF alone. @param kind 0 ROL, 1 ROR, 2 RCL, 3 RCR */
  rotate(old: number, kind: number, a: bigint, count: number, bytes: number): bigint {
    const bits = bytes * 8;
    const through = kind >= 2;
    const width = through ? bits + 1 : bits;
    const all = (1n << BigInt(width)) - 1n;
    const whole = through ? a | (BigInt(old & CF) << BigInt(bits)) : a;
    let n = count % width;
    if (kind === 1 || kind === 3) n = (width - n) % width;
    const turned = ((whole << BigInt(n)) | (whole >> BigInt(width - n))) & all;
    const r = turned & mask(bytes);
    const top = (r >> BigInt(bits - 1)) & 1n;
    const right = kind === 1 || kind === 3;
    let carry: bigint;
    if (through) carry = turned >> BigInt(bits);
    else carry = right ? top : r & 1n;
    const over = right ? top ^ ((r >> BigInt(bits - 2)) & 1n) : top ^ carry;
    this.value = r;
    this.flags = (old & ~(CF | OF)) | Number(carry) | (over === 0n ? 0 : OF);
    return r;
  }

  /** SHLD and SHRD with a count above 0 and not above the width. */
  double(old: number, left: boolean, a: bigint, b: bigint, count: number, bytes: number): bigint {
    const bits = BigInt(bytes * 8);
    const n = BigInt(count);
    const r = (left ? (a << n) | (b >> (bits - n)) : (a >> n) | (b << (bits - n))) & mask(bytes);
    const carry = (left ? a >> (bits - n) : a >> (n - 1n)) & 1n;
    const over = (a ^ r) & signBit(bytes);
    return this.#set(old, r, bytes, Number(carry) | (over === 0n ? 0 : OF));
  }
}
