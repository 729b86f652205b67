import {
  Aperture,
  type Clock,
  DisplayEngine,
  ENGINE_IDS,
  type HaswellDevice,
  Interrupts,
  MMIO_BYTES,
  type PortName,
  Power,
  PrecisionPalettes,
  RegSpace,
  type TrapTarget,
} from '@xengt/hsw-device';
import type { AttributeTable } from '../attr/attribute-table.ts';
import { VirtualPorts } from '../display/virtual-ports.ts';
import type { Residency } from '../gtt/residency.ts';
import { ShadowGgtt } from '../gtt/shadow-ggtt.ts';
import { ShadowPpgtt, type TableMemory } from '../gtt/shadow-ppgtt.ts';
import { inSlice, type Slice } from '../partition/partition.ts';
import type { ReservedMemory } from '../partition/reserved.ts';
import type { Mpt } from '../port/mpt.ts';
import type { BatchArena } from '../ring/batch-arena.ts';
import type { ScanHost } from '../ring/scan-host.ts';
import { type EngineHost, VirtualEngine } from '../ring/virtual-engine.ts';
import { SchedEntity, type ShareParams } from '../sched/entity.ts';
import { HiddenState } from '../sched/hidden-state.ts';
import { VgpuConfig } from './config.ts';
import { VirtualFences } from './fences.ts';
import type { HostForcewake } from './host-forcewake.ts';
import { type MmioHost, VgpuMmio } from './mmio.ts';
import { PvInfo } from './pv-info.ts';

const GDRST = 0x941c;
/** GDRST 0 all engines; 1 RCS, 2 VCS, 3 BCS, 4 VECS. i915 `GEN6_GRDOM_*`. */
const GRDOM_FULL = 0x1;
const GRDOM_ALL = 0x1f;
const FORCEWAKE_MT = 0xa188;
/** CCID of the render engine. */
const RCS_CCID = 0x2180;

/** What a vGPU asks of the mediator. */
export interface VgpuOwner {
  readonly device: HaswellDevice;
  readonly clock: Clock;
  readonly mpt: Mpt;
  readonly attr: AttributeTable;
  readonly reserved: ReservedMemory;
  readonly residency: Residency;
  readonly tables: TableMemory;
  readonly arenas: readonly BatchArena[];
  readonly bypassDom0AddressCheck: boolean;
  /** Hardware's forcewake, and whether HVMs' requests are passed on to it. */
  readonly forcewake: HostForcewake;
  readonly ignoreHvmForcewake: boolean;
  /** How the ports of HVMs' boards are wired. */
  readonly hvmWiring: DisplayEngine['wiring'];
  /** Hardware's registers when the mediator started: what a new vGPU's registers hold. */
  readonly snapshot: Int32Array;
  ringWork(vgpu: Vgpu, engine: VirtualEngine): void;
  ringEnabled(vgpu: Vgpu): void;
  /** The VM wrote an interrupt mask or enable register. */
  maskChanged(offset: number): void;
  /** Resets engines of hardware that hold this VM's state. @param mask bit per engine */
  resetEngines(vgpu: Vgpu, mask: number): void;
  /** Ends what an engine is in the middle of, if it is. */
  abandon(vgpu: Vgpu, engine: number): void;
  invalidateTlb(vgpu: Vgpu): void;
  engineBusy(engine: number): boolean;
  crashed(vgpu: Vgpu): void;
  displayReady(vgpu: Vgpu, value: number): void;
  /** The VM switched its legacy VGA plane. */
  vgaSwitched(vgpu: Vgpu, on: boolean): void;
  planeWritten(vgpu: Vgpu, offset: number): void;
  refresh(vgpu: Vgpu): void;
  /** The VM says that it drew to its screens, or that its pointer looks different. */
  drew(vgpu: Vgpu): void;
  pointerChanged(vgpu: Vgpu): void;
  /** A pipe of the VM's own display stopped or runs. */
  modeSet(vgpu: Vgpu, pipe: number, running: boolean): void;
  /** A plane register of the VM's own display was written. */
  planeShown(vgpu: Vgpu, offset: number): void;
  /** The VM was told that a monitor came or went. */
  hotplug(vgpu: Vgpu, port: PortName, present: boolean): void;
}

export interface VgpuOptions {
  readonly domid: number;
  /** Slot number, told to the guest. */
  readonly id: number;
  readonly slice: Slice;
  readonly primary: boolean;
  /** The VM's place for its render context; see ReservedMemory. */
  readonly contextArea: number;
  /** Its place in the order of VMs, and its share of the engines' time. */
  readonly turn: number;
  readonly share: ShareParams;
}

/** What a vGPU counts beside its parts' own counters; they only grow. */
export interface VgpuCounters {
  /** Ring submissions, scans that had to wait, commands handed to hardware. */
  submissions: number;
  stalls: number;
  commands: number;
  batchCommands: number;
  /** Privileged batches that were copied and checked, their dwords in all and in the largest. */
  batches: number;
  batchDwords: number;
  largestBatch: number;
  /** Commands that the VM changed in looping batches while they ran. */
  loopChanges: number;
  /** Batches that run without privilege and were not scanned. Upstream: skip_bb_cnt. */
  skippedBatches: number;
  /** Times the VM got the engines, and for how long in all, nanoseconds. */
  scheduledIn: number;
  allocatedNs: number;
  guestResets: number;
  /** Hangs of its engines that the mediator found. */
  hangs: number;
}

/** One virtual GPU: what a VM's driver sees at 00:02.0, and what of it is in hardware. */
export class Vgpu implements MmioHost, EngineHost, ScanHost {
  readonly domid: number;
  readonly id: number;
  readonly slice: Slice;
  readonly isDom0: boolean;
  /** Shows the class of a primary display. */
  readonly primary: boolean;
  readonly contextArea: number;
  /** What the guest sees. */
  readonly vreg: RegSpace = new RegSpace();
  /** What hardware has, or will have, of the VM's render state. */
  readonly sreg: Int32Array = new Int32Array(MMIO_BYTES >>> 2);
  readonly irq: Interrupts;
  readonly pv: PvInfo;
  readonly fences: VirtualFences;
  readonly power: Power;
  readonly engines: readonly VirtualEngine[];
  readonly ggtt: ShadowGgtt;
  readonly ppgtt: ShadowPpgtt;
  readonly mmio: VgpuMmio;
  readonly aperture: Aperture;
  readonly config: VgpuConfig;
  /** A display engine of its own; null for dom0, which has the physical one. */
  readonly display: DisplayEngine | null;
  readonly ports: VirtualPorts;
  /** Its precision palettes; dom0's are kept here while it is not in the foreground. */
  readonly palettes: PrecisionPalettes;
  /** What the engines hold of the VM beside registers and context, while it has not the engines. */
  readonly hidden: HiddenState;
  /** What the scheduler knows of it. */
  readonly sched: SchedEntity;
  readonly counters: VgpuCounters = {
    submissions: 0,
    stalls: 0,
    commands: 0,
    batchCommands: 0,
    batches: 0,
    batchDwords: 0,
    largestBatch: 0,
    loopChanges: 0,
    skippedBatches: 0,
    scheduledIn: 0,
    allocatedNs: 0,
    guestResets: 0,
    hangs: 0,
  };
  readonly batchesSkipped: { count: number } = { count: 0 };
  readonly hw: RegSpace;
  /** The VM's render state is in hardware. */
  loaded = false;
  foreground = false;
  alive = true;
  /** Why the VM was stopped; null while it runs. */
  crashReason: string | null = null;
  /** Why nothing is run for it any more, whatever it resets; null while it may run. */
  quarantine: string | null = null;
  /** It wrote GDRST and has not switched a ring on since. Upstream: RESET_INPROGRESS. */
  recovering = false;
  /** The guest uses hardware contexts; its CCID while it is not loaded. */
  usesContexts = false;
  ccid = 0;
  /** Memory of the page of commands found last. */
  words: Int32Array = new Int32Array(0);
  readonly #owner: VgpuOwner;
  #holdsWake = false;

  constructor(owner: VgpuOwner, o: VgpuOptions) {
    const { device, attr, mpt } = owner;
    this.#owner = owner;
    this.domid = o.domid;
    this.id = o.id;
    this.slice = o.slice;
    this.isDom0 = o.domid === 0;
    this.primary = o.primary;
    this.contextArea = o.contextArea;
    this.hw = device.regs;
    const { vreg } = this;
    this.irq = new Interrupts(vreg);
    this.pv = new PvInfo(vreg, o.id, o.slice, {
      displayReady: (value) => owner.displayReady(this, value),
      demandTooBig: (what, asked, given) =>
        this.crash(`the driver needs ${asked} of ${what} and was given ${given}`),
      refresh: () => owner.drew(this),
      pointer: () => owner.pointerChanged(this),
    });
    this.fences = new VirtualFences(vreg, device.regs, o.slice);
    this.engines = ENGINE_IDS.map(
      (_, i) => new VirtualEngine(i, vreg, this, owner.reserved, owner.arenas[i] as BatchArena),
    );
    this.hidden = new HiddenState(device);
    this.sched = new SchedEntity(this, o.turn, o.share);
    this.ggtt = new ShadowGgtt({
      domid: o.domid,
      tag: o.id + 1,
      slice: o.slice,
      residency: owner.residency,
      memory: device.memory,
      mpt,
      dummyPte: owner.reserved.ownDummy(o.contextArea),
    });
    if (!o.slice.shared) this.ggtt.install();
    this.ppgtt = new ShadowPpgtt({
      memory: device.memory,
      hardware: device.ggtt,
      guest: this.ggtt,
      tables: owner.tables,
      slots: owner.reserved,
      use: {
        busy: () => this.loaded && this.#anyBusy(),
        hardwareBase: (engine) =>
          this.loaded ? this.hw.peek((this.engines[engine] as VirtualEngine).base + 0x228) : -1,
      },
    });
    this.display = this.isDom0
      ? null
      : new DisplayEngine({
          regs: vreg,
          clock: owner.clock,
          irq: this.irq,
          space: this.ggtt.space,
          wiring: owner.hvmWiring,
        });
    this.palettes = this.display?.palettes ?? new PrecisionPalettes(vreg);
    if (this.display !== null) {
      this.display.onPipe = (pipe, running) => {
        owner.refresh(this);
        owner.modeSet(this, pipe, running);
      };
      this.display.onPlaneWrite = (_pipe, offset) => owner.planeShown(this, offset);
    }
    (this.display ?? device.display).onVga = (on) => owner.vgaSwitched(this, on);
    this.ports = new VirtualPorts(this.display, {
      hotplug: (port, present) => owner.hotplug(this, port, present),
      changed: () => owner.refresh(this),
    });
    this.power = new Power({
      regs: vreg,
      clock: owner.clock,
      idle: () => true,
      onForcewake: (held) => this.#forcewake(held),
    });
    this.#addRows();
    this.#takeSnapshot(owner.snapshot);
    this.pv.publish();
    this.mmio = new VgpuMmio({
      name: `vgpu${o.domid}.gttmmio`,
      attr,
      vreg,
      sreg: this.sreg,
      hw: device.regs,
      wake: owner.forcewake,
      gtt: this.ggtt,
      host: this,
    });
    const name = `vgpu${o.domid}.aperture`;
    const { lowBase, lowBytes } = o.slice;
    const fences = this.fences.own ?? device.fences;
    this.aperture = new Aperture(name, this.ggtt.space, fences, lowBase, lowBytes);
    this.config = new VgpuConfig({
      domid: o.domid,
      deviceId: device.model.deviceId,
      apertureMiB: device.apertureBytes >>> 20,
      primary: o.primary,
      mpt,
      mmio: this.mmio as TrapTarget,
      aperture: this.aperture,
      onFunctionReset: () => this.guestReset(GRDOM_FULL),
    });
    this.irq.onLine = (high) => this.config.line(high);
    this.irq.onMaskWrite = (offset) => owner.maskChanged(offset);
  }

  #addRows(): void {
    const { vreg, power } = this;
    vreg.add(this.irq.rows);
    vreg.add(this.pv.rows);
    vreg.add(this.fences.rows);
    for (const engine of this.engines) vreg.add(engine.rows);
    vreg.add(power.rows);
    vreg.add(this.display?.rows ?? this.palettes.rows);
    // biome-ignore format: one register a line
    vreg.add([
      { name: 'GEN6_GDRST', offset: GDRST, rw: GRDOM_ALL, onWrite: (_, value) => this.#resetWritten(value), src: 'HSW PRM vol.2c GDRST' },
    ]);
  }

  /** The VM's driver asks for an awake GT, or no longer: hardware hears of those that count. */
  #forcewake(held: boolean): void {
    const counts = held && this.alive && (this.isDom0 || !this.#owner.ignoreHvmForcewake);
    if (counts === this.#holdsWake) return;
    this.#holdsWake = counts;
    if (counts) this.#owner.forcewake.get();
    else this.#owner.forcewake.put();
  }

  /** Registers start as hardware's were; those that the vGPU's own blocks have, as reset. */
  #takeSnapshot(snapshot: Int32Array): void {
    const { vreg, sreg } = this;
    sreg.set(snapshot);
    for (let i = 0; i < snapshot.length; i++) {
      if (!vreg.claims(i << 2)) vreg.dw[i] = snapshot[i] as number;
    }
  }

  #anyBusy(): boolean {
    for (let e = 0; e < this.engines.length; e++) if (this.#owner.engineBusy(e)) return true;
    return false;
  }

  // --- what it shows ---

  /** Registers that say what its planes show. */
  get shownRegs(): RegSpace {
    return this.ownsDisplay ? this.hw : this.vreg;
  }

  /** The display engine that its pipes are of. */
  get displayEngine(): DisplayEngine {
    return this.display ?? this.#owner.device.display;
  }

  // --- what its parts ask ---

  get ownsDisplay(): boolean {
    return this.isDom0 && this.foreground;
  }

  owns(gma: number, bytes: number): boolean {
    return inSlice(this.slice, gma, bytes);
  }

  /** Whether `bytes` from a GGTT address are all the VM's own; if so hardware has its entries. */
  reach(gma: number, bytes: number): boolean {
    if (!inSlice(this.slice, gma, bytes)) return false;
    if (this.loaded) this.#owner.residency.need(this.ggtt, gma, bytes);
    return true;
  }

  /** The VM is about to be loaded: hardware shall have the entries of what a register names. */
  ggttFor(value: number, bytes: number): void {
    const gma = value & ~0xfff;
    if (this.owns(gma, bytes)) this.#owner.residency.need(this.ggtt, gma, bytes);
  }

  checkAddress(offset: number, value: number): boolean {
    if (this.isDom0 && this.#owner.bypassDom0AddressCheck) return true;
    const address = this.fixAddress(value) & ~0xfff;
    if (this.reach(address, this.#owner.attr.addressBytes(offset))) return true;
    const hex = (n: number): string => `0x${(n >>> 0).toString(16)}`;
    this.crash(`register ${hex(offset)} names ${hex(address)}, outside the VM's graphics memory`);
    return false;
  }

  /** A null address becomes the slice's first byte. */
  fixAddress(value: number): number {
    return (value & ~0xfff) === 0 ? this.slice.lowBase | value : value;
  }

  planeWritten(offset: number): void {
    this.#owner.planeWritten(this, offset);
  }

  ringWork(engine: VirtualEngine): void {
    this.#owner.ringWork(this, engine);
  }

  ringEnabled(_: VirtualEngine, on: boolean): void {
    if (on) this.recovering = false;
    this.#owner.ringEnabled(this);
  }

  maskChanged(offset: number): void {
    this.#owner.maskChanged(offset);
  }

  useDirectory(engine: number, value: number): 'ok' | 'outside' | 'busy' {
    const result = this.ppgtt.use(engine, value);
    if (result === 'ok') (this.engines[engine] as VirtualEngine).setReg(0x228, value);
    return result;
  }

  hardwareDirectory(engine: number): number {
    const on = this.ppgttOn(engine);
    return this.ppgtt.hardwareBase(on ? (this.ppgtt.base[engine] as number | null) : null);
  }

  ppgttOn(engine: number): boolean {
    return (this.engines[engine] as VirtualEngine).ppgttOn && this.ppgtt.base[engine] !== null;
  }

  invalidateTlb(): void {
    this.#owner.invalidateTlb(this);
  }

  abandon(engine: number): void {
    this.#owner.abandon(this, engine);
  }

  usedContext(): void {
    this.usesContexts = true;
  }

  displayRegister(register: number, value: number): boolean {
    if (register !== FORCEWAKE_MT && this.ownsDisplay) return true;
    if (register !== FORCEWAKE_MT && this.display !== null) this.vreg.write32(register, value);
    return false;
  }

  observationRegister(register: number, value: number): boolean {
    if (!this.isDom0) this.vreg.poke(register, value);
    return this.isDom0;
  }

  findPage(engine: number, gma: number, ppgtt: boolean): number {
    const { device } = this.#owner;
    let page = gma >>> 12;
    let region = 0;
    if (ppgtt) {
      const base = this.hardwareDirectory(engine);
      const entry = this.ppgtt.find(base)?.lookup(page) ?? 0;
      if (entry === 0) return -1;
      page = (entry >>> 12) | ((entry & 0x7f0) << 16);
      region = device.memory.regionOf(page);
      if (region === 0) return -1;
      this.words = device.memory.words[region] as Int32Array;
      return device.memory.wordOf(page, region);
    }
    if (!this.owns(gma & ~0xfff, 4096)) return -1;
    const { space } = this.ggtt;
    region = space.region(page);
    if (region === 0) return -1;
    this.words = device.memory.words[region] as Int32Array;
    return space.word(page);
  }

  // --- state ---

  /** Whether any ring is on: the VM is in the run queue. */
  get inRunQueue(): boolean {
    for (const engine of this.engines) if (engine.enabled) return true;
    return false;
  }

  /** Engines that hung and that the VM has not reset since, a bit each. Upstream: WAIT_RESET. */
  get heldEngines(): number {
    let mask = 0;
    for (const engine of this.engines) if (engine.held) mask |= 1 << engine.index;
    return mask;
  }

  /** Whether the VM has commands that hardware was not given, and may be given. */
  get hasWork(): boolean {
    return this.alive && this.pending;
  }

  /** Whether the VM has commands that hardware was not given. */
  get pending(): boolean {
    for (const engine of this.engines) if (engine.pending) return true;
    return false;
  }

  /** Stops the VM for what it did. Only the first reason counts. */
  crash(reason: string): void {
    if (this.crashReason !== null) return;
    this.crashReason = reason;
    this.alive = false;
    this.#forcewake(false);
    this.#owner.crashed(this);
  }

  /** A reset is over at once. That of a VM in quarantine never is: its driver then gives the GPU up. */
  #resetWritten(domains: number): void {
    if (this.quarantine === null) this.vreg.poke(GDRST, 0);
    this.guestReset(domains);
  }

  /** Out of quarantine: the VM's next reset works. */
  pardon(): void {
    this.quarantine = null;
    this.vreg.poke(GDRST, 0);
  }

  /** A write of GDRST: the engines named are as after a reset, for this VM. */
  guestReset(domains: number): void {
    const full = (domains & GRDOM_FULL) !== 0;
    const mask = full ? 0xf : (domains >>> 1) & 0xf;
    if (mask === 0) return;
    this.counters.guestResets++;
    if (this.quarantine !== null) return;
    this.recovering = true;
    for (const engine of this.engines) {
      if ((mask & (1 << engine.index)) === 0) continue;
      engine.reset();
      this.ppgtt.base[engine.index] = null;
    }
    if ((mask & 1) !== 0) {
      this.ccid = 0;
      this.usesContexts = false;
      this.#owner.reserved.copyNullContext(this.contextArea);
      this.#resetContext();
    }
    this.hidden.reset(mask);
    if (this.loaded) this.#owner.resetEngines(this, mask);
    if (full) this.ppgtt.reset();
  }

  /** Registers of the render context as the mediator found them when it started. */
  #resetContext(): void {
    const { snapshot, attr } = this.#owner;
    for (const offset of attr.context) {
      const i = offset >>> 2;
      this.vreg.dw[i] = snapshot[i] as number;
      this.sreg[i] = snapshot[i] as number;
    }
  }

  /** CCID as the guest set it, wherever it is now. */
  get currentCcid(): number {
    return this.loaded ? this.hw.peek(RCS_CCID) : this.ccid;
  }

  /** The VM is gone: nothing of it stays in hardware. */
  release(): void {
    this.alive = false;
    this.#forcewake(false);
    this.config.release();
    this.fences.release();
    this.aperture.dispose();
    this.ggtt.space.dispose();
    // Its pipes stop, and with them what they have the clock call.
    this.display?.reset();
    this.ppgtt.release();
  }
}
