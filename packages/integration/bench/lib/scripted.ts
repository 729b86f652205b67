import type { TrapTarget } from '@xengt/hsw-device';
import { HaswellDevice, MachineMemory, ManualClock, engineRegs as R } from '@xengt/hsw-device';
import { type Vgpu, type VgpuParams, Vgt, type VgtConfig } from '@xengt/linux-vgt';
import {
  type Domain,
  Hypervisor,
  MediatorPort,
  RemappingUnit,
  ScriptedEngine,
  VtdDriver,
} from '@xengt/xen-vgt';
import { i915Request, type RingRequest } from './i915-request.ts';

/** RAM of a domain, unless a machine has many, MiB. */
const RAM_MIB = 64;
/** 00:02.0. */
const DEVFN = 0x10;
/** Machine address of a remapping unit's tables. */
const TABLES: number = 430 * 2 ** 30;
const NS_PER_MS = 1e6;
/** Work of one device slice, bytes; as the host's own. */
const SLICE_BYTES: number = 1 << 20;
const GUEST_VGPU: VgpuParams = { lowMiB: 32, highMiB: 64, fences: 4 };
/** A clock that goes by the device's work: what an engine may do in a step, and the step's time. */
export interface SimulatedTime {
  readonly bytes: number;
  readonly ns: number;
}
/** 2 GB/s: fine enough for latencies. */
export const SIMULATED: SimulatedTime = { bytes: 0x8000, ns: 16_384 };

export interface ScriptedOptions {
  readonly vgt?: VgtConfig;
  readonly ramMiB?: number;
  /** Time goes by the device's work, the same in each run; else it is the host's. */
  readonly simulated?: SimulatedTime;
}

/**
 * A machine whose guests are scripted: hypervisor, device and the mediator; `direct`: without it;
 * `passthrough`: without it, and the device is an HVM's, behind DMA remapping.
 */
export class ScriptedMachine {
  readonly clock: ManualClock = new ManualClock();
  readonly memory: MachineMemory = new MachineMemory();
  readonly hypervisor: Hypervisor;
  readonly device: HaswellDevice;
  readonly vgt: Vgt | null;
  /** What the remapping unit reported. */
  readonly faults: string[] = [];
  readonly #start: number = performance.now();
  readonly #simulated: SimulatedTime | null;
  readonly #ramMiB: number;
  #vtd: VtdDriver | null = null;

  constructor(mode: 'direct' | 'mediated' | 'passthrough', options: ScriptedOptions = {}) {
    this.#simulated = options.simulated ?? null;
    this.#ramMiB = options.ramMiB ?? RAM_MIB;
    this.hypervisor = new Hypervisor(this.memory);
    const unit = new RemappingUnit(this.memory);
    this.device = new HaswellDevice({
      memory: this.memory,
      clock: this.clock,
      dma: unit.port(DEVFN),
    });
    const domain = this.#domain(mode === 'passthrough' ? 1 : 0);
    if (mode === 'passthrough') {
      const onFault = ({ text }: { text: string }): number => this.faults.push(text);
      this.#vtd = new VtdDriver({ unit, memory: this.memory, base: TABLES, onFault });
      this.#vtd.assign(domain, DEVFN);
    }
    this.vgt =
      mode !== 'mediated'
        ? null
        : new Vgt({
            device: this.device,
            clock: this.clock,
            mpt: new MediatorPort(this.hypervisor, DEVFN),
            config: { dom0LowMiB: 32, dom0HighMiB: 64, ...options.vgt },
          });
    this.dom0 = new ScriptedDriver(domain, this.vgt?.dom0.mmio ?? this.device.mmio, this.vgt?.dom0);
  }

  readonly dom0: ScriptedDriver;

  #domain(domid: number): Domain {
    const engine = new ScriptedEngine(this.#ramMiB);
    return this.hypervisor.createDomain({ name: `scripted ${domid}`, engine, domid });
  }

  /** Another domain with a vGPU. */
  guest(domid: number, params: Partial<VgpuParams> = {}): ScriptedDriver {
    const domain = this.#domain(domid);
    const vgpu = this.vgt?.createVgpu(domid, { ...GUEST_VGPU, ...params });
    if (vgpu === undefined || typeof vgpu === 'string') throw new Error(`vGPU ${domid}: ${vgpu}`);
    return new ScriptedDriver(domain, vgpu.mmio, vgpu);
  }

  /** Time and one slice of everything, as the host's loop does it. */
  step(): void {
    const { device, vgt } = this;
    const simulated = this.#simulated;
    const bytes = simulated === null ? SLICE_BYTES : simulated.bytes * device.gt.engines.length;
    if (simulated !== null) this.clock.advance(simulated.ns);
    else this.clock.advanceTo((performance.now() - this.#start) * NS_PER_MS);
    for (let i = 0; i < 8; i++) {
      const busy = device.step(bytes);
      this.#vtd?.service();
      if (vgt === null) return;
      vgt.tick();
      if (!(vgt.switch.switching && busy)) return;
    }
  }
}

/** Frames of a driver's memory, in its RAM. */
const RING_GFN = 0x10;
const HWSP_GFN = 0x40;
const TABLE_GFN = 0x50;
/** Below this frame lies what the GGTT maps; above it, 32 MiB that the PPGTT maps from page 0 on. */
const USER_GFN = 0x200;
const USER_PAGES_MAX = 0x2000;
const PTE = 0x7; // LLC, valid
const RING_BYTES = 0x4000;
const REQUEST_BYTES = 32;
/** Requests in a ring at once; a driver's queue is about as deep. */
const DEPTH = 32;
const GTT = 0x200000;
const SEQNO_DWORD = 0x30;
const BB_USER_PPGTT = 0x2100;
/** First PPGTT address of a batch, and of the pictures that blits work on. */
const BATCH_GMA = 0x1000;
export const PICTURE_GMA = 0x200000;

/**
 * What a driver does to 00:02.0 for a stream of batches: ring, status page and PPGTT once, then a
 * batch, a seqno and a user interrupt for each request, and one write of TAIL.
 */
export class ScriptedDriver {
  readonly domain: Domain;
  readonly mmio: TrapTarget;
  readonly vgpu: Vgpu | undefined;
  readonly ram: Int32Array;
  submitted = 0;
  #engine = 2;
  #tail = 0;
  /** What it has in its ring for each request; null for the least there can be. */
  #request: RingRequest | null = null;

  constructor(domain: Domain, mmio: TrapTarget, vgpu: Vgpu | undefined) {
    this.domain = domain;
    this.mmio = mmio;
    this.vgpu = vgpu;
    this.ram = domain.engine.ram.words;
  }

  get base(): number {
    return R.RING_BASE[R.ENGINE_IDS[this.#engine] as 'RCS'];
  }

  #map(gma: number, gfn: number): void {
    this.mmio.write(GTT + (gma >>> 12) * 4, 4, (gfn << 12) | PTE);
  }

  /** Turns an engine's ring and PPGTT on. @param engine index in ENGINE_IDS */
  start(engine: number): void {
    this.#engine = engine;
    this.#tail = 0;
    this.submitted = 0;
    this.#request = null;
    const low = this.vgpu?.slice.lowBase ?? 0;
    const high = this.vgpu?.slice.highBase ?? 0x10000000;
    const { base, mmio } = this;
    const ring = low + 0x10000;
    for (let p = 0; p < RING_BYTES / 4096; p++) this.#map(ring + p * 4096, RING_GFN + p);
    this.#map(low + 0x1000, HWSP_GFN);
    // Page directory entries lie in the GTT: sixteen of them name the sixteen tables.
    for (let t = 0; t < 16; t++) this.#map(high + t * 4096, TABLE_GFN + t);
    const pages = Math.min(USER_PAGES_MAX, this.ram.length / 1024 - USER_GFN);
    for (let p = 0; p < pages; p++) {
      this.ram[TABLE_GFN * 1024 + p] = ((USER_GFN + p) << 12) | PTE;
    }
    mmio.write(base + R.RING_PP_DIR_DCLV, 4, -1);
    mmio.write(base + R.RING_PP_DIR_BASE, 4, ((high >>> 12) >>> 4) << 16);
    mmio.write(base + R.RING_GFX_MODE, 4, 0x02000200);
    mmio.write(R.HWS_PGA[R.ENGINE_IDS[engine] as 'RCS'], 4, low + 0x1000);
    this.ram[HWSP_GFN * 1024 + SEQNO_DWORD] = 0;
    mmio.write(base + R.RING_CTL, 4, 0);
    mmio.write(base + R.RING_START, 4, ring);
    mmio.write(base + R.RING_HEAD, 4, 0);
    mmio.write(base + R.RING_TAIL, 4, 0);
    mmio.write(base + R.RING_CTL, 4, (RING_BYTES - 4096) | R.RING_VALID);
  }

  /** Places the batch that every request runs; it ends with MI_BATCH_BUFFER_END. */
  batch(dwords: readonly number[]): void {
    this.ram.set([...dwords, 0x0a << 23], (USER_GFN + (BATCH_GMA >>> 12)) * 1024);
  }

  /** From now on its requests have the commands that i915's have. After {@link start}. */
  likeI915(): void {
    const low = this.vgpu?.slice.lowBase ?? 0;
    const directory = this.vgpu?.slice.highBase ?? 0x10000000;
    const ppDirBase = ((directory >>> 12) >>> 4) << 16;
    const seqno = SEQNO_DWORD * 4;
    this.#request = i915Request(this.base, ppDirBase, low + 0x1800, BATCH_GMA, seqno);
  }

  #feed({ dw, stamps, depth }: RingRequest, limit: number): void {
    const first = RING_GFN * 1024;
    const { ram } = this;
    while (this.submitted - this.done < depth && this.submitted < limit) {
      this.submitted++;
      for (const at of stamps) dw[at] = this.submitted;
      for (let i = 0; i < dw.length; i++) {
        ram[first + this.#tail / 4] = dw[i] as number;
        this.#tail = (this.#tail + 4) & (RING_BYTES - 1);
      }
      this.mmio.write(this.base + R.RING_TAIL, 4, this.#tail);
    }
  }

  /** Requests that the engine has finished, as its status page says. */
  get done(): number {
    return this.ram[HWSP_GFN * 1024 + SEQNO_DWORD] as number;
  }

  /** Keeps the ring full, one TAIL write a request. */
  feed(limit: number = Number.POSITIVE_INFINITY): void {
    if (this.#request !== null) {
      this.#feed(this.#request, limit);
      return;
    }
    const first = RING_GFN * 1024;
    const { ram } = this;
    while (this.submitted - this.done < DEPTH && this.submitted < limit) {
      const at = first + this.#tail / 4;
      ram[at] = (0x31 << 23) | BB_USER_PPGTT;
      ram[at + 1] = BATCH_GMA;
      ram[at + 2] = (0x21 << 23) | 1; // MI_STORE_DATA_INDEX
      ram[at + 3] = SEQNO_DWORD * 4;
      ram[at + 4] = ++this.submitted;
      ram[at + 5] = 0x02 << 23; // MI_USER_INTERRUPT
      ram[at + 6] = 0;
      ram[at + 7] = 0;
      this.#tail = (this.#tail + REQUEST_BYTES) & (RING_BYTES - 1);
      this.mmio.write(this.base + R.RING_TAIL, 4, this.#tail);
    }
  }

  /** Points a page of the PPGTT at a guest frame that {@link start} did not choose. */
  point(gma: number, gfn: number): void {
    this.ram[TABLE_GFN * 1024 + (gma >>> 12)] = (gfn << 12) | PTE;
  }

  /** Dwords of the PPGTT's memory at an address. */
  words(gma: number, count: number): Int32Array {
    const at = (USER_GFN + (gma >>> 12)) * 1024;
    return this.ram.subarray(at, at + count);
  }
}

/** Runs `count` requests to their end. @returns nanoseconds of one request */
export function runRequests(
  machine: ScriptedMachine,
  driver: ScriptedDriver,
  count: number,
): number {
  const limit = driver.submitted + count;
  const start = performance.now();
  while (driver.done < limit) {
    driver.feed(limit);
    machine.step();
    if (performance.now() - start > STUCK_MS) {
      const engine = machine.device.gt.engines.find((e) => e.hang !== null);
      const reason = engine?.hang ?? machine.vgt?.vms.map((vm) => vm.crashReason ?? '').join(' ');
      throw new Error(`stuck at request ${driver.done} of ${limit}: ${reason}`);
    }
  }
  return ((performance.now() - start) * NS_PER_MS) / count;
}
const STUCK_MS = 20_000;
