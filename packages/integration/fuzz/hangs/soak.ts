import { BCS, RCS } from '../../src/host/testing/scripted-guest.ts';
import { held } from '../lib/heap.ts';
import { mix, Random } from '../lib/random.ts';
import { HANG_KINDS, type HangKind } from './kinds.ts';
import { HangMachine, type HangWorker } from './machine.ts';

const NS_PER_MS = 1e6;
/** In which each hang is to be found. */
export const FOUND_MS = 500;
/** Slices of a millisecond in which a hang must begin and be found, and a recovered VM work again. */
const SLICES_MAX = 4000;
/** Jobs that show that a VM is back. */
const JOBS_AFTER = 20;
/** One round in so many has two guests hang at once. */
const TWICE = 8;
const CHECK_EVERY = 8;
const HEAP_MOST: number = 4 << 20;

export interface SoakOptions {
  readonly seed: number;
  readonly hangs: number;
  readonly onHang?: (hangs: number) => void;
}

export interface SoakReport {
  readonly failure: string | null;
  readonly hangs: number;
  /** How long each took to be found, milliseconds of the machine's time, ascending. */
  readonly foundMs: readonly number[];
  /** Hangs by their kind. */
  readonly byKind: ReadonlyMap<string, number>;
  /** Jobs done and looked at, by VM. */
  readonly jobs: readonly number[];
  readonly seconds: number;
  readonly engineResets: number;
  readonly deviceResets: number;
  /** Bytes of objects kept more at the end than half-way. */
  readonly grown: number;
}

/** Guests hang by turns while the others work, until it was often enough or something is wrong. */
export function runSoak(o: SoakOptions): SoakReport {
  const machine = new HangMachine();
  const { workers, vgt } = machine;
  const { recovery } = vgt;
  const random = new Random();
  const foundMs: number[] = [];
  const byKind = new Map<string, number>();
  let failure: string | null = null;
  let early = 0;
  /** What was kept half-way: nothing of it may grow after. */
  let kept: Readonly<Record<string, number>> = {};
  for (let i = 0; i < 20; i++) machine.slice();
  for (let round = 0; foundMs.length < o.hangs && failure === null; round++) {
    random.seed(mix(o.seed, round));
    const guilty = pick(workers, random, o.hangs - foundMs.length);
    const kinds = guilty.map((worker): HangKind => {
      const kind = random.pick(HANG_KINDS);
      worker.hang(random.pick([RCS, BCS]), kind, random);
      byKind.set(kind.name, (byKind.get(kind.name) ?? 0) + 1);
      return kind;
    });
    failure = hangAndRecover(machine, guilty, kinds, foundMs, random);
    o.onHang?.(foundMs.length);
    if (failure === null && round % CHECK_EVERY === 0) failure = wrong(machine, kept);
    if (failure !== null) failure = `round ${round}: ${failure}`;
    if (early === 0 && foundMs.length > o.hangs / 2) {
      early = held().heap;
      kept = machine.retained();
    }
  }
  failure ??= wrong(machine, kept);
  const grown = failure === null ? held().heap - early : 0;
  if (grown > HEAP_MOST) failure = `${grown} bytes of objects more are kept`;
  return {
    failure,
    hangs: foundMs.length,
    foundMs: foundMs.sort((a, b) => a - b),
    byKind,
    jobs: workers.map(({ victim }) => victim.jobs),
    seconds: machine.now / 1e9,
    engineResets: recovery.counters.engineResets,
    deviceResets: recovery.device.count,
    grown,
  };
}

function pick(workers: readonly HangWorker[], r: Random, left: number): HangWorker[] {
  const first = r.below(workers.length);
  const two = left > 1 && r.once(TWICE);
  const second = (first + 1 + r.below(workers.length - 1)) % workers.length;
  return (two ? [first, second] : [first]).map((i) => workers[i] as HangWorker);
}

function until(machine: HangMachine, done: () => boolean): boolean {
  for (let i = 0; i < SLICES_MAX && !done(); i++) machine.slice();
  return done();
}

function hangAndRecover(
  machine: HangMachine,
  guilty: readonly HangWorker[],
  kinds: readonly HangKind[],
  foundMs: number[],
  random: Random,
): string | null {
  const what = guilty.map(({ victim }, i) => `${victim.name}, ${kinds[i]?.name}`).join(' and ');
  const innocent = machine.workers.filter((worker) => !guilty.includes(worker));
  const resets = innocent.map(({ vgpu }) => vgpu.counters.guestResets);
  if (!until(machine, () => guilty.every((w) => w.foundNs >= 0))) return `${what}: not found`;
  for (const { beganNs, foundNs } of guilty) {
    const ms = (foundNs - beganNs) / NS_PER_MS;
    if (ms > FOUND_MS) return `${what}: found after ${ms.toFixed(0)} ms`;
    foundMs.push(ms);
  }
  const causes = machine.vgt.recovery.log.records.slice(-guilty.length).map((r) => r.cause);
  const wanted = kinds.map((kind) => kind.cause);
  if (causes.toSorted().join() !== wanted.toSorted().join())
    return `${what}: taken for ${causes.join()}`;
  for (let i = random.below(40); i > 0; i--) machine.slice();
  for (const worker of guilty) worker.recover(random.once(2));
  const jobs = machine.workers.map(({ victim }) => victim.jobs);
  const back = (): boolean =>
    machine.workers.every(({ victim }, i) => victim.jobs >= (jobs[i] as number) + JOBS_AFTER);
  if (!until(machine, back)) return `${what}: somebody does not go on`;
  for (const [i, { vgpu, victim }] of innocent.entries()) {
    if (vgpu.heldEngines !== 0) return `${what}: ${victim.name} has an engine to reset`;
    if (vgpu.counters.guestResets !== resets[i]) return `${what}: ${victim.name} was reset`;
  }
  return null;
}

function wrong(machine: HangMachine, before: Readonly<Record<string, number>>): string | null {
  for (const worker of machine.workers) {
    const trouble = worker.check();
    if (trouble !== null) return trouble;
  }
  const { counters } = machine.vgt.recovery;
  const caused = machine.workers.reduce((sum, worker) => sum + worker.caused, 0);
  if (counters.hangs !== caused) return `${caused} hangs, of which ${counters.hangs} were found`;
  if (counters.engineResets !== caused)
    return `${counters.engineResets} resets for ${caused} hangs`;
  for (const [what, count] of Object.entries(machine.retained())) {
    if (count > (before[what] ?? Number.POSITIVE_INFINITY)) return `${count} ${what} are kept`;
  }
  return null;
}

/** What a soak came to, for people. @param seconds of the wall's clock */
export function soakFigures(r: SoakReport, seconds: number): string {
  const n = (value: number): string => value.toLocaleString('en-US');
  const ms = (part: number): string =>
    (r.foundMs[Math.min(r.foundMs.length - 1, Math.floor(part * r.foundMs.length))] ?? 0).toFixed(
      0,
    );
  const lines = [
    `${n(r.hangs)} hangs in ${r.seconds.toFixed(1)} s of the machine's time, ${seconds.toFixed(1)} s`,
    `found after ${ms(0)} to ${ms(1)} ms, half of them within ${ms(0.5)} ms`,
    `${n(r.engineResets)} engines reset, the device ${n(r.deviceResets)} times`,
    `jobs done and looked at: ${r.jobs.map(n).join(', ')}; none lost, none wrong`,
    `${n(Math.round(r.grown / 1024))} KiB of objects more kept in the second half`,
  ];
  for (const [kind, count] of r.byKind) lines.push(`${n(count)} by ${kind}`);
  return lines.join('\n');
}
