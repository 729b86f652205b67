import type { Gpu } from './gpu.ts';
import { type Row, WITH_CSC, WITH_GAMMA } from './row.ts';

/** LGC_PALETTE and GAMMA_MODE of pipe A; 0x800 between pipes. */
const PALETTE = 0x4a000;
const GAMMA_MODE = 0x4a480;
/** CSC registers of pipe A; 0x100 between pipes. HSW PRM vol.2c "CSC_COEFF", "CSC_MODE". */
const CSC_COEFF = 0x49010;
const CSC_MODE = 0x49028;
const CSC_PREOFF = 0x49030;
const CSC_POSTOFF = 0x49040;
/** CSC_MODE 1: conversion comes before gamma. */
const CSC_FIRST = 2;

/** A table for one colour: from a value of 16 bits to one of 16 bits. */
type Curve = (value: number, colour: number) => number;

const STRAIGHT: Curve = (value) => value;

/** A colour of an entry of the 8-bit palette, 16 bits wide. 23:16 red, 15:8 green, 7:0 blue. */
function eightBit(gpu: Gpu, pipe: number): readonly Int32Array[] {
  return [16, 8, 0].map((shift) =>
    Int32Array.from({ length: 256 }, (_, i) => {
      const entry = gpu.register(PALETTE + pipe * 0x800 + i * 4);
      return ((entry >>> shift) & 255) * 257;
    }),
  );
}

/** Part of the 10-bit palette, 16 bits wide. 29:20 red, 19:10 green, 9:0 blue. */
function tenBit(gpu: Gpu, pipe: number, first: number, count: number): readonly Int32Array[] {
  return [20, 10, 0].map((shift) =>
    Int32Array.from({ length: count }, (_, i) => {
      const value = (gpu.precisionPalette(pipe, first + i) >>> shift) & 1023;
      return (value << 6) | (value >>> 4);
    }),
  );
}

function curve(tables: readonly Int32Array[], bits: number): Curve {
  return (value, colour) => (tables[colour] as Int32Array)[value >>> (16 - bits)] as number;
}

/** A coefficient: 15 sign, 14:12 exponent, 11:3 mantissa. HSW PRM vol.2c "CSC_COEFF". */
export function coefficient(bits: number): number {
  // Exponents: 6 and 7 are 4 and 2 times as much as 0, which is 0.bbbbbbbbb; 1 to 3 a part of it.
  const scale = [1, 2, 4, 8, 0, 0, 1 / 4, 1 / 2][(bits >>> 12) & 7] as number;
  const value = scale === 0 ? 0 : (bits & 0xff8) / 4096 / scale;
  return (bits & 0x8000) === 0 ? value : -value;
}

/** An offset: 12:0, two's complement, 12 of them after the point. */
function offset(bits: number): number {
  return (((bits & 0x1fff) ^ 0x1000) - 0x1000) * 16;
}

/** What a pipe does to colours after its planes are blended. */
export class PipeColour {
  readonly #before: Curve;
  readonly #after: Curve;
  readonly #matrix: readonly number[];
  readonly #pre: readonly number[];
  readonly #post: readonly number[];
  readonly #low = [0, 0, 0];
  readonly #high = [0, 0, 0];
  /** Palette of an 8-bit indexed plane, by colour. */
  readonly palette: readonly Int32Array[];

  constructor(gpu: Gpu, pipe: number) {
    const at = pipe * 0x100;
    const word = (offsets: number, i: number): number => gpu.register(CSC_COEFF + at + offsets + i);
    // Red, green and blue out; each a register of two coefficients and one of the third.
    this.#matrix = [0, 8, 16].flatMap((row) => [
      coefficient(word(row, 0) >>> 16),
      coefficient(word(row, 0) & 0xffff),
      coefficient(word(row, 4) >>> 16),
    ]);
    this.#pre = [0, 4, 8].map((i) => offset(gpu.register(CSC_PREOFF + at + i)));
    this.#post = [0, 4, 8].map((i) => offset(gpu.register(CSC_POSTOFF + at + i)));
    this.palette = eightBit(gpu, pipe);
    const mode = gpu.register(GAMMA_MODE + pipe * 0x800) & 3;
    const first = (gpu.register(CSC_MODE + at) & CSC_FIRST) !== 0;
    if (mode === 2) throw new Error('the 12-bit gamma mode is not decoded');
    if (mode === 3) {
      this.#before = curve(tenBit(gpu, pipe, 0, 512), 9);
      this.#after = curve(tenBit(gpu, pipe, 512, 512), 9);
    } else {
      const only = mode === 0 ? curve(this.palette, 8) : curve(tenBit(gpu, pipe, 0, 1024), 10);
      this.#before = first ? STRAIGHT : only;
      this.#after = first ? only : STRAIGHT;
    }
  }

  apply(row: Row): void {
    for (let x = 0; x < row.width; x++) {
      const flags = row.flags[x] as number;
      if (flags === 0) continue;
      if ((flags & WITH_GAMMA) !== 0) this.#pass(row, x, this.#before);
      if ((flags & WITH_CSC) !== 0) this.#convert(row, x);
      if ((flags & WITH_GAMMA) !== 0) this.#pass(row, x, this.#after);
    }
  }

  #pass(row: Row, x: number, through: Curve): void {
    if (through === STRAIGHT) return;
    for (let i = 0; i < 3; i++) {
      const a = through(row.low[x * 3 + i] as number, i);
      const b = through(row.high[x * 3 + i] as number, i);
      row.low[x * 3 + i] = Math.min(a, b);
      row.high[x * 3 + i] = Math.max(a, b);
    }
  }

  /** The PRM does not tell the precision of the conversion: half a step of 8 bits either way. */
  #convert(row: Row, x: number): void {
    for (let out = 0; out < 3; out++) {
      let low = this.#post[out] as number;
      let high = low;
      for (let i = 0; i < 3; i++) {
        const c = this.#matrix[out * 3 + i] as number;
        const a = c * ((row.low[x * 3 + i] as number) + (this.#pre[i] as number));
        const b = c * ((row.high[x * 3 + i] as number) + (this.#pre[i] as number));
        low += Math.min(a, b);
        high += Math.max(a, b);
      }
      this.#low[out] = Math.min(Math.max(Math.floor(low - 128), 0), 65535);
      this.#high[out] = Math.min(Math.max(Math.ceil(high + 128), 0), 65535);
    }
    for (let i = 0; i < 3; i++) {
      row.low[x * 3 + i] = this.#low[i] as number;
      row.high[x * 3 + i] = this.#high[i] as number;
    }
  }
}
