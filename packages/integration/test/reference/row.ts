/** One 8-bit step of a colour of 16 bits. */
export const STEP = 257;
/** A pixel goes through the pipe's gamma, through its colour space conversion. */
export const WITH_GAMMA = 1;
export const WITH_CSC = 2;

/**
 * One row of a pipe's picture while it is composed: of each colour of each pixel the least and the
 * greatest value that hardware may have, 16 bits. They are equal wherever the hardware is documented
 * to the bit.
 */
export class Row {
  readonly width: number;
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly flags: Uint8Array;

  constructor(width: number) {
    this.width = width;
    this.low = new Int32Array(width * 3);
    this.high = new Int32Array(width * 3);
    this.flags = new Uint8Array(width);
  }

  clear(flags: number): void {
    this.low.fill(0);
    this.high.fill(0);
    this.flags.fill(flags);
  }

  /** @param slack how far off hardware may be, in 1/65535 */
  set(x: number, colours: readonly number[], slack: number, flags: number): void {
    for (let i = 0; i < 3; i++) {
      const value = colours[i] as number;
      this.low[x * 3 + i] = Math.min(Math.max(Math.floor(value - slack), 0), 65535);
      this.high[x * 3 + i] = Math.min(Math.max(Math.ceil(value + slack), 0), 65535);
    }
    this.flags[x] = flags;
  }
}
