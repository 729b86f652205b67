import { RangeMap } from '../trap/range-map.ts';
import { PathCounts } from './path-counts.ts';

/** Who serves a guest's accesses: its device model, or the mediator. */
export type PathName = 'device-model' | 'vgt';
/** What a server can be registered for. Xen: HVMOP_IO_RANGE_*. */
export type IoKind = 'memory' | 'port' | 'pci';

/** Ranges of one kind that a server may have. Xen with the XenGT patches: MAX_NR_IO_RANGES. */
export const IO_RANGES_MAX = 512;

/** What a server's path counted, as one object. */
export interface PathSnapshot extends Record<string, number> {
  readonly requests: number;
  readonly synchronous: number;
  readonly buffered: number;
  readonly wakeUps: number;
  readonly configAddress: number;
  readonly ranges: number;
  readonly refused: number;
}

/**
 * One of the two that a guest's requests go to, with the memory, ports and functions of bus 0 that it
 * registered. Both see the configuration address that a guest selects, as far as it concerns them.
 *
 * @see Xen `hvm_ioreq_server`; upstream `xengt.c` from 2015 on
 */
export class IoreqServer {
  readonly name: PathName;
  readonly counts: PathCounts = new PathCounts();
  /** Writes of 0xcf8 that were told. */
  configAddress = 0;
  /** Registrations refused: empty, already somebody's, or too many. */
  refused = 0;
  readonly #ranges: Readonly<Record<IoKind, RangeMap<true>>> = {
    memory: new RangeMap(),
    port: new RangeMap(),
    pci: new RangeMap(),
  };

  constructor(name: PathName) {
    this.name = name;
  }

  /**
   * @param first address, port, or device << 3 | function
   * @returns false when it is refused
   */
  register(kind: IoKind, first: number, length: number): boolean {
    const ranges = this.#ranges[kind];
    const done = ranges.size < IO_RANGES_MAX && ranges.add(first, length, true);
    if (!done) this.refused++;
    return done;
  }

  /** Takes back whatever of a range is registered. */
  unregister(kind: IoKind, first: number, length: number): void {
    this.#ranges[kind].remove(first, length);
  }

  serves(kind: IoKind, at: number): boolean {
    return this.#ranges[kind].find(at) !== undefined;
  }

  /** What is registered of a kind, by ascending address. */
  list(kind: IoKind): { readonly first: number; readonly length: number }[] {
    const list: { first: number; length: number }[] = [];
    this.#ranges[kind].forEach((first, length) => {
      list.push({ first, length });
    });
    return list;
  }

  /** Ranges of all kinds. */
  get ranges(): number {
    const { memory, port, pci } = this.#ranges;
    return memory.size + port.size + pci.size;
  }

  snapshot(): PathSnapshot {
    const { counts, configAddress, ranges, refused } = this;
    const { requests, synchronous, buffered, wakeUps } = counts;
    return { requests, synchronous, buffered, wakeUps, configAddress, ranges, refused };
  }
}
