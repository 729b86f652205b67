const OPAQUE = 0xff000000;

/** SPRCTL: 28 full range, 19 colours are not converted, 18 BT.709, 17:16 order of the bytes. */
const FULL_RANGE = 0x10000000;
const NOT_CONVERTED = 0x80000;
const BT709 = 0x40000;

/** Byte offsets of Y0, U, Y1, V in a YUV 4:2:2 dword, by SPRCTL 17:16: YUYV, UYVY, YVYU, VYUY. */
const YUV_SHIFTS: readonly (readonly number[])[] = [
  [0, 8, 16, 24],
  [8, 0, 24, 16],
  [0, 24, 16, 8],
  [8, 16, 24, 0],
];

/** Factors in 256ths: of luma, then V in red, U and V in green, U in blue. ITU-R BT.601, BT.709. */
const FACTORS: readonly (readonly number[])[] = [
  [298, 409, 100, 208, 516],
  [298, 459, 55, 136, 541],
  [256, 359, 88, 183, 454],
  [256, 403, 48, 120, 475],
];

function clamp(value: number): number {
  return Math.max(0, Math.min(value, 255));
}

/**
 * A pixel of a 4:2:2 row, not converted yet: 23:16 V, 15:8 Y, 7:0 U, as keys are compared.
 *
 * @param word the dword of the pair the pixel is in
 * @param odd whether it is the second of the pair
 * @param order SPRCTL 17:16
 */
export function packedYuv(word: number, odd: boolean, order: number): number {
  const shifts = YUV_SHIFTS[order & 3] as readonly number[];
  const y = (word >>> (odd ? (shifts[2] as number) : (shifts[0] as number))) & 0xff;
  const u = (word >>> (shifts[1] as number)) & 0xff;
  const v = (word >>> (shifts[3] as number)) & 0xff;
  return (v << 16) | (y << 8) | u;
}

/** A YUV pixel of 23:16 V, 15:8 Y, 7:0 U as RGBA, converted as SPRCTL says. */
export function yuvToRgb(vyu: number, control: number): number {
  const v = (vyu >>> 16) & 0xff;
  const y = (vyu >>> 8) & 0xff;
  const u = vyu & 0xff;
  if ((control & NOT_CONVERTED) !== 0) return v | (y << 8) | (u << 16) | OPAQUE;
  const full = (control & FULL_RANGE) !== 0;
  const f = FACTORS[(full ? 2 : 0) + ((control & BT709) !== 0 ? 1 : 0)] as readonly number[];
  const l = (f[0] as number) * (full ? y : y - 16) + 128;
  const r = clamp((l + (f[1] as number) * (v - 128)) >> 8);
  const g = clamp((l - (f[2] as number) * (u - 128) - (f[3] as number) * (v - 128)) >> 8);
  const b = clamp((l + (f[4] as number) * (u - 128)) >> 8);
  return r | (g << 8) | (b << 16) | OPAQUE;
}

/** V in the low byte, then U, Y: as 23:16 V, 15:8 Y, 7:0 U. */
export function vyuOf(word: number): number {
  return ((word & 0xff) << 16) | ((word >>> 8) & 0xff00) | ((word >>> 8) & 0xff);
}
