import {
  CONTEXT_BYTES,
  ENGINE_IDS,
  type EngineId,
  engineRegs,
  type RegRow,
  type RegSpace,
} from '@xengt/hsw-device';
import { type ReservedMemory, RING_BYTES_MAX } from '../partition/reserved.ts';
import type { BatchArena } from './batch-arena.ts';

const R = engineRegs;
/** GFX_MODE, MI_MODE, INSTPM: bits 31:16 enable bits 15:0. */
const ALL_BITS = 0xffff0000 | 0;

/** What a VM's engine asks of the mediator. */
export interface EngineHost {
  /** The device's registers. */
  readonly hw: RegSpace;
  /** Whether the VM's state is in the engines now. */
  readonly loaded: boolean;
  owns(gma: number, bytes: number): boolean;
  /** As `owns`; hardware then has the VM's entries there. */
  reach(gma: number, bytes: number): boolean;
  crash(reason: string): void;
  /** TAIL moved, or the ring was enabled with work in it. */
  ringWork(engine: VirtualEngine): void;
  ringEnabled(engine: VirtualEngine, on: boolean): void;
  maskChanged(offset: number): void;
  useDirectory(engine: number, value: number): 'ok' | 'outside' | 'busy';
  hardwareDirectory(engine: number): number;
  /** The guest's TLB invalidation: its page tables are compared with their shadows. */
  invalidateTlb(): void;
  /** The ring goes off: what the engine is in the middle of must not outlive it. */
  abandon(engine: number): void;
}

/** Places in a ring where work may be cut, remembered at most. */
const CUTS = 2048;

/**
 * One engine as a VM sees it: ring registers of its own, in the VM's register file. While the VM
 * has the engines, the hardware's ring is a shadow of the guest's: a copy of its checked commands
 * at the same offsets, so HEAD and TAIL mean the same in both.
 */
export class VirtualEngine {
  readonly index: number;
  readonly base: number;
  readonly rows: readonly RegRow[];
  /** Offset in the ring of the first byte that was not handed to hardware yet. */
  copied = 0;
  /** Bytes handed to hardware, and fetched by it, since the ring was enabled. */
  submittedBytes = 0;
  fetchedBytes = 0;
  /** The rest of the ring waits for room or an idle engine. */
  stalled = false;
  /** TAIL moved while the engine was at work: handed to hardware just before its next step. */
  gathers = false;
  /** The guest reset it while the VM was to give the engines up: nothing new runs before it has. */
  resetInDrain = false;
  /** When the guest first moved TAIL of what waits to be handed to hardware; -1 without. */
  waitingSince = -1;
  /** It hung: nothing of it runs, and its registers show the hang, until the guest resets it. */
  held = false;
  /** Its ACTHD then; times that it did. */
  hungAt = 0;
  hangs = 0;
  /** Ring commands handed to hardware. Upstream: perf/ring/.../cmd_nr. */
  commands = 0;
  readonly arena: BatchArena;
  readonly shadowRing: number;
  readonly #vreg: RegSpace;
  readonly #host: EngineHost;
  #lastHead = 0;
  /** Request boundaries not yet passed, in bytes as submittedBytes counts. */
  readonly #cuts = new Float64Array(CUTS);
  #cutFirst = 0;
  #cutCount = 0;

  constructor(
    index: number,
    vreg: RegSpace,
    host: EngineHost,
    reserved: ReservedMemory,
    arena: BatchArena,
  ) {
    this.index = index;
    this.base = R.RING_BASE[ENGINE_IDS[index] as EngineId];
    this.#vreg = vreg;
    this.#host = host;
    this.arena = arena;
    this.shadowRing = reserved.ring(index);
    this.rows = this.#makeRows();
  }

  #makeRows(): RegRow[] {
    const b = this.base;
    const src = 'HSW PRM vol.2c command streamer registers; i915 intel_engine_regs.h';
    // biome-ignore format: one register a line
    return [
      { name: 'RING_TAIL',     offset: b + R.RING_TAIL, rw: R.TAIL_ADDR, onWrite: () => this.#tailWritten(), src },
      { name: 'RING_HEAD',     offset: b + R.RING_HEAD, rw: ~3, onWrite: () => this.#headWritten(), onRead: (_, v) => this.#liveHead(v), src },
      { name: 'RING_START',    offset: b + R.RING_START, rw: ~0xfff, src },
      { name: 'RING_CTL',      offset: b + R.RING_CTL, rw: R.RING_NR_PAGES_MASK | R.RING_VALID | 0x6, w1c: R.RING_WAIT, onWrite: (_, v, old) => this.#ctlWritten(v, old), src },
      { name: 'RING_ACTHD',    offset: b + R.RING_ACTHD, rw: 0, onRead: () => this.#acthd(), src },
      { name: 'RING_MI_MODE',  offset: b + R.RING_MI_MODE, masked: true, rw: 0xfdff, onWrite: (o, v) => this.#toHardware(o, v), onRead: (_, v) => this.#modeRead(v), src },
      { name: 'RING_IMR',      offset: b + R.RING_IMR, reset: -1, onWrite: (o) => this.#host.maskChanged(o), src },
      { name: 'RING_INSTPM',   offset: b + R.RING_INSTPM, masked: true, rw: 0xffff, onWrite: (o, v) => this.#instpm(o, v), src },
      { name: 'RING_UHPTR',    offset: b + 0x134, src },
      { name: 'RING_CCID',     offset: b + R.RING_CCID, onWrite: (_, v) => this.#ccidWritten(v), onRead: (o, v) => (this.#host.loaded ? this.#host.hw.peek(o) : v), src },
      { name: 'RING_PP_DIR_DCLV', offset: b + R.RING_PP_DIR_DCLV, rw: 0, reset: -1, src },
      { name: 'RING_PP_DIR_BASE', offset: b + R.RING_PP_DIR_BASE, onWrite: (_, v) => this.#directoryWritten(v), src },
      { name: 'RING_GFX_MODE', offset: b + R.RING_GFX_MODE, masked: true, rw: 0xffff, onWrite: () => this.programTables(), src },
    ];
  }

  reg(offset: number): number {
    return this.#vreg.peek(this.base + offset);
  }
  setReg(offset: number, value: number): void {
    this.#vreg.poke(this.base + offset, value);
  }

  get enabled(): boolean {
    return (this.reg(R.RING_CTL) & R.RING_VALID) !== 0;
  }
  get bytes(): number {
    return R.ringBytes(this.reg(R.RING_CTL));
  }
  /** TAIL's offset, inside the ring whatever the guest wrote. */
  get tail(): number {
    return this.reg(R.RING_TAIL) & R.TAIL_ADDR & (this.bytes - 1);
  }
  /** HEAD as it may go to hardware: on a qword, inside the ring. */
  get #head(): number {
    const head = this.reg(R.RING_HEAD);
    return (head & ~R.HEAD_ADDR & ~3) | (head & R.TAIL_ADDR & (this.bytes - 1));
  }
  /** Bytes of the shadow ring, up to hardware's TAIL, that hardware has yet to fetch. */
  get inFlight(): number {
    return (this.#hw(R.RING_TAIL) - (this.#hw(R.RING_HEAD) & R.HEAD_ADDR)) & (this.bytes - 1);
  }
  /** Commands that hardware has not been given yet. */
  get pending(): boolean {
    return this.enabled && !this.held && this.copied !== this.tail;
  }
  /** Whether the hardware's ring is this one. */
  get #live(): boolean {
    return this.#host.loaded && this.enabled && !this.held;
  }
  /** Whether the guest has the PPGTT on. */
  get ppgttOn(): boolean {
    return (this.reg(R.RING_GFX_MODE) & R.GFX_PPGTT_ENABLE) !== 0;
  }

  #hw(offset: number): number {
    return this.#host.hw.peek(this.base + offset);
  }
  #setHw(offset: number, value: number): void {
    this.#host.hw.write32(this.base + offset, value);
  }
  #toHardware(offset: number, value: number): void {
    if (this.#host.loaded) this.#host.hw.write32(offset, ALL_BITS | (value & 0xffff));
  }

  #liveHead(value: number): number {
    return this.#live ? this.#hw(R.RING_HEAD) : value;
  }

  /** The hardware's address, in the guest's terms: shadow ring addresses become ring addresses. */
  #acthd(): number {
    if (this.held) return this.hungAt;
    const start = this.reg(R.RING_START);
    if (!this.#live) return start + (this.reg(R.RING_HEAD) & R.HEAD_ADDR);
    const at = this.#host.hw.read32(this.base + R.RING_ACTHD) - this.shadowRing;
    return at >= 0 && at < RING_BYTES_MAX ? start + at : at + this.shadowRing;
  }

  #modeRead(value: number): number {
    let idle = (!this.pending && !this.held) || (value & R.STOP_RING) !== 0;
    if (this.#live) {
      idle &&= (this.#host.hw.read32(this.base + R.RING_MI_MODE) & R.MODE_IDLE) !== 0;
    }
    return idle ? value | R.MODE_IDLE : value & ~R.MODE_IDLE;
  }

  #tailWritten(): void {
    if (this.enabled) this.#host.ringWork(this);
  }

  /** The guest moves HEAD: what lies before it is dropped, also what hardware has not run yet. */
  #headWritten(): void {
    const head = this.#head;
    this.copied = head & R.TAIL_ADDR;
    this.stalled = false;
    this.waitingSince = -1;
    this.#restartCount();
    if (!this.#live) return;
    this.#setHw(R.RING_TAIL, this.copied);
    this.#setHw(R.RING_HEAD, head);
  }

  #restartCount(): void {
    this.submittedBytes = 0;
    this.fetchedBytes = 0;
    this.#lastHead = this.copied;
    this.#cutFirst = 0;
    this.#cutCount = 0;
  }

  #ctlWritten(value: number, old: number): void {
    const on = (value & R.RING_VALID) !== 0;
    const was = (old & R.RING_VALID) !== 0;
    const host = this.#host;
    if (!on) {
      this.waitingSince = -1;
      if (was) {
        if (host.loaded && !this.held) {
          this.setReg(R.RING_HEAD, this.#hw(R.RING_HEAD));
          this.#setHw(R.RING_CTL, 0);
          host.abandon(this.index);
        }
        host.ringEnabled(this, false);
      }
      return;
    }
    const start = this.reg(R.RING_START);
    if (this.bytes > RING_BYTES_MAX || !host.owns(start, this.bytes)) {
      host.crash(
        `ring at 0x${(start >>> 0).toString(16)}, ${this.bytes} bytes, is not the VM's or is too large`,
      );
      return;
    }
    if (!was) {
      this.copied = this.#head & R.TAIL_ADDR;
      this.stalled = false;
      host.ringEnabled(this, true);
      if (this.#live) this.startRing();
    } else {
      // A ring that is on keeps its size: positions in hardware depend on it.
      this.setReg(R.RING_CTL, (value & ~R.RING_NR_PAGES_MASK) | (old & R.RING_NR_PAGES_MASK));
    }
    if (this.pending) host.ringWork(this);
  }

  #ccidWritten(value: number): void {
    const host = this.#host;
    if ((value & R.CCID_VALID) !== 0 && !host.reach(value & ~0xfff, CONTEXT_BYTES)) {
      host.crash(`CCID 0x${(value >>> 0).toString(16)} names memory outside the VM's`);
    } else if (host.loaded) {
      this.#setHw(R.RING_CCID, value);
    }
  }

  #instpm(offset: number, value: number): void {
    if ((value & R.INSTPM_TLB_INVALIDATE) !== 0) this.#host.invalidateTlb();
    this.#toHardware(offset, value);
    this.#vreg.poke(offset, value & ~(R.INSTPM_TLB_INVALIDATE | R.INSTPM_SYNC_FLUSH));
  }

  #directoryWritten(value: number): void {
    // Before the first real value a driver may write 0: no directory.
    if (value !== 0) {
      const result = this.#host.useDirectory(this.index, value);
      if (result !== 'ok') {
        this.#host.crash(`PP_DIR_BASE 0x${(value >>> 0).toString(16)} is ${result}`);
        return;
      }
    }
    this.programTables();
  }

  /** Gives hardware the page tables and mode that the guest's registers ask for. */
  programTables(): void {
    if (!this.#host.loaded) return;
    // The PPGTT is always on: without one of the guest's, the mediator's shows it its own slice.
    const mode = (this.reg(R.RING_GFX_MODE) & 0xffff) | R.GFX_PPGTT_ENABLE;
    this.#setHw(R.RING_GFX_MODE, ALL_BITS | mode);
    this.#setHw(R.RING_PP_DIR_DCLV, -1);
    this.#setHw(R.RING_PP_DIR_BASE, this.#host.hardwareDirectory(this.index));
  }

  /** Starts the hardware's ring, empty, at the guest's HEAD. The hardware's ring is off. */
  startRing(): void {
    const head = this.#head;
    this.copied = head & R.TAIL_ADDR;
    this.arena.reset();
    this.#restartCount();
    this.#setHw(R.RING_CTL, 0);
    this.#setHw(R.RING_START, this.shadowRing);
    this.#setHw(R.RING_HEAD, head);
    this.#setHw(R.RING_TAIL, this.copied);
    this.#setHw(R.RING_CTL, this.reg(R.RING_CTL));
  }

  /** Puts the VM's ring state into hardware. */
  load(): void {
    this.resetInDrain = false;
    this.#setHw(R.RING_MI_MODE, ALL_BITS | (this.reg(R.RING_MI_MODE) & 0xfdff));
    this.#setHw(R.RING_INSTPM, ALL_BITS | (this.reg(R.RING_INSTPM) & 0xffff));
    this.programTables();
    if (this.#live) this.startRing();
  }

  /** Takes the ring state back from hardware and switches the hardware's ring off. */
  unload(): void {
    if (this.#live) this.setReg(R.RING_HEAD, this.#hw(R.RING_HEAD));
    if (!this.held) this.setReg(R.RING_INSTPM, this.#hw(R.RING_INSTPM) & 0xffff);
    this.#setHw(R.RING_CTL, 0);
    this.stalled = false;
  }

  /** Counts what hardware has fetched since, and frees the batch copies behind it. */
  retire(idle: boolean): void {
    const head = this.#hw(R.RING_HEAD) & R.HEAD_ADDR;
    if (head !== this.#lastHead) {
      this.fetchedBytes += (head - this.#lastHead) & (this.bytes - 1);
      this.#lastHead = head;
      this.arena.retire(this.fetchedBytes);
      while (this.#cutCount > 0 && (this.#cuts[this.#cutFirst] as number) < this.fetchedBytes) {
        this.#dropCut();
      }
    }
    if (idle && this.fetchedBytes === this.submittedBytes) this.arena.reset();
  }

  #dropCut(): void {
    if (this.#cutCount === 0) return;
    this.#cutFirst = (this.#cutFirst + 1) % CUTS;
    this.#cutCount--;
  }

  /** A request ends `bytes` after what was submitted so far: the ring may be cut there. */
  addCut(bytes: number): void {
    if (this.#cutCount === CUTS) return;
    this.#cuts[(this.#cutFirst + this.#cutCount) % CUTS] = this.submittedBytes + bytes;
    this.#cutCount++;
  }

  /** Hands `upTo` to hardware: its commands are in the shadow ring. */
  submit(upTo: number): void {
    this.submittedBytes += (upTo - this.copied) & (this.bytes - 1);
    this.copied = upTo;
    this.arena.commit(this.submittedBytes);
    this.#setHw(R.RING_TAIL, upTo);
  }

  /**
   * Ends the hardware's work at the first request boundary it has not passed. The rest is copied
   * again when the VM is back.
   *
   * @param further not at the boundary that it stands at
   */
  cut(further = false): void {
    if (!this.enabled) return;
    this.retire(false);
    if (further && (this.#cuts[this.#cutFirst] as number) === this.fetchedBytes) this.#dropCut();
    if (this.#cutCount === 0) return;
    const bytes = this.#cuts[this.#cutFirst] as number;
    if (bytes >= this.submittedBytes) return;
    this.copied = (this.copied - (this.submittedBytes - bytes)) & (this.bytes - 1);
    this.submittedBytes = bytes;
    this.#cutCount = 1;
    this.#setHw(R.RING_TAIL, this.copied);
  }

  /**
   * The engine hung: its ring is not the hardware's any more, and HEAD and ACTHD stay as they are, for
   * the guest's driver to find. To be called before hardware is reset.
   */
  hold(): void {
    if (this.held) return;
    this.hungAt = this.#acthd();
    if (this.#live) this.setReg(R.RING_HEAD, this.#hw(R.RING_HEAD));
    this.held = true;
    this.stalled = false;
    if (this.#host.loaded) this.arena.reset();
  }

  /** An engine reset as the guest sees it: ring off, modes and error registers cleared. */
  reset(): void {
    const was = this.enabled;
    for (const offset of [R.RING_TAIL, R.RING_HEAD, R.RING_START, R.RING_CTL, R.RING_CCID]) {
      this.setReg(offset, 0);
    }
    for (const offset of [R.RING_MI_MODE, R.RING_INSTPM, R.RING_GFX_MODE, R.RING_PP_DIR_BASE]) {
      this.setReg(offset, 0);
    }
    this.copied = 0;
    this.stalled = false;
    this.waitingSince = -1;
    this.held = false;
    this.#restartCount();
    if (was) this.#host.ringEnabled(this, false);
  }
}
