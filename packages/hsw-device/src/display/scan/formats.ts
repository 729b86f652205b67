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
export const FORMAT_BGRX161616F = 9;
/** Ten bits a colour of which 0x180 is black: colours may be less than black and more than white. */
export const FORMAT_XR_BGR101010 = 10;
/** YUV with all three for each pixel: V in the low byte, then U, Y. */
export const FORMAT_VUYX888 = 11;

/** Bytes a pixel, by format. */
export const FORMAT_BYTES: readonly number[] = [0, 1, 2, 4, 4, 4, 4, 2, 8, 8, 4, 4];

/** Whether a format has more than 8 bits a colour: it is converted by `deepRow`. */
export const FORMAT_DEEP: readonly boolean[] = FORMAT_BYTES.map(
  (_, format) =>
    format === FORMAT_BGRX101010 ||
    format === FORMAT_RGBX101010 ||
    format === FORMAT_RGBX161616F ||
    format === FORMAT_BGRX161616F ||
    format === FORMAT_XR_BGR101010,
);

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

/**
 * Converts the row in `reader` to RGBA pixels, red in the low byte, alpha opaque. Formats of more
 * than 8 bits a colour are `deepRow`'s; here they are black, and so are codes without a meaning.
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
    default:
      out.fill(OPAQUE, at, at + count);
  }
}
