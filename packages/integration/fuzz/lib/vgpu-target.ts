import {
  type ConfigSpace,
  HaswellDevice,
  makeMonitor,
  type RegSpace,
  type TrapTarget,
} from '@xengt/hsw-device';
import { type Vgpu, Vgt } from '@xengt/linux-vgt';
import { type Domain, Hypervisor, MediatorPort, ScriptedEngine } from '@xengt/xen-vgt';
import { IGD_DEVFN } from '../../src/host/machine.ts';
import { CountingClock } from './counting-clock.ts';
import type { Ranges, Target } from './target.ts';
import { WatchedMemory } from './watched-memory.ts';

const RAM_MIB = 8;
const VICTIM_MIB = 4;
const EVIL = 2;
/** Upper half of each word of the others' memory. */
const MARK = 0x5ec2;
const SIZE = { lowMiB: 16, highMiB: 64, fences: 4 } as const;

/** A mediated GPU shared by dom0, an idle HVM and the one whose driver is fuzzed. */
export class VgpuTarget implements Target {
  readonly clock: CountingClock = new CountingClock();
  readonly memory: WatchedMemory = new WatchedMemory();
  readonly device: HaswellDevice;
  readonly hypervisor: Hypervisor = new Hypervisor(this.memory);
  readonly vgt: Vgt;
  readonly frames: number = RAM_MIB * 256;
  readonly ownCommands = 64;
  readonly foreign: readonly number[];
  /** Times the mediator stopped the VM, by the reason's first words. */
  readonly stops: Map<string, number> = new Map();
  readonly #others: {
    readonly name: string;
    readonly ram: Int32Array;
    readonly copy: Int32Array;
    readonly entries: Int32Array;
    readonly vgpu: Vgpu;
    readonly domain: Domain;
  }[] = [];
  #vgpu: Vgpu;
  #domain: Domain;
  #engine: ScriptedEngine;

  constructor() {
    const { memory, clock } = this;
    this.device = new HaswellDevice({ memory, clock });
    this.device.display.connect('B', makeMonitor({ kind: 'hdmi' }));
    this.vgt = new Vgt({
      device: this.device,
      clock,
      mpt: new MediatorPort(this.hypervisor, IGD_DEVFN),
    });
    this.#other(0, 'dom0');
    this.#other(1, 'the HVM');
    this.foreign = this.#others.flatMap(({ domain }) => [
      domain.gfnToMfn(0x10),
      domain.gfnToMfn(0x80),
    ]);
    [this.#domain, this.#engine, this.#vgpu] = this.#make();
  }

  #other(domid: number, name: string): void {
    const engine = new ScriptedEngine(VICTIM_MIB);
    const domain = this.hypervisor.createDomain({ name: `dom${domid}`, engine, domid });
    const vgpu = domid === 0 ? this.vgt.dom0 : this.#vgpuOf(domid);
    domain.attachPci(IGD_DEVFN, vgpu.config.space);
    domain.resume();
    const ram = engine.ram.words;
    for (let i = 0; i < ram.length; i++) ram[i] = (MARK << 16) | (i & 0xffff);
    this.#others.push({ name, ram, copy: ram.slice(), entries: this.#entries(vgpu), vgpu, domain });
  }

  #vgpuOf(domid: number): Vgpu {
    const vgpu = this.vgt.createVgpu(domid, SIZE);
    if (typeof vgpu === 'string') throw new Error(`vGPU ${domid}: ${vgpu}`);
    return vgpu;
  }

  #make(): [Domain, ScriptedEngine, Vgpu] {
    const engine = new ScriptedEngine(RAM_MIB);
    const domain = this.hypervisor.createDomain({ name: 'fuzzed', engine, domid: EVIL });
    const vgpu = this.#vgpuOf(EVIL);
    domain.attachPci(IGD_DEVFN, vgpu.config.space);
    engine.configWrite(IGD_DEVFN, 0x10, 4, 0xf0000000 | 0);
    engine.configWrite(IGD_DEVFN, 0x18, 4, 0xc0000000 | 0);
    engine.configWrite(IGD_DEVFN, 0x04, 2, 6);
    domain.resume();
    return [domain, engine, vgpu];
  }

  /** The hardware's entries of a VM's slice. */
  #entries(vgpu: Vgpu): Int32Array {
    const { lowBase, lowBytes, highBase, highBytes } = vgpu.slice;
    const pte = this.device.ggtt.pte;
    const low = pte.subarray(lowBase >>> 12, (lowBase + lowBytes) >>> 12);
    const high = pte.subarray(highBase >>> 12, (highBase + highBytes) >>> 12);
    const out = new Int32Array(low.length + high.length);
    out.set(low);
    out.set(high, low.length);
    return out;
  }

  get region(): number {
    return this.#domain.placement.region;
  }
  get mmio(): TrapTarget {
    return this.#vgpu.mmio;
  }
  get aperture(): TrapTarget {
    return this.#vgpu.aperture;
  }
  get config(): ConfigSpace {
    return this.#vgpu.config.space;
  }
  get regs(): RegSpace {
    return this.device.regs;
  }
  get ranges(): Ranges {
    const { lowBase, lowBytes, highBase, highBytes } = this.#vgpu.slice;
    return { low: lowBase, lowBytes, high: highBase, highBytes };
  }

  step(budget: number): void {
    this.device.step(budget);
    this.vgt.tick();
  }

  /** A VM that was stopped is taken away, and another one takes its place. */
  revive(): void {
    if (this.#vgpu.alive && this.#domain.state === 'running') return;
    const why = (this.#vgpu.crashReason ?? this.#domain.state).replaceAll(/0x[0-9a-f]+|\d+/g, '#');
    if (this.stops.size < 256) this.stops.set(why, (this.stops.get(why) ?? 0) + 1);
    this.vgt.destroyVgpu(EVIL);
    this.hypervisor.destroyDomain(EVIL);
    [this.#domain, this.#engine, this.#vgpu] = this.#make();
  }

  check(): string | null {
    for (const { name, ram, copy, entries, vgpu, domain } of this.#others) {
      const at = ram.findIndex((word, i) => word !== copy[i]);
      if (at >= 0) return `word 0x${at.toString(16)} of ${name}'s memory changed`;
      if (this.#entries(vgpu).some((entry, i) => entry !== entries[i])) {
        return `${name}'s graphics memory is mapped differently`;
      }
      if (!vgpu.alive) return `${name} was stopped: ${vgpu.crashReason}`;
      if (domain.state !== 'running') return `${name} is ${domain.state}`;
    }
    const { words } = this.#engine.ram;
    // Two in a row: one alone comes about by chance.
    const stolen = words.some((word, i) => word >>> 16 === MARK && words[i + 1] === word + 1);
    return stolen ? 'it read memory of others' : null;
  }

  retained(): Readonly<Record<string, number>> {
    return {
      'clock events': this.clock.pending,
      regions: this.memory.words.length,
      VMs: this.vgt.vms.length,
    };
  }
}
