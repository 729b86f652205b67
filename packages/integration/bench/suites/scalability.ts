import { POLICY_NAMES, type PolicyName } from '@xengt/linux-vgt';
import { interleave, quotients, type Row, row, threadNs } from '../lib/measure.ts';
import { fillBlt, PICTURE_GMA, type ScriptedDriver, ScriptedMachine } from '../lib/scripted.ts';
import type { SuiteOptions } from './suite.ts';

export const SCALABILITY = 'scalability';
const BCS = 2;
const UP_TO_7 = { limit: 0.95, sense: 'least' } as const;
const AT_15 = { limit: 0.9, sense: 'least' } as const;
/** Domain-0 beside 15 guests: what each gets of graphics memory. */
const PART = { lowMiB: 4, highMiB: 16, fences: 1 };
const WORK = fillBlt(PICTURE_GMA, 256, 256);
/** An engine's work in one step, as a host's: one of the fills. */
const STEP_BYTES = 0x40000;
/** Requests of one sample: some tenths of a second, in which each guest has several turns. */
const REQUESTS = 30_000;

/**
 * Busy guests on a clock that goes by their work, at the speed that the device has here: so slices
 * and switches are as many as they would be, whatever else this machine is doing.
 */
class BusyHost {
  readonly machine: ScriptedMachine;
  readonly drivers: readonly ScriptedDriver[];

  constructor(scheduler: PolicyName, guests: number, stepNs: number) {
    this.machine = new ScriptedMachine('mediated', {
      ramMiB: 8,
      vgt: { scheduler },
      simulated: { bytes: STEP_BYTES, ns: stepNs },
    });
    this.drivers = Array.from({ length: guests }, (_, i) => {
      const driver = this.machine.guest(i + 1, PART);
      driver.start(BCS);
      driver.batch(WORK);
      return driver;
    });
  }

  get done(): number {
    return this.drivers.reduce((n, d) => n + d.done, 0);
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
  for (const policy of POLICY_NAMES) {
    const one = new BusyHost(policy, 1, stepNs);
    for (const guests of [2, 4, 7, 15]) {
      progress(`${policy}, ${guests} guests`);
      const many = new BusyHost(policy, guests, stepNs);
      const { a, b } = await interleave(
        quick ? 3 : 9,
        1,
        () => many.rate(REQUESTS),
        () => one.rate(REQUESTS),
      );
      const switches = many.machine.vgt?.switch.counters.switches ?? 0;
      const each = (many.done / switches).toFixed(0);
      const detail = `${switches} switches, one for ${each} fills of 256 x 256`;
      const budget = guests <= 7 ? UP_TO_7 : AT_15;
      const title = `${policy}: ${guests} guests against 1`;
      rows.push(row(SCALABILITY, title, 'x', quotients(a, b), budget, detail));
    }
  }
  return rows;
}
