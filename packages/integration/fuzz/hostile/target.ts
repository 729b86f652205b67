import {
  type ConfigSpace,
  HaswellDevice,
  makeMonitor,
  type RegSpace,
  type TrapTarget,
} from '@xengt/hsw-device';
import { attributes, type PartitionMode, type Vgpu, Vgt } from '@xengt/linux-vgt';
import { type Domain, Hypervisor, MediatorPort, ScriptedEngine } from '@xengt/xen-vgt';
import { IGD_DEVFN } from '../../src/host/machine.ts';
import { ScriptedGuest } from '../../src/host/testing/scripted-guest.ts';
import { CountingClock } from '../lib/counting-clock.ts';
import type { Ranges, Target } from '../lib/target.ts';
import { WatchedMemory } from '../lib/watched-memory.ts';
import { MARK, Victim } from './victim.ts';

const RAM_MIB = 4;
const EVIL = 9;
/** Shared: all there is beside dom0, so that all HVMs have the same addresses. */
const SIZES = {
  static: { lowMiB: 16, highMiB: 64, fences: 4 },
  shared: { lowMiB: 128, highMiB: 1132, fences: 32 },
} as const;
const BAR0: number = 0xf0000000 | 0;
const BAR2: number = 0xc0000000 | 0;
/** Work that engines do in a microsecond of the machine's time, bytes. */
const BYTES_PER_US = 128;
/** Steps of the whole machine in which nobody attacks: what is fair is measured in them. */
const CALM_STEPS = 1500;
const CALM_BYTES = 0x20000;
const SECOND = 1e9;
/** Policies of registers that are dom0's alone. */
const DOM0S: ReadonlySet<number> = new Set([attributes.DOM0, attributes.DISPLAY, attributes.PLANE]);

/** A mediated GPU that dom0 and two HVMs work with all the time, and a fourth VM attacks. */
export class HostileTarget implements Target {
  readonly clock: CountingClock = new CountingClock();
  readonly memory: WatchedMemory = new WatchedMemory();
  readonly device: HaswellDevice;
  readonly hypervisor: Hypervisor = new Hypervisor(this.memory);
  readonly vgt: Vgt;
  readonly victims: readonly Victim[];
  readonly frames: number = RAM_MIB * 256;
  readonly ownCommands = 64;
  readonly foreign: readonly number[];
  /** Why attackers were stopped, by the reason's words, with how often; and how many there were. */
  readonly stops: Map<string, number> = new Map();
  lives = 0;
  /** Uevents and stops that the host was told of: what a log would hold. */
  told = 0;
  /** Commands that engines ran for attackers. */
  commands = 0;
  /** Jobs a second of each victim while the attacker is one that works like them. */
  readonly fair: readonly number[];
  /** When the attacks began, nanoseconds, and the victims' jobs then. */
  readonly #from: number;
  readonly #jobs: readonly number[];
  /** dom0's registers of hardware, which nobody else may change. */
  readonly #watched: Int32Array;
  readonly #values: Int32Array;
  readonly #shared: boolean;
  readonly #entries: readonly Int32Array[];
  #vgpu: Vgpu;
  #domain: Domain;
  #engine: ScriptedEngine;

  /** @param partition whether VMs have graphics memory of their own, or the same in turn */
  constructor(partition: PartitionMode = 'static') {
    this.#shared = partition === 'shared';
    const { memory, clock } = this;
    this.device = new HaswellDevice({ memory, clock });
    for (const port of ['B', 'C', 'E'] as const) {
      this.device.display.connect(port, makeMonitor({ kind: port === 'E' ? 'vga' : 'hdmi' }));
    }
    this.vgt = new Vgt({
      device: this.device,
      clock,
      mpt: new MediatorPort(this.hypervisor, IGD_DEVFN),
      config: { partition },
      events: {
        uevent: () => this.told++,
        crashed: () => this.told++,
      },
    });
    this.victims = [this.#victim(0, 'dom0'), this.#victim(1, 'HVM 1'), this.#victim(2, 'HVM 2')];
    this.foreign = this.victims.flatMap((victim) => victim.frames);
    const fourth = this.#victim(EVIL, 'a fourth like them');
    this.fair = this.#calm([...this.victims, fourth]);
    this.#destroy();
    [this.#watched, this.#values] = this.#dom0Registers();
    this.#entries = this.victims.map(({ vgpu }) => this.#entriesOf(vgpu));
    [this.#domain, this.#engine, this.#vgpu] = this.#make();
    this.#from = clock.now;
    this.commands = 0;
    this.#jobs = this.victims.map(({ jobs }) => jobs);
  }

  #domainFor(domid: number): [Domain, ScriptedEngine, Vgpu] {
    const engine = new ScriptedEngine(RAM_MIB);
    const domain = this.hypervisor.createDomain({ name: `dom${domid}`, engine, domid });
    const vgpu =
      domid === 0 ? this.vgt.dom0 : this.vgt.createVgpu(domid, SIZES[this.vgt.partition.mode]);
    if (typeof vgpu === 'string') throw new Error(`vGPU ${domid}: ${vgpu}`);
    return [domain, engine, vgpu];
  }

  #victim(domid: number, name: string): Victim {
    const [domain, engine, vgpu] = this.#domainFor(domid);
    return new Victim(name, domain, engine, vgpu);
  }

  /** Everybody works, nobody attacks. @returns jobs a second of the first three */
  #calm(all: readonly Victim[]): number[] {
    const before = all.map(({ jobs }) => jobs);
    const from = this.clock.now;
    for (let i = 0; i < CALM_STEPS; i++) {
      for (const victim of all) victim.feed();
      this.#slice(CALM_BYTES);
    }
    const seconds = (this.clock.now - from) / SECOND;
    for (const victim of all) {
      const wrong = victim.check();
      if (wrong !== null) throw new Error(`in peace ${wrong}`);
    }
    return all.slice(0, 3).map(({ jobs }, i) => (jobs - (before[i] as number)) / seconds);
  }

  #executed(): number {
    let sum = 0;
    for (const engine of this.device.gt.engines) sum += engine.counters.commands;
    return sum;
  }

  #slice(bytes: number): void {
    const theirs = this.vgt.renderOwner?.domid === EVIL;
    const before = this.#executed();
    this.device.step(bytes);
    if (theirs) this.commands += this.#executed() - before;
    this.vgt.tick();
    this.clock.advance((bytes / BYTES_PER_US) * 1000);
  }

  #make(): [Domain, ScriptedEngine, Vgpu] {
    this.lives++;
    const [domain, engine, vgpu] = this.#domainFor(EVIL);
    domain.attachPci(IGD_DEVFN, vgpu.config.space);
    engine.configWrite(IGD_DEVFN, 0x10, 4, BAR0);
    engine.configWrite(IGD_DEVFN, 0x18, 4, BAR2);
    engine.configWrite(IGD_DEVFN, 0x04, 2, 6);
    domain.resume();
    return [domain, engine, vgpu];
  }

  #destroy(): void {
    const gone = this.vgt.destroyVgpu(EVIL);
    if (gone !== null) throw new Error(`vGPU ${EVIL} cannot be destroyed: ${gone}`);
    this.hypervisor.destroyDomain(EVIL);
  }

  #dom0Registers(): [Int32Array, Int32Array] {
    const { regs } = this.device;
    const { policy } = this.vgt.attr;
    const offsets: number[] = [];
    for (let at = 0; at < 0x200000; at += 4) {
      if (regs.claims(at) && DOM0S.has(policy[at >>> 2] as number)) offsets.push(at);
    }
    // Hardware changes these by itself: load and sleep of the GT, and what pipes count.
    const moves = (at: number): boolean =>
      (at >= 0xa000 && at < 0xa200) || at >= 0x130000 || (at & 0xfcff0) === 0x70040;
    const still = offsets.filter((at) => !moves(at));
    return [Int32Array.from(still), Int32Array.from(still, (at) => regs.peek(at))];
  }

  /** Hardware's entries of a VM's slice; where all have the same in turn, what the VM wrote. */
  #entriesOf({ slice, ggtt }: Vgpu): Int32Array {
    if (this.#shared) return ggtt.entries.slice();
    const { pte } = this.device.ggtt;
    const { lowBase, lowBytes, highBase, highBytes } = slice;
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
  /** The rows of the attacker's own registers. */
  get regs(): RegSpace {
    return this.#vgpu.vreg;
  }
  get ranges(): Ranges {
    const { lowBase, lowBytes, highBase, highBytes } = this.#vgpu.slice;
    return { low: lowBase, lowBytes, high: highBase, highBytes };
  }
  get evil(): Vgpu {
    return this.#vgpu;
  }
  get engine(): ScriptedEngine {
    return this.#engine;
  }
  /** The attacker as a scripted guest, for attacks that are written so. */
  scripted(): ScriptedGuest {
    return new ScriptedGuest(this.#domain, this.#engine, this.#vgpu);
  }
  /** Whether the attacker still runs, and its work is still run. */
  get standing(): boolean {
    const { alive, quarantine } = this.#vgpu;
    return alive && quarantine === null && this.#domain.state === 'running';
  }

  /** Time goes on for everybody. */
  step(budget: number): void {
    for (const victim of this.victims) victim.feed();
    this.#slice(budget);
  }

  /** The attacker's domain goes away in the middle of whatever it does; another one comes. */
  replace(): void {
    this.#destroy();
    [this.#domain, this.#engine, this.#vgpu] = this.#make();
  }

  revive(): void {
    if (this.standing) return;
    const why = this.#vgpu.crashReason ?? this.#vgpu.quarantine ?? this.#domain.state;
    const words = why.replaceAll(/0x[0-9a-f]+|[0-9a-f]{4,}|\d+/g, '#');
    if (this.stops.size < 256) this.stops.set(words, (this.stops.get(words) ?? 0) + 1);
    this.replace();
  }

  check(): string | null {
    for (const [i, victim] of this.victims.entries()) {
      const wrong = victim.check();
      if (wrong !== null) return wrong;
      const entries = this.#entriesOf(victim.vgpu);
      const at = entries.findIndex((entry, k) => entry !== this.#entries[i]?.[k]);
      if (at >= 0) return `entry ${at} of ${victim.name}'s graphics memory is mapped differently`;
    }
    const { regs } = this.device;
    const changed = this.#watched.findIndex((at, i) => regs.peek(at) !== this.#values[i]);
    if (changed >= 0) {
      const at = this.#watched[changed] as number;
      return `dom0's register ${regs.nameOf(at)} (0x${at.toString(16)}) changed`;
    }
    const { words } = this.#engine.ram;
    // Two in a row: one alone comes about by chance.
    const stolen = words.some((word, i) => word >>> 16 === MARK && words[i + 1] === word + 1);
    return stolen ? "the attacker holds what only a victim's memory holds" : null;
  }

  retained(): Readonly<Record<string, number>> {
    return {
      'clock events': this.clock.pending,
      regions: this.memory.words.length,
      VMs: this.vgt.vms.length,
    };
  }

  /** Seconds of the machine's time since the attacks began. */
  get seconds(): number {
    return (this.clock.now - this.#from) / SECOND;
  }

  /** Each victim's jobs a second under attack, as a part of what is fair. */
  shares(): number[] {
    const { seconds } = this;
    return this.victims.map(
      ({ jobs }, i) => (jobs - (this.#jobs[i] as number)) / seconds / (this.fair[i] as number),
    );
  }
}
