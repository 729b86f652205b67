import { type LifeOptions, type LifeResult, runLife } from './life.ts';
import { minimise, stepsText } from './minimise.ts';
import type { FuzzOptions } from './options.ts';
import { NOT_MAPPED } from './watched-memory.ts';

/** One life in so many has each access to memory looked at. */
const WATCHED_ONE_IN = 8;
const SLOW_MS = 5_000;
/**
 * Once the language's own machinery is warm, a device keeps some 100 KiB in half a life, whatever it
 * is; a leak of 24 bytes at each write of one fence makes 500.
 */
const WARM_LIVES = 3;
const COUNTED_LIVES = 6;
const HEAP_MEDIAN_MOST = 256 << 10;
/** Runs that looking for the fewest steps may take, and how long in all, milliseconds. */
const TRIES = 400;
const MINIMISE_MS = 120_000;

/** What all lives came to. */
export interface Totals {
  lives: number;
  steps: number;
  commands: number;
  accesses: number;
  translations: number;
  /** Accesses to memory that were looked at one by one. */
  seen: number;
  /** What each life that was not watched came to keep of objects, bytes, and the most of buffers. */
  readonly heap: number[];
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
  if (r.seen === 0) t.heap.push(r.grown.heap);
  t.buffers = Math.max(t.buffers, r.grown.buffers);
  if (r.slowest.ms > t.slowestMs) {
    t.slowestMs = r.slowest.ms;
    t.slowest = `${r.slowest.kind}, life ${life} step ${r.slowest.step}`;
  }
  for (const [why, times] of r.stops) t.stops.set(why, (t.stops.get(why) ?? 0) + times);
}

/** Bytes of objects that a warm life comes to keep; 0 while there are too few to say. */
export function medianKept({ heap }: Totals): number {
  const warm = heap.slice(WARM_LIVES).sort((a, b) => a - b);
  return warm.length < COUNTED_LIVES ? 0 : (warm[warm.length >> 1] as number);
}

/** A failure without its numbers and without the way to it. */
function signature(message: string): string {
  return (message.split('\n')[0] as string).replaceAll(/0x[0-9a-f]+|\d+/g, '#');
}

/** Says what failed, and the fewest steps that still do. */
function explain(
  o: FuzzOptions,
  life: number,
  result: LifeResult,
  onStep: (step: number) => void,
): string {
  const { step, kind, message } = result.failure ?? { step: 0, kind: '', message: '' };
  const head = `life ${life}, step ${step} (${kind}): ${message}\nagain: ${replay(o, life, null)}`;
  if (!o.minimise || kind === 'growth') return head;
  // Translations are judged at random; to leave steps out, all of them are.
  const judgeAll = message.includes(NOT_MAPPED);
  const base = { ...lifeOptions(o, life), measure: false, judgeAll, onStep };
  const all = [...(o.only ?? Array.from({ length: step + 1 }, (_, k) => k))].filter(
    (k) => k <= step,
  );
  const end = performance.now() + MINIMISE_MS;
  let tries = 0;
  const fewest = minimise(all, (steps) => {
    if (tries++ >= TRIES || performance.now() > end) return false;
    const { failure } = runLife({ ...base, steps: step + 1, only: new Set(steps) });
    return failure !== null && signature(failure.message) === signature(message);
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
    heap: [],
    buffers: 0,
    slowestMs: 0,
    slowest: '',
    stops: new Map(),
  };
  for (let life = o.life ?? 0; ; life++) {
    const at = (step: number): void => onStep(life, step);
    const result = runLife({ ...lifeOptions(o, life), onStep: at });
    add(totals, result, life);
    onLife(totals);
    if (result.failure !== null) return { totals, failure: explain(o, life, result, at) };
    const kept = medianKept(totals);
    if (o.target === 'device' && kept > HEAP_MEDIAN_MOST) {
      return { totals, failure: `lives keep ${kept} bytes of objects more in their second half` };
    }
    const enough = totals.commands >= o.commands && totals.accesses >= o.accesses;
    if (o.life !== null || enough) return { totals, failure: null };
  }
}
