import type { SurfaceReader } from './surface.ts';

/** Pixel formats of planes. Names give the bytes of a pixel from its low end, as i915 does. */
export const FORMAT_NONE = 0;
export const FORMAT_INDEX8 = 1;
export const FORMAT_BGRX565 = 2;
export const FORMAT_BGRX888 = 3;
export const FORMAT_RGBX888 = 4;
export const FORMAT_BGRX101010 = 5;
export const FORMAT_RGBX101010 = 6;
export const FORMAT_BGRX555 = 7;
export const FORMAT_RGBX161616F = 8;

/** Bytes a pixel, by format. */
export const FORMAT_BYTES: readonly number[] = [0, 1, 2, 4, 4, 4, 4, 2, 8];

/** Format of a primary plane by DSPCNTR 29:26. i915: `DISP_FORMAT_*`. */
export const PRIMARY_FORMAT: readonly number[] = [
  0,
  0,
  FORMAT_INDEX8,
  FORMAT_BGRX555,
  FORMAT_BGRX555,
  FORMAT_BGRX565,
  FORMAT_BGRX888,
  FORMAT_BGRX888,
  FORMAT_RGBX101010,
  FORMAT_RGBX101010,
  FORMAT_BGRX101010,
  FORMAT_BGRX101010,
  FORMAT_RGBX161616F,
  FORMAT_RGBX161616F,
  FORMAT_RGBX888,
  FORMAT_RGBX888,
];

const OPAQUE = 0xff000000;

/** A half float in 0..1 as a byte; less is 0, more is 255. */
function halfToByte(half: number): number {
  if ((half & 0x8000) !== 0) return 0;
  const exponent = half >>> 10;
  if (exponent === 0) return 0;
  const value = 2 ** (exponent - 15) * (1 + (half & 0x3ff) / 1024);
  return value >= 1 ? 255 : (value * 255 + 0.5) | 0;
}

/**
 * Converts the row in `reader` to RGBA pixels, red in the low byte, alpha opaque.
 *
 * @param first index of the first byte in `reader.bytes`
 * @param palette for {@link FORMAT_INDEX8}: 256 entries of 0xRRGGBB from `paletteAt` on
 */
export function convertRow(
  format: number,
  reader: SurfaceReader,
  first: number,
  count: number,
  out: Uint32Array,
  at: number,
  palette: Int32Array,
  paletteAt: number,
): void {
  const { words, bytes, halves } = reader;
  switch (format) {
    case FORMAT_INDEX8:
      for (let i = 0; i < count; i++) {
        const p = palette[paletteAt + (bytes[first + i] as number)] as number;
        out[at + i] = ((p >>> 16) & 0xff) | (p & 0xff00) | ((p & 0xff) << 16) | OPAQUE;
      }
      return;
    case FORMAT_BGRX565:
      for (let i = 0; i < count; i++) {
        const p = halves[(first >>> 1) + i] as number;
        const r = ((p >>> 8) & 0xf8) | (p >>> 13);
        const g = ((p >>> 3) & 0xfc) | ((p >>> 9) & 3);
        const b = ((p << 3) & 0xf8) | ((p >>> 2) & 7);
        out[at + i] = r | (g << 8) | (b << 16) | OPAQUE;
      }
      return;
    case FORMAT_BGRX555:
      for (let i = 0; i < count; i++) {
        const p = halves[(first >>> 1) + i] as number;
        const r = ((p >>> 7) & 0xf8) | ((p >>> 12) & 7);
        const g = ((p >>> 2) & 0xf8) | ((p >>> 7) & 7);
        const b = ((p << 3) & 0xf8) | ((p >>> 2) & 7);
        out[at + i] = r | (g << 8) | (b << 16) | OPAQUE;
      }
      return;
    case FORMAT_BGRX888:
      for (let i = 0; i < count; i++) {
        const p = words[(first >>> 2) + i] as number;
        out[at + i] = ((p >>> 16) & 0xff) | (p & 0xff00) | ((p & 0xff) << 16) | OPAQUE;
      }
      return;
    case FORMAT_RGBX888:
      for (let i = 0; i < count; i++) out[at + i] = (words[(first >>> 2) + i] as number) | OPAQUE;
      return;
    case FORMAT_BGRX101010:
      for (let i = 0; i < count; i++) {
        const p = words[(first >>> 2) + i] as number;
        const b = (p >>> 2) & 0xff;
        out[at + i] = ((p >>> 22) & 0xff) | (((p >>> 12) & 0xff) << 8) | (b << 16) | OPAQUE;
      }
      return;
    case FORMAT_RGBX101010:
      for (let i = 0; i < count; i++) {
        const p = words[(first >>> 2) + i] as number;
        const b = (p >>> 22) & 0xff;
        out[at + i] = ((p >>> 2) & 0xff) | (((p >>> 12) & 0xff) << 8) | (b << 16) | OPAQUE;
      }
      return;
    case FORMAT_RGBX161616F:
      for (let i = 0; i < count; i++) {
        const h = (first >>> 1) + i * 4;
        const r = halfToByte(halves[h] as number);
        const g = halfToByte(halves[h + 1] as number);
        out[at + i] = r | (g << 8) | (halfToByte(halves[h + 2] as number) << 16) | OPAQUE;
      }
      return;
    default:
      out.fill(OPAQUE, at, at + count);
  }
}

/** Byte offsets of Y0, U, Y1, V in a YUV 4:2:2 dword, by SPRCTL 17:16: YUYV, UYVY, YVYU, VYUY. */
const YUV_SHIFTS: readonly (readonly number[])[] = [
  [0, 8, 16, 24],
  [8, 0, 24, 16],
  [0, 24, 16, 8],
  [8, 16, 24, 0],
];

function clamp(value: number): number {
  return Math.max(0, Math.min(value, 255));
}

/**
 * One pixel of a YUV 4:2:2 row as RGBA. Limited range, BT.601 or BT.709.
 *
 * @param word the dword of the pair the pixel is in
 * @param odd whether it is the second of the pair
 * @param order SPRCTL 17:16
 */
export function yuvPixel(word: number, odd: boolean, order: number, bt709: boolean): number {
  const shifts = YUV_SHIFTS[order & 3] as readonly number[];
  const y = (word >>> (odd ? (shifts[2] as number) : (shifts[0] as number))) & 0xff;
  const u = ((word >>> (shifts[1] as number)) & 0xff) - 128;
  const v = ((word >>> (shifts[3] as number)) & 0xff) - 128;
  const l = 298 * (y - 16) + 128;
  const r = clamp((l + (bt709 ? 459 : 409) * v) >> 8);
  const g = clamp((l - (bt709 ? 55 : 100) * u - (bt709 ? 136 : 208) * v) >> 8);
  const b = clamp((l + (bt709 ? 541 : 516) * u) >> 8);
  return r | (g << 8) | (b << 16) | OPAQUE;
}
