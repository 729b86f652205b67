import { type PartitionMode, POLICY_NAMES, type PolicyName, type Vgt } from '@xengt/linux-vgt';
import { fillBlt } from '../lib/blits.ts';
import { interleave, quotients, type Row, row, threadNs } from '../lib/measure.ts';
import { PICTURE_GMA, type ScriptedDriver, ScriptedMachine } from '../lib/scripted.ts';
import type { SuiteOptions } from './suite.ts';

export const SCALABILITY = 'scalability';
const BCS = 2;
const UP_TO_7 = { limit: 0.95, sense: 'least' } as const;
const AT_15 = { limit: 0.9, sense: 'least' } as const;
/** Domain-0 beside 15 guests: what each gets of graphics memory; or all that is free, in turn. */
const PARTS = {
  static: { lowMiB: 4, highMiB: 16, fences: 1 },
  shared: { lowMiB: 216, highMiB: 1452, fences: 32 },
} as const;
const WORK = fillBlt(PICTURE_GMA, 256, 256);
/** An engine's work in one step, as a host's: one of the fills. */
const STEP_BYTES = 0x40000;
const WARM_SLICE_NS = 200_000;
const WARM_SWITCHES = 3000;
/** Requests of one sample: some tenths of a second, in which each guest has several turns. */
const REQUESTS = 30_000;

/**
 * Busy guests on a clock that goes by their work, at the speed that the device has here: so slices
 * and switches are as many as they would be, whatever else this machine is doing.
 */
class BusyHost {
  readonly machine: ScriptedMachine;
  readonly drivers: readonly ScriptedDriver[];

  constructor(
    scheduler: PolicyName,
    guests: number,
    stepNs: number,
    partition: PartitionMode = 'static',
  ) {
    this.machine = new ScriptedMachine('mediated', {
      ramMiB: 8,
      vgt: { scheduler, partition },
      simulated: { bytes: STEP_BYTES, ns: stepNs },
    });
    this.drivers = Array.from({ length: guests }, (_, i) => {
      const driver = this.machine.guest(i + 1, PARTS[partition]);
      driver.start(BCS);
      driver.batch(WORK);
      return driver;
    });
  }

  get done(): number {
    return this.drivers.reduce((n, d) => n + d.done, 0);
  }

  /**
   * Runs in a few seconds what a host runs in its first minute: some thousand switches, after which
   * the language has compiled what they do.
   */
  async warm(): Promise<void> {
    const { scheduler, switch: sw } = this.machine.vgt as Vgt;
    scheduler.setSlice(WARM_SLICE_NS);
    while (this.drivers.length > 1 && sw.counters.switches < WARM_SWITCHES) await this.rate(1000);
    scheduler.setSlice(null);
    sw.counters.switches = 0;
  }

  /** Keeps all rings full for so many requests. @returns requests in a second of the thread's time */
  async rate(requests: number): Promise<number> {
    await new Promise((done) => setImmediate(done));
    const end = this.done + requests;
    const start = threadNs();
    // A look at every guest costs too: once for a few requests.
    while (this.done < end) {
      for (const driver of this.drivers) driver.feed();
      for (let i = 0; i < 8; i++) this.machine.step();
    }
    return (requests * 1e9) / (threadNs() - start);
  }
}

/** Aggregate throughput of many busy guests against that of one. */
export async function scalabilitySuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const trial = new BusyHost('timer', 1, 1000);
  await trial.rate(REQUESTS);
  const stepNs = 1e9 / (await trial.rate(REQUESTS));
  const compare = async (
    policy: PolicyName,
    guests: number,
    partition: PartitionMode,
  ): Promise<void> => {
    const what = partition === 'shared' ? 'guests with the same graphics addresses' : 'guests';
    progress(`${policy}, ${guests} ${what}`);
    const one = new BusyHost(policy, 1, stepNs, partition);
    const many = new BusyHost(policy, guests, stepNs, partition);
    await many.warm();
    const before = many.done;
    const { a, b } = await interleave(
      quick ? 3 : 9,
      1,
      () => many.rate(REQUESTS),
      () => one.rate(REQUESTS),
    );
    const { switch: sw, residency } = many.machine.vgt as Vgt;
    const { switches } = sw.counters;
    const each = ((many.done - before) / switches).toFixed(0);
    const swaps = partition === 'shared' ? `, ${residency.counters.swaps} MiB exchanged` : '';
    const detail = `${switches} switches, one for ${each} fills of 256 x 256${swaps}`;
    const budget = guests <= 7 ? UP_TO_7 : AT_15;
    const title = `${policy}: ${guests} ${what} against 1`;
    rows.push(row(SCALABILITY, title, 'x', quotients(a, b), budget, detail));
  };
  for (const policy of POLICY_NAMES) {
    for (const guests of [2, 4, 7, 15]) await compare(policy, guests, 'static');
  }
  await compare('timer', 15, 'shared');
  return rows;
}
