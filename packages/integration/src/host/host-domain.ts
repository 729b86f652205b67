import type { DisplayEngine, Screen } from '@xengt/hsw-device';
import type { Vgpu } from '@xengt/linux-vgt';
import type { Domain } from '@xengt/xen-vgt';
import type { DomainRequest } from '../config/request.ts';
import { SerialConsole } from '../guest/serial-console.ts';
import type { Hardware } from './disk.ts';
import { TIME } from './guest-engine.ts';
import { HostError } from './host-error.ts';
import type { GuestMachine } from './machine.ts';
import type { BootedState } from './snapshot.ts';
import { bootMonitorLimit, VGA_PIPE, vgaScreen } from './vga-screen.ts';

/** Console bytes kept for who comes later. */
const HISTORY_BYTES = 1 << 16;

/** What a guest came from. */
export interface GuestOrigin {
  /** What runs it, with its version. */
  readonly emulator: string;
  /** Names its image; '' when there is none. */
  readonly image: string;
  /** What of its machine is its own choice; absent when it is the usual one. */
  readonly hardware?: Hardware;
  /** What it was made from; absent when nobody will ask what becomes of it. */
  readonly request?: DomainRequest;
}

export interface HostDomainOptions {
  readonly domain: Domain;
  readonly machine: GuestMachine;
  readonly vgpu: Vgpu | null;
  readonly name: string;
  readonly origin: GuestOrigin;
  /** The GPU's own display. */
  readonly physical: DisplayEngine;
  readonly before?: HostDomain;
}

/** A domain as the host has it: hypervisor's side, its machine, its vGPU, its console. */
export class HostDomain {
  readonly domain: Domain;
  readonly machine: GuestMachine;
  /** Null when the domain has the GPU itself. */
  readonly vgpu: Vgpu | null;
  readonly name: string;
  readonly origin: GuestOrigin;
  readonly console: SerialConsole;
  /** It is being saved or moved: one at a time. */
  leaving = false;
  /** Kernel release and graphics driver, once somebody has asked the guest. */
  kernel: string | null = null;
  driver: string | null = null;
  readonly #physical: DisplayEngine;
  readonly #listeners: Set<(bytes: Uint8Array) => void> = new Set();
  readonly #history = new Uint8Array(HISTORY_BYTES);
  #historyLength = 0;
  #burst: number[] = [];

  constructor(o: HostDomainOptions) {
    const { domain, before } = o;
    this.domain = domain;
    this.machine = o.machine;
    this.vgpu = o.vgpu;
    this.name = o.name;
    this.origin = o.origin;
    this.#physical = o.physical;
    this.machine.monitorLimit = () => bootMonitorLimit(this.display(o.physical));
    this.console =
      before?.console ??
      new SerialConsole(
        (bytes) => domain.engine.sendSerial(bytes),
        () => TIME.now(),
      );
    if (before !== undefined) this.#adopt(before);
    domain.engine.onSerial((byte) => this.#received(byte));
    domain.onState(() => {
      if (domain.over) this.console.close(`${domain.state}: ${domain.reason}`);
    });
  }

  /** The guest was another host's domain in this process, with the same engine. */
  #adopt(before: HostDomain): void {
    this.kernel = before.kernel;
    this.driver = before.driver;
    this.#history.set(before.#history);
    this.#historyLength = before.#historyLength;
  }

  /** Takes a booted guest's state and lets it run. @throws EngineError, HostError */
  restore(state: BootedState): void {
    this.domain.engine.restoreState(state.engine);
    const refused = this.machine.importState(state.machine);
    if (refused !== null) throw new HostError('BAD_STATE', `${this.name}: ${refused}`);
    const { machine, domain, vgpu } = this;
    machine.placeOpRegion(domain, this.display(this.#physical), vgpu?.mmio ?? null);
    this.domain.resume();
  }

  /** Lets a new domain start from its firmware. */
  boot(): void {
    const { machine, domain, vgpu } = this;
    machine.placeOpRegion(domain, this.display(this.#physical), vgpu?.mmio ?? null);
    this.domain.resume();
  }

  get domid(): number {
    return this.domain.domid;
  }

  #received(byte: number): void {
    this.console.receive(byte);
    if (this.#burst.length === 0) queueMicrotask(() => this.#flush());
    this.#burst.push(byte);
  }

  #flush(): void {
    const bytes = Uint8Array.from(this.#burst);
    this.#burst = [];
    const keep = bytes.subarray(-HISTORY_BYTES);
    const room = HISTORY_BYTES - keep.length;
    if (this.#historyLength > room) {
      this.#history.copyWithin(0, this.#historyLength - room, this.#historyLength);
      this.#historyLength = room;
    }
    this.#history.set(keep, this.#historyLength);
    this.#historyLength += keep.length;
    for (const listener of this.#listeners) listener(bytes);
  }

  /** What the serial console said lately. */
  get history(): Uint8Array {
    return this.#history.slice(0, this.#historyLength);
  }

  /** @returns takes the listener away */
  onConsole(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The display that the domain's driver programs. @param physical the GPU's own */
  display(physical: DisplayEngine): DisplayEngine {
    return this.vgpu?.display ?? physical;
  }

  /**
   * What its monitors show: pictures of pipes, or the VGA's until a driver takes over; nothing while the
   * GPU is somebody else's.
   */
  screens(physical: DisplayEngine): readonly Screen[] {
    if (this.machine.gpuAway) return [];
    const display = this.display(physical);
    const lit = display.screens();
    const vga = vgaScreen(display, this.machine.vga, lit);
    return vga === null ? lit : [vga, ...lit];
  }

  /** Draws a screen. @param out RGBA, width times height @returns false when it shows nothing now */
  scanOut(physical: DisplayEngine, screen: Screen, out: Uint32Array): boolean {
    if (screen.pipe === VGA_PIPE) return this.machine.vga.scanOut(out);
    return this.display(physical).scanOut(screen.pipe, out);
  }
}
