import { ENGINE_IDS, type Engine, engineRegs, type HaswellDevice } from '@xengt/hsw-device';
import type { RenderSwitch } from '../sched/render-switch.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import { type EngineProgress, RUNS } from './progress.ts';

const R = engineRegs;
const UNKNOWN = -1;

/**
 * What may still signal a semaphore: all that lay in the VM's other rings when the first of its
 * engines began to wait. What comes later is no excuse, since there may always be more.
 */
export class Signals {
  readonly #device: HaswellDevice;
  /** HEAD of each ring at the latest look, UNKNOWN while nobody waits; bytes to the TAIL it had then. */
  readonly #heads: Int32Array = new Int32Array(ENGINE_IDS.length).fill(UNKNOWN);
  readonly #ahead: Int32Array = new Int32Array(ENGINE_IDS.length);

  constructor(device: HaswellDevice) {
    this.#device = device;
  }

  /** Nobody waits any more. */
  forget(): void {
    this.#heads.fill(UNKNOWN);
  }

  /** @param waits engines that wait for a semaphore, a bit each */
  mayCome(
    owner: Vgpu,
    waits: number,
    progress: readonly EngineProgress[],
    sw: RenderSwitch,
  ): boolean {
    let comes = false;
    for (const ring of owner.engines) {
      const i = ring.index;
      if ((waits & (1 << i)) !== 0 || !ring.enabled || ring.held) continue;
      this.#follow(i, ring.bytes - 1, ring.tail);
      const ahead = this.#ahead[i] as number;
      const works = !sw.resting(i) && (progress[i] as EngineProgress).kind === RUNS;
      // At its end the last of it may still be at work.
      if (ahead >= 0 && (works || (ahead > 0 && ring.pending))) comes = true;
    }
    return comes;
  }

  #follow(i: number, mask: number, tail: number): void {
    const engine = this.#device.gt.engines[i] as Engine;
    const head = engine.reg(R.RING_HEAD) & R.HEAD_ADDR & mask;
    const last = this.#heads[i] as number;
    this.#heads[i] = head;
    if (last === UNKNOWN) this.#ahead[i] = (tail - head) & mask;
    else this.#ahead[i] = (this.#ahead[i] as number) - ((head - last) & mask);
  }
}
