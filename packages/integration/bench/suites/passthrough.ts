import { fillBlt } from '../lib/blits.ts';
import { blit, churn, flips, nop } from '../lib/guest-loads.ts';
import { boot, type Machine, type Ran, run } from '../lib/guest-machine.ts';
import { quotients, type Row, row, summary } from '../lib/measure.ts';
import { PICTURE_GMA, runRequests, ScriptedMachine } from '../lib/scripted.ts';
import { WORKLOADS } from './mediated.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'passthrough';
const MODES = ['direct', 'passthrough', 'mediated'] as const;
/** Rounds of guests before those that count: the emulator compiles their loops. */
const GUEST_WARMUP = 2;
/** Time of one sample, nanoseconds. */
const SAMPLE_NS = 3e6;
const WARMUP = 20;

/** The GPU given directly, behind DMA remapping, and as a lone vGPU: scripted drivers, then guests. */
export async function passthroughSuite(options: SuiteOptions): Promise<readonly Row[]> {
  return [...(await scripted(options)), outside(), ...(await guests(options))];
}

/** A picture whose last page is no memory of the domain: the rest is drawn, the page is reported. */
function outside(): Row {
  const machine = new ScriptedMachine('passthrough');
  const driver = machine.dom0;
  driver.start(BCS);
  driver.batch(fillBlt(PICTURE_GMA, 64, 64));
  driver.point(PICTURE_GMA + 0x3000, FOREIGN_GFN);
  runRequests(machine, driver, 1);
  machine.step();
  const { faults } = machine;
  const [first = 'not reported'] = faults;
  return row(SUITE, 'DMA outside the domain: faults', '', [faults.length], REPORTED, first);
}
const BCS = 2;
/** A guest frame that the domain has no RAM at. */
const FOREIGN_GFN = 0x80000;
const REPORTED = { limit: 1, sense: 'least' } as const;

/** The same programs in three guests, in turns. */
async function guests({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const machines: Machine[] = [];
  const rows: Row[] = [];
  try {
    for (const mode of MODES) {
      progress(`booting, ${mode}`);
      machines.push(await boot(mode));
    }
    for (const load of [blit, nop('bcs'), nop('rcs'), churn, flips]) {
      progress(load.name);
      const ran: [Ran[], Ran[], Ran[]] = [[], [], []];
      for (let round = -GUEST_WARMUP; round < (quick ? 2 : 5); round++) {
        for (let k = 0; k < 3; k++) {
          const i = (round + GUEST_WARMUP + k) % 3;
          const done = await run(machines[i] as Machine, load);
          if (round >= 0) (ran[i] as Ran[]).push(done);
        }
      }
      // Flips come at the screen's pace: their rate is the figure. Else it is the thread's time.
      const cost = (r: Ran): number => (load === flips ? 1e9 / r.rate : r.ns);
      rows.push(
        ...compared(
          load.name,
          ran.map((list) => list.map(cost)),
          'ns each',
        ),
      );
    }
    const { faults } = (machines[1] as Machine).host.passthrough.unit;
    rows.push(row(SUITE, 'guest: DMA faults behind the unit', '', [faults.counters.faults], NONE));
  } finally {
    for (const { host } of machines) host.close();
  }
  return rows;
}
const NONE = { limit: 0, sense: 'most' } as const;

/** What passing through and mediation leave of a figure, against the device given directly. */
function compared(name: string, ns: readonly number[][], unit: string): Row[] {
  const [direct, passed, mediated] = ns as [number[], number[], number[]];
  const at = (list: number[]): string => summary(list).median.toFixed(unit === 'µs' ? 2 : 0);
  const detail = `direct ${at(direct)} ${unit}, passed through ${at(passed)}, mediated ${at(mediated)}`;
  return [
    row(SUITE, `${name}: passed through`, 'x', quotients(direct, passed), null, detail),
    row(SUITE, `${name}: mediated`, 'x', quotients(direct, mediated), null, detail),
  ];
}

/** The same requests to the bare device, to one behind DMA remapping and to a lone vGPU, in turns. */
async function scripted({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const machines = MODES.map((mode) => new ScriptedMachine(mode));
  for (const { name, engine, dw, i915 } of WORKLOADS) {
    progress(name);
    for (const { dom0 } of machines) {
      dom0.start(engine);
      dom0.batch(dw);
      if (i915) dom0.likeI915();
    }
    const run = (i: number, count: number): number => {
      const machine = machines[i] as ScriptedMachine;
      return runRequests(machine, machine.dom0, count);
    };
    for (let i = 0; i < 600; i++) run(i % 3, 10);
    const count = Math.max(8, Math.round(SAMPLE_NS / run(0, 100)));
    const ns: [number[], number[], number[]] = [[], [], []];
    for (let round = -WARMUP; round < (quick ? 41 : 401); round++) {
      // Each is first, second and last in turn.
      for (let k = 0; k < 3; k++) {
        const i = (round + WARMUP + k) % 3;
        const each = run(i, count);
        if (round >= 0) (ns[i] as number[]).push(each);
      }
      if (round % 16 === 0) await new Promise((done) => setImmediate(done));
    }
    rows.push(
      ...compared(
        name,
        ns.map((list) => list.map((x) => x / 1000)),
        'µs',
      ),
    );
  }
  return rows;
}
