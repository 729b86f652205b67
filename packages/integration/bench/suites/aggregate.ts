import { fillBlt } from '../lib/blits.ts';
import { type Row, row, threadNs } from '../lib/measure.ts';
import { PICTURE_GMA, type ScriptedDriver, ScriptedMachine } from '../lib/scripted.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'aggregate';
const THROUGHPUT = { limit: 0.95, sense: 'least' } as const;
const SHARE = { limit: 3, sense: 'most' } as const;
const RCS = 0;
const BCS = 2;
const VMS = 4;

// biome-ignore format: one workload a line
const WORKLOADS = [
  { name: 'fills of 256 x 256', engine: BCS, dw: fillBlt(PICTURE_GMA, 256, 256) },
  { name: 'batches of 200 MI_NOOP', engine: RCS, dw: new Array<number>(200).fill(0) },
] as const;

/** A mediated machine with so many busy VMs, Domain-0 among them. */
function busy(vms: number): { machine: ScriptedMachine; drivers: ScriptedDriver[] } {
  const machine = new ScriptedMachine('mediated');
  const drivers = [machine.dom0];
  for (let domid = 1; domid < vms; domid++) drivers.push(machine.guest(domid));
  return { machine, drivers };
}

/** Time a VM has had the engines, with the slice it is in. */
function gpuNs(machine: ScriptedMachine, { vgpu }: ScriptedDriver): number {
  if (vgpu === undefined || machine.vgt === null) return 0;
  const now = vgpu.loaded ? machine.clock.now - machine.vgt.switch.ownerSince : 0;
  return vgpu.counters.allocatedNs + now;
}

/** Keeps all rings full for a time. @returns requests done in a second of processor time */
function rate(machine: ScriptedMachine, drivers: readonly ScriptedDriver[], ms: number): number {
  const sum = (): number => drivers.reduce((n, d) => n + d.done, 0);
  const from = sum();
  const start = performance.now();
  const cpu = threadNs();
  while (performance.now() - start < ms) {
    for (const driver of drivers) driver.feed();
    machine.step();
  }
  return ((sum() - from) * 1e9) / (threadNs() - cpu);
}

/** Four busy VMs against one: throughput, and how evenly they share the time. */
export async function aggregateSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const one = busy(1);
  const four = busy(VMS);
  for (const { name, engine, dw } of WORKLOADS) {
    progress(name);
    for (const { machine, drivers } of [one, four]) {
      while (drivers.some((d) => d.done < d.submitted)) machine.step();
      for (const driver of drivers) {
        driver.start(engine);
        driver.batch(dw);
      }
    }
    rate(one.machine, one.drivers, 200);
    rate(four.machine, four.drivers, 400);
    const ratios: number[] = [];
    const rates: [number, number] = [0, 0];
    const rounds = quick ? 3 : 11;
    for (let i = 0; i < rounds; i++) {
      rates[0] = rate(one.machine, one.drivers, 300);
      // Whole turns of the round robin: 4 slices of 15 ms, ten times.
      rates[1] = rate(four.machine, four.drivers, 600);
      ratios.push(rates[1] / rates[0]);
      await new Promise((done) => setImmediate(done));
    }
    const detail = `${rates[1].toFixed(0)} requests/s, one VM ${rates[0].toFixed(0)}`;
    rows.push(row(SUITE, `${VMS} VMs against 1, ${name}`, 'x', ratios, THROUGHPUT, detail));
    const worst: number[] = [];
    let shares: string[] = [];
    for (let i = 0; i < (quick ? 1 : 5); i++) {
      const before = four.drivers.map((d) => gpuNs(four.machine, d));
      rate(four.machine, four.drivers, 2000);
      const ns = four.drivers.map((d, k) => gpuNs(four.machine, d) - (before[k] as number));
      const mean = ns.reduce((a, b) => a + b, 0) / VMS;
      worst.push(Math.max(...ns.map((n) => Math.abs(n / mean - 1) * 100)));
      shares = ns.map((n) => ((n / mean / VMS) * 100).toFixed(2));
    }
    const title = `largest deviation from an equal share over 2 s, ${name}`;
    rows.push(row(SUITE, title, '%', worst, SHARE, `shares ${shares.join(' / ')} %`));
  }
  return rows;
}
