import type { HaswellDevice } from '@xengt/hsw-device';

/** The mediator's own request, the one that a kernel driver uses. i915 `FORCEWAKE_KERNEL`. */
const FORCEWAKE_MT = 0xa188;
const REQUEST = 0x00010001;
const RELEASE = 0x00010000;
/** End of the registers that lie in the GT's power well. i915 `NEEDS_FORCE_WAKE`. */
const WELL_END = 0x40000;

/** What the request counts; they only grow. */
export interface ForcewakeCounters {
  /** Times hardware was asked to stay awake, and let go. Upstream: forcewake_count. */
  gets: number;
  puts: number;
  /** Reads of a sleeping GT that woke it for their own time. */
  around: number;
}

/**
 * Hardware's forcewake: one request of the mediator's for all who want the GT awake. VMs ask their
 * own virtual registers; here it counts who of them matters, and the mediator itself.
 */
export class HostForcewake {
  readonly counters: ForcewakeCounters = { gets: 0, puts: 0, around: 0 };
  /** Who holds it now. */
  holders = 0;
  readonly #device: HaswellDevice;

  constructor(device: HaswellDevice) {
    this.#device = device;
  }

  get(): void {
    if (this.holders++ !== 0) return;
    this.counters.gets++;
    this.#device.regs.write32(FORCEWAKE_MT, REQUEST);
  }

  put(): void {
    if (--this.holders !== 0) return;
    this.counters.puts++;
    this.#device.regs.write32(FORCEWAKE_MT, RELEASE);
  }

  /** Hardware forgot the request while it had no power: it is made again for whoever holds it. */
  restore(): void {
    if (this.holders > 0) this.#device.regs.write32(FORCEWAKE_MT, REQUEST);
  }

  /** Reads a register of hardware, awake while it lasts. @param offset multiple of 4 */
  read32(offset: number): number {
    const { regs, gt } = this.#device;
    if (offset >= WELL_END || !gt.power.rc6.asleep) return regs.read32(offset);
    this.counters.around++;
    this.get();
    const value = regs.read32(offset);
    this.put();
    return value;
  }
}
