import { type Clock, ENGINE_IDS, type HaswellDevice } from '@xengt/hsw-device';
import type { AttributeTable } from '../attr/attribute-table.ts';
import type { RenderSwitch } from '../sched/render-switch.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import { DeviceReset } from './device-reset.ts';
import { CAUSE_TEXT, engineNames, HangLog, positions } from './hang-log.ts';
import { type HangCause, HangWatch } from './hang-watch.ts';
import type { RecoveryLimits } from './limits.ts';

const NS_PER_SECOND = 1e9;

/** What recovery counts; they only grow. */
export interface RecoveryCounters {
  /** Hangs found, and engines reset for them. */
  hangs: number;
  engineResets: number;
  /** Engine resets that did not help. */
  escalations: number;
  quarantines: number;
}

export interface RecoveryOptions {
  readonly device: HaswellDevice;
  readonly clock: Clock;
  readonly attr: AttributeTable;
  readonly switch: RenderSwitch;
  readonly limits: RecoveryLimits;
  /** Tells people outside. @param kind of which only the newest counts */
  readonly uevent: (domid: number, kind: string, text: string) => void;
  readonly fatal: (reason: string) => void;
  readonly othersWait: () => boolean;
  /** The engines may go to somebody. */
  readonly consider: () => void;
}

/**
 * What happens when an engine hangs. Its owner is to blame: the engine is reset and kept from it
 * until its driver, which finds the ring standing still, resets it as on a GPU of its own. The VM's
 * other engines go on, and no other VM notices but by the time that the hang took.
 */
export class Recovery {
  readonly counters: RecoveryCounters = {
    hangs: 0,
    engineResets: 0,
    escalations: 0,
    quarantines: 0,
  };
  readonly log: HangLog = new HangLog();
  readonly watch: HangWatch;
  readonly device: DeviceReset;
  readonly limits: RecoveryLimits;
  /** Why the mediator gave up; null while it goes on. */
  fatalReason: string | null = null;
  readonly #o: RecoveryOptions;
  /** When a VM's engines hung, the latest few, nanoseconds. */
  readonly #hangTimes = new WeakMap<Vgpu, number[]>();

  constructor(o: RecoveryOptions) {
    this.#o = o;
    this.limits = o.limits;
    this.watch = new HangWatch(o.device, o.clock, o.switch, o.limits, {
      othersWait: o.othersWait,
      hung: (owner, mask, cause, stillNs, waitedNs) =>
        this.#hung(owner, mask, cause, stillNs, waitedNs),
    });
    const interval = o.limits.deviceResetNs;
    this.device = new DeviceReset(o.switch.hardware, o.clock, o.switch, interval, {
      done: () => {
        o.uevent(0, 'reset', 'VGT_DEVICE_RESET=1');
        o.consider();
      },
      fatal: (reason) => this.#fatal(reason),
    });
  }

  #hung(vgpu: Vgpu, mask: number, cause: HangCause, stillNs: number, waitedNs: number): void {
    const { clock, device } = this.#o;
    const sw = this.#o.switch;
    this.counters.hangs++;
    const at = positions(device, mask);
    this.log.add({ atNs: clock.now, domid: vgpu.domid, mask, cause, stillNs, waitedNs, at });
    const text = `${engineNames(mask)}: ${CAUSE_TEXT[cause]}`;
    if (!this.limits.reset) {
      this.#fatal(`VM ${vgpu.domid} hangs the GPU, and resets are off: ${text}`);
      return;
    }
    if (sw.draining) sw.counters.timeouts++;
    vgpu.counters.hangs++;
    // One that waited for an engine that hung before it is no offence of its own.
    const counts = cause !== 'semaphore' || vgpu.heldEngines === 0;
    for (const ring of vgpu.engines) if ((mask & (1 << ring.index)) !== 0) ring.hangs++;
    this.#take(vgpu, mask);
    this.#o.uevent(vgpu.domid, 'hang', 'VGT_HANG=1');
    if (counts) this.#judge(vgpu, text);
    sw.advance();
    this.#o.consider();
  }

  /** Takes engines from a VM that is in hardware, with what they are in the middle of. */
  #take(vgpu: Vgpu, mask: number): void {
    const sw = this.#o.switch;
    this.#latch(vgpu, mask);
    sw.hardware.engines(mask);
    let broken = 0;
    for (let i = 0; i < ENGINE_IDS.length; i++) {
      if ((mask & (1 << i)) === 0) continue;
      this.counters.engineResets++;
      if (!sw.resting(i)) broken |= 1 << i;
    }
    if (broken === 0) return;
    // A reset of the device takes all that the VM has in hardware: its driver has to reset all of it.
    this.counters.escalations++;
    this.#latch(vgpu, 0xf);
    sw.expel(vgpu);
    this.device.force();
  }

  /** A drain that is under way ends now: what does not rest is taken from its owner, as if it hung. */
  breakUp(): void {
    const sw = this.#o.switch;
    const { owner } = sw;
    if (!sw.draining || owner === null) return;
    sw.counters.timeouts++;
    this.#take(owner, this.#busy);
    sw.advance();
  }

  /** Engines that do not rest, a bit each. */
  get #busy(): number {
    let busy = 0;
    for (let i = 0; i < ENGINE_IDS.length; i++) if (!this.#o.switch.resting(i)) busy |= 1 << i;
    return busy;
  }

  /** The VM's driver will find the engines as they are now, and nothing runs on them until it resets them. */
  #latch(vgpu: Vgpu, mask: number): void {
    const { attr, device } = this.#o;
    const fresh = mask & ~vgpu.heldEngines;
    if (vgpu.loaded) {
      attr.status.forEach((offset, k) => {
        if (((attr.statusEngine[k] as number) & fresh) === 0) return;
        vgpu.vreg.dw[offset >>> 2] = device.regs.read32(offset);
      });
    }
    for (const ring of vgpu.engines) if ((fresh & (1 << ring.index)) !== 0) ring.hold();
  }

  /** Hardware lost the VM's render context, by no fault of its own. */
  lostContext(vgpu: Vgpu): void {
    if (vgpu.alive) this.#latch(vgpu, 1);
  }

  /** A VM that hangs again and again is not run any more. dom0 is spared: it is the host. */
  #judge(vgpu: Vgpu, last: string): void {
    const { quarantineHangs, quarantineNs } = this.limits;
    if (vgpu.isDom0 || quarantineHangs === 0) return;
    const { now } = this.#o.clock;
    const times = this.#hangTimes.get(vgpu) ?? [];
    this.#hangTimes.set(vgpu, times);
    times.push(now);
    while (times.length > 0 && now - (times[0] as number) > quarantineNs) times.shift();
    if (times.length < quarantineHangs) return;
    const seconds = Math.round(quarantineNs / NS_PER_SECOND);
    this.quarantine(vgpu, `${times.length} hangs within ${seconds} s, the last on ${last}`);
  }

  /** Nothing is run for the VM any more, and its resets do not succeed. Its display goes on. */
  quarantine(vgpu: Vgpu, reason: string): void {
    if (vgpu.quarantine !== null) return;
    vgpu.quarantine = reason;
    this.counters.quarantines++;
    if (vgpu.loaded && this.#busy !== 0) this.#take(vgpu, this.#busy);
    this.#latch(vgpu, 0xf);
    this.#o.uevent(vgpu.domid, 'quarantine', 'VGT_QUARANTINE=1');
    this.#o.consider();
  }

  /** Ends a VM's quarantine: its next reset works again. */
  pardon(vgpu: Vgpu): void {
    this.#hangTimes.delete(vgpu);
    vgpu.pardon();
    this.#o.uevent(vgpu.domid, 'quarantine', 'VGT_QUARANTINE=0');
  }

  #fatal(reason: string): void {
    if (this.fatalReason !== null) return;
    this.fatalReason = reason;
    this.watch.stop();
    this.#o.fatal(reason);
  }
}
