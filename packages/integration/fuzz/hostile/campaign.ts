import type { PartitionMode } from '@xengt/linux-vgt';
import { Driver } from '../lib/driver.ts';
import { held } from '../lib/heap.ts';
import { mix, Random } from '../lib/random.ts';
import { KIND_BY_WEIGHT, KINDS } from './attacks.ts';
import type { Attacker } from './storms.ts';
import { HostileTarget } from './target.ts';

/** How often everything is looked over, rounds. */
const CHECK_EVERY = 16;
/** Slices of the machine's time after each round, and bytes of work in one. */
const REST = 6;
const SLICE = 0x20000;
/** Longest that a round may take, milliseconds of processor time. */
const SLOW_MS = 10_000;
const HEAP_MOST: number = 24 << 20;
/** Things that a guest could push up stay below this. */
const RETAINED_MOST = 96;
/** What the host may be told in a second of the machine's time; and for each VM: monitors, a burst, its stop. */
const TOLD_A_SECOND = 12;
const TOLD_A_LIFE = 16;
/** Part of its fair share that each victim gets at least. */
const SHARE_LEAST = 0.95;

export interface HostileOptions {
  readonly seed: number;
  /** Hostile operations: accesses that trap, and commands that engines took from the attacker. */
  readonly operations: number;
  /** Only this kind of attack; null for all. */
  readonly only: string | null;
  /** No more than so many rounds: to see a failure again. */
  readonly rounds: number | null;
  readonly partition: PartitionMode;
  readonly onRound?: (round: number, operations: number) => void;
}

export interface HostileReport {
  readonly failure: string | null;
  readonly operations: number;
  readonly rounds: number;
  /** Operations by kind. */
  readonly byKind: ReadonlyMap<string, number>;
  readonly stops: ReadonlyMap<string, number>;
  readonly lives: number;
  /** Seconds of the machine's time. */
  readonly seconds: number;
  /** Each victim's jobs, and jobs a second as a part of its fair share. */
  readonly jobs: readonly number[];
  readonly shares: readonly number[];
  readonly told: number;
  readonly slowest: { readonly ms: number; readonly kind: string; readonly round: number };
  /** Bytes of objects kept more at the end than half-way. */
  readonly grown: number;
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function wrong(target: HostileTarget, d: Driver, whole: boolean): string | null {
  if (d.trouble !== null) return d.trouble;
  for (const [what, count] of Object.entries(target.retained())) {
    if (count > RETAINED_MOST) return `${count} ${what} are kept`;
  }
  const most = TOLD_A_SECOND * target.seconds + TOLD_A_LIFE * target.lives + 100;
  if (target.told > most) return `the host was told ${target.told} things`;
  return whole ? target.check() : null;
}

/** Attacks until enough was done, or until one succeeds. The same options do the same again. */
export function runHostile(o: HostileOptions): HostileReport {
  const random = new Random();
  const target = new HostileTarget(o.partition);
  const d = new Driver(target, random) as Attacker;
  const only = o.only === null ? -1 : KINDS.findIndex(({ name }) => name === o.only);
  const byKind = new Map<string, number>();
  let slowest = { ms: 0, kind: '', round: -1 };
  let failure: string | null = null;
  let early = 0;
  let round = 0;
  const done = (): number => d.accesses + target.commands;
  for (; done() < o.operations && round < (o.rounds ?? Number.POSITIVE_INFINITY); round++) {
    const seed = mix(o.seed, round);
    const index =
      only >= 0 ? only : (KIND_BY_WEIGHT[(seed >>> 0) % KIND_BY_WEIGHT.length] as number);
    const kind = KINDS[index] as (typeof KINDS)[number];
    const before = done();
    const start = threadMs();
    random.seed(seed);
    o.onRound?.(round, before);
    try {
      if (!target.standing) d.tail.fill(0);
      target.revive();
      kind.run(d);
      for (let i = 0; i < REST; i++) target.step(SLICE);
      failure = wrong(target, d, round % CHECK_EVERY === CHECK_EVERY - 1);
    } catch (error) {
      failure = (error as Error).stack ?? String(error);
    }
    const ms = threadMs() - start;
    if (ms > slowest.ms) slowest = { ms, kind: kind.name, round };
    if (ms > SLOW_MS) failure ??= `took ${ms.toFixed(0)} ms`;
    byKind.set(kind.name, (byKind.get(kind.name) ?? 0) + done() - before);
    if (failure !== null) {
      failure = `round ${round} (${kind.name}): ${failure}`;
      break;
    }
    if (early === 0 && done() > o.operations / 2) early = held().heap;
  }
  failure ??= wrong(target, d, true);
  const shares = target.shares();
  const least = Math.min(...shares);
  if (o.only === null && o.rounds === null && least < SHARE_LEAST) {
    failure ??= `a victim got ${(least * 100).toFixed(1)} % of its fair share`;
  }
  const grown = failure === null && early > 0 ? held().heap - early : 0;
  if (grown > HEAP_MOST) failure ??= `${grown} bytes of objects more are kept`;
  return {
    failure,
    operations: done(),
    rounds: round,
    byKind,
    stops: target.stops,
    lives: target.lives,
    seconds: target.seconds,
    jobs: target.victims.map(({ jobs }) => jobs),
    shares,
    told: target.told,
    slowest,
    grown,
  };
}
