import type { TrapTarget } from '@xengt/hsw-device';
import { Dom0Traps } from '../dom0/io-trap.ts';
import type { DomainPort } from '../port/domain-port.ts';
import type { EngineEnd, EngineEvent, VcpuEngine } from '../port/engine.ts';
import { EventChannels } from '../request/event-channels.ts';
import { type IoKind, IoreqServer } from '../request/ioreq-server.ts';
import type { PathCounts } from '../request/path-counts.ts';
import { CountingTarget, TrapCounters, type TrapKind } from '../trap/counting.ts';
import { type FrameListener, P2m } from './p2m.ts';
import { PanicWatch } from './panic-watch.ts';
import { DOMAIN_MOVES, type DomainState, isFinal } from './states.ts';
import type { Dom0Access, DomainSurroundings, Placement } from './surroundings.ts';

/** What each end of a guest makes of its domain. Xen: a triple fault of an HVM is a reboot. */
const STATE_AFTER: Readonly<Record<EngineEnd, DomainState>> = {
  reboot: 'rebooted',
  'triple-fault': 'rebooted',
  'power-off': 'shutdown',
  halt: 'shutdown',
  crash: 'crashed',
};

const CONFIG_PORTS = { first: 0xcf8, length: 8 } as const;

/** One virtual machine: its engine, its place in the machine, what it may reach and how it is. */
export class Domain implements DomainPort {
  readonly domid: number;
  readonly name: string;
  readonly engine: VcpuEngine;
  readonly placement: Placement;
  readonly counters: TrapCounters = new TrapCounters();
  /** Range and port mappings that the engine refused. */
  refused = 0;
  /** What its device model serves. Domain-0 has none: the machine's own devices answer. */
  readonly deviceModel: IoreqServer = new IoreqServer('device-model');
  /** What Domain-0 may not touch itself; null for every other domain. */
  readonly dom0: Dom0Traps | null;
  readonly #dom0Access: Dom0Access;
  readonly #channels: EventChannels;
  #vgt: IoreqServer | null = null;
  readonly #p2m: P2m;
  readonly #listeners: ((state: DomainState) => void)[] = [];
  #state: DomainState = 'created';
  #reason = '';

  constructor(
    domid: number,
    name: string,
    engine: VcpuEngine,
    placement: Placement,
    { channels = new EventChannels(), dom0 = 'deprivileged' }: DomainSurroundings = {},
  ) {
    this.#dom0Access = dom0;
    this.#channels = channels;
    this.dom0 = domid === 0 ? new Dom0Traps() : null;
    if (domid !== 0) {
      channels.open(domid, 'device-model');
      channels.open(domid, 'device-model-buffered');
    }
    this.domid = domid;
    this.name = name;
    this.engine = engine;
    this.placement = placement;
    this.#p2m = new P2m(engine.ram.words.length >>> 10, placement.base / 4096);
    const panic = new PanicWatch((reason) => this.crash(`kernel panic: ${reason}`));
    engine.onSerial((byte) => panic.push(byte));
    engine.onConfigAddress((address) => this.#selected(address));
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
    return this.#p2m.map(gfn, mfn, count);
  }

  unmapFrames(gfn: number, count: number): void {
    this.#p2m.unmap(gfn, count);
  }

  /** Calls `visit` with every run of frames that follow each other, RAM first. */
  forEachRun(visit: (gfn: number, mfn: number, count: number) => void): void {
    this.#p2m.forEachRun(visit);
  }

  /** Calls `listener` after frames beside RAM were mapped or taken away. @returns takes it back */
  onFrames(listener: FrameListener): () => void {
    return this.#p2m.onChange(listener);
  }

  /** What the mediator serves of this domain; null when it is none of the mediator's. */
  get vgt(): IoreqServer | null {
    return this.#vgt;
  }

  /**
   * The mediator serves a function of this domain from now on: a second way for requests, with its own
   * event channel. Upstream: HVMOP_vgt_enable, and an ioreq server from 2015 on.
   *
   * @param devfn device << 3 | function
   */
  enableVgt(devfn: number): IoreqServer {
    if (this.#vgt !== null) return this.#vgt;
    const server = new IoreqServer('vgt');
    this.#vgt = server;
    server.register('pci', devfn, 1);
    if (this.dom0 === null) this.#channels.open(this.domid, 'vgt');
    else if (!this.#hooked) this.dom0.set([CONFIG_PORTS], []);
    return server;
  }

  /** Whether Domain-0's driver calls the mediator without a trap. */
  get #hooked(): boolean {
    return this.dom0 !== null && this.#dom0Access === 'hooks' && this.#vgt !== null;
  }

  /** The guest wrote 0xcf8: kept by the hypervisor, told to whoever it selects. */
  #selected(address: number): void {
    const { dom0, deviceModel } = this;
    const vgt = this.#vgt;
    const mine = vgt?.serves('pci', (address >>> 8) & 0xff) === true && address >>> 16 === 0x8000;
    if (mine && !this.#hooked) vgt.configAddress++;
    if (dom0 === null) deviceModel.configAddress++;
    else if (vgt !== null && !this.#hooked) dom0.ports.wrote();
  }

  /** Who answers for a kind of range. */
  #serverOf(kind: TrapKind): IoreqServer | null {
    if (kind === 'aperture') return null;
    if (kind === 'ports' || kind === 'vga') return this.dom0 === null ? this.deviceModel : null;
    return this.#vgt;
  }

  /** The target as the engine calls it: counted, and with the way that its accesses take. */
  #trapped(kind: TrapKind, bytes: number, target: TrapTarget, server: IoreqServer | null) {
    const { counters, dom0 } = this;
    const mine = server !== null && server === this.#vgt;
    if (mine && this.#hooked) return target;
    let path: PathCounts | undefined = server?.counts;
    if (mine && dom0 !== null) path = kind === 'config' ? dom0.ports : dom0.memory;
    return new CountingTarget(kind, bytes, counters, target, {
      ...(path === undefined ? {} : { path }),
      buffered: kind === 'vga',
    });
  }

  mapTrap(gpa: number, bytes: number, kind: TrapKind, target: TrapTarget): boolean {
    const server = this.#serverOf(kind);
    const trapped = this.#trapped(kind, bytes, target, server);
    return this.#taken('memory', gpa, bytes, server, () =>
      this.engine.mapMmio(gpa, bytes, trapped),
    );
  }
  unmapTrap(gpa: number, bytes: number): void {
    this.engine.unmapMmio(gpa, bytes);
    this.deviceModel.unregister('memory', gpa, bytes);
    this.#vgt?.unregister('memory', gpa, bytes);
    this.#dom0Moved();
  }
  mapPorts(port: number, count: number, target: TrapTarget): boolean {
    const server = this.#serverOf('ports');
    const trapped = this.#trapped('ports', count, target, server);
    return this.#taken('port', port, count, server, () =>
      this.engine.mapPorts(port, count, trapped),
    );
  }
  /** Registers a range with its server and maps it; either both or none. */
  #taken(
    kind: IoKind,
    first: number,
    length: number,
    server: IoreqServer | null,
    map: () => boolean,
  ): boolean {
    const registered = server === null || server.register(kind, first, length);
    const done = registered && map();
    if (!done) this.refused++;
    if (!done && registered) server?.unregister(kind, first, length);
    if (done && server === this.#vgt) this.#dom0Moved();
    return done;
  }
  /** Domain-0 traps where the mediator's ranges are now. */
  #dom0Moved(): void {
    const vgt = this.#vgt;
    if (this.dom0 === null || vgt === null || this.#hooked) return;
    this.dom0.set([CONFIG_PORTS], vgt.list('memory'));
  }
  unmapPorts(port: number, count: number): void {
    this.engine.unmapPorts(port, count);
    this.deviceModel.unregister('port', port, count);
  }
  attachPci(devfn: number, target: TrapTarget | null): void {
    const mine = this.#vgt?.serves('pci', devfn) === true;
    const server = mine ? this.#vgt : this.#serverOf('ports');
    this.engine.setPciFunction(
      devfn,
      target === null ? null : this.#trapped('config', 256, target, server),
    );
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
    const counted = target === null ? null : this.#trapped('mmio', 4096, target, this.#vgt);
    return this.engine.protectPage(gfn, counted);
  }

  /** Gives back what it had of the hypervisor. */
  release(): void {
    this.#channels.closeAll(this.domid);
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
