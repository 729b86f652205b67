import { GM_PAGES } from '@xengt/hsw-device';
import type { Errno } from '../errno.ts';
import type { Vgt } from '../vgt.ts';

const BUDGET = 0x10000;
const LOOKS_MAX = 65_536;

/**
 * The whole machine's sleep (S3). Upstream: vgt_suspend and vgt_resume. Before it dom0 has the engines
 * and nothing runs; after it hardware is as after power-on, and everything of it that is not a
 * driver's to restore is put back: the GTT of all VMs, their fences, the interrupt masks.
 */
export class Sleep {
  readonly #vgt: Vgt;
  #scheduled = true;
  #asleep = false;

  constructor(vgt: Vgt) {
    this.#vgt = vgt;
  }

  /** @returns EBUSY when engines do not come to rest: nothing sleeps then; EINVAL when it does */
  suspend(): Errno | null {
    const { scheduler, switch: sw, dom0, device } = this.#vgt;
    if (this.#asleep) return 'EINVAL';
    this.#scheduled = scheduler.enabled;
    scheduler.enabled = false;
    for (let i = 0; !(sw.steady && sw.owner === dom0 && sw.allResting); i++) {
      if (i === LOOKS_MAX) {
        scheduler.enabled = this.#scheduled;
        scheduler.consider();
        return 'EBUSY';
      }
      if (sw.steady) sw.request(dom0);
      device.step(BUDGET);
      this.#vgt.tick();
    }
    sw.park();
    this.#asleep = true;
    return null;
  }

  resume(): void {
    if (!this.#asleep) return;
    this.#asleep = false;
    const {
      device,
      reserved,
      residency,
      scanOut,
      vms,
      scheduler,
      interrupts,
      forcewake,
      switch: sw,
    } = this.#vgt;
    forcewake.restore();
    for (let i = 0; i < GM_PAGES; i++) device.ggtt.write(i, reserved.dummyPte);
    reserved.map(device.ggtt);
    residency.forget();
    scanOut.restore();
    for (const vm of vms) {
      if (!vm.slice.shared) vm.ggtt.install();
      vm.fences.restore();
    }
    sw.reload();
    interrupts.recompute();
    scheduler.enabled = this.#scheduled;
    scheduler.consider();
  }
}
