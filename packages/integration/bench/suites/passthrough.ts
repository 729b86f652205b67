import { quotients, type Row, row, summary } from '../lib/measure.ts';
import { runRequests, ScriptedMachine } from '../lib/scripted.ts';
import { WORKLOADS } from './mediated.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'passthrough';
const MODES = ['direct', 'passthrough', 'mediated'] as const;
/** Time of one sample, nanoseconds. */
const SAMPLE_NS = 3e6;
const WARMUP = 20;

/** The same requests to the bare device, to one behind DMA remapping and to a lone vGPU, in turns. */
export async function passthroughSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const machines = MODES.map((mode) => new ScriptedMachine(mode));
  for (const { name, engine, dw } of WORKLOADS) {
    progress(name);
    for (const { dom0 } of machines) {
      dom0.start(engine);
      dom0.batch(dw);
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
    const us = (i: number): string => (summary(ns[i] as number[]).median / 1000).toFixed(2);
    const detail = `direct ${us(0)} µs a request, passed through ${us(1)}, mediated ${us(2)}`;
    rows.push(row(SUITE, `${name}: passed through`, 'x', quotients(ns[0], ns[1]), null, detail));
    rows.push(row(SUITE, `${name}: mediated`, 'x', quotients(ns[0], ns[2]), null, detail));
  }
  return rows;
}
