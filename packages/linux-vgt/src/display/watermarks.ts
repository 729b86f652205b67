/** Fields of WM0_PIPE: primary 22:16, sprite 14:8, cursor 4:0, and the most each holds. */
const FIELDS: readonly (readonly [shift: number, most: number])[] = [
  [16, 0x7f],
  [8, 0x7f],
  [0, 0x1f],
];

/**
 * WM0_PIPE for a picture that is scaled down: more pixels are fetched in the same time. Each field
 * grows by the ratio of areas, rounded up, as far as it can.
 *
 * @param value as dom0 has it for its own size
 * @param from pixels fetched @param to pixels shown
 */
export function scaledWatermark(value: number, from: number, to: number): number {
  if (from <= to || to === 0) return value;
  let scaled = 0;
  for (const [shift, most] of FIELDS) {
    const field = (value >>> shift) & 0xff;
    scaled |= Math.min(Math.ceil((field * from) / to), most) << shift;
  }
  return scaled;
}
