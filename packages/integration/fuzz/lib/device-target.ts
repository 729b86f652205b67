import {
  type ConfigSpace,
  HaswellDevice,
  igdConfigSpace,
  makeMonitor,
  PTE_VALID,
  pteMfn,
  type RegSpace,
  type TrapTarget,
} from '@xengt/hsw-device';
import { CountingClock } from './counting-clock.ts';
import type { Ranges, Target } from './target.ts';
import { WatchedMemory } from './watched-memory.ts';

const MIB = 2 ** 20;
/** Entries of a page directory, and of a page table. PRM vol.5 "PPGTT". */
const PDES = 512;
const PTES = 1024;

/** The bare device with three monitors, RAM at 0, and memory beyond 4 GiB and near the last address. */
export class DeviceTarget implements Target {
  readonly clock: CountingClock = new CountingClock();
  readonly memory: WatchedMemory;
  readonly region: number;
  readonly frames: number;
  readonly device: HaswellDevice;
  readonly mmio: TrapTarget;
  readonly aperture: TrapTarget;
  readonly config: ConfigSpace;
  readonly regs: RegSpace;
  readonly ranges: Ranges = {
    low: 0,
    lowBytes: 256 * MIB,
    high: 256 * MIB,
    highBytes: 1792 * MIB,
  };
  readonly ownCommands = 0;
  readonly foreign: readonly number[] = [0x100000, 0x1000ff, 0x7000000, 0x70000ff, 0x123456];

  /** @param every see {@link WatchedMemory} */
  constructor(every = false, ramMiB = 16) {
    this.memory = new WatchedMemory(every);
    this.region = this.memory.watch(0, ramMiB * MIB);
    this.frames = ramMiB * 256;
    this.memory.watch(4096 * MIB, MIB);
    this.memory.watch(0x7000000 * 4096, MIB);
    this.device = new HaswellDevice({ memory: this.memory, clock: this.clock });
    this.mmio = this.device.mmio;
    this.aperture = this.device.aperture;
    this.regs = this.device.regs;
    this.config = igdConfigSpace({ name: 'config', deviceId: 0x0412, apertureMiB: 256 });
    this.device.display.connect('B', makeMonitor({ kind: 'hdmi' }));
    this.device.display.connect('D', makeMonitor({ kind: 'dp' }));
    this.device.display.connect('E', makeMonitor({ kind: 'vga' }));
    this.memory.judge = (mfn) => this.#mapped(mfn);
    this.memory.judgeOneIn = every ? 4 : 256;
    this.memory.check();
  }

  /** A plain walk of every table there is: is the frame in one of them, or one of them itself? */
  #mapped(mfn: number): boolean {
    const { pte } = this.device.ggtt;
    for (let i = 0; i < pte.length; i++) {
      const entry = pte[i] as number;
      if ((entry & PTE_VALID) !== 0 && pteMfn(entry) === mfn) return true;
    }
    for (const engine of this.device.gt.engines) {
      const first = (engine.ppgtt.base >>> 16) * 16;
      for (let d = 0; d < PDES; d++) {
        const pde = pte[first + d] ?? 0;
        if ((pde & PTE_VALID) === 0) continue;
        if (pteMfn(pde) === mfn || this.#inTable(pteMfn(pde), mfn)) return true;
      }
    }
    return false;
  }

  #inTable(table: number, mfn: number): boolean {
    const { memory } = this;
    for (let region = 1; region < memory.words.length; region++) {
      const words = memory.words[region] as Int32Array;
      const at = (table - (memory.firstMfn[region] as number)) * PTES;
      if (at < 0 || at >= words.length) continue;
      const raw = memory.raw(region);
      for (let i = 0; i < PTES; i++) {
        const entry = raw[at + i] as number;
        if ((entry & PTE_VALID) !== 0 && pteMfn(entry) === mfn) return true;
      }
    }
    return false;
  }

  step(budget: number): void {
    this.device.step(budget);
  }

  revive(): void {}

  check(): string | null {
    return this.memory.check();
  }

  retained(): Readonly<Record<string, number>> {
    return {
      'clock events': this.clock.pending,
    };
  }
}
