import type {
  Clock,
  DisplayEngine,
  Engine,
  HaswellDevice,
  Monitor,
  PortName,
} from '@xengt/hsw-device';
import {
  ENGINE_IDS,
  engineRegs,
  GM_PAGES,
  igdConfigSpace,
  WAIT_SEMAPHORE,
} from '@xengt/hsw-device';
import { AttributeTable } from './attr/attribute-table.ts';
import { Klog } from './control/klog.ts';
import { ControlTree } from './control/tree.ts';
import { UeventGate } from './control/uevent-gate.ts';
import { CommandDisplay } from './display/command-display.ts';
import { Foreground } from './display/foreground.ts';
import { CURSOR, flippedPlane, PRIMARY } from './display/frame-buffer.ts';
import { IndirectDisplay } from './display/indirect.ts';
import { ScanOut } from './display/scan-out.ts';
import type { Errno } from './errno.ts';
import { Residency } from './gtt/residency.ts';
import { SHADOW_BYTES } from './gtt/shadow-directory.ts';
import { RegionTableMemory } from './gtt/table-memory.ts';
import { PhysicalInterrupts } from './irq/physical-interrupts.ts';
import { Lifecycle } from './lifecycle/lifecycle.ts';
import { FENCES, Partition, type PartitionMode, type Slice } from './partition/partition.ts';
import { CONTEXT_AREAS, ReservedMemory } from './partition/reserved.ts';
import type { Mpt, VgtEvents } from './port/mpt.ts';
import { type RecoveryConfig, recoveryLimits } from './recovery/limits.ts';
import { Recovery } from './recovery/recovery.ts';
import { BatchArena } from './ring/batch-arena.ts';
import { Gathering } from './ring/gathering.ts';
import { Submitter } from './ring/submitter.ts';
import type { VirtualEngine } from './ring/virtual-engine.ts';
import { isShare, type ShareParams } from './sched/entity.ts';
import type { PolicyName } from './sched/policy.ts';
import { RenderSwitch } from './sched/render-switch.ts';
import { Scheduler } from './sched/scheduler.ts';
import { BootTimeConfig } from './vgpu/boot-time-config.ts';
import { HostForcewake } from './vgpu/host-forcewake.ts';
import { DISPLAY_LEGACY_VGA, DISPLAY_READY } from './vgpu/pv-info.ts';
import { Vgpu, type VgpuOwner } from './vgpu/vgpu.ts';

const R = engineRegs;
/** Kinds of frame buffer notices. Upstream `FB_MODE_SET_START` and siblings. */
const MODE_SET_START = 1,
  MODE_SET_END = 2,
  FLIP = 3;
const MIB = 2 ** 20;
const MS = 1_000_000;
/** dom0's parts, MiB, and what they are cut to. Upstream: dom0_low_gm_sz and siblings. */
const DOM0_LOW = 120,
  DOM0_HIGH = 384,
  DOM0_FENCES = 4;
const DOM0_LOW_MAX = 448;
const GM_MIB_MAX = 2048;
/** Two surfaces of 4096 by 2304 for each of three pipes, and cursors. */
const DISPLAY_MIB = 256;
/** INSTPM: TLB invalidate with sync flush, and their mask bits. */
const TLB_INVALIDATE: number =
  ((R.INSTPM_TLB_INVALIDATE | R.INSTPM_SYNC_FLUSH) << 16) |
  (R.INSTPM_TLB_INVALIDATE | R.INSTPM_SYNC_FLUSH);
/** Machine address of the mediator's own memory, if the host names none: 448 GiB. */
const MACHINE_BASE: number = 448 * 2 ** 30;
/** GMBUS2 15: somebody uses the bus; writing 1 gives it back. i915 `GMBUS_INUSE`. */
const GMBUS2 = 0xc5108;
const GMBUS_INUSE = 0x8000;
/** Steps given to the device when a VM is destroyed in the middle of a switch. */
const FINISH_STEPS = 64;
const FINISH_BUDGET = 0x10000;

/** Parameters; names and defaults are upstream's where it has them. */
export interface VgtConfig extends RecoveryConfig {
  readonly dom0LowMiB?: number;
  readonly dom0HighMiB?: number;
  readonly dom0Fences?: number;
  /** How graphics memory is given to VMs. Default `static`. */
  readonly partition?: PartitionMode;
  /** `shared`: hidden memory where what the foreground VM shows is mapped, MiB. Default 256. */
  readonly displayMiB?: number;
  /** Most VMs at once, dom0 included. Upstream has 4; here up to {@link CONTEXT_AREAS}. */
  readonly maxVms?: number;
  /** How the engines' time is shared; default `timer`, upstream's round robin. */
  readonly scheduler?: PolicyName;
  /** Time slice, nanoseconds. Default: 15 ms with `timer`, 8 ms with `fair`, 4 ms with `event`. */
  readonly sliceNs?: number;
  /** A VM with work that has waited so long goes first, nanoseconds. Default 1.5 s, as upstream. */
  readonly starvationNs?: number;
  /** New VMs get a copy of each physical monitor. Default true. */
  readonly propagateMonitors?: boolean;
  /** Ports B, C and D of HVMs take any kind of monitor, whatever the machine's do. Default false. */
  readonly anyMonitor?: boolean;
  /** The first HVM whose display is ready goes to the foreground. Default false. */
  readonly hvmBootForeground?: boolean;
  readonly bypassDom0AddressCheck?: boolean;
  /** HVMs' forcewake requests are answered and not passed on. Default true. */
  readonly ignoreHvmForcewake?: boolean;
  /** Whether VMs that do not say show the primary display's class. Default false. */
  readonly primary?: boolean;
  /** Machine address of the mediator's memory: 32 MiB and 2 MiB per page directory from there. */
  readonly machineBase?: number;
}

export interface VgtOptions {
  readonly device: HaswellDevice;
  readonly mpt: Mpt;
  readonly clock: Clock;
  readonly config?: VgtConfig;
  readonly events?: VgtEvents;
}

export interface VgpuParams extends ShareParams {
  readonly lowMiB: number;
  readonly highMiB: number;
  readonly fences: number;
  readonly primary?: boolean;
  /** The very graphics memory that a guest from elsewhere knows; sizes above must be its own. */
  readonly at?: Slice;
}

/** The mediator: it owns the GPU and shares it among VMs. dom0 is VM 0 and exists from the start. */
export class Vgt implements VgpuOwner {
  readonly device: HaswellDevice;
  readonly mpt: Mpt;
  readonly clock: Clock;
  readonly config: VgtConfig;
  readonly attr: AttributeTable;
  readonly partition: Partition;
  readonly reserved: ReservedMemory;
  readonly residency: Residency;
  readonly scanOut: ScanOut;
  readonly tables: RegionTableMemory;
  readonly arenas: readonly BatchArena[];
  readonly snapshot: Int32Array;
  readonly bypassDom0AddressCheck: boolean;
  readonly forcewake: HostForcewake;
  readonly ignoreHvmForcewake: boolean;
  readonly switch: RenderSwitch;
  readonly scheduler: Scheduler;
  readonly recovery: Recovery;
  readonly submitter: Submitter;
  readonly gathering: Gathering;
  readonly interrupts: PhysicalInterrupts;
  readonly foreground: Foreground;
  /** Pictures of VMs for who has no display of theirs. */
  readonly indirect: IndirectDisplay;
  readonly commandDisplay: CommandDisplay;
  readonly control: ControlTree;
  readonly uevents: UeventGate;
  readonly lifecycle: Lifecycle;
  readonly klog: Klog;
  readonly dom0: Vgpu;
  /** What Domain-0's configuration accesses reach: hardware's function until there is an HVM. */
  readonly dom0Config: BootTimeConfig;
  /** How the ports of HVMs' boards are wired. */
  readonly hvmWiring: DisplayEngine['wiring'];
  /** Page requests of the hardware that found no VM to answer. */
  strayPageRequests = 0;
  readonly #events: VgtEvents;
  readonly #vms: Vgpu[] = [];
  #bootForegroundDone = false;
  #bootTime = true;
  #turns = 0;

  constructor(o: VgtOptions) {
    const { device, clock } = o;
    const config = o.config ?? {};
    this.device = device;
    this.hvmWiring =
      config.anyMonitor === true ? takesAny(device.display.wiring) : device.display.wiring;
    this.mpt = o.mpt;
    this.clock = clock;
    this.config = config;
    this.#events = o.events ?? {};
    this.uevents = new UeventGate(clock, (text, domid) => this.#events.uevent?.(text, domid));
    this.bypassDom0AddressCheck = config.bypassDom0AddressCheck ?? false;
    this.forcewake = new HostForcewake(device);
    this.ignoreHvmForcewake = config.ignoreHvmForcewake ?? true;
    this.snapshot = this.#takeSnapshot();
    this.attr = new AttributeTable(device.regs, device.display.rows);
    this.partition = new Partition({
      apertureMiB: device.apertureBytes / MIB,
      totalMiB: (GM_PAGES * 4096) / MIB,
      mode: config.partition ?? 'static',
      displayMiB: config.displayMiB ?? DISPLAY_MIB,
    });
    const base = config.machineBase ?? MACHINE_BASE;
    const { reservedBase, reservedHighBase } = this.partition;
    this.reserved = new ReservedMemory(
      reservedBase,
      reservedHighBase,
      device.memory,
      base,
      device.ggtt,
    );
    const { displayBase, displayMiB } = this.partition;
    this.scanOut = new ScanOut(device.ggtt, displayBase, displayMiB, this.reserved.dummyPte);
    this.residency = new Residency(device.ggtt, clock, this.reserved.dummyPte);
    this.tables = new RegionTableMemory(device.memory, base + 32 * MIB, SHADOW_BYTES);
    this.arenas = ENGINE_IDS.map((_, i) => new BatchArena(this.reserved, i));
    this.submitter = new Submitter(clock, this.attr, this.reserved);
    this.gathering = new Gathering(device, (vgpu, ring) => this.#handOver(vgpu, ring));
    const vms = (): readonly Vgpu[] => this.#vms;
    const limits = recoveryLimits(config);
    this.switch = new RenderSwitch({
      device,
      clock,
      attr: this.attr,
      reserved: this.reserved,
      timeoutNs: limits.hangNs,
      forcewake: this.forcewake,
      events: {
        lostContext: (vgpu) => this.recovery.lostContext(vgpu),
        broken: () => void this.recovery.device.inSwitch(),
        ended: (vgpu) => this.scheduler.ended(vgpu),
        switched: () => this.#switched(),
      },
    });
    this.scheduler = new Scheduler({
      clock,
      switch: this.switch,
      policy: config.scheduler ?? 'timer',
      sliceNs: config.sliceNs ?? null,
      starvationNs: config.starvationNs ?? 1500 * MS,
      busyNs: (engine) => (device.gt.engines[engine] as Engine).activity.busyNs,
      resume: (vgpu) => this.#submitPending(vgpu),
      refuge: () => this.dom0,
    });
    this.recovery = new Recovery({
      device,
      clock,
      attr: this.attr,
      switch: this.switch,
      limits,
      uevent: (domid, kind, text) => this.uevents.send(domid, kind, text),
      fatal: (reason) => this.#events.fatal?.(reason),
      othersWait: () => this.scheduler.contended,
      consider: () => this.scheduler.changed(),
    });
    this.interrupts = new PhysicalInterrupts(device, vms);
    device.gt.engines.forEach((engine, i) => {
      engine.ppgtt.onPageRequest = (page) => this.#pageRequest(i, page);
    });
    this.lifecycle = new Lifecycle(this);
    this.klog = new Klog(clock);
    this.dom0 = this.#createDom0();
    const physical = igdConfigSpace({
      name: 'igd',
      deviceId: device.model.deviceId,
      apertureMiB: device.apertureBytes / MIB,
    });
    this.dom0Config = new BootTimeConfig(physical, this.dom0.config.space, () => this.#bootTime);
    this.indirect = new IndirectDisplay(() => this.#vms);
    this.foreground = new Foreground(device, this.dom0, this.scanOut);
    this.commandDisplay = new CommandDisplay(device, () => this.switch.owner);
    device.commandDisplay = this.commandDisplay;
    const { display } = device;
    const piped = display.onPipe;
    display.onPipe = (pipe, running) => {
      piped(pipe, running);
      this.modeSet(this.dom0, pipe, running);
    };
    display.onPlaneWrite = (_pipe, offset) => {
      if (this.dom0.ownsDisplay) this.planeShown(this.dom0, offset);
    };
    device.display.onMonitor = (port, monitor) => this.#physicalHotplug(port, monitor);
    this.control = new ControlTree(this);
    this.interrupts.recompute();
  }

  /** Hardware's registers as a driver would read them first. */
  #takeSnapshot(): Int32Array {
    const { regs } = this.device;
    const values = regs.dw.map((value, i) => (regs.claims(i << 2) ? regs.read32(i << 2) : value));
    // Reading GMBUS2 took its semaphore.
    regs.write32(GMBUS2, GMBUS_INUSE);
    return values;
  }

  #createDom0(): Vgpu {
    const c = this.config;
    const lowMiB = Math.min(c.dom0LowMiB ?? DOM0_LOW, DOM0_LOW_MAX);
    const highMiB = Math.min(c.dom0HighMiB ?? DOM0_HIGH, GM_MIB_MAX - lowMiB);
    const fences = Math.min(c.dom0Fences ?? DOM0_FENCES, FENCES);
    const made = this.createVgpu(0, { lowMiB, highMiB, fences, primary: true });
    if (typeof made === 'string') throw new VgtConfigError(lowMiB, highMiB, fences, made);
    return made;
  }

  /** All VMs, dom0 first. */
  get vms(): readonly Vgpu[] {
    return this.#vms;
  }

  vm(domid: number): Vgpu | undefined {
    return this.#vms.find((vm) => vm.domid === domid);
  }

  /** VM whose render state is in hardware; null before the first and during a switch. */
  get renderOwner(): Vgpu | null {
    return this.switch.owner;
  }

  /**
   * Makes a vGPU for a domain.
   *
   * @returns EINVAL for bad sizes or a domain that has one, ENOSPC when there are too many, ENOMEM
   * when graphics memory or fences are short, EBUSY while the GPU is lent; then nothing has changed
   */
  createVgpu(domid: number, p: VgpuParams): Vgpu | Errno {
    if (domid !== 0 && this.lifecycle.lending.lent) return 'EBUSY';
    if (p.lowMiB <= 0 || p.highMiB < 0 || p.fences <= 0 || domid < 0) return 'EINVAL';
    if (!isShare(p)) return 'EINVAL';
    if (this.vm(domid) !== undefined) return 'EINVAL';
    if (this.#vms.length >= (this.config.maxVms ?? CONTEXT_AREAS)) return 'ENOSPC';
    const contextArea = this.reserved.takeContext();
    if (contextArea < 0) return 'ENOSPC';
    const { partition } = this;
    // dom0's display is hardware's: what it shows must be in the GTT at all times.
    const slice =
      p.at !== undefined
        ? partition.claim(p.at)
        : domid === 0
          ? partition.allocate(p.lowMiB, p.highMiB, p.fences)
          : partition.take(p.lowMiB, p.highMiB, p.fences);
    if (typeof slice === 'string') {
      this.reserved.freeContext(contextArea);
      return slice;
    }
    this.reserved.copyNullContext(contextArea);
    let id = 0;
    while (this.#vms.some((vm) => vm.id === id)) id++;
    const primary = p.primary ?? this.config.primary ?? false;
    const vgpu = new Vgpu(this, {
      domid,
      id,
      slice,
      primary,
      contextArea,
      turn: this.#turns++,
      share: p,
    });
    this.#vms.push(vgpu);
    this.klog.say(`vm${domid}: created, ${p.lowMiB} + ${p.highMiB} MiB, ${p.fences} fences`);
    this.#bootTime &&= vgpu.isDom0;
    if (!vgpu.isDom0 && (this.config.propagateMonitors ?? true)) this.#propagate(vgpu);
    return vgpu;
  }

  /** The VM sees the monitors that are plugged in physically. */
  #propagate(vgpu: Vgpu): void {
    for (const port of vgpu.ports.ports) {
      const monitor = this.device.display.monitorOn(port.name);
      if (monitor === null) continue;
      this.#events.uevent?.(`VGT_DETECT_PORT_${port.name}=1`, vgpu.domid);
      vgpu.ports.plug(port.name, monitor);
    }
    vgpu.ports.follows = true;
  }

  /** A monitor was plugged into the machine, or taken out. */
  #physicalHotplug(port: PortName, monitor: Monitor | null): void {
    this.#events.uevent?.(`VGT_DETECT_PORT_${port}=1`, this.dom0.domid);
    for (const vm of this.#vms) if (!vm.isDom0) vm.ports.physicalChanged(port, monitor);
  }

  /** Takes a vGPU away; everything it had is free again. dom0's stays. */
  destroyVgpu(domid: number): Errno | null {
    if (domid === 0) return 'EINVAL';
    const vgpu = this.vm(domid);
    if (vgpu === undefined) return 'ENODEV';
    this.#finishSwitch();
    if (this.foreground.vm === vgpu) this.showForeground(this.dom0);
    vgpu.alive = false;
    this.switch.expel(vgpu);
    this.scheduler.forget(vgpu);
    this.#vms.splice(this.#vms.indexOf(vgpu), 1);
    this.indirect.forget(vgpu);
    vgpu.release();
    this.klog.say(`vm${domid}: destroyed`);
    this.uevents.forget(domid);
    this.residency.drop(vgpu.ggtt.tag);
    this.reserved.freeContext(vgpu.contextArea);
    this.partition.release(vgpu.slice);
    this.interrupts.recompute();
    this.#resume();
    // As upstream: what nobody else wants is dom0's.
    if (this.switch.owner === null) this.switch.request(this.dom0);
    return null;
  }

  /** A switch that is copying context images is brought to its end: it is short. */
  #finishSwitch(): void {
    for (let i = 0; i < FINISH_STEPS && this.switch.switching; i++) {
      this.device.step(FINISH_BUDGET);
      this.switch.advance();
    }
  }

  /** To be called after each step of the device. Cheap when there is nothing to do. */
  tick(): void {
    if (this.lifecycle.lending.lent) return;
    this.recovery.watch.steps++;
    this.interrupts.poll();
    this.switch.advance();
    if (!this.switch.steady) this.#switchWaits();
    const { owner } = this.switch;
    if (owner !== null) this.#followLoops(owner);
    if (owner !== null && this.switch.steady) {
      for (const ring of owner.engines) if (ring.stalled) this.#submit(owner, ring);
    }
    this.scheduler.consider();
  }

  /** Also while a switch waits for the engines: only so does a loop come to its end. */
  #followLoops(owner: Vgpu): void {
    for (const ring of owner.engines) {
      if (ring.arena.loops.count === 0) continue;
      this.submitter.followLoops(owner, ring, this.switch.resting(ring.index));
    }
  }

  /** Frames of a domain moved: whatever was translated is translated again. */
  framesChanged(domid: number): void {
    const vgpu = this.vm(domid);
    if (vgpu === undefined) return;
    vgpu.ppgtt.flush();
    vgpu.ggtt.reload();
    if (vgpu.loaded) this.#invalidateHardwareTlb();
  }

  /** Shows a VM's planes on the physical screens. @returns ENODEV, EAGAIN before it is ready */
  setForeground(domid: number): Errno | null {
    const vgpu = this.vm(domid);
    if (vgpu === undefined) return 'ENODEV';
    if (this.foreground.vm === vgpu) return null;
    if (!vgpu.isDom0 && vgpu.pv.displayReady === 0) return 'EAGAIN';
    this.showForeground(vgpu);
    return null;
  }

  showForeground(vgpu: Vgpu): void {
    this.klog.say(`vm${vgpu.domid}: in the foreground`);
    this.foreground.show(vgpu);
    this.#events.foreground?.(vgpu.domid);
  }

  // --- what vGPUs ask ---

  ringWork(vgpu: Vgpu, ring: VirtualEngine): void {
    if (!this.#mayHandOver(vgpu, ring) || !this.gathering.take(vgpu, ring)) {
      this.#handOver(vgpu, ring);
    }
  }

  #mayHandOver(vgpu: Vgpu, ring: VirtualEngine): boolean {
    return vgpu.loaded && this.switch.steady && !ring.held && !vgpu.sched.held;
  }

  #handOver(vgpu: Vgpu, ring: VirtualEngine): void {
    if (this.#mayHandOver(vgpu, ring)) {
      this.#submit(vgpu, ring);
    } else if (ring.pending) {
      if (ring.waitingSince < 0) ring.waitingSince = this.clock.now;
      this.scheduler.woke(vgpu);
    }
  }

  #submit(vgpu: Vgpu, ring: VirtualEngine): void {
    if (!vgpu.alive || vgpu.sched.held) return;
    if (vgpu.ppgtt.resync()) this.#invalidateHardwareTlb();
    this.submitter.submit(vgpu, ring, this.switch.resting(ring.index));
    this.recovery.watch.start();
  }

  /**
   * The owner is to give the engines up. If one of them waits for what lies in another's ring beyond the
   * place where that was cut, that ring gets a request more.
   */
  #switchWaits(): void {
    this.recovery.watch.start();
    const { owner } = this.switch;
    if (owner === null || !this.device.gt.engines.some((e) => e.wait === WAIT_SEMAPHORE)) return;
    for (const ring of owner.engines) {
      if (!ring.pending || ring.resetInDrain || !this.switch.resting(ring.index)) continue;
      this.#submit(owner, ring);
      ring.cut(true);
    }
  }

  #switched(): void {
    const { owner } = this.switch;
    if (owner !== null) this.scheduler.began(owner);
    this.recovery.device.poll();
    this.lifecycle.switched();
    this.#resume();
  }

  /** The engines go on with what their owner has, or go to somebody else. */
  #resume(): void {
    const { owner } = this.switch;
    if (owner !== null && this.switch.steady) this.#submitPending(owner);
    this.scheduler.consider();
  }

  #submitPending(vgpu: Vgpu): void {
    for (const ring of vgpu.engines) if (ring.pending) this.#submit(vgpu, ring);
  }

  ringEnabled(vgpu: Vgpu): void {
    if (!vgpu.inRunQueue) this.scheduler.consider();
  }

  maskChanged(offset: number): void {
    this.interrupts.recomputeAt(offset);
  }

  resetEngines(vgpu: Vgpu, mask: number): void {
    this.switch.hardware.engines(mask);
    for (const ring of vgpu.engines) {
      if ((mask & (1 << ring.index)) === 0) continue;
      ring.load();
      ring.resetInDrain = this.switch.draining;
    }
  }

  abandon(vgpu: Vgpu, engine: number): void {
    if (this.switch.resting(engine)) return;
    this.switch.hardware.engines(1 << engine);
    (vgpu.engines[engine] as VirtualEngine).programTables();
  }

  engineBusy(engine: number): boolean {
    return !this.switch.resting(engine);
  }

  invalidateTlb(vgpu: Vgpu): void {
    if (vgpu.ppgtt.resync() && vgpu.loaded) this.#invalidateHardwareTlb();
  }

  #invalidateHardwareTlb(): void {
    for (const id of ENGINE_IDS) {
      this.device.regs.write32(R.RING_BASE[id] + R.RING_INSTPM, TLB_INVALIDATE);
    }
  }

  #pageRequest(engine: number, page: number): boolean {
    const { owner } = this.switch;
    const base = this.device.regs.peek(
      R.RING_BASE[ENGINE_IDS[engine] as 'RCS'] + R.RING_PP_DIR_BASE,
    );
    const directory = owner?.ppgtt.find(base) ?? null;
    if (directory === null) {
      this.strayPageRequests++;
      return false;
    }
    return directory.fill(page);
  }

  /** The VM did what no VM may: it is stopped, and its engines go to the others. */
  crashed(vgpu: Vgpu): void {
    this.switch.expel(vgpu);
    if (this.foreground.vm === vgpu && !vgpu.isDom0) this.showForeground(this.dom0);
    this.interrupts.recompute();
    const reason = vgpu.crashReason ?? '';
    this.klog.say(`vm${vgpu.domid}: stopped: ${reason}`);
    this.#events.crashed?.(vgpu.domid, reason);
    this.mpt.crash(vgpu.domid, reason);
    this.#resume();
  }

  displayReady(vgpu: Vgpu, value: number): void {
    const text =
      value === DISPLAY_LEGACY_VGA
        ? 'VGT_ENABLE_VGA=1'
        : `VGT_DISPLAY_READY=${value === DISPLAY_READY ? 1 : 0}`;
    this.uevents.send(vgpu.domid, 'display', text);
    if (value === DISPLAY_LEGACY_VGA) vgpu.display?.lightVga();
    const first = value === DISPLAY_READY && !vgpu.isDom0 && !this.#bootForegroundDone;
    if (first && this.config.hvmBootForeground === true) {
      this.#bootForegroundDone = true;
      this.showForeground(vgpu);
    }
  }

  vgaSwitched(vgpu: Vgpu, on: boolean): void {
    this.uevents.send(vgpu.domid, 'vga', `VGT_ENABLE_VGA=${on ? 1 : 0}`);
  }

  planeWritten(vgpu: Vgpu, offset: number): void {
    this.foreground.planeWritten(vgpu, offset);
    if (vgpu.isDom0) this.planeShown(vgpu, offset);
  }

  modeSet(vgpu: Vgpu, pipe: number, running: boolean): void {
    this.#notify(vgpu, running ? MODE_SET_END : MODE_SET_START, pipe, PRIMARY);
  }

  planeShown(vgpu: Vgpu, offset: number): void {
    const plane = flippedPlane(offset);
    if (plane >= 0) this.#notify(vgpu, FLIP, ((offset >>> 12) & 0xf) % 3, plane);
  }

  #notify(vgpu: Vgpu, kind: number, pipe: number, plane: number): void {
    this.#events.frameBuffer?.(vgpu.domid, kind, pipe, plane);
  }

  hotplug(vgpu: Vgpu, port: PortName, present: boolean): void {
    const name = port === 'E' ? 'CRT' : `PORT_${port}`;
    this.#events.uevent?.(`${name}_${present ? 'INSERT' : 'REMOVE'}=1`, vgpu.domid);
  }

  refresh(vgpu: Vgpu): void {
    if (this.foreground.vm === vgpu) this.foreground.refresh();
  }

  drew(vgpu: Vgpu): void {
    this.refresh(vgpu);
    for (const pipe of (vgpu.display ?? this.device.display).pipes) {
      if (pipe.beam.running) this.#notify(vgpu, FLIP, pipe.index, PRIMARY);
    }
  }

  pointerChanged(vgpu: Vgpu): void {
    this.refresh(vgpu);
    this.#notify(vgpu, FLIP, 0, CURSOR);
  }
}

/** A board with all connectors on B, C and D that the given one has there. */
function takesAny(wiring: DisplayEngine['wiring']): DisplayEngine['wiring'] {
  const any = (port: PortName): 'none' | 'dp++' => (wiring[port] === 'none' ? 'none' : 'dp++');
  return { ...wiring, B: any('B'), C: any('C'), D: any('D') };
}

/** dom0's own part does not fit the device: the host's mistake. */
export class VgtConfigError extends Error {
  readonly code = 'DOM0_DOES_NOT_FIT';
  constructor(lowMiB: number, highMiB: number, fences: number, errno: Errno) {
    super(`dom0 with ${lowMiB} + ${highMiB} MiB and ${fences} fences does not fit: ${errno}`);
    this.name = 'VgtConfigError';
  }
}
