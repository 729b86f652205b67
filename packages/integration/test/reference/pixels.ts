import { STEP } from './row.ts';

/** A colour of `bits` bits as one of 16: its bits again and again from the top. */
export function widen(value: number, bits: number): number {
  let out = 0;
  for (let at = 16 - bits; at > -bits; at -= bits) {
    out |= at >= 0 ? value << at : value >>> -at;
  }
  return out & 0xffff;
}

/** A half float: 15 sign, 14:10 exponent, 9:0 mantissa. No plane shows what is no number. */
export function half(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >>> 10) & 31;
  const mantissa = (bits & 1023) / 1024;
  if (exponent === 0) return sign * mantissa * 2 ** -14;
  return exponent === 31
    ? sign * Number.POSITIVE_INFINITY
    : sign * (1 + mantissa) * 2 ** (exponent - 15);
}

/** How a pixel of some format is read. */
export interface PixelFormat {
  readonly name: string;
  /** Bytes a pixel. */
  readonly bytes: number;
  /** Fills `out` with red, green, blue, 16 bits each. @param high bits 63:32 of a pixel of 8 bytes */
  readonly read: (pixel: number, high: number, out: number[]) => void;
  /** What the PRM leaves open about its conversion, in 1/65535. */
  readonly slack: number;
}

/** Where red, green and blue lie, and how wide they are. */
function rgb(
  name: string,
  bytes: number,
  red: readonly [number, number],
  green: readonly [number, number],
  blue: readonly [number, number],
): PixelFormat {
  const places = [red, green, blue];
  const tables = places.map(([, bits]) =>
    Int32Array.from({ length: 1 << bits }, (_, value) => widen(value, bits)),
  );
  return {
    name,
    bytes,
    slack: 0,
    read: (pixel, _high, out) => {
      for (let i = 0; i < 3; i++) {
        const [at, bits] = places[i] as readonly [number, number];
        out[i] = (tables[i] as Int32Array)[(pixel >>> at) & ((1 << bits) - 1)] as number;
      }
    },
  };
}

/** Four half floats; how they are rounded is not told. @param red which of them is red */
function float(name: string, red: 0 | 2): PixelFormat {
  return {
    name,
    bytes: 8,
    slack: STEP / 2,
    read: (pixel, high, out) => {
      const parts = [pixel & 0xffff, pixel >>> 16, high & 0xffff];
      out[0] = half(parts[red] as number) * 65535;
      out[1] = half(parts[1] as number) * 65535;
      out[2] = half(parts[2 - red] as number) * 65535;
    },
  };
}

const RGB565 = rgb('BGRX 5:6:5', 2, [11, 5], [5, 6], [0, 5]);
const BGRX8 = rgb('BGRX 8:8:8', 4, [16, 8], [8, 8], [0, 8]);
const RGBX8 = rgb('RGBX 8:8:8', 4, [0, 8], [8, 8], [16, 8]);
const BGRX10 = rgb('BGRX 10:10:10', 4, [20, 10], [10, 10], [0, 10]);
const RGBX10 = rgb('RGBX 10:10:10', 4, [0, 10], [10, 10], [20, 10]);

/** Formats of a primary plane by PRI_CTL 29:26; 8-bit indexed (2) is the palette's business. */
export const PRIMARY_FORMATS: Readonly<Record<number, PixelFormat>> = {
  5: RGB565,
  6: BGRX8,
  8: RGBX10,
  10: BGRX10,
  12: float('RGBX 16:16:16:16 float', 0),
  14: RGBX8,
};
export const INDEXED = 2;

/** RGB formats of a sprite by SPR_CTL 27:25, blue in the low bits and red in the low bits (20). */
export const SPRITE_FORMATS: Readonly<Record<number, readonly [PixelFormat, PixelFormat]>> = {
  1: [BGRX10, RGBX10],
  2: [BGRX8, RGBX8],
  3: [float('BGRX float', 2), float('RGBX float', 0)],
};
export const YUV422 = 0;
export const YUV444 = 4;
/** The PRM does not tell the coefficients of a sprite's conversion to RGB: one step of 8 bits. */
export const YUV_SLACK: number = STEP;

/**
 * YUV to RGB by ITU-R BT.601 or BT.709.
 *
 * @param full whether 0 to 255 is used; else 16 to 235 and 16 to 240
 */
export function yuvToRgb(
  yuv: readonly [number, number, number],
  bt709: boolean,
  full: boolean,
  out: number[],
): void {
  const y = full ? yuv[0] / 255 : (yuv[0] - 16) / 219;
  const cb = (yuv[1] - 128) / (full ? 255 : 224);
  const cr = (yuv[2] - 128) / (full ? 255 : 224);
  const kr = bt709 ? 0.2126 : 0.299;
  const kb = bt709 ? 0.0722 : 0.114;
  const red = y + 2 * (1 - kr) * cr;
  const blue = y + 2 * (1 - kb) * cb;
  const green = (y - kr * red - kb * blue) / (1 - kr - kb);
  out[0] = Math.min(Math.max(red, 0), 1) * 65535;
  out[1] = Math.min(Math.max(green, 0), 1) * 65535;
  out[2] = Math.min(Math.max(blue, 0), 1) * 65535;
}
