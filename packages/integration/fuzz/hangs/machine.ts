import { type Engine, engineRegs, HaswellDevice } from '@xengt/hsw-device';
import { type Vgpu, Vgt } from '@xengt/linux-vgt';
import { Hypervisor, MediatorPort, ScriptedEngine } from '@xengt/xen-vgt';
import { IGD_DEVFN } from '../../src/host/machine.ts';
import { BATCH_GFN, BCS, RCS } from '../../src/host/testing/scripted-guest.ts';
import { Victim } from '../hostile/victim.ts';
import { CountingClock } from '../lib/counting-clock.ts';
import type { Random } from '../lib/random.ts';
import { WatchedMemory } from '../lib/watched-memory.ts';
import { HANG_PAGES, type HangKind, hang } from './kinds.ts';

const RAM_MIB = 4;
const SIZE = { lowMiB: 16, highMiB: 64, fences: 4 } as const;
const GUESTS = 4;
const GDRST = 0x941c;
const GRDOM_FULL = 1;
/** Work that engines do in a microsecond of the machine's time, bytes; and in a slice of a millisecond. */
const BYTES_PER_US = 128;
const SLICE_BYTES = 0x20000;

/** Dom0 and four guests, all of which work all the time and look at what they get, and any of which may hang. */
export class HangMachine {
  readonly clock: CountingClock = new CountingClock();
  readonly memory: WatchedMemory = new WatchedMemory();
  readonly device: HaswellDevice;
  readonly vgt: Vgt;
  readonly workers: readonly HangWorker[];

  constructor() {
    const { memory, clock } = this;
    this.device = new HaswellDevice({ memory, clock });
    const hypervisor = new Hypervisor(memory);
    const mpt = new MediatorPort(hypervisor, IGD_DEVFN);
    // They hang on purpose, hundreds of times a minute.
    const config = { quarantineHangs: 0 };
    this.vgt = new Vgt({ device: this.device, clock, mpt, config });
    this.workers = Array.from({ length: GUESTS + 1 }, (_, domid) => {
      const engine = new ScriptedEngine(RAM_MIB);
      const domain = hypervisor.createDomain({ name: `dom${domid}`, engine, domid });
      const vgpu = domid === 0 ? this.vgt.dom0 : this.vgt.createVgpu(domid, SIZE);
      if (typeof vgpu === 'string') throw new Error(`vGPU ${domid}: ${vgpu}`);
      const own = [[BATCH_GFN, BATCH_GFN + HANG_PAGES]] as const;
      return new HangWorker(new Victim(`VM ${domid}`, domain, engine, vgpu, own), this);
    });
  }

  get now(): number {
    return this.clock.now;
  }

  /** A millisecond for everybody. */
  slice(): void {
    for (const { victim } of this.workers) victim.feed();
    this.device.step(SLICE_BYTES);
    this.vgt.tick();
    this.clock.advance((SLICE_BYTES / BYTES_PER_US) * 1000);
    for (const worker of this.workers) worker.watch();
  }

  /** Things that must not grow. */
  retained(): Readonly<Record<string, number>> {
    return {
      regions: this.memory.words.length,
      VMs: this.vgt.vms.length,
      'log records': Math.max(0, this.vgt.recovery.log.records.length - 64),
    };
  }
}

/** A guest that works, and that can hang and recover as its driver would. */
export class HangWorker {
  readonly victim: Victim;
  /** Hangs that it caused so far. */
  caused = 0;
  /** When hardware came to what hangs, nanoseconds; -1 before. */
  beganNs = -1;
  /** When its engine was found hung; -1 before. */
  foundNs = -1;
  readonly #machine: HangMachine;
  /** The engine that hangs; -1 for none. */
  #engine = -1;
  #sliceNs = 0;

  constructor(victim: Victim, machine: HangMachine) {
    this.victim = victim;
    this.#machine = machine;
  }

  get vgpu(): Vgpu {
    return this.victim.vgpu;
  }
  get hanging(): boolean {
    return this.#engine >= 0;
  }

  hang(engine: number, kind: HangKind, r: Random): void {
    this.caused++;
    this.#engine = engine;
    this.beganNs = -1;
    this.foundNs = -1;
    hang(this.victim.guest, engine, kind, r);
  }

  /** After each slice: sees when the hang begins, and when the engine is taken from the VM. */
  watch(): void {
    const { now, device, vgt } = this.#machine;
    const before = this.#sliceNs;
    this.#sliceNs = now;
    if (this.#engine < 0 || this.foundNs >= 0) return;
    const engine = device.gt.engines[this.#engine] as Engine;
    // What these guests do otherwise needs no batch, waits for nothing and can be executed.
    const there = engine.level > 0 || engine.wait !== 0 || engine.hang !== null;
    if (this.beganNs < 0 && there && vgt.renderOwner === this.vgpu) this.beganNs = before;
    if ((this.vgpu.heldEngines & (1 << this.#engine)) === 0) return;
    this.foundNs = now;
    if (this.beganNs < 0) this.beganNs = before;
  }

  /** What a driver does once its heartbeats stopped: resets the engine, or all, and submits again. */
  recover(all: boolean): void {
    const { guest } = this.victim;
    const id = engineRegs.ENGINE_IDS[this.#engine] as 'RCS';
    guest.write(GDRST, all ? GRDOM_FULL : engineRegs.GRDOM[id]);
    for (const e of [RCS, BCS]) if (all || e === this.#engine) guest.startRing(e);
    if (all || this.#engine === BCS) this.victim.resubmit();
    this.#engine = -1;
  }

  /** @returns what is wrong; null when nothing is */
  check(): string | null {
    const { name, vgpu, domain } = this.victim;
    const hangs = vgpu.counters.hangs;
    if (hangs > this.caused) return `${name} was blamed for a hang that is not its own`;
    if (!this.hanging && hangs < this.caused) return `a hang of ${name}'s was never found`;
    if (!vgpu.alive || domain.state !== 'running')
      return `${name} was stopped: ${vgpu.crashReason}`;
    return this.hanging ? this.victim.trouble : this.victim.check();
  }
}
