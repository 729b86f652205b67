// A raster operation is a truth table of pattern, source and destination:
// bit (P << 2 | S << 1 | D) of the code is the result. HSW PRM vol.2a "Raster Operations".

/** 0xcc: the result is the source. */
export const ROP_SRC_COPY = 0xcc;

/** Whether the result depends on the destination's old value. */
export function ropReadsDestination(rop: number): boolean {
  return (((rop >> 1) ^ rop) & 0x55) !== 0;
}
export function ropReadsSource(rop: number): boolean {
  return (((rop >> 2) ^ rop) & 0x33) !== 0;
}
export function ropReadsPattern(rop: number): boolean {
  return (((rop >> 4) ^ rop) & 0x0f) !== 0;
}

/** The same operation with 0 for a source that the command does not have. */
export function ropWithoutSource(rop: number): number {
  return (rop & 0x33) * 5;
}

/**
 * The operation as a sum (exclusive or) of products: eight masks, 0 or -1, for 1, D, S, SD, P, PD,
 * PS, PSD. Any of the 256 operations then costs the same dozen word instructions, without a branch.
 */
export function ropMasks(rop: number, into: Int32Array): void {
  for (let i = 0; i < 8; i++) into[i] = -((rop >> i) & 1);
  for (let bit = 1; bit < 8; bit <<= 1) {
    for (let i = 0; i < 8; i++) {
      if ((i & bit) !== 0) into[i] = (into[i] as number) ^ (into[i ^ bit] as number);
    }
  }
}

/** Result for 32 bits at once. @param m masks of {@link ropMasks} */
export function rop3(m: Int32Array, p: number, s: number, d: number): number {
  return (
    (m[0] as number) ^
    (d & ((m[1] as number) ^ (s & (m[3] as number)))) ^
    (s & (m[2] as number)) ^
    (p &
      ((m[4] as number) ^
        (d & ((m[5] as number) ^ (s & (m[7] as number)))) ^
        (s & (m[6] as number))))
  );
}
