import type { Vgt } from '@xengt/linux-vgt';
import type { Host } from '../../src/host/host.ts';
import type { HostDomain } from '../../src/host/host-domain.ts';
import { blit, churn, flips, gpuwork, nop, type Workload } from '../lib/guest-loads.ts';
import { boot, type Machine, type Ran, run } from '../lib/guest-machine.ts';
import { quotients, type Row, row, summary } from '../lib/measure.ts';
import { SameGuestMeter } from '../lib/same-guest.ts';
import { shareOf } from '../lib/share.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'guest';
/** The last is a control: what two guests differ by that have the GPU in the same way. */
const MODES = ['direct', 'mediated', 'direct'] as const;
/** Batches with one way to the GPU before the other has its turn: about 150 ms of either. */
const NOPS = 4000;
const BLITS = 1500;

/** Rounds before those that count: the emulator compiles the guest's loops. */
const WARMUP = 2;

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
      if (isNop(load)) rows.push(await control(machines, load, quick));
    }
    const { host, domain } = machines[1] as Machine;
    const meter = new SameGuestMeter(machines[1] as Machine);
    for (const [load, size] of [
      [nop('bcs'), NOPS],
      [nop('rcs'), NOPS],
      [blit, BLITS],
    ] as const) {
      progress(`${load.name}, one guest`);
      rows.push(await sameGuest(meter, load, size, quick));
    }
    for (const load of [nop('bcs'), nop('rcs'), blit]) {
      progress(`${load.name}, scan off and on`);
      rows.push(await scanPrice(host, domain, load, quick));
    }
  } finally {
    for (const { host } of machines) host.close();
  }
  return rows;
}

/** Two guests are too coarse for it: its budget is that of the same guest's rows. */
const isNop = (load: Workload): boolean => load.name.startsWith('gem_exec_nop');

/** One guest, its GPU past the mediator and back while the program runs. */
async function sameGuest(
  meter: SameGuestMeter,
  load: Workload,
  size: number,
  quick: boolean,
): Promise<Row> {
  const { ratios, ns, instructions } = await meter.measure(load, size, quick ? 60 : 240);
  const each = (of: { direct: number; mediated: number }): string =>
    `${of.mediated.toFixed(0)}, direct ${of.direct.toFixed(0)}`;
  const detail = `ns of the thread each ${each(ns)}; instructions of the guest each ${each(instructions)}`;
  return row(
    SUITE,
    `${load.name}, one guest, both ways in turns`,
    'x',
    ratios,
    load.budget,
    detail,
  );
}

/** One program in two guests that have the GPU in the same way. */
async function control(machines: readonly Machine[], load: Workload, quick: boolean): Promise<Row> {
  const [first, , second] = machines as [Machine, Machine, Machine];
  const { a, b } = await interleaveRuns(
    quick,
    () => run(second, load),
    () => run(first, load),
  );
  const ns = (list: readonly Ran[]): number[] => list.map((r) => r.ns);
  const used = `${median(ns(a))} ns of the thread each, the first ${median(ns(b))}`;
  const title = `${load.name}, control: two guests, both direct`;
  return row(SUITE, title, 'x', quotients(ns(b), ns(a)), null, used);
}

/** One program in both guests, in turns. */
async function compare(
  machines: readonly Machine[],
  load: Workload,
  quick: boolean,
): Promise<Row[]> {
  const { name } = load;
  const budget = isNop(load) ? null : load.budget;
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
  rows.push(row(SUITE, outside, 'x', left, load.budget, 'from a sampled CPU profile'));
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
