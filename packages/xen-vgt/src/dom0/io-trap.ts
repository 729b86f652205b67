import { PathCounts } from '../request/path-counts.ts';
import { RangeMap } from '../trap/range-map.ts';

/** Bit of an L1 page-table entry that marks a trapped machine frame: reserved, so that it faults. */
export const RESERVED_BIT = 51n;
/** Error codes of the #GP that Domain-0 takes instead. Upstream: memory, and 4 more for ports. */
export const GP_MEMORY = 0xe008,
  GP_PORT = 0xe00c;
/** Ranges of each kind. Upstream: `XEN_DOMCTL_vgt_io_trap`. */
const IO_TRAP_MAX = 4;
const TOP = 2 ** 52;
const PORTS = 0x10000;
const PAGE = 4096;

/** Addresses or ports, first and how many. */
export interface TrapRange {
  readonly first: number;
  readonly length: number;
}

/** What Domain-0 takes for its accesses: faults by error code. */
interface Dom0Faults {
  /** #GP 0xe008. */
  readonly memory: number;
  /** #GP 0xe00c. */
  readonly port: number;
}

/**
 * What of the machine Domain-0 may not touch itself: its kernel gets a #GP for each access, and its
 * handler has the mediator serve it as VM 0.
 */
export class Dom0Traps {
  readonly memory: PathCounts = new PathCounts();
  readonly ports: PathCounts = new PathCounts();
  #memory = new RangeMap<true>();
  #ports = new RangeMap<true>();

  /**
   * Sets what traps, in place of what did. No range at all is a question: nothing changes.
   *
   * @returns E2BIG for more than four of a kind, EINVAL for ranges that are empty, touch or do not
   * exist; nothing changes then
   */
  set(ports: readonly TrapRange[], memory: readonly TrapRange[]): 'E2BIG' | 'EINVAL' | null {
    if (ports.length > IO_TRAP_MAX || memory.length > IO_TRAP_MAX) return 'E2BIG';
    if (ports.length === 0 && memory.length === 0) return null;
    const newPorts = mapOf(ports, PORTS);
    const newMemory = mapOf(memory, TOP);
    if (newPorts === null || newMemory === null) return 'EINVAL';
    this.#ports = newPorts;
    this.#memory = newMemory;
    return null;
  }

  /** What traps now. */
  query(): { readonly ports: readonly TrapRange[]; readonly memory: readonly TrapRange[] } {
    return { ports: listOf(this.#ports), memory: listOf(this.#memory) };
  }

  /** @param bytes machine addresses, bytes */
  trapsMemory(address: number, bytes = 1): boolean {
    return this.#memory.touches(address, bytes);
  }
  trapsPort(port: number): boolean {
    return this.#ports.find(port) !== undefined;
  }

  /** An L1 entry as the hypervisor keeps it: marked when its frame is trapped. @param entry 64 bits */
  l1Entry(entry: bigint): bigint {
    const address = Number(entry & 0xf_ffff_ffff_f000n & ~(1n << RESERVED_BIT));
    const present = (entry & 1n) !== 0n;
    return present && this.trapsMemory(address, PAGE) ? entry | (1n << RESERVED_BIT) : entry;
  }

  /** @returns the error code of the #GP that an access to memory ends in, or null when it does not */
  memoryFault(address: number): number | null {
    return this.trapsMemory(address) ? GP_MEMORY : null;
  }
  portFault(port: number): number | null {
    return this.trapsPort(port) ? GP_PORT : null;
  }

  /** Faults taken: one for each instruction. */
  get faults(): Dom0Faults {
    return { memory: this.memory.wakeUps, port: this.ports.wakeUps };
  }
}

function mapOf(ranges: readonly TrapRange[], end: number): RangeMap<true> | null {
  const map = new RangeMap<true>();
  for (const { first, length } of ranges) {
    const whole = Number.isInteger(first) && Number.isInteger(length);
    if (!whole || first < 0 || first + length > end || !map.add(first, length, true)) return null;
  }
  return map;
}

function listOf(map: RangeMap<true>): TrapRange[] {
  const list: TrapRange[] = [];
  map.forEach((first, length) => {
    list.push({ first, length });
  });
  return list;
}
