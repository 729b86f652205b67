import type { AccessSize, TrapTarget } from '@xengt/hsw-device';

/** What an access was for; each kind counts reads and writes apart. */
export type TrapKind = 'mmio' | 'gtt' | 'aperture' | 'config' | 'ports';

/** Kinds in the order of the counters: reads of kind k at 2k, writes at 2k + 1. */
const KINDS: readonly TrapKind[] = ['mmio', 'gtt', 'aperture', 'config', 'ports'];

/** Accesses that left a guest, by kind. Counts are exact to 2^53. */
export class TrapCounters {
  /** Reads of a kind at an even index, writes at the odd one after it. */
  readonly counts: Float64Array<ArrayBuffer> = new Float64Array(KINDS.length * 2);

  reads(kind: TrapKind): number {
    return this.counts[KINDS.indexOf(kind) * 2] as number;
  }

  writes(kind: TrapKind): number {
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

/** Counts accesses and hands them on, with nothing allocated. */
export class CountingTarget implements TrapTarget {
  readonly name: string;
  readonly #counts: Float64Array;
  readonly #at: number;
  readonly #target: TrapTarget;

  constructor(kind: TrapKind, counters: TrapCounters, target: TrapTarget) {
    this.name = target.name;
    this.#counts = counters.counts;
    this.#at = KINDS.indexOf(kind) * 2;
    this.#target = target;
  }

  read(offset: number, size: AccessSize): number {
    (this.#counts[this.#at] as number)++;
    return this.#target.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    (this.#counts[this.#at + 1] as number)++;
    this.#target.write(offset, size, value);
  }
}
