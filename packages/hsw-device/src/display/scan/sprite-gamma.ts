import type { RegSpace } from '../../reg/reg-space.ts';
import { PIPE_STRIDE, SPRGAMC, SPRGAMC16, SPRGAMC17 } from '../display.regs.ts';
import type { DeepRow } from './deep-row.ts';
import { FULL } from './lut.ts';

/** Points of a sprite's gamma: 16 up to full scale, one at it, one at three times of it. */
const POINTS = 18;
/** Ten bits of fraction. */
const ONE = 0x400;

/** Gamma of SPRGAMC's reset values, which changes nothing: by point, the same for each colour. */
export function linearSpriteGamma(point: number): number {
  return point * 0x4010040;
}

/**
 * The correction that a sprite plane has of its own, per colour in 18 points with straight lines
 * between them. PRM vol.2c "SPR_GAMC"; i915 `ivb_sprite_linear_gamma`.
 */
export class SpriteGamma {
  readonly #regs: RegSpace;
  /** By channel * 18 + point; 0x400 is full scale. */
  readonly #points = new Int32Array(3 * POINTS);

  constructor(regs: RegSpace) {
    this.#regs = regs;
  }

  /** Reads a pipe's sprite gamma. @returns whether it changes any colour up to full scale */
  load(pipe: number): boolean {
    const regs = this.#regs;
    const at = pipe * PIPE_STRIDE;
    let changes = false;
    for (let channel = 0; channel < 3; channel++) {
      const shift = 20 - channel * 10;
      const base = channel * POINTS;
      for (let i = 0; i < 16; i++) {
        const value = (regs.peek(at + SPRGAMC + i * 4) >>> shift) & 0x3ff;
        this.#points[base + i] = value;
        changes = changes || value !== i * 64;
      }
      this.#points[base + 16] = regs.peek(at + SPRGAMC16 + channel * 4) & 0x7ff;
      this.#points[base + 17] = regs.peek(at + SPRGAMC17 + channel * 4) & 0xfff;
      changes = changes || this.#points[base + 16] !== ONE;
    }
    return changes;
  }

  /** Corrects a row in place. */
  apply(row: DeepRow, count: number): void {
    for (let i = 0; i < count; i++) {
      row.r[i] = this.#at(0, row.r[i] as number);
      row.g[i] = this.#at(POINTS, row.g[i] as number);
      row.b[i] = this.#at(2 * POINTS, row.b[i] as number);
    }
  }

  #at(base: number, value: number): number {
    const place = (value * 16) / FULL;
    const point = Math.min(place | 0, 16);
    const from = this.#points[base + point] as number;
    const to = this.#points[base + point + 1] as number;
    // The last stretch is as long as 32 of the others.
    const part = point === 16 ? Math.min((place - 16) / 32, 1) : place - point;
    return Math.round(((from + (to - from) * part) * FULL) / ONE);
  }
}
