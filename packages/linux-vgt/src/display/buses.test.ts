import { makeMonitor, type PortName, portRow } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, type TestGuest } from '../testing/bench.ts';

const hdmi = makeMonitor({ kind: 'hdmi', mode: '1280x720' });
const vga = makeMonitor({ kind: 'vga' });
const dp = makeMonitor({ kind: 'dp', mode: '1920x1200' });
/** GMBUS2: in use, ready, not acknowledged. */
const IN_USE = 0x8000;
const READY = 0x800;
const NAK = 0x400;
const SECOND = 1_000_000_000;

let b: Bench;
let g: TestGuest;
beforeEach(() => {
  b = new Bench({ propagateMonitors: false });
  g = b.hvm(1);
  g.write(0xc4004, 0);
});

/** What i915's `do_gmbus_xfer` does to read a monitor's EDID. @returns null when nobody acknowledges */
function gmbusRead(pin: number, count: number): number[] | null {
  g.write(0xc5100, pin);
  g.write(0xc510c, 0);
  g.write(0xc5104, 0x42000000 | (1 << 16) | 0xa0);
  if ((g.read(0xc5108) & NAK) !== 0) {
    g.write(0xc5104, 0x80000000 | 0);
    g.write(0xc5104, 0);
    return null;
  }
  g.write(0xc5104, 0x42000000 | (count << 16) | 0xa1);
  const got: number[] = [];
  while (got.length < count) {
    expect(g.read(0xc5108) & READY).toBe(READY);
    const word = g.read(0xc510c);
    for (let k = 0; k < 4; k++) got.push((word >>> (k * 8)) & 255);
  }
  g.write(0xc5104, 0x48000000);
  return got;
}

/** One AUX request on a port. @returns reply bytes; null when nobody answers in time */
function aux(port: PortName, bytes: readonly number[]): number[] | null {
  const at = portRow(port).aux;
  for (let r = 0; r * 4 < bytes.length; r++) {
    let word = 0;
    for (let i = 0; i < 4; i++) word |= (bytes[r * 4 + i] ?? 0) << (24 - i * 8);
    g.write(at + 4 + r * 4, word);
  }
  g.write(at, 0xf2000000 | (bytes.length << 20));
  const status = g.read(at);
  expect(status & 0x80000000, 'it is done').toBe(0);
  if ((status & 0x10000000) !== 0) return null;
  return Array.from({ length: (status >>> 20) & 31 }, (_, i) => {
    return (g.read(at + 4 + (i & ~3)) >>> (24 - (i & 3) * 8)) & 255;
  });
}
const nativeRead = (address: number, count: number): number[] => [
  0x90 | (address >>> 16),
  (address >>> 8) & 255,
  address & 255,
  count - 1,
];
const nativeWrite = (address: number, ...bytes: number[]): number[] => [
  0x80 | (address >>> 16),
  (address >>> 8) & 255,
  address & 255,
  bytes.length - 1,
  ...bytes,
];
/** Interrupts of the PCH since the last look. */
const pch = (): number => {
  const bits = g.read(0xc4008);
  g.write(0xc4008, bits);
  return bits;
};

describe('GMBUS of a VM', () => {
  test.each([
    ['B', 5],
    ['C', 4],
    ['D', 6],
    ['E', 2],
  ] as const)('[N8] the EDID of port %s comes from its pin', (port, pin) => {
    const monitor = port === 'E' ? vga : hdmi;
    g.vgpu.ports.plug(port, monitor);
    expect(gmbusRead(pin, 128)).toEqual([...monitor.edid.subarray(0, 128)]);
    expect(b.device.display.monitorOn(port), 'hardware has none').toBeNull();
  });

  test('[N9] a port without a monitor, or with one for DisplayPort, does not acknowledge', () => {
    g.vgpu.ports.plug('D', dp);
    expect([2, 4, 5, 6].map((pin) => gmbusRead(pin, 8))).toEqual([null, null, null, null]);
  });

  test('[N10] the semaphore: taken by reading, given back by writing', () => {
    expect(g.read(0xc5108) & IN_USE).toBe(0);
    expect(g.read(0xc5108) & IN_USE).toBe(IN_USE);
    g.write(0xc5108, IN_USE);
    expect(g.read(0xc5108) & IN_USE).toBe(0);
    expect(b.guest0().read(0xc5108) & IN_USE, "dom0's is another").toBe(0);
  });

  test('[N6] a monitor that is taken out leaves nobody on the bus, and is told', () => {
    g.write(0xc4030, 0x10);
    g.vgpu.ports.plug('B', hdmi);
    b.clock.advance(SECOND);
    expect(pch() & 0x200000).toBe(0x200000);
    g.vgpu.ports.unplug('B');
    b.clock.advance(SECOND);
    expect(pch() & 0x200000).toBe(0x200000);
    expect(gmbusRead(5, 8)).toBeNull();
  });
});

describe('hotplug of a VM', () => {
  test('[N4] a monitor is one hotplug on B, C, D and E', () => {
    g.write(0xc4030, 0x101010);
    g.write(0xe1100, 0x800000);
    for (const port of ['B', 'C', 'D', 'E'] as const) {
      pch();
      g.vgpu.ports.plug(port, port === 'E' ? vga : hdmi);
      b.clock.advance(SECOND);
      expect(pch() & 0xe80000, port).toBe(portRow(port).hotplugBit);
      b.clock.advance(SECOND);
      expect(pch() & 0xe80000, port).toBe(0);
    }
  });

  test('[N7] flush takes a monitor over without a hotplug', () => {
    g.write(0xc4030, 0x101010);
    expect(g.vgpu.ports.writeEdid('B', hdmi.edid.slice(0, 128))).toBe(true);
    g.vgpu.ports.connection('B', 'flush');
    b.clock.advance(SECOND);
    expect([pch(), g.read(0xc4030)]).toEqual([0, 0x101010]);
    expect(gmbusRead(5, 8)).toEqual([0, 255, 255, 255, 255, 255, 255, 0]);
  });

  test('[N17] live states follow the monitors', () => {
    for (const [port, bit] of [
      ['B', 0x200000],
      ['C', 0x400000],
      ['D', 0x800000],
    ] as const) {
      expect(g.read(0xc4000) & bit).toBe(0);
      g.vgpu.ports.plug(port, port === 'D' ? dp : hdmi);
      expect(g.read(0xc4000) & bit).toBe(bit);
      g.vgpu.ports.unplug(port);
      expect(g.read(0xc4000) & bit).toBe(0);
    }
  });
});

describe('AUX of a VM', () => {
  beforeEach(() => {
    g.vgpu.ports.plug('D', dp);
  });

  test('[N11] the DPCD is that of the monitor: revision, rate and lanes', () => {
    expect(aux('D', nativeRead(0, 3))).toEqual([0, 0x12, 0x14, 0xc4]);
  });

  test('[N12] beyond the end writes are refused and reads give zeros', () => {
    expect(aux('D', nativeWrite(0x100, 0x14))).toEqual([0]);
    expect(aux('D', nativeRead(0x100, 1))).toEqual([0, 0x14]);
    expect(aux('D', nativeWrite(0x7fff, 1, 2))).toEqual([0x10, 0]);
    expect(aux('D', nativeRead(0x7fff, 2))).toEqual([0, 0, 0]);
  });

  test('[N13] training: clock, then equalised and aligned, in the order of the patterns', () => {
    g.write(0x64340, 0x80040000 | 0);
    g.write(0x64300, 0x80000000 | 0);
    const status = (): number[] => aux('D', nativeRead(0x202, 4)) ?? [];
    aux('D', nativeWrite(0x100, 0x0a, 0x84));
    expect(status().slice(1)).toEqual([0, 0, expect.any(Number), expect.any(Number)]);
    aux('D', nativeWrite(0x102, 0x21, 0, 0, 0, 0));
    expect(status().slice(1, 3)).toEqual([0x11, 0x11]);
    aux('D', nativeWrite(0x102, 0x22, 0, 0, 0, 0));
    const trained = status();
    expect(trained.slice(1, 3)).toEqual([0x77, 0x77]);
    expect((trained[3] as number) & 1).toBe(1);
    aux('D', nativeWrite(0x102, 0));
    expect((status()[4] as number) & 1).toBe(1);
  });

  test('[N14] without a sink there is no answer in time', () => {
    expect(aux('B', nativeRead(0, 1))).toBeNull();
    g.vgpu.ports.plug('C', hdmi);
    expect(aux('C', nativeRead(0, 1))).toBeNull();
  });

  test('[N15] a transaction that asks for it is an interrupt when it is done', () => {
    pch();
    aux('D', nativeRead(0, 1));
    expect(pch()).toBe(portRow('D').auxBit);
    const at = portRow('D').aux;
    g.write(at + 4, 0x90000000 | 0);
    g.write(at, 0xd2000000 | (4 << 20));
    expect(pch()).toBe(0);
  });

  test('[N16] the EDID byte by byte over I2C', () => {
    const got: number[] = [];
    expect(aux('D', [0x40, 0, 0x50])).toEqual([0]);
    expect(aux('D', [0x40, 0, 0x50, 0, 0])).toEqual([0]);
    expect(aux('D', [0x50, 0, 0x50])).toEqual([0]);
    for (let i = 0; i < 128; i++) got.push(...(aux('D', [0x50, 0, 0x50, 0]) ?? []).slice(1));
    expect(aux('D', [0x10, 0, 0x50])).toEqual([0]);
    expect(got).toEqual([...dp.edid.subarray(0, 128)]);
    expect(aux('D', [0x40, 0, 0x51])).toEqual([0x40]);
  });
});
