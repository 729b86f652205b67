import {
  HaswellDevice,
  MachineMemory,
  makeMonitor,
  type PortName,
  type TrapTarget,
} from '@xengt/hsw-device';
import { type Vgpu, Vgt } from '@xengt/linux-vgt';
import { AssignedGpu, endInstance, type HostBridge } from '@xengt/qemu-vgt';
import {
  type Dom0Access,
  type Domain,
  type Executor,
  HostLoop,
  Hypervisor,
  MediatorPort,
  MessageRing,
  type VcpuEngine,
} from '@xengt/xen-vgt';
import { type Monitors, startVgpu } from './device-model.ts';
import { USUAL_HARDWARE } from './disk.ts';
import { guestEngine, TIME } from './guest-engine.ts';
import { HostDomain } from './host-domain.ts';
import { HostError } from './host-error.ts';
import type { DomainOptions, HostOptions, PlacedGuest } from './host-options.ts';
import { GuestMachine, IGD_DEVFN, type OwnGpu } from './machine.ts';
import { machineBridge, STOLEN_BASE } from './machine-bridge.ts';
import { directPort, GpuPassthrough } from './passthrough.ts';

/** Work of one device slice, bytes: about half a millisecond of blits or of small commands. */
const SLICE_BYTES: number = 1 << 20;
const NS_PER_MS = 1e6;

/** The event loop of this process. */
const NODE_EXECUTOR: Executor = {
  now: () => TIME.now() * NS_PER_MS,
  post: (fn) => TIME.soon(fn),
  postAfter: (ns, fn) => TIME.after(ns / NS_PER_MS, fn),
};

/** One machine: GPU, hypervisor, mediator and domains, on one thread. */
export class Host {
  readonly memory: MachineMemory = new MachineMemory();
  readonly loop: HostLoop = new HostLoop(NODE_EXECUTOR);
  readonly device: HaswellDevice;
  readonly hypervisor: Hypervisor;
  /** Null in direct mode. */
  readonly vgt: Vgt | null;
  /** The GPU's own function in direct mode, once Domain-0 is there. */
  direct: AssignedGpu | null = null;
  /** The GPU given to one domain, behind DMA remapping. */
  readonly passthrough: GpuPassthrough;
  /** The machine's own host bridge. */
  readonly bridge: HostBridge;
  readonly domains: Map<number, HostDomain> = new Map();
  /** What the mediator told: uevents and crashes, the latest few. */
  readonly events: string[] = [];
  /** Fails with GPU_LOST when the mediator gives the GPU up; a run of the host is over then. */
  readonly lost: Promise<never>;
  /** How Domain-0's accesses reach the mediator. */
  readonly dom0Access: Dom0Access;
  readonly #monitors: Monitors;
  readonly #arrivals: Set<(domain: HostDomain) => void> = new Set();

  constructor(options: HostOptions = {}) {
    const { loop } = this;
    const stolen = { base: STOLEN_BASE, mib: options.stolenMiB ?? 0 };
    this.passthrough = new GpuPassthrough({
      memory: this.memory,
      stolen,
      event: (line) => this.#event(line, line),
      wake: () => loop.kick(),
    });
    this.device = new HaswellDevice({
      memory: this.memory,
      dma: this.passthrough.port,
      clock: loop.clock,
      deviceId: options.deviceId ?? 0x0412,
      apertureMiB: options.apertureMiB ?? 256,
      ...(options.wiring === undefined ? {} : { wiring: options.wiring }),
      wake: () => loop.kick(),
    });
    this.dom0Access = options.dom0 ?? 'deprivileged';
    this.#monitors = options.monitors ?? DEFAULT_MONITORS;
    for (const [port, monitor] of Object.entries(this.#monitors)) {
      this.device.display.connect(port as PortName, monitor);
    }
    this.hypervisor = new Hypervisor(this.memory, new MessageRing(() => loop.clock.now));
    const { promise, reject } = Promise.withResolvers<never>();
    this.lost = promise;
    // Who runs the host decides what becomes of it.
    promise.catch(() => {});
    this.vgt =
      options.mode === 'direct'
        ? null
        : new Vgt({
            device: this.device,
            clock: loop.clock,
            mpt: new MediatorPort(this.hypervisor, IGD_DEVFN),
            config: { ...options.vgt, propagateMonitors: false },
            events: {
              uevent: (text, domid) => this.#event(`${text} VMID=${domid}`),
              fatal: (reason) => {
                this.#event(reason);
                reject(new HostError('GPU_LOST', reason));
              },
              crashed: (domid, reason) => this.#event(`VM ${domid} stopped: ${reason}`),
            },
          });
    this.passthrough.attach(this.device, this.vgt);
    this.passthrough.onUse = () => this.#gpuMoved();
    this.bridge = machineBridge(this.memory, this.device.model.deviceId, stolen.mib);
    loop.addStep(() => this.#step());
  }

  /** @param line as the hypervisor's messages have it */
  #event(text: string, line = `vgt: ${text}`): void {
    this.hypervisor.messages.log(line);
    this.events.push(text);
    if (this.events.length > EVENTS_KEPT) this.events.shift();
  }

  /** Domain-0 has no display, and its GPU function does not answer, while somebody has the GPU itself. */
  #gpuMoved(): void {
    const dom0 = this.domains.get(0);
    if (dom0 !== undefined) dom0.machine.gpuAway = this.passthrough.use !== 'mediated';
  }

  /** A slice of the engines and of the mediator; a render switch is several short ones. */
  #step(): boolean {
    const { device, vgt } = this;
    for (let i = 0; ; i++) {
      const busy = device.step(SLICE_BYTES);
      this.passthrough.service();
      if (vgt === null || this.passthrough.use !== 'mediated') return busy;
      vgt.tick();
      if (i === SWITCH_SLICES || !(vgt.switch.switching && busy)) return busy || device.gt.runnable;
    }
  }

  /**
   * Makes a domain with its GPU function; it does not run yet.
   *
   * @throws HostError when its vGPU does not fit
   */
  async createDomain(o: DomainOptions): Promise<HostDomain> {
    const { files, boot, hardware, request } = o;
    const ready = 'engine' in files;
    const machine = hardware ?? USUAL_HARDWARE;
    const engine = ready ? files.engine : await guestEngine(files, o.memoryMiB, boot, machine);
    const origin = {
      emulator: files.emulator,
      image: ready ? files.image : files.id,
      ...(machine === USUAL_HARDWARE ? {} : { hardware: machine }),
      ...(request === undefined ? {} : { request }),
    };
    try {
      const domid = o.domid ?? this.freeDomid();
      const made = this.placeDomain({ ...o, domid, engine, origin }, (domain) =>
        this.#gpuFor(domid, o, domain),
      );
      made.display(this.device.display).lightVga();
      return made;
    } catch (error) {
      engine.destroy();
      throw error;
    }
  }

  /** Lowest domid that is free, from 1. */
  freeDomid(): number {
    let domid = 1;
    while (this.domains.has(domid) || this.vgt?.vm(domid) !== undefined) domid++;
    return domid;
  }

  /**
   * Gives a guest a place in this host.
   *
   * @param gpuFor gives it its vGPU, or the GPU itself; called once the domain is there
   * @throws whatever `gpuFor` throws: then there is no domain, and the engine is nobody's
   */
  placeDomain(o: PlacedGuest, gpuFor: (domain: Domain) => Vgpu | AssignedGpu): HostDomain {
    const { engine, name, domid } = o;
    const dom0 = this.dom0Access;
    const domain = this.hypervisor.createDomain({ name, engine, domid, dom0 });
    engine.onSafePoint(() => this.loop.poll());
    try {
      const gpu = gpuFor(domain);
      const vgpu = gpu instanceof AssignedGpu ? null : gpu;
      if (vgpu !== null) domain.enableVgt(IGD_DEVFN);
      const igd = gpu instanceof AssignedGpu ? gpu : this.#functionOf(gpu);
      const machine = new GuestMachine(domain, engine, this.device.model, igd, this.#own(igd));
      const host = new HostDomain({
        ...o,
        domain,
        machine,
        vgpu,
        physical: this.device.display,
      });
      this.domains.set(domid, host);
      this.#gpuMoved();
      for (const listener of this.#arrivals) listener(host);
      return host;
    } catch (error) {
      if (this.passthrough.owner === domain) this.passthrough.release();
      this.hypervisor.releaseDomain(domid);
      throw error;
    }
  }

  /** What answers for 00:02.0 of a domain with a vGPU. */
  #functionOf(vgpu: Vgpu): TrapTarget {
    return vgpu.isDom0 ? (this.vgt as Vgt).dom0Config : vgpu.config.space;
  }

  /** Calls `listener` with each domain that is made, or comes from elsewhere. @returns takes it back */
  onDomain(listener: (domain: HostDomain) => void): () => void {
    this.#arrivals.add(listener);
    return () => this.#arrivals.delete(listener);
  }

  /** What a machine shows beside a GPU that was passed through. */
  #own(igd: unknown): OwnGpu | null {
    const { gpu } = this.passthrough;
    return gpu !== null && gpu === igd ? { gpu, bridge: this.bridge } : null;
  }

  #gpuFor(domid: number, o: DomainOptions, domain: Domain): Vgpu | AssignedGpu {
    const { vgt } = this;
    if (o.gfxPassthru === true) {
      if (domid === 0)
        throw new HostError('NOT_ASSIGNABLE', 'Domain-0 is the host: no GPU is assigned to it');
      return this.passthrough.assign(domain);
    }
    if (vgt === null) {
      if (domid === 0) {
        this.direct = new AssignedGpu({ device: this.device, port: directPort(domain) });
        return this.direct;
      }
      throw new HostError('DIRECT_IS_DOM0', 'in direct mode only Domain-0 has a GPU');
    }
    if (domid === 0) return vgt.dom0;
    if (this.passthrough.use !== 'mediated') {
      const to = this.passthrough.owner?.name ?? 'nobody yet';
      throw new HostError(
        'NO_VGPU',
        `${o.name}: no vGPU: the GPU is given away as a whole, to ${to}`,
      );
    }
    return startVgpu(vgt, domid, o, this.#monitors);
  }

  /** Ends a domain and gives back all it had. Domain-0's vGPU stays. */
  destroyDomain(domid: number): void {
    if (!this.domains.delete(domid)) return;
    if (this.passthrough.owner?.domid === domid) this.passthrough.release();
    if (domid !== 0 && this.vgt !== null && this.vgt.vm(domid) !== undefined) {
      endInstance(domid, this.vgt.control);
    }
    this.hypervisor.destroyDomain(domid);
  }

  /**
   * Takes a stopped domain apart and leaves its guest: for whoever goes on with its engine.
   *
   * @throws DomainError when it is not there
   */
  releaseDomain(domid: number): VcpuEngine {
    this.domains.delete(domid);
    this.vgt?.destroyVgpu(domid);
    return this.hypervisor.releaseDomain(domid);
  }

  /** Everything ends; nothing of the host keeps the process alive. */
  close(): void {
    for (const domid of [...this.domains.keys()].sort((a, b) => b - a)) this.destroyDomain(domid);
    this.loop.stop();
  }

  domain(domid: number): Domain | undefined {
    return this.hypervisor.domain(domid);
  }
}

const EVENTS_KEPT = 64;
/** Slices in a row while a switch waits for the engines' answers. */
const SWITCH_SLICES = 8;
export const DEFAULT_MONITORS: Monitors = {
  E: makeMonitor({ kind: 'vga', mode: '1024x768' }),
};
