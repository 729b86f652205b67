import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import { BUFFERED, PathCounts, READS, WRITES } from '../request/path-counts.ts';

/** What an access was for; each kind counts reads and writes apart. */
export type CountKind = 'mmio' | 'gtt' | 'aperture' | 'config' | 'ports' | 'vga';

/** What a range is for. A `gttmmio` BAR counts as `mmio` in its lower half, as `gtt` above. */
export type TrapKind = CountKind | 'gttmmio';

/** Kinds in the order of the counters: reads of kind k at 2k, writes at 2k + 1. */
const KINDS: readonly CountKind[] = ['mmio', 'gtt', 'aperture', 'config', 'ports', 'vga'];

/** Accesses that left a guest, by kind. Counts are exact to 2^53. */
export class TrapCounters {
  /** Reads of a kind at an even index, writes at the odd one after it. */
  readonly counts: Float64Array<ArrayBuffer> = new Float64Array(KINDS.length * 2);

  reads(kind: CountKind): number {
    return this.counts[KINDS.indexOf(kind) * 2] as number;
  }

  writes(kind: CountKind): number {
    return this.counts[KINDS.indexOf(kind) * 2 + 1] as number;
  }

  /** All counts as one object, e.g. `{ mmioRead: 12, mmioWrite: 3, ... }`. */
  snapshot(): Record<string, number> {
    const out: Record<string, number> = {};
    for (const kind of KINDS) {
      out[`${kind}Read`] = this.reads(kind);
      out[`${kind}Write`] = this.writes(kind);
    }
    return out;
  }
}

/** How a range's accesses leave the guest. */
export interface TrapPath {
  /** Where its requests are counted. Default: nowhere, what answers is reached without a request. */
  readonly path?: PathCounts;
  /** Writes are not waited for. Xen: the buffered ring, which on one thread is emptied at once. */
  readonly buffered?: boolean;
}

/** Counts accesses and hands them on, with nothing allocated. */
export class CountingTarget implements TrapTarget {
  readonly name: string;
  readonly #counts: Float64Array;
  readonly #low: number;
  readonly #high: number;
  /** Offset from which on accesses count as the second kind. */
  readonly #split: number;
  readonly #target: TrapTarget;
  readonly #path: PathCounts;
  readonly #requests: Float64Array;
  readonly #written: number;

  /** @param bytes length of the range; used for `gttmmio` only */
  constructor(
    kind: TrapKind,
    bytes: number,
    counters: TrapCounters,
    target: TrapTarget,
    { path = new PathCounts(), buffered = false }: TrapPath = {},
  ) {
    this.#path = path;
    this.#requests = path.counts;
    this.#written = buffered ? BUFFERED : WRITES;
    this.name = target.name;
    this.#counts = counters.counts;
    this.#low = KINDS.indexOf(kind === 'gttmmio' ? 'mmio' : kind) * 2;
    this.#high = kind === 'gttmmio' ? KINDS.indexOf('gtt') * 2 : this.#low;
    this.#split = bytes >>> 1;
    this.#target = target;
  }

  /** The next accesses are one instruction's. @param bytes 8, 16 or 32 */
  chain(bytes: number): void {
    this.#path.chain(bytes);
  }

  read(offset: number, size: AccessSize): number {
    (this.#requests[READS] as number)++;
    (this.#counts[offset < this.#split ? this.#low : this.#high] as number)++;
    return this.#target.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    (this.#requests[this.#written] as number)++;
    (this.#counts[(offset < this.#split ? this.#low : this.#high) + 1] as number)++;
    this.#target.write(offset, size, value);
  }
}
