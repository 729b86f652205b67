import { Histogram, POLICY_NAMES, type PolicyName } from '@xengt/linux-vgt';
import { fillBlt } from '../lib/blits.ts';
import { type Row, row } from '../lib/measure.ts';
import { PICTURE_GMA, type ScriptedDriver, ScriptedMachine, SIMULATED } from '../lib/scripted.ts';
import type { SuiteOptions } from './suite.ts';

export const SCHEDULING = 'scheduling';
const NS_PER_MS = 1e6;
const BCS = 2;
const SHARE = { limit: 3, sense: 'most' } as const;
const WEIGHTS = { limit: 5, sense: 'most' } as const;
const LEFT = { limit: 97, sense: 'least' } as const;
/** What saturating guests run: half a millisecond; unequal, so that overruns are. */
const BIG = [512, 480, 544, 416] as const;
const SMALL = fillBlt(PICTURE_GMA, 64, 64);
/** Time between small batches, and a little more each time. */
const PAUSE_NS = 9.7 * NS_PER_MS;
const WARM_MS = 300;
const MEASURE_MS = 2000;

const big = (i: number): number[] => fillBlt(PICTURE_GMA, BIG[i % BIG.length] as number, 512);

/** A machine on the simulated clock with so many guests, and Domain-0, which has no work. */
function machineOf(scheduler: PolicyName, guests: number): [ScriptedMachine, ScriptedDriver[]] {
  const machine = new ScriptedMachine('mediated', {
    simulated: SIMULATED,
    ramMiB: 8,
    vgt: { scheduler },
  });
  const drivers = Array.from({ length: guests }, (_, i) => {
    const driver = machine.guest(i + 1, { lowMiB: 8, highMiB: 16, fences: 2 });
    driver.start(BCS);
    driver.batch(big(i));
    return driver;
  });
  return [machine, drivers];
}

/** Lets guests with full rings go on for a time of the simulated clock. */
function saturate(machine: ScriptedMachine, drivers: readonly ScriptedDriver[], ms: number): void {
  const end = machine.clock.now + ms * NS_PER_MS;
  while (machine.clock.now < end) {
    for (const driver of drivers) driver.feed();
    machine.step();
  }
}

/** Time each had the engines in a while, nanoseconds. */
function ran(machine: ScriptedMachine, drivers: readonly ScriptedDriver[], ms: number): number[] {
  const now = (): number[] => {
    machine.vgt?.scheduler.settle();
    return drivers.map((d) => d.vgpu?.sched.ranNs ?? 0);
  };
  const before = now();
  saturate(machine, drivers, ms);
  return now().map((ns, i) => ns - (before[i] as number));
}

/** Largest distance from a VM's part, percent of that part. */
function deviation(ns: readonly number[], weights: readonly number[]): number {
  const all = ns.reduce((a, b) => a + b, 0);
  const weight = weights.reduce((a, b) => a + b, 0);
  return Math.max(
    ...ns.map((n, i) => Math.abs((n * weight) / (all * (weights[i] as number)) - 1) * 100),
  );
}

function equal(policy: PolicyName, guests: number): Row {
  const [machine, drivers] = machineOf(policy, guests);
  saturate(machine, drivers, WARM_MS);
  // To the end of a round: with 8 guests of 15 ms, 2 s are 16 turns of some and 17 of others.
  const round = guests * ((machine.vgt?.scheduler.policy.sliceNs ?? 1) / NS_PER_MS);
  const ns = ran(machine, drivers, Math.round(MEASURE_MS / round) * round);
  const title = `${guests} equal guests over 2 s: largest deviation from a share`;
  return figure(
    policy,
    title,
    '%',
    deviation(
      ns,
      drivers.map(() => 1),
    ),
    SHARE,
  );
}

function weighted(policy: PolicyName): Row {
  const [machine, drivers] = machineOf(policy, 3);
  const weights = [1, 2, 4];
  drivers.forEach((d, i) => {
    machine.vgt?.control.write(`vm${d.domain.domid}/weight`, `${128 * (weights[i] as number)}`);
  });
  saturate(machine, drivers, WARM_MS);
  const off = deviation(ran(machine, drivers, MEASURE_MS), weights);
  const title = 'weights 1 : 2 : 4 over 2 s: largest deviation from a share';
  return figure(policy, title, '%', off, WEIGHTS);
}

/** Two saturating guests beside one that has next to nothing to do. */
function leftOver(policy: PolicyName): Row {
  const [machine, drivers] = machineOf(policy, 3);
  const [idle, ...busy] = drivers as [ScriptedDriver, ...ScriptedDriver[]];
  idle.batch(SMALL);
  saturate(machine, busy, WARM_MS);
  idle.feed(1);
  const ns = ran(machine, busy, MEASURE_MS);
  const part = (ns.reduce((a, b) => a + b, 0) / (MEASURE_MS * NS_PER_MS)) * 100;
  return figure(policy, 'beside an idle guest: time that the other two have', '%', part, LEFT);
}

/** A small batch now and then, beside three saturating guests: from its TAIL write to its seqno. */
function interactive(policy: PolicyName, quick: boolean): Row[] {
  const [machine, drivers] = machineOf(policy, 4);
  const [small, ...busy] = drivers as [ScriptedDriver, ...ScriptedDriver[]];
  small.batch(SMALL);
  saturate(machine, busy, WARM_MS);
  const latency = new Histogram();
  const before = machine.vgt?.switch.counters.switches ?? 0;
  const start = machine.clock.now;
  for (let i = 0; i < (quick ? 50 : 400); i++) {
    const from = machine.clock.now;
    small.feed(i + 1);
    while (small.done <= i) saturate(machine, busy, 0.01);
    latency.record(machine.clock.now - from);
    const next = machine.clock.now + PAUSE_NS + (i % 37) * 0.31 * NS_PER_MS;
    while (machine.clock.now < next) saturate(machine, busy, 0.1);
  }
  const seconds = (machine.clock.now - start) / 1e9;
  const switches = ((machine.vgt?.switch.counters.switches ?? 0) - before) / seconds;
  const ms = (q: number): number => latency.quantile(q) / NS_PER_MS;
  const beside = 'small batch beside three saturating guests';
  return [
    figure(policy, `${beside}: latency, p50`, 'ms', ms(0.5), null),
    figure(policy, `${beside}: latency, p99`, 'ms', ms(0.99), null),
    figure(policy, 'the same: switches', 'a second', switches, null),
  ];
}

function figure(
  policy: PolicyName,
  title: string,
  unit: string,
  value: number,
  budget: Row['budget'],
): Row {
  return row(SCHEDULING, `${policy}: ${title}`, unit, [value], budget, 'simulated clock');
}

/** How each policy shares the time of the engines, on a clock that goes by the device's work. */
export async function schedulingSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const policy of POLICY_NAMES) {
    progress(policy);
    for (const guests of [2, 4, 8]) rows.push(equal(policy, guests));
    if (policy === 'fair') rows.push(weighted(policy));
    rows.push(leftOver(policy), ...interactive(policy, quick));
    await new Promise((done) => setImmediate(done));
  }
  return rows;
}
