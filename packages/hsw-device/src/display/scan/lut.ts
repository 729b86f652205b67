import type { RegSpace } from '../../reg/reg-space.ts';
import {
  LGC_PALETTE,
  PALETTE_STRIDE,
  PREC_PAL_EXT_GC_MAX,
  PREC_PAL_GC_MAX,
} from '../display.regs.ts';
import { PREC_ENTRIES, type PrecisionPalettes } from '../palette.ts';

/** GAMMA_MODE 1:0; 2 is 12 bits, interpolated. i915: `GAMMA_MODE_MODE_*`. */
const GAMMA_8BIT = 0;
const GAMMA_10BIT = 1;
export const GAMMA_SPLIT = 3;

/** Full scale of a colour channel inside the pipe. */
export const FULL = 0xffff;
/** Entries of a table: one for each 12-bit input, the width of the pipe. */
export const LUT_SIZE = 4096;
/** First entry of split mode's gamma half. i915: `ivb_load_luts`. */
const SPLIT_GAMMA = 512;
/** Input that PREC_PAL_EXT_GC_MAX belongs to, in units of full scale. */
const EXT_POINT = 3;
/** Where a colour's 10 bits begin in a precision entry, by channel: red, green, blue. */
const PRECISE_SHIFT = [20, 10, 0] as const;
const LEGACY_SHIFT = [16, 8, 0] as const;

/** One palette of a pipe as a function of 12-bit inputs, per channel. PRM vol.12 "Pipe palette". */
export class Lut {
  /** Outputs of 16 bits by channel * 4096 + input. */
  readonly out: Uint16Array = new Uint16Array(3 * LUT_SIZE);
  /** Output for inputs of three times full scale, by channel, 16 bits and more. */
  readonly #beyond = new Int32Array(3);
  readonly #regs: RegSpace;
  readonly #palettes: PrecisionPalettes;

  constructor(regs: RegSpace, palettes: PrecisionPalettes) {
    this.#regs = regs;
    this.#palettes = palettes;
  }

  /**
   * Reads a pipe's palette.
   *
   * @param mode GAMMA_MODE 1:0
   * @param second split mode only: the half after colour space conversion
   */
  load(pipe: number, mode: number, second: boolean): void {
    for (let channel = 0; channel < 3; channel++) {
      if (mode === GAMMA_8BIT) this.#legacy(pipe, channel);
      else if (mode === GAMMA_10BIT) this.#direct(pipe, channel, 0, 2);
      else if (mode === GAMMA_SPLIT) this.#direct(pipe, channel, second ? SPLIT_GAMMA : 0, 3);
      else this.#interpolated(pipe, channel);
    }
  }

  #legacy(pipe: number, channel: number): void {
    const at = LGC_PALETTE + pipe * PALETTE_STRIDE;
    const shift = LEGACY_SHIFT[channel] as number;
    for (let i = 0; i < 256; i++) {
      const value = ((this.#regs.peek(at + i * 4) >>> shift) & 0xff) * 0x101;
      this.out.fill(value, channel * LUT_SIZE + i * 16, channel * LUT_SIZE + i * 16 + 16);
    }
    // There is no register for inputs beyond full scale in this mode.
    this.#beyond[channel] = this.out[channel * LUT_SIZE + LUT_SIZE - 1] as number;
  }

  /** An entry for each of the upper bits of the input. @param drop low bits that select nothing */
  #direct(pipe: number, channel: number, first: number, drop: number): void {
    const { entries } = this.#palettes;
    const from = pipe * PREC_ENTRIES + first;
    const shift = PRECISE_SHIFT[channel] as number;
    for (let i = 0; i < LUT_SIZE; i++) {
      const ten = ((entries[from + (i >>> drop)] as number) >>> shift) & 0x3ff;
      this.out[channel * LUT_SIZE + i] = (ten << 6) | (ten >>> 4);
    }
    this.#extend(pipe, channel);
  }

  /**
   * 512 points of 16 bits, each in two entries, the even one with the lower 6 bits; GC_MAX is the
   * 513th. Between them outputs are interpolated. i915: `ilk_lut_12p4_ldw`.
   */
  #interpolated(pipe: number, channel: number): void {
    const last = Math.min(this.#max(PREC_PAL_GC_MAX, pipe, channel), FULL);
    for (let point = 0; point < 512; point++) {
      const low = this.#point(pipe, channel, point);
      const high = point === 511 ? last : this.#point(pipe, channel, point + 1);
      for (let k = 0; k < 8; k++) {
        this.out[channel * LUT_SIZE + point * 8 + k] = low + (((high - low) * k) >> 3);
      }
    }
    this.#extend(pipe, channel);
  }

  #point(pipe: number, channel: number, point: number): number {
    const { entries } = this.#palettes;
    const at = pipe * PREC_ENTRIES + point * 2;
    const shift = PRECISE_SHIFT[channel] as number;
    const low = ((entries[at] as number) >>> (shift + 4)) & 0x3f;
    return ((((entries[at + 1] as number) >>> shift) & 0x3ff) << 6) | low;
  }

  #extend(pipe: number, channel: number): void {
    this.#beyond[channel] = this.#max(PREC_PAL_EXT_GC_MAX, pipe, channel);
  }

  #max(register: number, pipe: number, channel: number): number {
    return this.#regs.peek(register + pipe * PALETTE_STRIDE + channel * 4) & 0x7ffff;
  }

  /** Output for an input of any size, 0 to full scale. */
  at(channel: number, input: number): number {
    if (input <= 0) return this.out[channel * LUT_SIZE] as number;
    if (input <= FULL) return this.out[channel * LUT_SIZE + (input >>> 4)] as number;
    const last = this.out[channel * LUT_SIZE + LUT_SIZE - 1] as number;
    const over = Math.min((input - FULL) / ((EXT_POINT - 1) * FULL), 1);
    return (
      Math.max(0, Math.min(FULL, last + over * ((this.#beyond[channel] as number) - last))) | 0
    );
  }
}
