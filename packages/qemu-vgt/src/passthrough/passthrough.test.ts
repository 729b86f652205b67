import {
  ConfigSpace,
  HaswellDevice,
  IGD_ASLS,
  IGD_MSI,
  MachineMemory,
  ManualClock,
  type TrapTarget,
} from '@xengt/hsw-device';
import { describe, expect, test } from 'vitest';
import { OPREGION_BYTES, OPREGION_SWSCI_SCIC, SWSCI } from '../opregion/opregion.ts';
import { HostBridge, PAVPC } from '../pci/host-bridge.ts';
import { platformOf } from '../pci/platform.ts';
import { AssignedGpu } from './assigned-gpu.ts';
import { OpRegionRegister, PASSTHROUGH_OPREGION } from './opregion-register.ts';

const MIB = 1 << 20;
const HOST = 0xdac4d018;

function register(free = true): { reg: OpRegionRegister; bytes: Uint8Array; at: number[] } {
  const bytes = new Uint8Array(OPREGION_BYTES);
  const at: number[] = [];
  const reg = new OpRegionRegister({ address: HOST, bytes }, (gpa, size, pages) => {
    at.push(gpa, size);
    pages.write(4, 4, 0x11223344);
    return free;
  });
  return { reg, bytes, at };
}

describe('OpRegion', () => {
  test("[U14] reads all ones, then the guest's page with the machine's low bits", () => {
    const { reg, at } = register();
    expect([reg.read(IGD_ASLS, 4), reg.read(IGD_ASLS + 2, 2), reg.read(IGD_ASLS + 3, 1)]).toEqual([
      -1, 0xffff, 0xff,
    ]);
    reg.write(IGD_ASLS, 4, PASSTHROUGH_OPREGION | 0xabc | 0);
    expect(reg.read(IGD_ASLS, 4) >>> 0).toBe(0xfc000018);
    expect(reg.read(IGD_ASLS, 1)).toBe(0x18);
    expect(at).toEqual([PASSTHROUGH_OPREGION, OPREGION_BYTES]);
  });

  test("the pages are the machine's own, and the first write counts", () => {
    const { reg, bytes, at } = register();
    reg.write(IGD_ASLS, 4, PASSTHROUGH_OPREGION | 0);
    expect([bytes[4], bytes[7]]).toEqual([0x44, 0x11]);
    reg.write(IGD_ASLS, 4, 0x10000000);
    reg.write(IGD_ASLS, 2, 0);
    reg.write(IGD_ASLS + 1, 1, 0);
    expect([reg.read(IGD_ASLS, 4) >>> 0, at.length, reg.refused]).toEqual([0xfc000018, 2, 3]);
  });

  test('a place that is taken is refused, and the register stays open', () => {
    const { reg } = register(false);
    reg.write(IGD_ASLS, 4, 0x1000);
    expect([reg.read(IGD_ASLS, 4), reg.refused]).toEqual([-1, 1]);
  });
});

describe('host bridge', () => {
  const { hostBridge: device, hostRevision: revision } = platformOf(0x0412);
  const machine = (): HostBridge => {
    const made = new HostBridge({
      device,
      revision,
      ggc: 0x0208,
      topOfLowMemory: 3072 * MIB,
      stolenBase: 0xbe000000,
    });
    made.endFirmware();
    return made;
  };
  function guest(real: TrapTarget): HostBridge {
    const made = new HostBridge({
      device: 0x0c04,
      revision: 0,
      ggc: 0,
      topOfLowMemory: 512 * MIB,
      machine: real,
    });
    made.endFirmware();
    return made;
  }

  test('the guest of a real GPU reads ids, graphics control and tops of memory of the machine', () => {
    const real = machine();
    const g = guest(real);
    for (const at of [0x00, 0x08, 0x2c, 0x50, 0x58, 0xa0, 0xa4, 0xa8, 0xb0]) {
      expect(g.read(at, 4), at.toString(16)).toBe(real.read(at, 4));
    }
    expect([g.read(0x50, 2), g.read(0xb0, 4) >>> 0]).toEqual([0x0208, 0xbe000000]);
    expect(g.read(0xbc, 4)).toBe(512 * MIB);
    // Half of it the machine's, half its own.
    expect(g.read(0x04, 4)).not.toBe(-1);
  });

  test('[U7] only 0x58 is written through', () => {
    const real = machine();
    const before = Array.from({ length: 64 }, (_, i) => real.read(i * 4, 4));
    const g = guest(real);
    for (let at = 0; at < 256; at += 4) if (at !== 0x58) g.write(at, 4, -1);
    g.write(0x56, 4, -1);
    g.write(0x5a, 4, -1);
    expect(Array.from({ length: 64 }, (_, i) => real.read(i * 4, 4))).toEqual(before);
    g.write(0x58, 4, 0x12300003);
    expect(real.read(PAVPC, 4)).toBe(0x12300003);
    g.write(0x59, 1, 0xff);
    g.write(0x58, 1, 0x07);
    expect(real.read(PAVPC, 4)).toBe(0x12300007);
    // Locked.
    g.write(0x58, 4, 0);
    expect(real.read(PAVPC, 4)).toBe(0x12300007);
  });

  test('firmware meets its 440FX all the same', () => {
    const real = machine();
    const g = new HostBridge({ device, revision, ggc: 0, topOfLowMemory: MIB, machine: real });
    g.write(0x58, 4, 0x33333000);
    expect([g.read(0, 4), real.read(0x58, 4)]).toEqual([0x12378086, 0]);
  });
});

describe('an assigned GPU', () => {
  function assigned(): { gpu: AssignedGpu; log: string[]; device: HaswellDevice } {
    const log: string[] = [];
    const memory = new MachineMemory();
    const device = new HaswellDevice({ memory, clock: new ManualClock() });
    const { reg } = register();
    const gpu = new AssignedGpu({
      device,
      opRegion: reg,
      stolenBase: 0xbe000000,
      stolenMiB: 32,
      port: {
        mapTrap: (gpa, bytes, kind, target) => {
          log.push(`map ${gpa.toString(16)} ${bytes / MIB} ${kind} ${target.name}`);
          return true;
        },
        unmapTrap: (gpa) => void log.push(`unmap ${gpa.toString(16)}`),
        setIntx: (level) => void log.push(`intx ${level}`),
        bindMsi: (address, data) => void log.push(`msi ${address.toString(16)} ${data}`),
        unbindMsi: () => void log.push('no msi'),
        message: () => void log.push('message'),
      },
    });
    return { gpu, log, device };
  }
  const interrupt = (device: HaswellDevice): void => {
    device.mmio.write(0x44014, 4, 0);
    device.mmio.write(0x4401c, 4, 1);
    device.mmio.write(0x4400c, 4, 0x80000000 | 0);
    device.irq.raiseGt(1);
  };

  test('shows what the machine has: stolen memory, OpRegion; BARs follow the guest', () => {
    const { gpu, log } = assigned();
    expect([gpu.read(0x50, 2), gpu.read(0x5c, 4) >>> 0]).toEqual([0x0208, 0xbe000000]);
    expect(gpu.read(IGD_ASLS, 4)).toBe(-1);
    gpu.write(0x10, 4, 0xf0000000 | 0);
    gpu.write(0x18, 4, 0xc0000000 | 0);
    gpu.write(4, 2, 6);
    gpu.write(0x10, 4, 0xf1000000 | 0);
    gpu.write(4, 2, 0);
    expect(log).toEqual([
      'map f0000000 4 gttmmio gttmmio',
      'map c0000000 256 aperture aperture',
      'unmap f0000000',
      'map f1000000 4 gttmmio gttmmio',
      'unmap f1000000',
      'unmap c0000000',
    ]);
  });

  test("INTA# while there is no message, then messages; what hardware sends is not the guest's", () => {
    const { gpu, log, device } = assigned();
    interrupt(device);
    gpu.write(IGD_MSI + 4, 4, 0xfee01000 | 0);
    gpu.write(IGD_MSI + 8, 2, 0x51);
    log.length = 0;
    gpu.write(IGD_MSI + 2, 2, 1);
    expect(log).toEqual(['msi fee01000 81', 'intx false']);
    device.mmio.write(0x44018, 4, 1);
    device.irq.raiseGt(1);
    expect(log.slice(2)).toEqual(['message']);
    gpu.write(IGD_MSI + 8, 2, 0x52);
    expect(log.at(-1)).toBe('msi fee01000 82');
    gpu.write(IGD_MSI + 2, 2, 0);
    expect(log.slice(-2)).toEqual(['no msi', 'intx true']);
    gpu.write(4, 2, 0x400);
    expect(log.at(-1)).toBe('intx false');
  });

  test("a call of firmware is answered in the machine's pages", () => {
    const bytes = new Uint8Array(OPREGION_BYTES);
    const reg = new OpRegionRegister({ address: HOST, bytes }, () => true);
    const device = new HaswellDevice({ memory: new MachineMemory(), clock: new ManualClock() });
    const port = {
      mapTrap: () => true,
      unmapTrap: () => {},
      setIntx: () => {},
      bindMsi: () => {},
      unbindMsi: () => {},
      message: () => {},
    };
    const gpu = new AssignedGpu({ device, port, opRegion: reg });
    const view = new DataView(bytes.buffer);
    view.setUint32(OPREGION_SWSCI_SCIC, 1 | (4 << 1), true);
    gpu.write(SWSCI, 2, 1);
    expect(view.getUint32(OPREGION_SWSCI_SCIC, true) & 1).toBe(0);
  });

  test('given up, it answers nowhere and calls nobody', () => {
    const { gpu, log, device } = assigned();
    gpu.write(0x10, 4, 0xf0000000 | 0);
    gpu.write(4, 2, 6);
    gpu.write(IGD_MSI + 2, 2, 1);
    interrupt(device);
    log.length = 0;
    gpu.release();
    expect(log).toEqual(['unmap f0000000', 'no msi']);
    device.mmio.write(0x44018, 4, 1);
    device.irq.raiseGt(1);
    expect(log).toHaveLength(2);
  });

  test('a reset of the function resets the GPU, and takes message and BARs', () => {
    const { gpu, log, device } = assigned();
    gpu.write(0x10, 4, 0xf0000000 | 0);
    gpu.write(4, 2, 6);
    gpu.write(IGD_MSI + 2, 2, 1);
    device.mmio.write(0x4400c, 4, -1);
    log.length = 0;
    gpu.write(0xa8, 1, 1);
    expect(device.mmio.read(0x4400c, 4)).toBe(0);
    expect(log).toEqual(['unmap f0000000', 'no msi']);
    expect(gpu.config).toBeInstanceOf(ConfigSpace);
  });
});
