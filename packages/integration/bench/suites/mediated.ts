import { copyBlt, fillBlt } from '../lib/blits.ts';
import { interleave, quotients, type Row, row, summary } from '../lib/measure.ts';
import { PICTURE_GMA, runRequests, type ScriptedDriver, ScriptedMachine } from '../lib/scripted.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'mediated';
const BUDGET = { limit: 0.95, sense: 'least', goal: 0.98 } as const;
const RCS = 0;
const BCS = 2;
const FROM = PICTURE_GMA;
const TO: number = PICTURE_GMA + (4 << 20);
/** Time of one sample, nanoseconds: short, so that most are not interrupted by other programs. */
const SAMPLE_NS = 3e6;

/** A request: what is in its batch, which engine executes it, and what it may cost. */
export interface Workload {
  readonly name: string;
  readonly engine: number;
  readonly dw: readonly number[];
  readonly budget: typeof BUDGET | null;
  /** With the commands that i915 has around a batch. */
  readonly i915?: boolean;
}

const nops = (n: number): number[] => new Array<number>(n).fill(0);

// A request with next to nothing in it shows the cost of one submission; guests are below.
// biome-ignore format: one workload a line
export const WORKLOADS: readonly Workload[] = [
  { name: 'scripted, empty batches', engine: BCS, dw: nops(1), budget: null },
  { name: "scripted, empty batches in i915's requests", engine: BCS, dw: nops(1), budget: null, i915: true },
  { name: 'scripted, batches of 1,000 MI_NOOP', engine: RCS, dw: nops(1000), budget: BUDGET },
  { name: 'scripted, fill of 64 x 64', engine: BCS, dw: fillBlt(TO, 64, 64), budget: null },
  { name: 'scripted, fill of 512 x 512', engine: BCS, dw: fillBlt(TO, 512, 512), budget: BUDGET },
  { name: 'scripted, copy of 1024 x 768', engine: BCS, dw: copyBlt(TO, FROM, 1024, 768), budget: BUDGET },
];

/** The same requests to the device itself and to a lone vGPU. */
export async function mediatedSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const direct = new ScriptedMachine('direct');
  const mediated = new ScriptedMachine('mediated');
  for (const { name, engine, dw, budget, i915 } of WORKLOADS) {
    progress(name);
    const drivers = [direct.dom0, mediated.dom0] as const;
    for (const driver of drivers) {
      driver.start(engine);
      driver.batch(dw);
      if (i915) driver.likeI915();
    }
    for (let i = 0; i < 200; i++) await both(i, direct, mediated, drivers, 10);
    const ns = runRequests(direct, drivers[0], 100);
    const count = Math.max(8, Math.round(SAMPLE_NS / ns));
    const { a, b } = await interleave(
      quick ? 41 : 401,
      20,
      () => runRequests(mediated, drivers[1], count),
      () => runRequests(direct, drivers[0], count),
    );
    const us = (list: readonly number[]): string => (summary(list).median / 1000).toFixed(2);
    const detail = `${us(a)} µs a request, direct ${us(b)} µs`;
    rows.push(row(SUITE, name, 'x', quotients(b, a), budget, detail));
  }
  return rows;
}

async function both(
  i: number,
  direct: ScriptedMachine,
  mediated: ScriptedMachine,
  drivers: readonly [ScriptedDriver, ScriptedDriver],
  count: number,
): Promise<void> {
  runRequests(direct, drivers[0], count);
  runRequests(mediated, drivers[1], count);
  if (i % 50 === 0) await new Promise((done) => setImmediate(done));
}
