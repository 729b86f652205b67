import type { Errno } from '../errno.ts';

const MIB = 2 ** 20;
/** Fence registers of a Haswell. i915 `i915_ggtt_init_fences`: 32 from gen7 on. */
export const FENCES = 32;
/** Top of the aperture that the mediator keeps to itself, MiB. Upstream: `VGT_RSVD_APERTURE_SZ`. */
export const RESERVED_MIB = 8;

/** Top of the hidden memory that it keeps, MiB: GTT entries for page directories; save areas. */
export const DIRECTORY_MIB = 16;
export const CONTEXT_MIB = 4;
export const RESERVED_HIGH_MIB: number = DIRECTORY_MIB + CONTEXT_MIB;

/**
 * How graphics memory is given to VMs. `static`: each has a part that is nobody else's. `shared`: what
 * dom0 does not have is all VMs' in turn; each has the whole of a part while it owns the engines.
 */
export type PartitionMode = 'static' | 'shared';

/** One VM's part of the graphics memory, and of the fences. Addresses and sizes in bytes. */
export interface Slice {
  readonly lowBase: number;
  readonly lowBytes: number;
  readonly highBase: number;
  readonly highBytes: number;
  readonly fenceBase: number;
  readonly fences: number;
  /** Others may have the same addresses, in turn; its fences are registers of its own. */
  readonly shared: boolean;
}

export interface PartitionOptions {
  /** CPU-visible graphics memory, MiB. */
  readonly apertureMiB: number;
  /** All graphics memory, MiB; at most 2048. */
  readonly totalMiB: number;
  /** Default `static`. */
  readonly mode?: PartitionMode;
  /** Hidden memory where hardware finds what the foreground VM shows, MiB; only when shared. */
  readonly displayMiB?: number;
}

/**
 * Who has which MiB of the graphics address space, and which fences. Parts of their own by first fit,
 * shared ones where the fewest others are; whatever is short leaves everything as it was. Upstream:
 * aperture_gm.c; gScale for the sharing.
 */
export class Partition {
  readonly apertureMiB: number;
  readonly totalMiB: number;
  readonly mode: PartitionMode;
  readonly displayMiB: number;
  /** 1 where a MiB is one VM's own, or the mediator's. */
  readonly #gm: Uint8Array;
  /** VMs that share a MiB. */
  readonly #users: Uint8Array;
  readonly #fences: Uint8Array = new Uint8Array(FENCES);

  constructor(o: PartitionOptions) {
    this.apertureMiB = o.apertureMiB;
    this.totalMiB = o.totalMiB;
    this.mode = o.mode ?? 'static';
    this.displayMiB = this.mode === 'shared' ? (o.displayMiB ?? 0) : 0;
    this.#gm = new Uint8Array(o.totalMiB);
    this.#users = new Uint8Array(o.totalMiB);
    this.#gm.fill(1, o.apertureMiB - RESERVED_MIB, o.apertureMiB);
    this.#gm.fill(1, o.totalMiB - RESERVED_HIGH_MIB - this.displayMiB);
  }

  /** First byte of the aperture's part that no VM gets. */
  get reservedBase(): number {
    return (this.apertureMiB - RESERVED_MIB) * MIB;
  }

  /** First byte of the hidden memory's part that no VM gets. */
  get reservedHighBase(): number {
    return (this.totalMiB - RESERVED_HIGH_MIB) * MIB;
  }

  /** First byte of where the foreground VM's surfaces are shown from. */
  get displayBase(): number {
    return (this.totalMiB - RESERVED_HIGH_MIB - this.displayMiB) * MIB;
  }

  /**
   * Takes a slice that is nobody else's: low graphics memory from the bottom of the aperture, high from its end upward.
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
    const fence = this.mode === 'shared' ? 0 : firstFit(this.#fences, fences, 0, FENCES);
    if (fence < 0 || fences > FENCES) return 'ENOMEM';
    this.#gm.fill(1, low, low + lowMiB);
    this.#gm.fill(1, high, high + highMiB);
    if (this.mode === 'static') this.#fences.fill(1, fence, fence + fences);
    return sliceOf(low, lowMiB, high, highMiB, fence, fences, false);
  }

  /**
   * Takes a slice that others may have too, where the fewest do; fences are registers of its own.
   * Parameters are those of {@link allocate}.
   */
  share(lowMiB: number, highMiB: number, fences: number): Slice | Errno {
    const low = this.#leastShared(lowMiB, 0, this.apertureMiB);
    const high = this.#leastShared(highMiB, this.apertureMiB, this.totalMiB);
    if (low < 0 || high < 0 || fences > FENCES) return 'ENOMEM';
    const slice = sliceOf(low, lowMiB, high, highMiB, 0, fences, true);
    this.#count(slice, 1);
    return slice;
  }

  /** The slice that a new VM gets: shared with others or not, as the mode says. */
  take(lowMiB: number, highMiB: number, fences: number): Slice | Errno {
    return this.mode === 'shared'
      ? this.share(lowMiB, highMiB, fences)
      : this.allocate(lowMiB, highMiB, fences);
  }

  /**
   * What stands in the way of a new VM, each with the resource and what of it is free.
   *
   * @returns empty when {@link take} would succeed
   */
  shortages(lowMiB: number, highMiB: number, fences: number): readonly string[] {
    const shared = this.mode === 'shared';
    const fenceRun = shared ? FENCES : longestRun(this.#fences, 0, FENCES);
    const rows = [
      ['MiB of aperture', lowMiB, longestRun(this.#gm, 0, this.apertureMiB)],
      [
        'MiB of hidden graphics memory',
        highMiB,
        longestRun(this.#gm, this.apertureMiB, this.totalMiB),
      ],
      ['fences', fences, fenceRun],
    ] as const;
    const [, low, , high, , freeFences] = this.summary();
    const free = [low, high, freeFences];
    return rows.flatMap(([what, asked, run], i) => {
      if (asked <= run) return [];
      const rest = run === free[i] ? '' : `, ${run} of them in a row`;
      return [`${asked} ${what} asked for; ${free[i]} are free${rest}`];
    });
  }

  /** Start of the run of `size` with the fewest sharers, summed over it; the lowest of equals. */
  #leastShared(size: number, from: number, to: number): number {
    if (size === 0) return from;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    let run = 0;
    let sum = 0;
    for (let i = from; i < to; i++) {
      const taken = this.#gm[i] !== 0;
      run = taken ? 0 : run + 1;
      sum = taken ? 0 : sum + (this.#users[i] as number);
      if (run > size) sum -= this.#users[i - size] as number;
      if (run < size || sum >= least) continue;
      best = i - size + 1;
      least = sum;
    }
    return best;
  }

  #count(s: Slice, by: number): void {
    const add = (base: number, bytes: number): void => {
      for (let i = base / MIB; i < (base + bytes) / MIB; i++) this.#users[i]! += by;
    };
    add(s.lowBase, s.lowBytes);
    add(s.highBase, s.highBytes);
  }

  /**
   * Takes the very graphics memory of a slice, whose addresses a guest knows already: shared with
   * others or not, as the mode says. Fences by first fit, since their numbers are virtual.
   *
   * @returns ENOMEM when some of it is taken: then nothing changed, and {@link shortage} says what
   */
  claim(s: Slice): Slice | Errno {
    if (this.shortage(s) !== null) return 'ENOMEM';
    if (this.mode === 'shared') {
      const slice = { ...s, fenceBase: 0, shared: true };
      this.#count(slice, 1);
      return slice;
    }
    const fenceBase = firstFit(this.#fences, s.fences, 0, FENCES);
    this.#gm.fill(1, s.lowBase / MIB, (s.lowBase + s.lowBytes) / MIB);
    this.#gm.fill(1, s.highBase / MIB, (s.highBase + s.highBytes) / MIB);
    this.#fences.fill(1, fenceBase, fenceBase + s.fences);
    return { ...s, fenceBase, shared: false };
  }

  /** Why {@link claim} would fail: the resource and what of it is free; null when it would not. */
  shortage(s: Slice): string | null {
    const parts = [
      ['aperture', s.lowBase, s.lowBytes, 0, this.apertureMiB],
      ['hidden graphics memory', s.highBase, s.highBytes, this.apertureMiB, this.totalMiB],
    ] as const;
    for (const [what, base, bytes, from, to] of parts) {
      const first = base / MIB;
      const count = bytes / MIB;
      const whole = Number.isInteger(first) && Number.isInteger(count) && count >= 0;
      const inside = whole && first >= from && first + count <= to;
      if (inside && this.#gm.subarray(first, first + count).every((taken) => taken === 0)) continue;
      const free = freeRuns(this.#gm, from, to);
      return `${what} from ${first} to ${first + count} MiB is not free; free: ${free} MiB`;
    }
    const fences = this.mode === 'shared' ? new Uint8Array(FENCES) : this.#fences;
    if (firstFit(fences, s.fences, 0, FENCES) >= 0) return null;
    return `${s.fences} fences in a row are not free; free: ${freeRuns(fences, 0, FENCES)}`;
  }

  release(s: Slice): void {
    if (s.shared) {
      this.#count(s, -1);
      return;
    }
    this.#gm.fill(0, s.lowBase / MIB, (s.lowBase + s.lowBytes) / MIB);
    this.#gm.fill(0, s.highBase / MIB, (s.highBase + s.highBytes) / MIB);
    if (this.mode === 'static') this.#fences.fill(0, s.fenceBase, s.fenceBase + s.fences);
  }

  /** Most VMs that have the same MiB. */
  get crowd(): number {
    return this.#users.reduce((most, users) => Math.max(most, users), 0);
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

/** Sizes and places in MiB. */
function sliceOf(
  low: number,
  lowMiB: number,
  high: number,
  highMiB: number,
  fenceBase: number,
  fences: number,
  shared: boolean,
): Slice {
  return {
    lowBase: low * MIB,
    lowBytes: lowMiB * MIB,
    highBase: high * MIB,
    highBytes: highMiB * MIB,
    fenceBase,
    fences,
    shared,
  };
}

/** Length of the longest free run in [from, to). */
function longestRun(map: Uint8Array, from: number, to: number): number {
  let longest = 0;
  for (let i = from, run = 0; i < to; i++) {
    run = map[i] === 0 ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  return longest;
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

/** Free runs in [from, to) as `120-128, 192-248`, or `none`. */
function freeRuns(map: Uint8Array, from: number, to: number): string {
  const runs: string[] = [];
  for (let i = from; i < to; i++) {
    if (map[i] !== 0) continue;
    const first = i;
    while (i < to && map[i] === 0) i++;
    runs.push(`${first}-${i}`);
  }
  return runs.length === 0 ? 'none' : runs.join(', ');
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
