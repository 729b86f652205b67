import type { Errno } from '../errno.ts';

const MIB = 2 ** 20;
/** Fence registers of a Haswell. i915 `i915_ggtt_init_fences`: 32 from gen7 on. */
export const FENCES = 32;
/** Top of the aperture that the mediator keeps to itself, MiB. Upstream: `VGT_RSVD_APERTURE_SZ`. */
export const RESERVED_MIB = 8;

/** Top of the hidden memory that it keeps: GTT entries for page directories, MiB. */
export const RESERVED_HIGH_MIB = 16;

/** One VM's part of the graphics memory, and of the fences. Addresses and sizes in bytes. */
export interface Slice {
  readonly lowBase: number;
  readonly lowBytes: number;
  readonly highBase: number;
  readonly highBytes: number;
  readonly fenceBase: number;
  readonly fences: number;
}

export interface PartitionOptions {
  /** CPU-visible graphics memory, MiB. */
  readonly apertureMiB: number;
  /** All graphics memory, MiB; at most 2048. */
  readonly totalMiB: number;
}

/**
 * Who has which MiB of the graphics address space, and which fences. First fit; whatever is short
 * leaves everything as it was. Upstream: aperture_gm.c.
 */
export class Partition {
  readonly apertureMiB: number;
  readonly totalMiB: number;
  /** 1 where a MiB is taken. */
  readonly #gm: Uint8Array;
  readonly #fences: Uint8Array = new Uint8Array(FENCES);

  constructor(o: PartitionOptions) {
    this.apertureMiB = o.apertureMiB;
    this.totalMiB = o.totalMiB;
    this.#gm = new Uint8Array(o.totalMiB);
    this.#gm.fill(1, o.apertureMiB - RESERVED_MIB, o.apertureMiB);
    this.#gm.fill(1, o.totalMiB - RESERVED_HIGH_MIB);
  }

  /** First byte of the aperture's part that no VM gets. */
  get reservedBase(): number {
    return (this.apertureMiB - RESERVED_MIB) * MIB;
  }

  /** First byte of the hidden memory's part that no VM gets. */
  get reservedHighBase(): number {
    return (this.totalMiB - RESERVED_HIGH_MIB) * MIB;
  }

  /**
   * Takes a slice: low graphics memory from the bottom of the aperture, high from its end upward.
   *
   * @param lowMiB at least 1
   * @param highMiB may be 0
   * @param fences at least 1
   */
  allocate(lowMiB: number, highMiB: number, fences: number): Slice | Errno {
    const low = firstFit(this.#gm, lowMiB, 0, this.apertureMiB);
    if (low < 0) return 'ENOMEM';
    const high = firstFit(this.#gm, highMiB, this.apertureMiB, this.totalMiB);
    if (high < 0) return 'ENOMEM';
    const fence = firstFit(this.#fences, fences, 0, FENCES);
    if (fence < 0) return 'ENOMEM';
    this.#gm.fill(1, low, low + lowMiB);
    this.#gm.fill(1, high, high + highMiB);
    this.#fences.fill(1, fence, fence + fences);
    return {
      lowBase: low * MIB,
      lowBytes: lowMiB * MIB,
      highBase: high * MIB,
      highBytes: highMiB * MIB,
      fenceBase: fence,
      fences,
    };
  }

  release(s: Slice): void {
    this.#gm.fill(0, s.lowBase / MIB, (s.lowBase + s.lowBytes) / MIB);
    this.#gm.fill(0, s.highBase / MIB, (s.highBase + s.highBytes) / MIB);
    this.#fences.fill(0, s.fenceBase, s.fenceBase + s.fences);
  }

  /** Six numbers: low total and free, high total and free, in MiB; fences total and free. */
  summary(): readonly number[] {
    const free = (from: number, to: number): number =>
      this.#gm.subarray(from, to).reduce((n, taken) => n + 1 - taken, 0);
    return [
      this.apertureMiB,
      free(0, this.apertureMiB),
      this.totalMiB - this.apertureMiB,
      free(this.apertureMiB, this.totalMiB),
      FENCES,
      FENCES - this.#fences.reduce((n, taken) => n + taken, 0),
    ];
  }

  /** Text of the control node `available_resource`. Upstream prints bitmaps as Linux does. */
  describe(): string {
    const numbers = this.summary()
      .map((n) => `0x${n.toString(16).padStart(8, '0')}`)
      .join(', ');
    return `${numbers}\n${bitmapText(this.#gm)}\n${bitmapText(this.#fences)}\n`;
  }
}

/** Start of the first free run of `size` in [from, to); -1 when there is none. */
function firstFit(map: Uint8Array, size: number, from: number, to: number): number {
  let run = 0;
  if (size === 0) return from;
  for (let i = from; i < to; i++) {
    run = map[i] === 0 ? run + 1 : 0;
    if (run === size) return i - size + 1;
  }
  return -1;
}

/** A bitmap as Linux prints it: words of 32 bits in hex, the highest first, commas between. */
function bitmapText(map: Uint8Array): string {
  const words: string[] = [];
  for (let at = 0; at < map.length; at += 32) {
    let word = 0;
    for (let b = 0; b < 32; b++) word |= (map[at + b] ?? 0) << b;
    words.unshift((word >>> 0).toString(16).padStart(8, '0'));
  }
  return words.join(',');
}

/** Whether `bytes` from a graphics address lie in one part of a slice. */
export function inSlice(s: Slice, gma: number, bytes: number): boolean {
  const at = gma >>> 0;
  if (at >= s.lowBase && at + bytes <= s.lowBase + s.lowBytes) return true;
  return at >= s.highBase && at + bytes <= s.highBase + s.highBytes;
}
