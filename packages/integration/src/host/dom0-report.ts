import type { TrapTarget } from '@xengt/hsw-device';
import { CountingTarget, type Dom0Access, PathCounts, TrapCounters } from '@xengt/xen-vgt';
import type { Host } from './host.ts';

/** The PV info page's first register: the mediator answers it without hardware. */
const PV_MAGIC = 0x78000;
const BAR0_BYTES: number = 4 << 20;
/** Reads in one sample, and samples of each way, in turn. */
const READS = 20_000;
const SAMPLES = 9;
/** Counts of what the mediator serves in memory. */
const TRAPPING = ['mmioRead', 'mmioWrite', 'gttRead', 'gttWrite'] as const;
const NS_PER_MS = 1e6;

/** What Domain-0's accesses to the GPU took. */
export interface Dom0Report {
  readonly access: Dom0Access;
  /** #GPs that its kernel took for them, by error code: 0xe008 and 0xe00c. */
  readonly faults: { readonly memory: number; readonly port: number };
  /** Traps of memory by what was accessed; all 0 with hooks. The aperture is mapped, and never traps. */
  readonly traps: Readonly<Record<string, number>>;
  /** A register read of the mediator's, either way, ns: medians of the same reads. */
  readonly cost: Dom0Cost;
}

/** Time of one access, ns, as this process spends it on dispatch and counting. */
interface Dom0Cost {
  readonly trapNs: number;
  readonly hookNs: number;
  /** How many times the trap's is the hook's. */
  readonly ratio: number;
}

/** @returns null when Domain-0 is not there, or nothing mediates */
export function dom0Report(host: Host): Dom0Report | null {
  const domain = host.domain(0);
  const { vgt } = host;
  if (domain === undefined || vgt === null || domain.dom0 === null) return null;
  const { memory, port } = domain.dom0.faults;
  const counted = domain.counters.snapshot();
  return {
    access: host.dom0Access,
    faults: { memory, port },
    traps: Object.fromEntries(TRAPPING.map((kind) => [kind, counted[kind] ?? 0])),
    cost: dom0Cost(vgt.dom0.mmio),
  };
}

/** Reads one register both ways, in turn: nothing of the machine changes. */
function dom0Cost(mmio: TrapTarget): Dom0Cost {
  const path = new PathCounts();
  const trap = new CountingTarget('gttmmio', BAR0_BYTES, new TrapCounters(), mmio, { path });
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < SAMPLES; i++) {
    times[0].push(sample(trap));
    times[1].push(sample(mmio));
  }
  const [trapNs, hookNs] = times.map(median) as [number, number];
  return { trapNs, hookNs, ratio: trapNs / hookNs };
}

function sample(target: TrapTarget): number {
  const from = performance.now();
  for (let i = 0; i < READS; i++) target.read(PV_MAGIC, 4);
  return ((performance.now() - from) * NS_PER_MS) / READS;
}

function median(list: number[]): number {
  return list.sort((a, b) => a - b)[list.length >>> 1] as number;
}

/** The report's line for a person. */
export function dom0Text(r: Dom0Report): string {
  const { faults, cost } = r;
  const traps = Object.entries(r.traps).filter(([, n]) => n > 0);
  const kinds = traps.length === 0 ? '' : ` (${traps.map(([k, n]) => `${k} ${n}`).join(', ')})`;
  const how =
    r.access === 'hooks'
      ? 'hooks, no access of its driver traps'
      : `deprivileged, ${faults.memory} #GP 0xe008 and ${faults.port} #GP 0xe00c${kinds}`;
  return (
    `Domain-0: ${how}; a register read takes ${cost.trapNs.toFixed(0)} ns trapped, ` +
    `${cost.hookNs.toFixed(0)} ns hooked, ratio ${cost.ratio.toFixed(2)}`
  );
}
