import type { Engine, HaswellDevice } from '@xengt/hsw-device';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { VirtualEngine } from './virtual-engine.ts';

/**
 * New work for engines that have some. Such an engine comes to it in its next step at the earliest: until
 * then TAIL writes only gather, and just before that step all that they added to a ring is copied,
 * checked and handed over at once. A driver that submits one small request after the other pays for
 * one look at its page tables, and one scan, in each step.
 */
export class Gathering {
  /** TAIL writes that found their ring's work waiting for the step already, or left it to it. */
  gathered = 0;
  readonly #device: HaswellDevice;
  readonly #handOver: (vgpu: Vgpu, ring: VirtualEngine) => void;
  /** Whose rings gather; null while none does. */
  #vgpu: Vgpu | null = null;

  constructor(device: HaswellDevice, handOver: (vgpu: Vgpu, ring: VirtualEngine) => void) {
    this.#device = device;
    this.#handOver = handOver;
    device.onStep = () => {
      if (this.#vgpu !== null) this.#flush(this.#vgpu);
    };
  }

  /**
   * TAIL of a loaded VM's ring moved.
   *
   * @returns false when its engine has nothing else to run: the work is handed over now
   */
  take(vgpu: Vgpu, ring: VirtualEngine): boolean {
    if (!ring.gathers) {
      if (!(this.#device.gt.engines[ring.index] as Engine).runnable) return false;
      if (this.#vgpu !== null && this.#vgpu !== vgpu) this.#flush(this.#vgpu);
      this.#vgpu = vgpu;
      ring.gathers = true;
    }
    this.gathered++;
    return true;
  }

  #flush(vgpu: Vgpu): void {
    this.#vgpu = null;
    for (const ring of vgpu.engines) {
      if (!ring.gathers) continue;
      ring.gathers = false;
      if (vgpu.alive && ring.pending) this.#handOver(vgpu, ring);
    }
  }
}
