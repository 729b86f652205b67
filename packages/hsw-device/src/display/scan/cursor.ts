import type { PlaneLatch } from '../plane-latch.ts';
import type { Gamma } from './gamma.ts';
import type { Picture } from './scanner.ts';
import type { SurfaceReader } from './surface.ts';

/** CURCNTR 5 and 2:0, the mode: side of the square by mode; 0 is no 32-bit cursor. */
const MODE_MASK = 0x27;
const MODE_SIDE: Readonly<Record<number, number>> = {
  2: 128,
  3: 256,
  7: 64,
  34: 128,
  35: 256,
  39: 64,
};
const GAMMA_ENABLE = 0x4000000;
const ROTATE_180 = 0x8000;
/** CUR_FBC_CTL 31 enable, 7:0 lines less one: a cursor that is less high than wide. */
const REDUCED = 0x80000000;
/** Order of what a cursor latches; see pipe.ts. */
const POSITION = 1;
const FBC = 2;

/** Sign and magnitude, 16 bits. i915: `CURSOR_POS_X_SIGN`. */
function signed(field: number): number {
  return (field & 0x8000) !== 0 ? -(field & 0x7fff) : field & 0x7fff;
}

/** Blends the cursor, premultiplied ARGB, over a picture. PRM vol.2c "CUR_CTL". */
export function drawCursor(
  cursor: PlaneLatch,
  picture: Picture,
  reader: SurfaceReader,
  gamma: Gamma,
): void {
  const control = cursor.control;
  const side = MODE_SIDE[control & MODE_MASK] ?? 0;
  if (side === 0) return;
  const fbc = cursor.live[FBC] as number;
  const height = (fbc & REDUCED) !== 0 ? Math.min((fbc & 0xff) + 1, side) : side;
  const position = cursor.live[POSITION] as number;
  const left = signed(position & 0xffff);
  const top = signed(position >>> 16);
  const turned = (control & ROTATE_180) !== 0;
  const corrected = (control & GAMMA_ENABLE) !== 0;
  const { pixels, width } = picture;
  const first = Math.max(0, -top);
  const last = Math.min(height, picture.height - top);
  const from = Math.max(0, -left);
  const to = Math.min(side, width - left);
  for (let y = first; y < last; y++) {
    const row = turned ? height - 1 - y : y;
    reader.linear(((cursor.surface & ~0xfff) + row * side * 4) >>> 0, 0, side * 4);
    for (let x = from; x < to; x++) {
      const p = reader.words[turned ? side - 1 - x : x] as number;
      const alpha = p >>> 24;
      if (alpha === 0 && (p & 0xffffff) === 0) continue;
      const at = (top + y) * width + left + x;
      const mixed = blend(p, alpha, pixels[at] as number);
      pixels[at] = corrected && alpha === 255 ? gamma.pixel(mixed) : mixed;
    }
  }
}

/** Premultiplied ARGB over an opaque RGBA pixel. */
function blend(p: number, alpha: number, under: number): number {
  const rest = 255 - alpha;
  const r = Math.min(((p >>> 16) & 255) + div255((under & 255) * rest), 255);
  const g = Math.min(((p >>> 8) & 255) + div255(((under >>> 8) & 255) * rest), 255);
  const b = Math.min((p & 255) + div255(((under >>> 16) & 255) * rest), 255);
  return r | (g << 8) | (b << 16) | 0xff000000;
}

function div255(x: number): number {
  return ((x + 128) * 257) >>> 16;
}
