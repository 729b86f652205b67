import type { RegSpace } from '../../reg/reg-space.ts';
import { GAMMA_MODE, LGC_PALETTE, PALETTE_STRIDE } from '../display.regs.ts';
import { PREC_ENTRIES, type PrecisionPalettes } from '../palette.ts';

/** GAMMA_MODE 1:0: 8 bits, 10 bits, 12 bits interpolated, split. i915: `GAMMA_MODE_MODE_*`. */
const MODE_8BIT = 0;
const MODE_SPLIT = 3;

/** A pipe's gamma as three byte tables. 12-bit mode is taken as straight through. */
export class Gamma {
  readonly #regs: RegSpace;
  readonly #palettes: PrecisionPalettes;
  readonly #red = new Uint8Array(256);
  readonly #green = new Uint8Array(256);
  readonly #blue = new Uint8Array(256);
  #straight = true;

  constructor(regs: RegSpace, palettes: PrecisionPalettes) {
    this.#regs = regs;
    this.#palettes = palettes;
  }

  /** Reads a pipe's palette. */
  load(pipe: number): void {
    const mode = this.#regs.peek(GAMMA_MODE + pipe * PALETTE_STRIDE) & 3;
    let straight = true;
    for (let i = 0; i < 256; i++) {
      const entry = mode === MODE_8BIT ? this.#legacy(pipe, i) : this.#precise(pipe, mode, i);
      this.#red[i] = entry >>> 16;
      this.#green[i] = entry >>> 8;
      this.#blue[i] = entry;
      straight = straight && (entry & 0xffffff) === i * 0x10101;
    }
    this.#straight = straight;
  }

  #legacy(pipe: number, i: number): number {
    return this.#regs.peek(LGC_PALETTE + pipe * PALETTE_STRIDE + i * 4);
  }

  #precise(pipe: number, mode: number, i: number): number {
    if (mode === 2) return i * 0x10101;
    // In split mode the second half of the palette is gamma; its entries are every other level.
    const index = mode === MODE_SPLIT ? 512 + i * 2 : (i << 2) | (i >>> 6);
    const entry = this.#palettes.entries[pipe * PREC_ENTRIES + index] as number;
    const red = (entry >>> 22) & 0xff;
    const green = (entry >>> 12) & 0xff;
    return (red << 16) | (green << 8) | ((entry >>> 2) & 0xff);
  }

  /** Passes opaque pixels through the tables, in place. */
  apply(pixels: Uint32Array, from: number, to: number): void {
    if (this.#straight) return;
    for (let i = from; i < to; i++) pixels[i] = this.pixel(pixels[i] as number);
  }

  /** One pixel through the tables. */
  pixel(p: number): number {
    if (this.#straight) return p;
    return (
      (this.#red[p & 255] as number) |
      ((this.#green[(p >>> 8) & 255] as number) << 8) |
      ((this.#blue[(p >>> 16) & 255] as number) << 16) |
      (p & 0xff000000)
    );
  }
}
