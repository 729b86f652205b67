import { HaswellDevice, MachineMemory, ManualClock } from '@xengt/hsw-device';
import { type Mpt, Vgt } from '@xengt/linux-vgt';
import { Hypervisor, MediatorPort, ScriptedEngine } from '@xengt/xen-vgt';
import { expect, test } from 'vitest';
import { IGD_DEVFN } from './machine.ts';

const RAM_MIB = 4;
const HVM = 1;
const MSI_ADDRESS = 0xfee00000;
/** Frames of the domain's RAM. */
const RING = 0x10;
const DATA = 0x100;

/** What a back end was asked, beside frames: how the mediator reaches its hypervisor. */
interface BackEnd {
  readonly mpt: Mpt;
  readonly ram: Int32Array;
  readonly asked: string[];
}

/** Xen as this project models it, with what it is asked written down. */
function xen(memory: MachineMemory): BackEnd {
  const hypervisor = new Hypervisor(memory);
  const asked: string[] = [];
  for (const domid of [0, HVM]) {
    const engine = new ScriptedEngine(RAM_MIB);
    hypervisor.createDomain({ name: `dom${domid}`, engine, domid }).resume();
  }
  const port = new MediatorPort(hypervisor, IGD_DEVFN);
  const domain = hypervisor.domain(HVM);
  if (domain === undefined) throw new Error('no domain');
  return { mpt: writtenDown(port, asked), ram: domain.engine.ram.words, asked };
}

/** Another hypervisor: RAM in one piece above 1 GiB, and nothing of Xen's. */
function plain(memory: MachineMemory): BackEnd {
  const asked: string[] = [];
  const ram = new Int32Array((RAM_MIB << 20) / 4);
  memory.addRegion(2 ** 30, ram);
  const mpt: Mpt = {
    gfnToMfn: (domid, gfn) => (domid === HVM && gfn < RAM_MIB * 256 ? 2 ** 18 + gfn : -1),
    injectMsi: () => {},
    setIntx: () => {},
    mapTrap: () => {},
    unmapTrap: () => {},
    crash: () => {},
  };
  return { mpt: writtenDown(mpt, asked), ram, asked };
}

function writtenDown(mpt: Mpt, asked: string[]): Mpt {
  return {
    gfnToMfn: (domid, gfn) => mpt.gfnToMfn(domid, gfn),
    injectMsi: (domid, address, data) => {
      asked.push(`msi ${domid} 0x${address.toString(16)} ${data}`);
      mpt.injectMsi(domid, address, data);
    },
    setIntx: (domid, level) => {
      asked.push(`intx ${domid} ${level}`);
      mpt.setIntx(domid, level);
    },
    mapTrap: (domid, gpa, bytes, target, kind) => {
      asked.push(`map ${domid} 0x${gpa.toString(16)} ${bytes} ${kind}`);
      mpt.mapTrap(domid, gpa, bytes, target, kind);
    },
    unmapTrap: (domid, gpa, bytes) => {
      asked.push(`unmap ${domid} 0x${gpa.toString(16)} ${bytes}`);
      mpt.unmapTrap(domid, gpa, bytes);
    },
    crash: (domid, reason) => {
      asked.push(`crash ${domid} ${reason}`);
      mpt.crash(domid, reason);
    },
  };
}

/** A driver's life from its BARs to its end, on any back end. @returns what it did and was told */
function life(backEnd: (memory: MachineMemory) => BackEnd): unknown {
  const memory = new MachineMemory();
  const clock = new ManualClock();
  const device = new HaswellDevice({ memory, clock });
  const { mpt, ram, asked } = backEnd(memory);
  const vgt = new Vgt({ device, clock, mpt });
  const vgpu = vgt.createVgpu(HVM, { lowMiB: 16, highMiB: 64, fences: 4 });
  if (typeof vgpu === 'string') throw new Error(vgpu);
  const { space } = vgpu.config;
  space.write(0x10, 4, 0xf0000000 | 0);
  space.write(0x18, 4, 0xc0000000 | 0);
  space.write(0x94, 4, MSI_ADDRESS | 0);
  space.write(0x98, 2, 0x41);
  space.write(0x92, 2, 1);
  space.write(0x04, 2, 6);
  const write = (at: number, value: number): void => vgpu.mmio.write(at, 4, value);
  const { lowBase } = vgpu.slice;
  const map = (gma: number, gfn: number): void =>
    write(0x200000 + (gma >>> 12) * 4, (gfn << 12) | 7);
  for (let p = 0; p < 4; p++) map(lowBase + 0x10000 + p * 4096, RING + p);
  map(lowBase + 0x20000, DATA);
  map(lowBase + 0x30000, RAM_MIB * 256);
  write(0x44014, ~0x400000);
  write(0x4401c, 0x400000);
  write(0x4400c, 0x80000000 | 0);
  write(0x220a8, ~0x400000);
  write(0x22038, lowBase + 0x10000);
  write(0x2203c, 0x3001);
  const store = [(0x20 << 23) | 0x400002, 0, lowBase + 0x20000, 0x1234, 0x02 << 23, 0];
  ram.set(store, RING * 1024);
  write(0x22030, store.length * 4);
  for (let i = 0; i < 50; i++) {
    device.step(4096);
    vgt.tick();
    clock.advance(10_000);
  }
  const result = [ram[DATA * 1024], vgpu.ggtt.counters.refused, vgpu.mmio.read(0x44018, 4)];
  write(0x4080, 0);
  write(0x4080, 0x1000);
  space.write(0x04, 2, 0);
  vgt.destroyVgpu(HVM);
  return { result, asked };
}

test('[W2] the core does the same on any back end that supplies the operations', () => {
  const [onXen, onPlain] = [life(xen), life(plain)];
  expect(onPlain).toEqual(onXen);
  expect(onXen).toEqual({
    result: [0x1234, 1, 0x400000],
    asked: [
      'map 1 0xf0000000 4194304 gttmmio',
      'map 1 0xc0000000 268435456 aperture',
      'msi 1 0xfee00000 65',
      expect.stringMatching(/^crash 1 register 0x4080 names 0x1000, outside/),
      'unmap 1 0xf0000000 4194304',
      'unmap 1 0xc0000000 268435456',
    ],
  });
});
