import type { TrapTarget } from '@xengt/hsw-device';
import type { DomainPort } from '../port/domain-port.ts';
import type { EngineEnd, EngineEvent, VcpuEngine } from '../port/engine.ts';
import { CountingTarget, TrapCounters, type TrapKind } from '../trap/counting.ts';
import { NO_FRAME, P2m } from './p2m.ts';
import { PanicWatch } from './panic-watch.ts';
import { DOMAIN_MOVES, type DomainState, isFinal } from './states.ts';

/** What each end of a guest makes of its domain. Xen: a triple fault of an HVM is a reboot. */
const STATE_AFTER: Readonly<Record<EngineEnd, DomainState>> = {
  reboot: 'rebooted',
  'triple-fault': 'rebooted',
  'power-off': 'shutdown',
  halt: 'shutdown',
  crash: 'crashed',
};

/** Hears of frames that were mapped, or taken away. @param mfn of the first; -1: taken away */
export type FrameListener = (gfn: number, mfn: number, count: number) => void;

/** Where a domain's RAM lies in the machine. */
export interface Placement {
  /** First machine address, bytes. */
  readonly base: number;
  /** Region of `MachineMemory`. */
  readonly region: number;
}

/** One virtual machine: its engine, its place in the machine, what it may reach and how it is. */
export class Domain implements DomainPort {
  readonly domid: number;
  readonly name: string;
  readonly engine: VcpuEngine;
  readonly placement: Placement;
  readonly counters: TrapCounters = new TrapCounters();
  /** Range and port mappings that the engine refused. */
  refused = 0;
  readonly #p2m: P2m;
  readonly #listeners: ((state: DomainState) => void)[] = [];
  readonly #frameListeners = new Set<FrameListener>();
  #state: DomainState = 'created';
  #reason = '';

  constructor(domid: number, name: string, engine: VcpuEngine, placement: Placement) {
    this.domid = domid;
    this.name = name;
    this.engine = engine;
    this.placement = placement;
    this.#p2m = new P2m(engine.ram.words.length >>> 10, placement.base / 4096);
    const panic = new PanicWatch((reason) => this.crash(`kernel panic: ${reason}`));
    engine.onSerial((byte) => panic.push(byte));
    engine.onEnd((event: EngineEvent) => this.#move(STATE_AFTER[event.kind], event.reason));
  }

  get state(): DomainState {
    return this.#state;
  }

  /** Why the domain is in a final state; empty before. */
  get reason(): string {
    return this.#reason;
  }

  /** Calls `listener` after each change of state. */
  onState(listener: (state: DomainState) => void): void {
    this.#listeners.push(listener);
  }

  /** @returns false when the move is not legal from here: nothing happens then */
  #move(to: DomainState, reason: string): boolean {
    if (!DOMAIN_MOVES[this.#state].includes(to)) return false;
    this.#state = to;
    this.#reason = reason;
    for (const listener of this.#listeners) listener(to);
    return true;
  }

  get ramBytes(): number {
    return this.engine.ram.bytes.length;
  }

  /** Starts a new domain or lets a paused one go on. */
  resume(): void {
    if (this.#move('running', '')) this.engine.run();
  }

  pause(): void {
    if (this.#move('paused', '')) this.engine.pause();
  }

  crash(reason: string): void {
    if (this.#move('crashed', reason)) this.engine.stop({ kind: 'crash', reason });
  }

  /** Ends the domain from outside. Upstream: SCHEDOP_remote_shutdown. */
  shutdown(reason: string): void {
    if (this.#move('shutdown', reason)) this.engine.stop({ kind: 'power-off', reason });
  }

  /** Whether the domain will never run again. */
  get over(): boolean {
    return isFinal(this.#state);
  }

  gfnToMfn(gfn: number): number {
    return this.#p2m.mfn(gfn);
  }

  mapFrames(gfn: number, mfn: number, count: number): boolean {
    if (!this.#p2m.map(gfn, mfn, count)) return false;
    for (const listener of this.#frameListeners) listener(gfn, mfn, count);
    return true;
  }

  unmapFrames(gfn: number, count: number): void {
    this.#p2m.unmap(gfn, count);
    for (const listener of this.#frameListeners) listener(gfn, NO_FRAME, count);
  }

  /** Calls `visit` with every run of frames that follow each other, RAM first. */
  forEachRun(visit: (gfn: number, mfn: number, count: number) => void): void {
    this.#p2m.forEachRun(visit);
  }

  /** Calls `listener` after frames beside RAM were mapped or taken away. @returns takes it back */
  onFrames(listener: FrameListener): () => void {
    this.#frameListeners.add(listener);
    return () => this.#frameListeners.delete(listener);
  }

  mapTrap(gpa: number, bytes: number, kind: TrapKind, target: TrapTarget): boolean {
    return this.#taken(
      this.engine.mapMmio(gpa, bytes, new CountingTarget(kind, bytes, this.counters, target)),
    );
  }

  unmapTrap(gpa: number, bytes: number): void {
    this.engine.unmapMmio(gpa, bytes);
  }

  mapPorts(port: number, count: number, target: TrapTarget): boolean {
    return this.#taken(
      this.engine.mapPorts(port, count, new CountingTarget('ports', count, this.counters, target)),
    );
  }

  #taken(done: boolean): boolean {
    if (!done) this.refused++;
    return done;
  }

  unmapPorts(port: number, count: number): void {
    this.engine.unmapPorts(port, count);
  }

  attachPci(devfn: number, target: TrapTarget | null): void {
    const counted =
      target === null ? null : new CountingTarget('config', 256, this.counters, target);
    this.engine.setPciFunction(devfn, counted);
  }

  machinePci(devfn: number): TrapTarget {
    return this.engine.pciFunction(devfn);
  }

  setIntx(devfn: number, pin: number, level: boolean): void {
    this.engine.setIntx(devfn, pin, level);
  }

  injectMsi(address: number, data: number): boolean {
    return this.engine.sendMsi(address, data);
  }

  protectPage(gfn: number, target: TrapTarget | null): boolean {
    const counted =
      target === null ? null : new CountingTarget('mmio', 4096, this.counters, target);
    return this.engine.protectPage(gfn, counted);
  }

  readGpa(gpa: number, into: Uint8Array): boolean {
    if (!this.#isRam(gpa, into.length)) return false;
    into.set(this.engine.ram.bytes.subarray(gpa, gpa + into.length));
    return true;
  }

  writeGpa(gpa: number, from: Uint8Array): boolean {
    if (!this.#isRam(gpa, from.length)) return false;
    this.engine.ram.bytes.set(from, gpa);
    this.engine.ramWritten(gpa, from.length);
    return true;
  }

  #isRam(gpa: number, bytes: number): boolean {
    return Number.isInteger(gpa) && gpa >= 0 && gpa + bytes <= this.ramBytes;
  }
}
