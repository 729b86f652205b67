import type { Vgt } from '@xengt/linux-vgt';
import { parseGpuWork } from '../../src/guest/gpuwork.ts';
import { buildGuestImage } from '../../src/guest/image.ts';
import { defaultCacheDir } from '../../src/guest/store.ts';
import { loadDriver } from '../../src/host/guest-driver.ts';
import { readGuestFiles } from '../../src/host/guest-files.ts';
import { Host } from '../../src/host/host.ts';
import type { HostDomain } from '../../src/host/host-domain.ts';
import { bootedState } from '../../src/host/snapshot.ts';
import { quotients, type Row, row, summary, threadNs } from '../lib/measure.ts';
import { shareOf } from '../lib/share.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'guest';
const BUDGET = { limit: 0.95, sense: 'least', goal: 0.98 } as const;
const MEMORY_MIB = 512;
const DEADLINE_MS = 120_000;
const IGT = '/usr/libexec/igt-gpu-tools/benchmarks';
/** What a guest changes in page tables is looked at by somebody. */
const CHURN = { limit: 0.85, sense: 'least' } as const;

/** Rounds before those that count: the emulator compiles the guest's loops. */
const WARMUP = 2;

type Mode = 'direct' | 'mediated';
const MODES = ['direct', 'mediated'] as const;

/** Domain-0 with its own i915, with the GPU given directly or through the mediator. */
async function boot(mode: Mode): Promise<Machine> {
  const files = await readGuestFiles(await buildGuestImage());
  const host = new Host({ mode });
  const booted = await bootedState(
    {
      files,
      memoryMiB: MEMORY_MIB,
      apertureMiB: host.device.apertureBytes >> 20,
      deviceId: host.device.model.deviceId,
    },
    defaultCacheDir(),
  );
  const domain = await host.createDomain({
    domid: 0,
    name: mode,
    memoryMiB: MEMORY_MIB,
    files,
    boot: 'state',
  });
  domain.restore(booted);
  await loadDriver(domain);
  domain.domain.pause();
  return { host, domain };
}

interface Workload {
  readonly name: string;
  readonly command: string;
  readonly budget: Row['budget'];
  /** Operations a second, from what the program printed; null where that is something else. */
  readonly rate: ((output: string) => number) | null;
}

const gpuwork = (engine: string, batches: number): Workload => ({
  name: `gpuwork, ${engine}`,
  command: `gpuwork -e ${engine} -n ${batches} -q 48`,
  budget: BUDGET,
  rate: (output) => {
    const report = parseGpuWork(output);
    if (report?.ok !== true) throw new Error(`gpuwork failed: ${output}`);
    return report.rate;
  },
});
const nop = (engine: string): Workload => ({
  name: `gem_exec_nop, ${engine}`,
  command: `${IGT}/gem_exec_nop -e ${engine}`,
  budget: BUDGET,
  rate: (output) => {
    // Microseconds of one submission.
    const us = Number(/^\s*([\d.]+)\s*$/m.exec(output)?.[1] ?? Number.NaN);
    return 1e6 / us;
  },
});

/** Copies by the blitter; the program prints MiB a second. */
const blit: Workload = {
  name: 'gem_blt, 1 MiB',
  command: `${IGT}/gem_blt -s 1048576 -r 1`,
  budget: BUDGET,
  rate: (output) => Number(/^\s*([\d.]+)\s*$/m.exec(output)?.[1] ?? Number.NaN),
};
/** Objects that come into the page tables and leave them again, batch by batch. */
const churn: Workload = {
  name: 'page tables (gem_exec_fault)',
  command: `${IGT}/gem_exec_fault`,
  budget: CHURN,
  rate: null,
};
/** Flips at the screen's pace, for some seconds; modetest prints how many came in one. */
const flips: Workload = {
  name: 'flips (modetest -v)',
  command: `C=$(modetest -M i915 -c | awk '$3 == "connected" { print $1; exit }'); (sleep 6; echo) | modetest -M i915 -s $C:1024x768 -v 2>&1`,
  budget: BUDGET,
  rate: (output) => {
    const hz = [...output.matchAll(/freq: ([\d.]+)Hz/g)].map((m) => Number(m[1]));
    return hz.reduce((x, y) => x + y, 0) / hz.length;
  },
};

/** The same programs in a guest that has the GPU, and in one that has a vGPU; in turns. */
export async function guestSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const batches = quick ? 500 : 2000;
  const workloads = [
    gpuwork('bcs', batches),
    gpuwork('rcs', batches),
    blit,
    nop('bcs'),
    nop('rcs'),
    churn,
    flips,
  ];
  const machines: Machine[] = [];
  for (const mode of MODES) {
    progress(`booting, ${mode}`);
    machines.push(await boot(mode));
  }
  const rows: Row[] = [];
  try {
    for (const load of workloads) {
      progress(load.name);
      rows.push(...(await compare(machines, load, quick)));
    }
    const { host, domain } = machines[1] as Machine;
    for (const load of [nop('bcs'), nop('rcs'), blit]) {
      progress(`${load.name}, scan off and on`);
      rows.push(await scanPrice(host, domain, load, quick));
    }
  } finally {
    for (const { host } of machines) host.close();
  }
  return rows;
}

interface Machine {
  readonly host: Host;
  readonly domain: HostDomain;
}
interface Ran {
  readonly rate: number;
  /** Nanoseconds of the thread for each batch. */
  readonly ns: number;
}

/** Runs a program in a guest that is paused before and after. */
async function run({ host, domain }: Machine, { command, rate }: Workload): Promise<Ran> {
  const batches = (): number => host.device.gt.engines.reduce((n, e) => n + e.counters.batches, 0);
  domain.domain.resume();
  const [from, start] = [batches(), threadNs()];
  const output = await domain.console.check(command, DEADLINE_MS);
  const ns = threadNs() - start;
  domain.domain.pause();
  const each = ns / Math.max(1, batches() - from);
  return { rate: rate === null ? 1e9 / each : rate(output), ns: each };
}

/** One program in both guests, in turns. */
async function compare(
  machines: readonly Machine[],
  load: Workload,
  quick: boolean,
): Promise<Row[]> {
  const { name, budget } = load;
  const [direct, mediated] = machines as [Machine, Machine];
  const { a, b } = await interleaveRuns(
    quick,
    () => run(mediated, load),
    () => run(direct, load),
  );
  const rows: Row[] = [];
  const ns = (list: readonly Ran[]): number[] => list.map((r) => r.ns);
  const rates = (list: readonly Ran[]): number[] => list.map((r) => r.rate);
  if (load.rate !== null) {
    const seen = `${median(rates(a))} a second, direct ${median(rates(b))}`;
    rows.push(row(SUITE, `${name}, rate`, 'x', quotients(rates(a), rates(b)), budget, seen));
  }
  if (load === flips) return rows;
  const used = `${median(ns(a))} ns of the thread each, direct ${median(ns(b))}`;
  const title = `${name}, batches in a second of the host's thread`;
  rows.push(row(SUITE, title, 'x', quotients(ns(b), ns(a)), budget, used));
  // Two emulators compile the same guest code at different times: their speeds differ by more
  // than mediation does. What the mediator takes of the one thread is the steadier figure.
  const left: number[] = [];
  for (let i = 0; i < (quick ? 2 : 5); i++) {
    left.push(1 - (await shareOf('linux-vgt', () => run(mediated, load))));
  }
  const outside = `${name}, part of the busy thread that is not the mediator's`;
  rows.push(row(SUITE, outside, 'x', left, budget, 'from a sampled CPU profile'));
  return rows;
}

/** What the check of commands costs: the same program with it switched off, in turns. */
async function scanPrice(
  host: Host,
  domain: HostDomain,
  load: Workload,
  quick: boolean,
): Promise<Row> {
  const vgt = host.vgt as Vgt;
  const scanned = async (off: boolean): Promise<Ran> => {
    vgt.submitter.bypassScan = off ? ALL_RINGS : 0;
    const ran = await run({ host, domain }, load);
    vgt.submitter.bypassScan = 0;
    // Hardware was given the guest's own page directories meanwhile.
    for (const engine of vgt.dom0.engines) engine.programTables();
    return ran;
  };
  const { a, b } = await interleaveRuns(
    quick,
    () => scanned(false),
    () => scanned(true),
  );
  const price = quotients(
    a.map((r) => r.ns),
    b.map((r) => r.ns),
  ).map((x) => (x - 1) * 100);
  const detail = `${median(a.map((r) => r.ns))} ns of the thread a batch, ${median(b.map((r) => r.ns))} without`;
  return row(SUITE, `${load.name}: the scanner's price`, '%', price, null, detail);
}
const ALL_RINGS = 0xf;

async function interleaveRuns(
  quick: boolean,
  a: () => Promise<Ran>,
  b: () => Promise<Ran>,
): Promise<{ a: Ran[]; b: Ran[] }> {
  const out = { a: [] as Ran[], b: [] as Ran[] };
  for (let i = -WARMUP; i < (quick ? 2 : 5); i++) {
    const first = i % 2 === 0 ? await a() : null;
    const second = await b();
    const third = first ?? (await a());
    if (i < 0) continue;
    out.a.push(third);
    out.b.push(second);
  }
  return out;
}

const median = (list: readonly number[]): string => summary(list).median.toFixed(0);
