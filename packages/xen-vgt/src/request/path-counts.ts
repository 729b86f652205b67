import { DWORD_BYTES, REQUEST_BYTES } from '../trap/widths.ts';

/** Places of the counts; the first four are written inside accesses. */
export const READS = 0,
  WRITES = 1,
  BUFFERED = 2;
const JOINED = 3;
const CHAINED = 4;
const SLOTS = 5;

/**
 * What went one way out of a guest. A request is what the hypervisor hands over at once, at most 8
 * bytes; an instruction that needs several has them made one behind the other, and its processor is
 * woken once, behind the last. A buffered write is not waited for at all.
 */
export class PathCounts {
  /** By {@link READS}, {@link WRITES} and {@link BUFFERED}: accesses of up to 4 bytes. */
  readonly counts: Float64Array<ArrayBuffer> = new Float64Array(SLOTS);

  /**
   * The next accesses are one instruction's: dwords that make up so many bytes. Allocates nothing.
   *
   * @param bytes 8, 16 or 32
   */
  chain(bytes: number): void {
    const { counts } = this;
    const requests = bytes / REQUEST_BYTES;
    counts[JOINED] = (counts[JOINED] as number) + bytes / DWORD_BYTES - requests;
    counts[CHAINED] = (counts[CHAINED] as number) + requests - 1;
  }

  /** A write that no range was called for. */
  wrote(): void {
    this.counts[WRITES] = (this.counts[WRITES] as number) + 1;
  }

  /** Requests handed over; those of 8 bytes count once. */
  get requests(): number {
    const c = this.counts;
    const accesses = (c[READS] as number) + (c[WRITES] as number) + (c[BUFFERED] as number);
    return accesses - (c[JOINED] as number);
  }
  /** Requests that nobody waited for. */
  get buffered(): number {
    return this.counts[BUFFERED] as number;
  }
  /** Requests that the processor waited for. */
  get synchronous(): number {
    return this.requests - this.buffered;
  }
  /** Times the processor was woken: once for each instruction that waited. */
  get wakeUps(): number {
    return this.synchronous - (this.counts[CHAINED] as number);
  }
}
