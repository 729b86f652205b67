import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GtDriver } from '../testing/gt-driver.ts';

const MATH = (instructions: number): number => (0x1a << 23) | (instructions - 1);
const alu = (op: number, first = 0, second = 0): number => (op << 20) | (first << 10) | second;
const SRCA = 0x20;
const SRCB = 0x21;
const ACCU = 0x31;
const ZF = 0x32;
const CF = 0x33;
const LOAD = 0x80;
const LOADINV = 0x480;
const STORE = 0x180;
const STOREINV = 0x580;
const GPR = 0x2600;
const M = 2n ** 64n;

const d = new GtDriver();

function set(register: number, value: bigint): void {
  d.regs.poke(GPR + register * 8, Number(BigInt.asIntN(32, value)));
  d.regs.poke(GPR + register * 8 + 4, Number(BigInt.asIntN(32, value >> 32n)));
}
function get(register: number): bigint {
  const half = (at: number): bigint => BigInt(d.regs.peek(GPR + register * 8 + at) >>> 0);
  return half(0) | (half(4) << 32n);
}
function run(...instructions: number[]): void {
  d.submit('RCS', MATH(instructions.length), ...instructions);
  expect(d.run()).toBe(true);
}

/** The slow model: what an operation leaves in ACCU and the carry flag. */
const OPERATIONS: Readonly<Record<string, [number, (a: bigint, b: bigint) => bigint]>> = {
  ADD: [0x100, (a, b) => a + b],
  SUB: [0x101, (a, b) => a - b],
  AND: [0x102, (a, b) => a & b],
  OR: [0x103, (a, b) => a | b],
  XOR: [0x104, (a, b) => a ^ b],
};

const word = fc.oneof(
  fc.bigInt({ min: 0n, max: M - 1n }),
  fc.constantFrom(0n, 1n, M - 1n, 2n ** 32n, 2n ** 32n - 1n, 2n ** 63n),
);

describe('MI_MATH', () => {
  test.each(Object.entries(OPERATIONS))('%s of 64 bits, with its flags', (_, [op, model]) => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        set(0, a);
        set(1, b);
        run(
          alu(LOAD, SRCA, 0),
          alu(LOAD, SRCB, 1),
          alu(op),
          alu(STORE, 2, ACCU),
          alu(STORE, 3, ZF),
          alu(STORE, 4, CF),
        );
        const wide = model(a, b);
        expect(get(2)).toBe(BigInt.asUintN(64, wide));
        expect(get(3)).toBe(BigInt.asUintN(64, wide) === 0n ? M - 1n : 0n);
        if (op <= 0x101) expect(get(4)).toBe(wide < 0n || wide >= M ? M - 1n : 0n);
      }),
    );
  });

  test('inverted loads and stores, 0 and all ones', () => {
    fc.assert(
      fc.property(word, (a) => {
        set(5, a);
        run(
          ...[alu(LOADINV, SRCA, 5), alu(0x81, SRCB), alu(0x103), alu(STORE, 6, ACCU)],
          ...[alu(STOREINV, 7, ACCU), alu(0x481, SRCB), alu(0x102), alu(STORE, 8, ACCU)],
        );
        expect([get(6), get(7), get(8)]).toEqual([M - 1n - a, a, M - 1n - a]);
      }),
    );
  });

  test('each command begins with its registers clear', () => {
    set(0, 5n);
    run(alu(LOAD, SRCA, 0), alu(LOAD, SRCB, 0), alu(0x100));
    run(alu(STORE, 9, ACCU));
    expect(get(9)).toBe(0n);
  });

  test('a no-op, an unknown operation and unknown operands change nothing', () => {
    for (let register = 0; register < 16; register++) set(register, BigInt(register));
    run(alu(0), alu(0x7ff, 0, 0), alu(LOAD, 0x3f, 3), alu(STORE, 0x3f, ACCU));
    for (let register = 0; register < 16; register++) expect(get(register)).toBe(BigInt(register));
  });
});
