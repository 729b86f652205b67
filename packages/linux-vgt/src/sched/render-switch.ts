import {
  type Clock,
  CONTEXT_BYTES,
  ENGINE_IDS,
  type Engine,
  engineRegs,
  type HaswellDevice,
} from '@xengt/hsw-device';
import { RENDER_ADDRESS, RENDER_MODE } from '../attr/attribute.ts';
import type { AttributeTable } from '../attr/attribute-table.ts';
import type { ReservedMemory } from '../partition/reserved.ts';
import { HardwareReset } from '../recovery/hardware-reset.ts';
import type { HostForcewake } from '../vgpu/host-forcewake.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import { Histogram } from './histogram.ts';
import { CTX_FORCE_RESTORE, CTX_RESTORE_INHIBIT, OwnRing } from './own-ring.ts';

const R = engineRegs;
const RCS_CCID: number = R.RING_BASE.RCS + R.RING_CCID;
const ALL_ENGINES = 0xf;
const RCS_ONLY = 0x1;
/** Steps given to hardware for the mediator's own commands; what is left runs in the host's turns. */
const OWN_STEPS = 8;
const OWN_BUDGET = 0x8000;

/** What the switch counts; they only grow. Times in nanoseconds. */
export interface SwitchCounters {
  /** Times the render owner changed. Upstream: context_switch_num. */
  switches: number;
  /** Time from the request of a switch to its end, and the part of it spent waiting for idle. */
  switchNs: number;
  idleWaitNs: number;
  /** Switches that went on only because an engine was found hung and reset. */
  timeouts: number;
  /** Registers that did not read back what was restored; counted while validation is on. */
  mismatches: number;
  /** Switches whose context image was lost because the mediator's own commands did not finish. */
  lostImages: number;
}

const STEADY = 0;
const DRAINING = 1;
const SWITCHING = 2;

/** Times that the mediator's own commands are tried again: after an engine reset, then after a device reset. */
const RETRIES = 2;

/** What the switch tells the mediator. */
export interface SwitchEvents {
  /** Hardware lost a VM's render context: it must reset that engine itself. */
  lostContext(vgpu: Vgpu): void;
  /** Not even the mediator's own commands run on the render engine, and resetting it did not help. */
  broken(): void;
  /** A VM lost the engines after so long. */
  ended(vgpu: Vgpu, ranNs: number): void;
  /** A VM has the engines now, or nobody after {@link RenderSwitch.vacate}. */
  switched(): void;
}

/**
 * Gives the engines from one VM to another. Nothing waits: {@link advance} is called after every
 * step of the device and goes on when hardware is ready.
 *
 * Order: no new work (1); every engine at rest, each ring cut at the next request boundary (2);
 * registers saved, rings off (3); the render context saved and the next one loaded by commands on
 * the mediator's own ring (4); registers, page tables and rings of the next VM (5).
 */
export class RenderSwitch {
  /** Whose state is in hardware; null before the first and while no VM's is. */
  owner: Vgpu | null = null;
  validate = false;
  /** Nobody gets the engines: see {@link vacate}. */
  closed = false;
  readonly hardware: HardwareReset;
  readonly counters: SwitchCounters = {
    switches: 0,
    switchNs: 0,
    idleWaitNs: 0,
    timeouts: 0,
    mismatches: 0,
    lostImages: 0,
  };
  /** Time of each switch, from its request to its end. */
  readonly costs: Histogram = new Histogram();
  readonly #device: HaswellDevice;
  readonly #clock: Clock;
  readonly #attr: AttributeTable;
  readonly #reserved: ReservedMemory;
  readonly #events: SwitchEvents;
  readonly #timeoutNs: number;
  readonly #ownRing: OwnRing;
  readonly #forcewake: HostForcewake;
  #state = STEADY;
  #next: Vgpu | null = null;
  /** Whose context is being saved. */
  #prev: Vgpu | null = null;
  #retries = 0;
  #requestedAt = 0;
  #since = 0;
  #loadedAt = 0;
  #nullReady = false;
  #buildingNull = false;

  constructor(o: {
    device: HaswellDevice;
    clock: Clock;
    attr: AttributeTable;
    reserved: ReservedMemory;
    events: SwitchEvents;
    /** How long an engine may take to come to rest, nanoseconds. */
    timeoutNs: number;
    forcewake: HostForcewake;
  }) {
    this.#forcewake = o.forcewake;
    this.#device = o.device;
    this.#clock = o.clock;
    this.#attr = o.attr;
    this.#reserved = o.reserved;
    this.#events = o.events;
    this.#timeoutNs = o.timeoutNs;
    this.hardware = new HardwareReset(o.device, o.attr);
    this.#ownRing = new OwnRing(o.device, o.reserved);
  }

  get steady(): boolean {
    return this.#state === STEADY;
  }

  /** Whether context images are being moved: the reserved memory must stay as it is. */
  get switching(): boolean {
    return this.#state === SWITCHING;
  }

  /** Whether the owner is to give the engines up and has not come to rest yet. */
  get draining(): boolean {
    return this.#state === DRAINING;
  }

  /** Whether nobody has the engines and nobody gets them: see {@link vacate}. */
  get vacant(): boolean {
    return this.closed && this.#state === STEADY && this.owner === null;
  }

  /** The VM that gets the engines next; null when none is about to. */
  get next(): Vgpu | null {
    return this.#next;
  }

  /** When the owner got the engines, nanoseconds. */
  get ownerSince(): number {
    return this.#loadedAt;
  }

  #engine(i: number): Engine {
    return this.#device.gt.engines[i] as Engine;
  }

  /** Whether an engine is between ring commands with nothing left to do. */
  resting(i: number): boolean {
    const e = this.#engine(i);
    if (e.level !== 0 || e.blitting || e.wait !== 0 || e.hang !== null) return false;
    return !e.enabled || e.ringEmpty || e.stopped;
  }

  /** Whether all engines rest. */
  get allResting(): boolean {
    for (let i = 0; i < ENGINE_IDS.length; i++) if (!this.resting(i)) return false;
    return true;
  }

  /** Asks for the engines to go to a VM. A request that is under way is kept. */
  request(next: Vgpu): void {
    if (this.closed || this.#state !== STEADY || next === this.owner) return;
    this.#drainTo(next);
  }

  /**
   * Takes the engines from everybody, with nothing lost: the owner's requests under way end, and its
   * state is saved. {@link vacant} says when; {@link reopen} ends it.
   */
  vacate(): void {
    this.closed = true;
    this.advance();
  }

  reopen(): void {
    this.closed = false;
  }

  #drainTo(next: Vgpu | null): void {
    this.#next = next;
    this.#state = DRAINING;
    this.#requestedAt = this.#clock.now;
    if (this.owner !== null) for (const engine of this.owner.engines) engine.cut();
    this.advance();
  }

  /** Goes on as far as hardware allows. */
  advance(): void {
    if (this.#state === DRAINING) this.#drain();
    if (this.#state === SWITCHING) this.#finish();
    if (this.closed && this.#state === STEADY && this.owner !== null) this.#drainTo(null);
  }

  #drain(): void {
    if (!this.allResting) return;
    this.counters.idleWaitNs += this.#clock.now - this.#requestedAt;
    this.#forcewake.get();
    this.#save();
    this.#prev = this.owner;
    this.#retries = 0;
    this.#startCommands();
  }

  /** Hardware's registers into the owner's state; its rings off. */
  #save(): void {
    const prev = this.owner;
    if (prev === null) return;
    const { regs } = this.#device;
    this.#saveRegisters(prev);
    for (const engine of prev.engines) engine.unload();
    prev.hidden.save(this.#device);
    prev.ccid = regs.peek(RCS_CCID);
    this.#account(prev);
    prev.loaded = false;
    prev.ppgtt.unload();
  }

  #saveRegisters(prev: Vgpu): void {
    const { regs } = this.#device;
    const { policy, status, statusEngine } = this.#attr;
    const held = prev.heldEngines;
    for (const offset of this.#attr.saved) {
      const value = regs.read32(offset);
      prev.sreg[offset >>> 2] = value;
      if (policy[offset >>> 2] !== RENDER_ADDRESS) prev.vreg.dw[offset >>> 2] = value;
    }
    for (let k = 0; k < status.length; k++) {
      // What a hung engine's said is kept for the guest's driver: hardware forgot it in the reset.
      if ((held & (statusEngine[k] as number)) !== 0) continue;
      const offset = status[k] as number;
      prev.vreg.dw[offset >>> 2] = regs.read32(offset);
    }
  }

  /** Hardware is about to lose its state: the owner's registers are kept. Its engines rest. */
  park(): void {
    if (this.owner !== null) this.#saveRegisters(this.owner);
  }

  /** Hardware lost its state: the owner's goes there again. */
  reload(): void {
    const { owner } = this;
    if (owner === null) return;
    owner.loaded = false;
    owner.ppgtt.unload();
    this.owner = null;
    this.request(owner);
  }

  #account(vgpu: Vgpu): void {
    const ranNs = this.#clock.now - this.#loadedAt;
    vgpu.counters.allocatedNs += ranNs;
    this.#events.ended(vgpu, ranNs);
  }

  /** Own commands: the running context into the owner's save area, the next one's out of its. */
  #startCommands(): void {
    const ring = this.#ownRing;
    // Without a current context nothing is stored by the first command.
    this.#device.regs.write32(RCS_CCID, 0);
    ring.begin();
    this.#buildingNull = !this.#nullReady;
    if (this.#buildingNull) {
      // Hardware still has its state after reset: that is the image every VM starts from.
      ring.setContext(this.#reserved.nullContext, CTX_RESTORE_INHIBIT);
      ring.setContext(this.#nextContext, CTX_RESTORE_INHIBIT);
    } else {
      const prev = this.#prev;
      if (prev !== null) {
        ring.setContext(this.#reserved.context(prev.contextArea), CTX_RESTORE_INHIBIT);
      }
      ring.setContext(this.#nextContext, CTX_FORCE_RESTORE);
    }
    this.owner = null;
    this.#state = SWITCHING;
    this.#since = this.#clock.now;
    ring.run();
    // The list is a few dozen dwords and no guest's ring is on: it is run here and now, which saves
    // a turn of the host's loop (milliseconds) for each switch.
    for (let i = 0; i < OWN_STEPS && !ring.done; i++) this.#device.step(OWN_BUDGET);
  }

  /** Where hardware's context is to come from. */
  get #nextContext(): number {
    const next = this.#next;
    return next === null ? this.#reserved.nullContext : this.#reserved.context(next.contextArea);
  }

  #finish(): void {
    const next = this.#next;
    const ring = this.#ownRing;
    const rests = this.resting(0) && ring.done;
    if (!rests && this.#clock.now - this.#since < this.#timeoutNs) return;
    const good = rests && ring.context === this.#nextContext;
    if (!good && this.#retry()) return;
    if (good && this.#buildingNull) {
      this.#nullReady = true;
      if (next !== null) this.#reserved.copyNullContext(next.contextArea);
    }
    ring.stop();
    this.#state = STEADY;
    this.#next = null;
    if (next?.alive === true) {
      this.#load(next);
      if (!good) this.#events.lostContext(next);
    }
    this.#forcewake.put();
    this.counters.switches++;
    const ns = this.#clock.now - this.#requestedAt;
    this.counters.switchNs += ns;
    this.costs.record(ns);
    this.#events.switched();
  }

  /** The own commands did not run: hardware is reset and tried again. @returns false to give up */
  #retry(): boolean {
    this.counters.lostImages++;
    const prev = this.#prev;
    this.#prev = null;
    this.hardware.engines(RCS_ONLY);
    if (prev?.alive === true) this.#events.lostContext(prev);
    if (this.#retries === RETRIES) return false;
    this.#retries++;
    if (this.#retries === RETRIES) this.#events.broken();
    this.#startCommands();
    return true;
  }

  /** A VM's state into hardware; its rings run again. */
  #load(next: Vgpu): void {
    const { regs } = this.#device;
    const { policy } = this.#attr;
    for (const offset of this.#attr.saved) {
      const i = offset >>> 2;
      let value = next.sreg[i] as number;
      const mode = policy[i] === RENDER_MODE;
      // An address that the guest never set must not name another VM's memory.
      if (policy[i] === RENDER_ADDRESS) {
        value = next.fixAddress(value);
        next.ggttFor(value, this.#attr.addressBytes(offset));
      }
      regs.write32(offset, mode ? 0xffff0000 | (value & 0xffff) : value);
      if (this.validate && !this.#reads(offset, value, mode)) this.counters.mismatches++;
    }
    if ((next.ccid & R.CCID_VALID) !== 0) next.ggttFor(next.ccid, CONTEXT_BYTES);
    regs.write32(RCS_CCID, next.ccid);
    next.hidden.restore(this.#device);
    this.owner = next;
    next.loaded = true;
    next.counters.scheduledIn++;
    this.#loadedAt = this.#clock.now;
    next.ppgtt.load();
    for (const engine of next.engines) engine.load();
  }

  #reads(offset: number, value: number, mode: boolean): boolean {
    const back = this.#device.regs.read32(offset);
    return mode ? (back & 0xffff) === (value & 0xffff) : back === value;
  }

  /**
   * The VM is going away or was stopped: the engines drop what they do for it, now. Another VM can
   * have them without anything being saved.
   */
  expel(vgpu: Vgpu): void {
    if (this.owner === vgpu) {
      this.hardware.engines(ALL_ENGINES);
      for (let i = 0; i < ENGINE_IDS.length; i++) {
        this.#device.regs.write32(R.RING_BASE[ENGINE_IDS[i] as 'RCS'] + R.RING_CTL, 0);
      }
      this.#account(vgpu);
      vgpu.loaded = false;
      vgpu.ppgtt.unload();
      this.owner = null;
    }
    if (this.#next === vgpu && this.#state === DRAINING) {
      this.#state = STEADY;
      this.#next = null;
    }
  }
}
