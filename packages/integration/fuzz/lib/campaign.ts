import { type LifeOptions, type LifeResult, runLife } from './life.ts';
import { minimise, stepsText } from './minimise.ts';
import type { FuzzOptions } from './options.ts';

/** One life in so many has each access to memory looked at. */
const WATCHED_ONE_IN = 8;
const SLOW_MS = 5_000;
/** Runs that looking for the fewest steps may take. */
const TRIES = 300;

/** What all lives came to. */
export interface Totals {
  lives: number;
  steps: number;
  commands: number;
  accesses: number;
  translations: number;
  /** Accesses to memory that were looked at one by one. */
  seen: number;
  /** Most that a life came to keep, bytes. */
  heap: number;
  buffers: number;
  slowestMs: number;
  slowest: string;
  readonly stops: Map<string, number>;
}

export interface Report {
  readonly totals: Totals;
  /** What went wrong and how to see it again; null when nothing did. */
  readonly failure: string | null;
}

export function lifeOptions(o: FuzzOptions, life: number): LifeOptions {
  return {
    target: o.target,
    every: o.target === 'device' && (o.watch || life % WATCHED_ONE_IN === WATCHED_ONE_IN - 1),
    seed: o.seed,
    life,
    steps: o.steps,
    slowMs: SLOW_MS,
    measure: true,
    ...(o.only === null ? {} : { only: o.only }),
  };
}

/** The command that shows a failure again. */
export function replay(o: FuzzOptions, life: number, steps: readonly number[] | null): string {
  const only = steps === null ? '' : ` --only ${stepsText(steps)}`;
  const watch = o.watch ? ' --watch' : '';
  return `npm run fuzz -- --target ${o.target} --seed ${o.seed} --steps ${o.steps}${watch} --life ${life}${only}`;
}

function add(t: Totals, r: LifeResult, life: number): void {
  t.lives++;
  t.steps += r.steps;
  t.commands += r.commands;
  t.accesses += r.accesses;
  t.translations += r.translations;
  t.seen += r.seen;
  t.heap = Math.max(t.heap, r.grown.heap);
  t.buffers = Math.max(t.buffers, r.grown.buffers);
  if (r.slowest.ms > t.slowestMs) {
    t.slowestMs = r.slowest.ms;
    t.slowest = `${r.slowest.kind}, life ${life} step ${r.slowest.step}`;
  }
  for (const [why, times] of r.stops) t.stops.set(why, (t.stops.get(why) ?? 0) + times);
}

/** Says what failed, and the fewest steps that still do. */
function explain(o: FuzzOptions, life: number, result: LifeResult): string {
  const { step, kind, message } = result.failure ?? { step: 0, kind: '', message: '' };
  const head = `life ${life}, step ${step} (${kind}): ${message}\nagain: ${replay(o, life, null)}`;
  if (!o.minimise || kind === 'growth') return head;
  const base = { ...lifeOptions(o, life), measure: false };
  const all = [...(o.only ?? Array.from({ length: step + 1 }, (_, k) => k))].filter(
    (k) => k <= step,
  );
  let tries = 0;
  const fewest = minimise(all, (steps) => {
    if (tries++ >= TRIES) return false;
    return runLife({ ...base, steps: step + 1, only: new Set(steps) }).failure?.kind === kind;
  });
  return `${head}\n${fewest.length} steps suffice: ${replay({ ...o, steps: step + 1 }, life, fewest)}`;
}

/** Lives until enough was done, or until one fails. */
export function runCampaign(
  o: FuzzOptions,
  onStep: (life: number, step: number) => void,
  onLife: (totals: Totals) => void,
): Report {
  const totals: Totals = {
    lives: 0,
    steps: 0,
    commands: 0,
    accesses: 0,
    translations: 0,
    seen: 0,
    heap: 0,
    buffers: 0,
    slowestMs: 0,
    slowest: '',
    stops: new Map(),
  };
  for (let life = o.life ?? 0; ; life++) {
    const result = runLife({ ...lifeOptions(o, life), onStep: (step) => onStep(life, step) });
    add(totals, result, life);
    onLife(totals);
    if (result.failure !== null) return { totals, failure: explain(o, life, result) };
    const enough = totals.commands >= o.commands && totals.accesses >= o.accesses;
    if (o.life !== null || enough) return { totals, failure: null };
  }
}
