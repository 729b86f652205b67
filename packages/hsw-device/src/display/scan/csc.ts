import type { PlaneLatch } from '../plane-latch.ts';
import { FULL } from './lut.ts';

/** CSC_MODE 1: conversion comes before gamma. i915: `CSC_POSITION_BEFORE_GAMMA`. */
export const CSC_BEFORE_GAMMA = 2;

/** Registers of a pipe's CSC from its first coefficient, bytes, in the order that they are latched. */
// biome-ignore format: coefficients RY_GY to BV, offsets before, offsets after
export const CSC_REGISTERS: readonly number[] = [
  0x00, 0x04, 0x08, 0x0c, 0x10, 0x14,
  0x20, 0x24, 0x28,
  0x30, 0x34, 0x38,
];
const BEFORE = 6;
const AFTER = 9;

/** Factor of a coefficient's 9-bit mantissa by its exponent, bits 14:12; 4 and 5 are reserved. */
const SCALE: readonly number[] = [
  1 / 512,
  1 / 1024,
  1 / 2048,
  1 / 4096,
  1 / 512,
  1 / 512,
  1 / 128,
  1 / 256,
];

/** A coefficient: 15 sign, 14:12 exponent, 11:3 mantissa. i915: `ilk_csc_convert_ctm`. */
export function cscCoefficient(bits: number): number {
  const value = ((bits >>> 3) & 0x1ff) * (SCALE[(bits >>> 12) & 7] as number);
  return (bits & 0x8000) !== 0 ? -value : value;
}

/** An offset: 13 bits in two's complement, 4096 is full scale. */
function offset(bits: number): number {
  return (((bits & 0x1fff) << 19) >> 19) * 16;
}

/**
 * A pipe's colour space conversion: three by three coefficients with offsets before and after.
 * PRM vol.2c "CSC_COEFF"; i915 `ilk_update_pipe_csc`.
 */
export class Csc {
  /** By output * 3 + input, red first. */
  readonly coefficients: Float64Array = new Float64Array(9);
  readonly before: Int32Array = new Int32Array(3);
  readonly after: Int32Array = new Int32Array(3);

  load(latch: PlaneLatch): void {
    const { live } = latch;
    for (let out = 0; out < 3; out++) {
      const pair = live[out * 2] as number;
      this.coefficients[out * 3] = cscCoefficient(pair >>> 16);
      this.coefficients[out * 3 + 1] = cscCoefficient(pair);
      this.coefficients[out * 3 + 2] = cscCoefficient((live[out * 2 + 1] as number) >>> 16);
      this.before[out] = offset(live[BEFORE + out] as number);
      this.after[out] = offset(live[AFTER + out] as number);
    }
  }

  /** Whether each colour depends on itself alone, as for limited range. */
  get isDiagonal(): boolean {
    return this.coefficients.every((c, i) => c === 0 || i % 4 === 0);
  }

  /** One output channel of a colour, 0 to full scale. */
  at(out: number, r: number, g: number, b: number): number {
    const { coefficients: c, before } = this;
    const sum =
      (c[out * 3] as number) * (r + (before[0] as number)) +
      (c[out * 3 + 1] as number) * (g + (before[1] as number)) +
      (c[out * 3 + 2] as number) * (b + (before[2] as number)) +
      (this.after[out] as number);
    return sum <= 0 ? 0 : sum >= FULL ? FULL : sum | 0;
  }
}
