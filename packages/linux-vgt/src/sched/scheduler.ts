import type { Clock, ClockEvent } from '@xengt/hsw-device';
import type { Vgpu } from '../vgpu/vgpu.ts';
import { budgetOf, limit, PERIOD_NS } from './cap.ts';
import { ENGINES, type SchedEntity } from './entity.ts';
import { makePolicy, type PolicyName, type SchedulerPolicy } from './policy.ts';
import type { RenderSwitch } from './render-switch.ts';

/** A timer is not set for less: a time that rounding puts at the present must not fire for ever. */
const TIMER_MIN_NS = 1_000;

/** What the scheduler counts; they only grow. */
export interface SchedulerCounters {
  /** Slices that ended while others waited; those of a VM that then got another are counted too. */
  slices: number;
  /** Slices cut short for a VM whose work arrived. */
  preemptions: number;
  /** Turns given to a VM because it had waited for the bound on waiting. */
  starved: number;
  /** Times a VM had used up its cap. */
  throttled: number;
}

export interface SchedulerOptions {
  readonly clock: Clock;
  readonly switch: RenderSwitch;
  readonly policy: PolicyName;
  /** Null: the policy's own. */
  readonly sliceNs: number | null;
  /** A VM with work that has waited so long goes first. */
  readonly starvationNs: number;
  /** How long an engine has had work in all, nanoseconds. */
  readonly busyNs: (engine: number) => number;
  /** The VM has the engines and may go on: what it has pending goes to hardware. */
  readonly resume: (vgpu: Vgpu) => void;
  /** Who gets the engines when a VM is stopped and nobody else wants them: dom0. */
  readonly refuge: () => Vgpu;
}

/**
 * Decides which VM has the engines. Only VMs with work are looked at, and only when something
 * changed: work arrived, a slice or a period of a cap ended, the owner ran out of work. A VM is
 * charged the time in which its busiest engine had work; switches are nobody's.
 */
export class Scheduler {
  /** Off: the owner keeps the engines. Upstream: the ctx_switch node. */
  enabled = true;
  policy: SchedulerPolicy;
  readonly counters: SchedulerCounters = { slices: 0, preemptions: 0, starved: 0, throttled: 0 };
  readonly #o: SchedulerOptions;
  readonly #clock: Clock;
  readonly #switch: RenderSwitch;
  /** VMs with work that have not the engines, in no order. */
  readonly #ready: SchedEntity[] = [];
  #sliceNs: number | null;
  /** Something changed since the last decision. */
  #due = false;
  #chargedAt = 0;
  #sliceEnd = 0;
  /** Since when somebody else has waited; Infinity while nobody does. */
  #contendedAt: number = Number.POSITIVE_INFINITY;
  readonly #busyBefore = new Float64Array(ENGINES);
  #timer: ClockEvent | null = null;

  constructor(o: SchedulerOptions) {
    this.#o = o;
    this.#clock = o.clock;
    this.#switch = o.switch;
    this.#sliceNs = o.sliceNs;
    this.policy = makePolicy(o.policy, o.sliceNs);
  }

  /** Another policy from now on; nothing that was noted for the old one counts. */
  setPolicy(name: PolicyName, vms: readonly Vgpu[]): void {
    this.settle();
    this.policy = makePolicy(name, this.#sliceNs);
    for (const vm of vms) vm.sched.forgetPolicy();
    this.changed();
  }

  /** @param ns slice of this and later policies; null takes each one's own */
  setSlice(ns: number | null): void {
    this.#sliceNs = ns;
    this.policy.sliceNs = ns ?? this.policy.defaultSliceNs;
    this.changed();
  }

  /** VMs that have work and wait. */
  get waiting(): number {
    return this.#ready.length;
  }

  /** What a decision depends on has changed: a weight, a cap, whether a VM may run. */
  changed(): void {
    this.#due = true;
    this.consider();
  }

  /** Keeps the engines from a VM, or no longer. What it is in the middle of ends first. */
  setStopped(vgpu: Vgpu, stopped: boolean): void {
    const e = vgpu.sched;
    if (e.stopped === stopped) return;
    e.stopped = stopped;
    if (this.#switch.owner === vgpu) this.#heldChanged(e);
    this.changed();
  }

  /** A VM has work that hardware was not given. Any time; again and again is cheap. */
  woke(vgpu: Vgpu): void {
    const e = vgpu.sched;
    if (e.queued || this.#switch.owner === vgpu || this.#switch.next === vgpu) {
      if (this.#due) this.consider();
      return;
    }
    // Whoever is about to get the engines has left those that wait.
    const first = this.#switch.next ?? this.#switch.owner;
    this.settle();
    this.policy.woke(e, this.#ready, first?.sched ?? null);
    e.fresh = true;
    this.#queue(e);
    this.changed();
  }

  #queue(e: SchedEntity): void {
    e.queued = true;
    e.waitingSince = this.#clock.now;
    if (this.#ready.length === 0) this.#contendedAt = e.waitingSince;
    this.#ready.push(e);
  }

  #leave(e: SchedEntity): void {
    if (!e.queued) return;
    e.queued = false;
    this.#ready[this.#ready.indexOf(e)] = this.#ready.at(-1) as SchedEntity;
    this.#ready.pop();
  }

  /** Decides whether the engines change hands now. Called after every step of the device. */
  consider(): void {
    if (this.#ready.length === 0 && !this.#due) return;
    const sw = this.#switch;
    if (!sw.steady || sw.closed) return;
    const vgpu = sw.owner;
    if (!this.enabled && vgpu !== null) return;
    // Engines at work say so first: this is asked after every step.
    const over = vgpu === null || vgpu.sched.held || (sw.allResting && !vgpu.hasWork);
    if (this.#due || (over && this.#wanted)) this.#decide(vgpu?.sched ?? null, over);
  }

  /** Whether another VM than the owner has work and may have, or is about to get, the engines. */
  get contended(): boolean {
    if (!this.enabled) return false;
    if (this.#switch.draining) return true;
    for (const e of this.#ready) if (e.mayRun && e.vgpu.pending) return true;
    return false;
  }

  /** Whether somebody who waits may have the engines. */
  get #wanted(): boolean {
    for (const e of this.#ready) if (e.mayRun) return true;
    return false;
  }

  #decide(owner: SchedEntity | null, over: boolean): void {
    this.#due = false;
    this.settle();
    const now = this.#clock.now;
    this.#prune(now);
    const held = owner !== null && this.#limitOwner(owner, now);
    const keep = over || held ? null : owner;
    const next = this.#starving(now) ?? this.policy.pick(this.#ready, keep);
    if (next === null || next === owner) {
      if (owner !== null && next === null && owner.stopped) this.#evict(owner);
      if (next !== null && now >= this.#sliceEnd) this.#nextSlice(next, now);
      if (this.#switch.steady) this.#arm(owner, now);
      return;
    }
    const early = keep !== null && now < this.#sliceEnd;
    const wait = !early
      ? 0
      : next.fresh
        ? this.policy.preemptsIn(next, keep)
        : this.#sliceEnd - now;
    if (wait > 0) {
      this.#arm(owner, now, now + wait);
      return;
    }
    if (early) this.counters.preemptions++;
    if (keep !== null) this.counters.slices++;
    if (now - next.waitingSince >= this.#o.starvationNs) this.counters.starved++;
    this.#give(next);
  }

  /** Whoever has no work left is not looked at again; caps begin a new period. */
  #prune(now: number): void {
    for (let i = this.#ready.length - 1; i >= 0; i--) {
      const e = this.#ready[i] as SchedEntity;
      if (!e.vgpu.alive || !e.vgpu.pending) this.#leave(e);
      else limit(e, now);
    }
    if (this.#ready.length === 0) this.#contendedAt = Number.POSITIVE_INFINITY;
  }

  /** The owner's cap. @returns whether nothing new of it goes to hardware */
  #limitOwner(owner: SchedEntity, now: number): boolean {
    const was = owner.throttled;
    limit(owner, now);
    if (owner.throttled !== was) {
      if (!was) this.counters.throttled++;
      this.#heldChanged(owner);
    }
    return owner.held;
  }

  /** The owner is held: its rings end at the request in progress. Or no longer. */
  #heldChanged({ held, vgpu }: SchedEntity): void {
    if (!this.#switch.steady) return;
    if (!held) this.#o.resume(vgpu);
    else for (const engine of vgpu.engines) engine.cut();
  }

  #starving(now: number): SchedEntity | null {
    let longest: SchedEntity | null = null;
    for (const e of this.#ready) {
      if (!e.mayRun || now - e.waitingSince < this.#o.starvationNs) continue;
      if (longest === null || e.waitingSince < longest.waitingSince) longest = e;
    }
    return longest;
  }

  /** A stopped VM leaves the engines even if nobody else wants them. Upstream: to dom0. */
  #evict(owner: SchedEntity): void {
    const to = this.#o.refuge();
    if (to !== owner.vgpu && !to.sched.stopped) this.#give(to.sched);
  }

  #nextSlice(e: SchedEntity, now: number): void {
    this.counters.slices++;
    this.#sliceEnd = now + this.policy.sliceOf(e);
  }

  /** Sets the timer for what time alone will change. */
  #arm(owner: SchedEntity | null, now: number, before: number = Number.POSITIVE_INFINITY): void {
    let at = before;
    for (const e of this.#ready) {
      if (e.throttled) at = Math.min(at, (e.period + 1) * PERIOD_NS);
      else if (e.mayRun && owner !== null) at = Math.min(at, this.#sliceEnd);
    }
    if (owner !== null && owner.cap !== 0) {
      const left = budgetOf(owner) - owner.periodNs;
      const end = (owner.period + 1) * PERIOD_NS;
      at = Math.min(at, owner.throttled ? end : Math.min(end, now + left));
    }
    this.#timer?.cancel();
    this.#timer = null;
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.at(Math.max(at, now + TIMER_MIN_NS), this.#fire);
  }

  readonly #fire = (): void => {
    this.#timer = null;
    this.changed();
  };

  #give(next: SchedEntity): void {
    this.stop();
    this.#leave(next);
    this.#switch.request(next.vgpu);
  }

  /** A VM's state is in hardware: its slice begins. */
  began(vgpu: Vgpu): void {
    const now = this.#switch.ownerSince;
    vgpu.sched.fresh = false;
    this.#chargedAt = now;
    this.#sliceEnd = now + this.policy.sliceOf(vgpu.sched);
    if (this.#ready.length > 0) this.#contendedAt = now;
    for (let i = 0; i < ENGINES; i++) this.#busyBefore[i] = this.#o.busyNs(i);
    this.#due = true;
  }

  /** A VM lost the engines. An overrun is what it ran after it should have made room. */
  ended(vgpu: Vgpu): void {
    const e = vgpu.sched;
    this.#settle(e);
    this.policy.ended(
      e,
      Math.max(0, this.#chargedAt - Math.max(this.#sliceEnd, this.#contendedAt)),
    );
    if (vgpu.alive && vgpu.pending) this.#queue(e);
  }

  /** Charges what the owner has had up to now. */
  settle(): void {
    const { owner } = this.#switch;
    if (owner !== null) this.#settle(owner.sched);
  }

  #settle(e: SchedEntity): void {
    const now = this.#clock.now;
    e.ranNs += now - this.#chargedAt;
    this.#chargedAt = now;
    let used = 0;
    for (let i = 0; i < ENGINES; i++) {
      const busy = this.#o.busyNs(i);
      const ns = busy - (this.#busyBefore[i] as number);
      this.#busyBefore[i] = busy;
      e.busyNs[i] = (e.busyNs[i] as number) + ns;
      used = Math.max(used, ns);
    }
    // An owner without work is in nobody's way: it is not charged.
    e.periodNs += used;
    this.policy.charge(e, used);
  }

  /** A VM is gone. */
  forget(vgpu: Vgpu): void {
    this.#leave(vgpu.sched);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
