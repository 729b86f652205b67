import type { Clock, ClockEvent } from '@xengt/hsw-device';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { RenderSwitch } from './render-switch.ts';

/** Part of a slice that a VM's overrun may cost it the next time. */
const DEBT_MAX = 0.9;

/**
 * Timer round robin: a VM with work has the engines for a slice, then the next one with work. A
 * VM that has nothing to run gives way at once. Work is not cut in the middle of a request, so a VM
 * may run over; what it overran is taken off its next slice.
 */
export class Scheduler {
  /** Off: the owner keeps the engines. Upstream: the ctx_switch node. */
  enabled = true;
  readonly sliceNs: number;
  readonly #clock: Clock;
  readonly #switch: RenderSwitch;
  readonly #vms: () => readonly Vgpu[];
  #last: Vgpu | null = null;
  #timer: ClockEvent | null = null;

  constructor(clock: Clock, sw: RenderSwitch, vms: () => readonly Vgpu[], sliceNs: number) {
    this.#clock = clock;
    this.#switch = sw;
    this.#vms = vms;
    this.sliceNs = sliceNs;
  }

  /** The VM with work whose turn is next after the owner's; null when no other has work. */
  #pick(): Vgpu | null {
    const vms = this.#vms();
    const owner = this.#switch.owner;
    const start = vms.indexOf((owner ?? this.#last) as Vgpu);
    for (let k = 1; k <= vms.length; k++) {
      const vm = vms[(start + k + vms.length) % vms.length] as Vgpu;
      if (vm !== owner && vm.hasWork) return vm;
    }
    return null;
  }

  /** Decides whether the engines change hands now. Called whenever that may have changed. */
  consider(): void {
    const sw = this.#switch;
    if (!sw.steady) return;
    const owner = sw.owner;
    if (!this.enabled && owner !== null) return;
    const next = this.#pick();
    if (next === null) return;
    const idle = owner === null || (!owner.hasWork && sw.allResting);
    // One sum decides both: a timer at it that found the slice not over would set itself for ever.
    const at = sw.ownerSince + (owner === null ? 0 : this.#slice(owner));
    if (idle || this.#clock.now >= at) {
      this.#give(next);
      return;
    }
    if (this.#timer !== null) return;
    this.#timer = this.#clock.at(at, () => {
      this.#timer = null;
      this.consider();
    });
  }

  #slice(vgpu: Vgpu): number {
    return this.sliceNs - vgpu.debtNs;
  }

  #give(next: Vgpu): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#last = next;
    this.#switch.request(next);
  }

  /** A VM lost the engines: an overrun counts against its next slice. */
  ended(vgpu: Vgpu, ranNs: number): void {
    const over = ranNs - this.#slice(vgpu);
    vgpu.debtNs = Math.min(Math.max(over, 0), this.sliceNs * DEBT_MAX);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
