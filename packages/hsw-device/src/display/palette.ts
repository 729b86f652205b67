import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import { PALETTE_STRIDE, PREC_PAL_DATA, PREC_PAL_INDEX } from './display.regs.ts';

/** Entries of a pipe's precision palette. */
export const PREC_ENTRIES = 1024;
/** PREC_PAL_INDEX 15: the index advances with each access. i915: `PAL_PREC_AUTO_INCREMENT`. */
const AUTO_INCREMENT = 0x8000;

/** The precision palettes of the three pipes, reached through an index and a data register. */
export class PrecisionPalettes {
  readonly rows: readonly RegRow[];
  /** Entries by pipe * 1024 + index: 29:20 red, 19:10 green, 9:0 blue. */
  readonly entries: Int32Array = new Int32Array(3 * PREC_ENTRIES);
  readonly #regs: RegSpace;

  constructor(regs: RegSpace) {
    this.#regs = regs;
    const src = 'HSW PRM vol.2c PAL_PREC_INDEX; i915 ivb_load_lut_10';
    const rows: RegRow[] = [];
    for (let pipe = 0; pipe < 3; pipe++) {
      const at = pipe * PALETTE_STRIDE;
      rows.push({ name: `PREC_PAL_INDEX_${'ABC'[pipe]}`, offset: PREC_PAL_INDEX + at, src });
      rows.push({
        name: `PREC_PAL_DATA_${'ABC'[pipe]}`,
        offset: PREC_PAL_DATA + at,
        onRead: () => this.entries[this.#next(pipe)] as number,
        onWrite: (_offset, value) => {
          this.entries[this.#next(pipe)] = value;
        },
        src,
      });
    }
    this.rows = rows;
  }

  #next(pipe: number): number {
    const at = PREC_PAL_INDEX + pipe * PALETTE_STRIDE;
    const index = this.#regs.peek(at);
    if ((index & AUTO_INCREMENT) !== 0) {
      this.#regs.poke(at, (index & ~(PREC_ENTRIES - 1)) | ((index + 1) & (PREC_ENTRIES - 1)));
    }
    return pipe * PREC_ENTRIES + (index & (PREC_ENTRIES - 1));
  }

  reset(): void {
    this.entries.fill(0);
  }
}
