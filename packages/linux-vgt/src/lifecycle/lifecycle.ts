import type { Errno } from '../errno.ts';
import type { Slice } from '../partition/partition.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { Vgt } from '../vgt.ts';
import { Lending } from './lending.ts';
import { Sleep } from './sleep.ts';
import { importVgpu, loadVgpu, prepareVgpu, type StateRefusal } from './take-state.ts';
import { exportVgpu, type VgpuStateV1 } from './vgpu-state.ts';

/** How long a VM that is stopped may keep the engines, nanoseconds. Upstream: 200 ms. */
export const STOP_WAIT_NS = 200_000_000;
/** Work given to the device between two looks, bytes. */
const BUDGET = 0x10000;
/** Looks without the clock moving after which the engines are taken for stuck. */
const LOOKS_MAX = 4096;

/** What upstream's `schedule` node says of a VM: has the engines, waits for them, gets them no more. */
export type ScheduleState = 'ACTIVE' | 'DEACTIVE' | 'REMOVED';

/** Stopping a VM's use of the engines, and taking its state or giving it one. */
export class Lifecycle {
  /** Stops that ended by a reset of engines that did not come to rest. */
  forced = 0;
  /** What was last written to each VM's `dirty_bitmap`, as it reads back. */
  readonly dirtyBitmaps: WeakMap<Vgpu, Uint8Array> = new WeakMap();
  /** The whole GPU lent to somebody who uses it without the mediator. */
  readonly lending: Lending;
  readonly #vgt: Vgt;
  readonly #sleep: Sleep;

  constructor(vgt: Vgt) {
    this.#vgt = vgt;
    this.#sleep = new Sleep(vgt);
    this.lending = new Lending(vgt, this.#sleep);
  }

  /** What upstream's `schedule` node says. */
  schedule(vgpu: Vgpu): ScheduleState {
    if (vgpu.sched.stopped) return 'REMOVED';
    return vgpu.loaded ? 'ACTIVE' : 'DEACTIVE';
  }

  /**
   * The VM gets the engines no more: it loses them at the next request boundary. dom0 has them then, as
   * upstream. {@link stopped} says when.
   */
  requestStop(vgpu: Vgpu): void {
    this.#vgt.scheduler.setStopped(vgpu, true);
    this.switched();
  }

  /** Whether nothing of a descheduled VM is in the engines or on its way into them. */
  stopped(vgpu: Vgpu): boolean {
    const { owner, next } = this.#vgt.switch;
    return vgpu.sched.stopped && owner !== vgpu && next !== vgpu;
  }

  /** Engines that a stopped VM has, or just got by a switch under way, go to dom0, even unscheduled. */
  switched(): void {
    const { switch: sw, dom0 } = this.#vgt;
    if (sw.owner?.sched.stopped === true && sw.steady) sw.request(dom0);
  }

  /**
   * {@link requestStop}, with the device run until the VM is out or 200 ms of the clock have passed.
   *
   * @param force resets engines that are not at rest by then: their owner's driver sees a hang
   * @returns EPERM for dom0, EBUSY when it could not be stopped: then it goes on
   */
  stop(vgpu: Vgpu, force = false): Errno | null {
    if (vgpu.isDom0) return 'EPERM';
    this.requestStop(vgpu);
    if (this.#drained(vgpu)) return null;
    if (force) {
      this.forced++;
      this.#vgt.recovery.breakUp();
      if (this.#drained(vgpu)) return null;
    }
    this.start(vgpu);
    return 'EBUSY';
  }

  #drained(vgpu: Vgpu): boolean {
    const { clock, device } = this.#vgt;
    const until = clock.now + STOP_WAIT_NS;
    let last = clock.now;
    for (let looks = 0; !this.stopped(vgpu); looks++) {
      const { now } = clock;
      if (now >= until || looks === LOOKS_MAX) return false;
      if (now !== last) looks = 0;
      last = now;
      device.step(BUDGET);
      this.#vgt.tick();
    }
    return true;
  }

  /** The VM may have the engines again. */
  start(vgpu: Vgpu): void {
    const { scheduler } = this.#vgt;
    scheduler.setStopped(vgpu, false);
    // Work that came with its state was never announced here.
    if (vgpu.pending) scheduler.woke(vgpu);
  }

  /**
   * A VM's whole state: what another mediator needs for the VM to go on.
   *
   * @returns EPERM for dom0, whose display is the physical one; EBUSY for a VM that is not stopped or
   * that is in the foreground; ENODEV for one that did what no VM may
   */
  save(vgpu: Vgpu): VgpuStateV1 | Errno {
    if (vgpu.isDom0) return 'EPERM';
    if (!vgpu.alive) return 'ENODEV';
    if (!this.stopped(vgpu) || vgpu.foreground) return 'EBUSY';
    return exportVgpu(this.#vgt, vgpu);
  }

  /**
   * Makes a vGPU out of a state. It is stopped: {@link start} lets it go on. The domain's memory is
   * there already, in whatever machine frames.
   *
   * @returns the vGPU, or why there is none: then nothing has changed
   */
  restore(domid: number, state: unknown): Vgpu | StateRefusal {
    return importVgpu(this.#vgt, domid, state);
  }

  /**
   * Makes an empty stopped vGPU with the very graphics memory of one that is about to come, so that
   * its {@link load} has less to do.
   */
  prepare(domid: number, slice: Slice, primary: boolean): Vgpu | StateRefusal {
    return prepareVgpu(this.#vgt, domid, slice, primary);
  }

  /**
   * Gives a state to a vGPU that is there and stopped, and has the same graphics memory. Upstream: a
   * write of the `state` node.
   *
   * @param fresh nothing of it is worth keeping if the state is refused
   * @returns null, or why it was refused: then it has the state that it had
   */
  load(vgpu: Vgpu, state: unknown, fresh = false): StateRefusal | null {
    if (vgpu.isDom0 || !this.stopped(vgpu) || vgpu.foreground) {
      return { code: 'NOT_STOPPED', message: `the vGPU of domain ${vgpu.domid} is in use` };
    }
    return loadVgpu(this.#vgt, vgpu, state, fresh);
  }

  /** The machine goes to sleep. Upstream: vgt_suspend. @returns EBUSY: engines did not come to rest */
  suspend(): Errno | null {
    return this.#sleep.suspend();
  }

  /** The machine woke; the device has lost its state. */
  resume(): void {
    this.#sleep.resume();
  }
}
