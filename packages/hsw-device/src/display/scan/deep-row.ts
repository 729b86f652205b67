import {
  convertRow,
  FORMAT_BGRX101010,
  FORMAT_BGRX161616F,
  FORMAT_INDEX8,
  FORMAT_RGBX101010,
  FORMAT_RGBX161616F,
  FORMAT_XR_BGR101010,
} from './formats.ts';
import { FULL } from './lut.ts';
import type { SurfaceReader } from './surface.ts';

/** What a plane asks the pipe to do to its pixels. */
export const USES_GAMMA = 1;
export const USES_CSC = 2;

/** Longest row of a pipe, pixels. */
const ROW = 4096;
/** Brightest value that is kept, in units of full scale: what 16-bit floats are cut at. */
const BRIGHTEST = 8;
/** XR_BIAS: value of black, and how many steps white is above it. i915: extended range format. */
const XR_BLACK = 0x180;
const XR_STEPS = 510;

/** A row of pixels with 16 bits a colour; {@link FULL} is full scale, and colours may be brighter. */
export class DeepRow {
  readonly r: Int32Array = new Int32Array(ROW);
  readonly g: Int32Array = new Int32Array(ROW);
  readonly b: Int32Array = new Int32Array(ROW);
  /** `USES_*` of the plane that a pixel came from. */
  readonly uses: Uint8Array = new Uint8Array(ROW);

  clear(count: number): void {
    this.r.fill(0, 0, count);
    this.g.fill(0, 0, count);
    this.b.fill(0, 0, count);
    this.uses.fill(0, 0, count);
  }

  /** Takes a pixel of 8 bits a colour over, red in the low byte. */
  set8(i: number, pixel: number): void {
    this.r[i] = (pixel & 255) * 0x101;
    this.g[i] = ((pixel >>> 8) & 255) * 0x101;
    this.b[i] = ((pixel >>> 16) & 255) * 0x101;
  }

  /** The pixel with 8 bits a colour. */
  get8(i: number): number {
    return (
      (Math.min(this.r[i] as number, FULL) >>> 8) |
      ((Math.min(this.g[i] as number, FULL) >>> 8) << 8) |
      ((Math.min(this.b[i] as number, FULL) >>> 8) << 16)
    );
  }

  reverse(count: number): void {
    this.r.subarray(0, count).reverse();
    this.g.subarray(0, count).reverse();
    this.b.subarray(0, count).reverse();
  }
}

/** A half float as a colour: less than black is black; infinities and no-numbers are brightest. */
export function halfToColour(half: number): number {
  if ((half & 0x8000) !== 0) return 0;
  const exponent = half >>> 10;
  const mantissa = half & 0x3ff;
  if (exponent === 31) return BRIGHTEST * FULL;
  const value = exponent === 0 ? mantissa * 2 ** -24 : 2 ** (exponent - 25) * (1024 + mantissa);
  return value >= BRIGHTEST ? BRIGHTEST * FULL : (value * FULL + 0.5) | 0;
}

function ten(word: number, shift: number): number {
  const c = (word >>> shift) & 0x3ff;
  return (c << 6) | (c >>> 4);
}

function biased(word: number, shift: number): number {
  return Math.max(0, Math.floor(((((word >>> shift) & 0x3ff) - XR_BLACK) * FULL) / XR_STEPS));
}

/**
 * Converts the row in `reader` to 16 bits a colour.
 *
 * @param first index of the first byte in `reader.bytes`
 * @param palette for {@link FORMAT_INDEX8}, as for `convertRow`
 */
export function deepRow(
  format: number,
  reader: SurfaceReader,
  first: number,
  count: number,
  into: DeepRow,
  palette: Int32Array,
  paletteAt: number,
): void {
  const { words, halves } = reader;
  const redLow = format === FORMAT_RGBX101010 || format === FORMAT_RGBX161616F;
  const low = redLow ? into.r : into.b;
  const high = redLow ? into.b : into.r;
  switch (format) {
    case FORMAT_BGRX101010:
    case FORMAT_RGBX101010:
      for (let i = 0; i < count; i++) {
        const p = words[(first >>> 2) + i] as number;
        low[i] = ten(p, 0);
        into.g[i] = ten(p, 10);
        high[i] = ten(p, 20);
      }
      return;
    case FORMAT_XR_BGR101010:
      for (let i = 0; i < count; i++) {
        const p = words[(first >>> 2) + i] as number;
        low[i] = biased(p, 0);
        into.g[i] = biased(p, 10);
        high[i] = biased(p, 20);
      }
      return;
    case FORMAT_RGBX161616F:
    case FORMAT_BGRX161616F:
      for (let i = 0; i < count; i++) {
        const h = (first >>> 1) + i * 4;
        low[i] = halfToColour(halves[h] as number);
        into.g[i] = halfToColour(halves[h + 1] as number);
        high[i] = halfToColour(halves[h + 2] as number);
      }
      return;
    default:
      convertRow(format, reader, first, count, reader.pixels, 0, palette, paletteAt);
      for (let i = 0; i < count; i++) into.set8(i, reader.pixels[i] as number);
  }
}

/** What a plane asks for, from its control register: 30 or 26 gamma, 24 CSC. Indexed colours are gamma. */
export function planeUses(control: number, gammaBit: number, format: number): number {
  const gamma = (control & gammaBit) !== 0 && format !== FORMAT_INDEX8 ? USES_GAMMA : 0;
  return gamma | ((control & 0x1000000) !== 0 ? USES_CSC : 0);
}
