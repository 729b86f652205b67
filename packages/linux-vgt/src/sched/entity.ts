import type { Vgpu } from '../vgpu/vgpu.ts';
import { Histogram } from './histogram.ts';

/** Weights; as Xen's credit scheduler has them. */
export const WEIGHT_DEFAULT = 256;
export const WEIGHT_MAX = 65535;
/** Engines of the GPU. */
export const ENGINES = 4;

/** A VM's share as its host asks for it. */
export interface ShareParams {
  /** Part of the engines' time against the others' weights, 1 to {@link WEIGHT_MAX}. */
  readonly weight?: number;
  /** Most percent of the engines' time it may have, 1 to 100; 0 is no limit. */
  readonly cap?: number;
}

/** Whether weight and cap, if there are any, are in range. */
export function isShare({ weight = 1, cap = 0 }: ShareParams): boolean {
  const within = (n: number, min: number, max: number): boolean =>
    Number.isInteger(n) && n >= min && n <= max;
  return within(weight, 1, WEIGHT_MAX) && within(cap, 0, 100);
}

/** One VM to the scheduler: what it may have, what it had, and what policies note about it. */
export class SchedEntity {
  readonly vgpu: Vgpu;
  /** Order in which VMs came. */
  readonly turn: number;
  weight: number;
  cap: number;
  /** Its host keeps the engines from it. */
  stopped = false;
  /** It has used up its cap in this period. */
  throttled = false;
  /** It has work and waits for the engines, since when, nanoseconds. */
  queued = false;
  waitingSince = 0;
  /** It had no work before, and has not had the engines since. */
  fresh = false;
  /** Time it had the engines in all; and in which it used them in the cap's period. */
  ranNs = 0;
  periodNs = 0;
  period = 0;
  /** Timer: what turns ran over, and when that began to be paid. Fair: time by weight. Event: what is left of its slice. */
  debtNs = 0;
  debtFromNs = 0;
  virtualNs = 0;
  remainingNs = 0;
  refills = 0;
  /** Time each engine had work while the VM had the engines, nanoseconds. */
  readonly busyNs: Float64Array = new Float64Array(ENGINES);
  /** From a TAIL write to the hand-over of its work to hardware. */
  readonly latency: Histogram = new Histogram();
  #askedRanNs = 0;
  #askedBusyNs = 0;

  constructor(vgpu: Vgpu, turn: number, { weight, cap }: ShareParams = {}) {
    this.vgpu = vgpu;
    this.turn = turn;
    this.weight = weight ?? WEIGHT_DEFAULT;
    this.cap = cap ?? 0;
  }

  /** Nothing new of it goes to hardware. */
  get held(): boolean {
    return this.stopped || this.throttled;
  }

  /** It has work and may have the engines. */
  get mayRun(): boolean {
    return !this.stopped && !this.throttled && this.vgpu.hasWork;
  }

  /** Time in which its busiest engine had work. */
  get busiestNs(): number {
    let most = 0;
    for (let i = 0; i < ENGINES; i++) most = Math.max(most, this.busyNs[i] as number);
    return most;
  }

  /**
   * Percent of its time on the engines in which the busiest one had work, since this was last
   * asked, 0 to 100; 0 if it had none.
   */
  utilisation(): number {
    const ran = this.ranNs - this.#askedRanNs;
    const busy = this.busiestNs - this.#askedBusyNs;
    this.#askedRanNs = this.ranNs;
    this.#askedBusyNs = this.busiestNs;
    return ran <= 0 ? 0 : Math.min(100, Math.round((busy * 100) / ran));
  }

  /** Nothing is remembered of what another policy noted. */
  forgetPolicy(): void {
    this.debtNs = 0;
    this.debtFromNs = 0;
    this.virtualNs = 0;
    this.remainingNs = 0;
    this.refills = 0;
  }
}
