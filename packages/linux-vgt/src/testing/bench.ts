import {
  type AccessSize,
  engineRegs,
  HaswellDevice,
  MachineMemory,
  ManualClock,
  type TrapTarget,
} from '@xengt/hsw-device';
import type { Mpt, VgtEvents } from '../port/mpt.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import { Vgt, type VgtConfig } from '../vgt.ts';

const MIB = 2 ** 20;
const R = engineRegs;

/** A hypervisor of nothing but RAM: domain N's lies at machine address N * 4 GiB. */
export class TestMpt implements Mpt {
  readonly memory: MachineMemory;
  readonly ram: Map<number, Int32Array> = new Map();
  readonly regions: Map<number, number> = new Map();
  readonly msis: { domid: number; address: number; data: number }[] = [];
  readonly intx: Map<number, boolean> = new Map();
  readonly crashes: { domid: number; reason: string }[] = [];
  readonly traps: { domid: number; gpa: number; bytes: number; target: TrapTarget }[] = [];
  /** Guest frames that are not there, by domain. */
  readonly holes: Set<string> = new Set();

  constructor(memory: MachineMemory) {
    this.memory = memory;
  }

  addDomain(domid: number, mib: number): Int32Array {
    const words = new Int32Array((mib * MIB) / 4);
    this.regions.set(domid, this.memory.addRegion(domid * 2 ** 32, words));
    this.ram.set(domid, words);
    return words;
  }

  /** Its memory is gone from the machine. */
  removeDomain(domid: number): void {
    this.ram.delete(domid);
    this.memory.removeRegion(this.regions.get(domid) as number);
  }

  gfnToMfn(domid: number, gfn: number): number {
    const words = this.ram.get(domid);
    if (words === undefined || gfn * 1024 >= words.length || this.holes.has(`${domid}:${gfn}`)) {
      return -1;
    }
    return domid * 2 ** 20 + gfn;
  }
  injectMsi(domid: number, address: number, data: number): void {
    this.msis.push({ domid, address, data });
  }
  setIntx(domid: number, level: boolean): void {
    this.intx.set(domid, level);
  }
  mapTrap(domid: number, gpa: number, bytes: number, target: TrapTarget): void {
    this.traps.push({ domid, gpa, bytes, target });
  }
  unmapTrap(domid: number, gpa: number): void {
    const at = this.traps.findIndex((t) => t.domid === domid && t.gpa === gpa);
    if (at >= 0) this.traps.splice(at, 1);
  }
  crash(domid: number, reason: string): void {
    this.crashes.push({ domid, reason });
  }
}

/** Frames of a scripted driver's memory, in its RAM. */
export const RING_GFN = 0x10;
export const HWSP_GFN = 0x20;
export const BATCH_GFN = 0x30;
export const TABLE_GFN = 0x80;
export const DATA_GFN = 0x100;
const PTE = 0x7; // LLC, valid

/** A driver as a test writes it: what a real one does to 00:02.0, in a few calls. */
export class TestGuest {
  readonly vgpu: Vgpu;
  readonly ram: Int32Array;
  readonly bench: Bench;
  /** Offset in the guest's ring where the next command goes, by engine. */
  readonly tail: number[] = [0, 0, 0, 0];

  constructor(bench: Bench, vgpu: Vgpu) {
    this.bench = bench;
    this.vgpu = vgpu;
    this.ram = bench.mpt.ram.get(vgpu.domid) as Int32Array;
  }

  read(offset: number, size: AccessSize = 4): number {
    return this.vgpu.mmio.read(offset, size);
  }
  write(offset: number, value: number, size: AccessSize = 4): void {
    this.vgpu.mmio.write(offset, size, value);
  }

  /** First graphics address of the low slice. */
  get low(): number {
    return this.vgpu.slice.lowBase;
  }
  get high(): number {
    return this.vgpu.slice.highBase;
  }

  /** Writes the GTT entry of a graphics address. */
  map(gma: number, gfn: number): void {
    this.write(0x200000 + (gma >>> 12) * 4, (gfn << 12) | PTE);
  }

  base(engine: number): number {
    return R.RING_BASE[R.ENGINE_IDS[engine] as 'RCS'];
  }

  ringGma(engine: number): number {
    return this.low + 0x10000 + engine * 0x8000;
  }
  hwspGma(engine: number): number {
    return this.low + 0x1000 + engine * 0x1000;
  }
  get batchGma(): number {
    return this.low + 0x100000;
  }
  get dataGma(): number {
    return this.low + 0x200000;
  }

  /** Ring and status page of an engine; the ring is on, 16 KiB, empty. */
  startRing(engine: number): void {
    for (let p = 0; p < 4; p++)
      this.map(this.ringGma(engine) + p * 4096, RING_GFN + engine * 4 + p);
    this.map(this.hwspGma(engine), HWSP_GFN + engine);
    for (let p = 0; p < 64; p++) this.map(this.batchGma + p * 4096, BATCH_GFN + p);
    for (let p = 0; p < 64; p++) this.map(this.dataGma + p * 4096, DATA_GFN + p);
    const b = this.base(engine);
    this.write(R.HWS_PGA[R.ENGINE_IDS[engine] as 'RCS'], this.hwspGma(engine));
    this.write(b + R.RING_START, this.ringGma(engine));
    this.write(b + R.RING_HEAD, 0);
    this.write(b + R.RING_TAIL, 0);
    this.write(b + R.RING_CTL, (3 << 12) | R.RING_VALID);
    this.tail[engine] = 0;
  }

  /** Appends commands to the ring, padded to a qword, and moves TAIL. */
  submit(engine: number, commands: readonly number[]): void {
    this.append(engine, commands);
    this.write(this.base(engine) + R.RING_TAIL, this.tail[engine] as number);
  }

  append(engine: number, commands: readonly number[]): void {
    const list = commands.length % 2 === 0 ? commands : [...commands, 0];
    const first = (RING_GFN + engine * 4) * 1024;
    for (const dword of list) {
      const at = this.tail[engine] as number;
      this.ram[first + at / 4] = dword;
      this.tail[engine] = (at + 4) % 0x4000;
    }
  }

  /** Writes dwords to guest memory. */
  poke(gfn: number, dwords: readonly number[], offset = 0): void {
    dwords.forEach((d, i) => {
      this.ram[gfn * 1024 + offset + i] = d;
    });
  }
  peek(gfn: number, offset = 0): number {
    return this.ram[gfn * 1024 + offset] as number;
  }

  /** Turns the PPGTT on for an engine: directory in the high slice, one table at TABLE_GFN. */
  startPpgtt(engine: number): void {
    const directory = this.high + 0x400000;
    this.map(directory, TABLE_GFN);
    this.write(this.base(engine) + R.RING_PP_DIR_DCLV, -1);
    this.write(this.base(engine) + R.RING_PP_DIR_BASE, ppDir(directory));
    this.write(this.base(engine) + R.RING_GFX_MODE, (0x200 << 16) | 0x200);
  }

  mapPpgtt(page: number, gfn: number): void {
    this.poke(TABLE_GFN, [(gfn << 12) | PTE], page);
  }
}

/** PP_DIR_BASE of a directory whose entries are at a graphics address's GTT entries. */
export function ppDir(gma: number): number {
  return ((gma >>> 12) >>> 4) << 16;
}

/** MI_STORE_DATA_IMM to a GGTT address. */
export function storeGgtt(gma: number, value: number): number[] {
  return [(0x20 << 23) | 0x400000 | 2, 0, gma, value];
}
/** MI_STORE_DATA_IMM to an address of the engine's data space. */
export function store(gma: number, value: number): number[] {
  return [(0x20 << 23) | 2, 0, gma, value];
}
export const USER_INTERRUPT: number = 0x02 << 23;
export const BATCH_END: number = 0x0a << 23;
/** MI_BATCH_BUFFER_START with privilege, through the GGTT. */
export function batch(gma: number, flags = 0): number[] {
  return [(0x31 << 23) | flags, gma];
}
export const NON_PRIVILEGED_PPGTT = 0x2100;
export function lri(offset: number, value: number): number[] {
  return [(0x22 << 23) | 1, offset, value];
}

/** A whole machine for tests: clock, memory, device, mediator, dom0 with 64 MiB. */
export class Bench {
  readonly clock: ManualClock = new ManualClock();
  readonly memory: MachineMemory = new MachineMemory();
  readonly mpt: TestMpt = new TestMpt(this.memory);
  readonly device: HaswellDevice;
  readonly vgt: Vgt;
  readonly events: string[] = [];
  onFrameBuffer: (domid: number, kind: number, pipe: number, plane: number) => void = () => {};
  /** Why the mediator gave up, as often as it said so. */
  readonly fatal: string[] = [];

  constructor(config: VgtConfig = {}, apertureMiB = 256) {
    this.mpt.addDomain(0, 16);
    this.device = new HaswellDevice({ memory: this.memory, clock: this.clock, apertureMiB });
    const events: VgtEvents = {
      uevent: (text, domid) => this.events.push(`${text} VMID=${domid}`),
      fatal: (reason) => this.fatal.push(reason),
      frameBuffer: (domid, kind, pipe, plane) => this.onFrameBuffer(domid, kind, pipe, plane),
      foreground: (domid) => this.events.push(`foreground ${domid}`),
    };
    this.vgt = new Vgt({ device: this.device, mpt: this.mpt, clock: this.clock, config, events });
  }

  /** A new HVM with 16 MiB of RAM and a vGPU. */
  hvm(domid: number, lowMiB = 16, highMiB = 64, fences = 4): TestGuest {
    this.mpt.addDomain(domid, 16);
    const made = this.vgt.createVgpu(domid, { lowMiB, highMiB, fences });
    if (typeof made === 'string') throw new Error(`vGPU ${domid}: ${made}`);
    return new TestGuest(this, made);
  }

  guest0(): TestGuest {
    return new TestGuest(this, this.vgt.dom0);
  }

  /** Steps the device and the mediator until neither has anything to do. */
  run(steps = 200, budget = 4096): void {
    for (let i = 0; i < steps; i++) {
      this.device.step(budget);
      this.vgt.tick();
      if (
        !this.device.gt.runnable &&
        this.vgt.switch.steady &&
        !this.vgt.vms.some((vm) => vm.hasWork)
      )
        return;
      this.clock.advance(10_000);
    }
  }
}
