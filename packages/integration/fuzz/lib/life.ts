import { BY_WEIGHT, STEPS, type StepKind } from '../gen/steps.ts';
import { DeviceTarget } from './device-target.ts';
import { Driver } from './driver.ts';
import { type Held, held } from './heap.ts';
import { mix, Random } from './random.ts';
import type { Target } from './target.ts';
import { VgpuTarget } from './vgpu-target.ts';

/** How often everything is looked over, steps. */
const CHECK_EVERY = 64;
/** What a life may come to keep after its first half, bytes: objects, and the largest pictures. */
const HEAP_MOST: number = 2 << 20;
const BUFFERS_MOST: number = 256 << 20;
/** Things that a guest could push up stay below this. */
const RETAINED_MOST = 64;

export type TargetName = 'device' | 'vgpu';

/** One life of a target: made anew, then so many steps. The same options do the same again. */
export interface LifeOptions {
  readonly target: TargetName;
  /** Look at each single access to memory. */
  readonly every: boolean;
  /** Judge every translation, not one in many. */
  readonly judgeAll?: boolean;
  readonly seed: number;
  readonly life: number;
  readonly steps: number;
  /** Only these steps; all when missing. */
  readonly only?: ReadonlySet<number>;
  /** Longest that a step may take, milliseconds of processor time. */
  readonly slowMs: number;
  /** Measure what is kept: needs collections of garbage. */
  readonly measure: boolean;
  readonly onStep?: (step: number) => void;
}

export interface Failure {
  readonly step: number;
  readonly kind: string;
  readonly message: string;
}

export interface LifeResult {
  readonly failure: Failure | null;
  readonly steps: number;
  readonly accesses: number;
  readonly commands: number;
  /** Translations that were seen, and single accesses. */
  readonly translations: number;
  readonly seen: number;
  readonly slowest: { readonly ms: number; readonly step: number; readonly kind: string };
  /** Bytes kept at the end beyond those half-way through the life; 0 when not measured. */
  readonly grown: Held;
  /** Why VMs were stopped, with how often. */
  readonly stops: ReadonlyMap<string, number>;
}

function kindOf(seed: number): StepKind {
  return STEPS[BY_WEIGHT[(seed >>> 0) % BY_WEIGHT.length] as number] as StepKind;
}

function makeTarget(o: LifeOptions): Target {
  return o.target === 'vgpu' ? new VgpuTarget() : new DeviceTarget(o.every);
}

function trouble(d: Driver, check: boolean): string | null {
  if (d.trouble !== null) return d.trouble;
  for (const [what, count] of Object.entries(d.target.retained())) {
    if (count > RETAINED_MOST) return `${count} ${what} are kept`;
  }
  return check ? d.target.check() : null;
}

const NOTHING: Held = { heap: 0, buffers: 0 };

/** Processor time of this thread, milliseconds: a busy machine makes no step slow. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Runs a life to its end or its first failure. */
export function runLife(o: LifeOptions): LifeResult {
  const random = new Random();
  const target = makeTarget(o);
  if (o.judgeAll === true) target.memory.judgeOneIn = 1;
  const d = new Driver(target, random);
  const half = o.steps >>> 1;
  let slowest = { ms: 0, step: -1, kind: '' };
  let failure: Failure | null = null;
  let early = NOTHING;
  let k = 0;
  for (; k < o.steps && failure === null; k++) {
    const check = k % CHECK_EVERY === CHECK_EVERY - 1 || k === o.steps - 1;
    const seed = mix(mix(o.seed, o.life), k);
    const { name: kind, run } = kindOf(seed);
    const fail = (message: string): Failure => ({ step: k, kind, message });
    try {
      if (o.only === undefined || o.only.has(k)) {
        random.seed(seed);
        o.onStep?.(k);
        const start = threadMs();
        target.revive();
        run(d);
        const ms = threadMs() - start;
        if (ms > slowest.ms) slowest = { ms, step: k, kind };
        if (ms > o.slowMs) failure = fail(`took ${ms.toFixed(0)} ms`);
      }
      const wrong = trouble(d, check);
      if (wrong !== null) failure = fail(wrong);
    } catch (error) {
      failure = fail((error as Error).stack ?? String(error));
    }
    if (o.measure && k === half) early = held();
  }
  const late = o.measure && failure === null ? held() : early;
  const grown = { heap: late.heap - early.heap, buffers: late.buffers - early.buffers };
  if (grown.heap > HEAP_MOST || grown.buffers > BUFFERS_MOST) {
    const message = `${grown.heap} bytes of objects and ${grown.buffers} of buffers more are kept`;
    failure = { step: k - 1, kind: 'growth', message };
  }
  const { translations, seen } = target.memory;
  const stops = target instanceof VgpuTarget ? target.stops : new Map<string, number>();
  // biome-ignore format: one object a line
  return { failure, steps: k, accesses: d.accesses, commands: d.commands, translations, seen, slowest, grown, stops };
}
