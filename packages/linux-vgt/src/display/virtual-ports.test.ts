import { makeMonitor } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, type TestGuest } from '../testing/bench.ts';
import { withoutExtensions } from './virtual-ports.ts';

const MS = 1_000_000;
const QUIET = 300 * MS;
let b: Bench;
let g: TestGuest;
const edid = withoutExtensions(makeMonitor({ kind: 'hdmi', mode: '1280x720' }).edid);
const other = withoutExtensions(makeMonitor({ kind: 'hdmi', mode: '800x600', serial: 2 }).edid);

const write = (node: string, data: string | Uint8Array): void =>
  expect([node, b.vgt.control.write(`vm1/${node}`, data)]).toEqual([node, null]);
const plugIn = (port: string, type: number, bytes: Uint8Array = edid, word = 'connect'): void => {
  write(`PORT_${port}/type`, String(type));
  write(`PORT_${port}/edid`, bytes);
  write(`PORT_${port}/connection`, word);
};

/** GMBUS pins, AUX registers, PCH hotplug bits, and what `type` calls HDMI and DP there. */
const PORTS = {
  B: { pin: 5, aux: 0xe4110, hotplug: 0x200000, hdmi: 5, dp: 2 },
  C: { pin: 4, aux: 0xe4210, hotplug: 0x400000, hdmi: 6, dp: 3 },
  D: { pin: 6, aux: 0xe4310, hotplug: 0x800000, hdmi: 7, dp: 4 },
} as const;
type Digital = keyof typeof PORTS;
const DIGITAL = Object.keys(PORTS) as Digital[];

beforeEach(() => {
  b = new Bench({ propagateMonitors: false });
  g = b.hvm(1);
  g.write(0xc4004, 0);
  g.write(0xc400c, -1);
  g.write(0x44004, 0);
  g.write(0x4400c, -1);
  g.write(0xc4030, 0x101010);
  g.write(0xe1100, 0x800000);
});

/** Hotplug interrupts of the PCH since the last look. */
function hotplugs(): number {
  const bits = g.read(0xc4008) & 0xe80000;
  g.write(0xc4008, -1);
  g.write(0xc4030, -1);
  return bits;
}

describe('hotplug', () => {
  test('a thousand plugs in a second are five hotplugs at most, and the last is after the last plug', () => {
    let told = 0;
    for (let i = 0; i < 1001; i++) {
      if (i % 2 === 0) plugIn('B', PORTS.B.hdmi, i % 4 === 0 ? edid : other);
      else write('PORT_B/connection', 'disconnect');
      if (hotplugs() !== 0) told++;
      b.clock.advance(MS);
    }
    expect(told).toBeLessThanOrEqual(5);
    expect(told).toBeGreaterThan(1);
    b.clock.advance(QUIET);
    expect(hotplugs()).toBe(PORTS.B.hotplug);
    expect([g.read(0xc4000) & 0xe00000, gmbus(PORTS.B.pin, 128)]).toEqual([
      PORTS.B.hotplug,
      [...edid],
    ]);
    b.clock.advance(10 * QUIET);
    expect(hotplugs()).toBe(0);
  });

  test('a VM that is gone is told of nothing more', () => {
    plugIn('B', PORTS.B.hdmi);
    write('PORT_B/connection', 'disconnect');
    const waiting = b.clock.pending;
    b.vgt.destroyVgpu(1);
    expect(b.clock.pending).toBeLessThan(waiting);
  });

  test('uevents: a monitor that comes or goes, by port and VM', () => {
    plugIn('B', PORTS.B.hdmi);
    plugIn('E', 0);
    write('PORT_B/connection', 'disconnect');
    b.vgt.control.write('control/virtual_event', String(1 << 8));
    expect(b.events).toEqual([
      'PORT_B_INSERT=1 VMID=1',
      'CRT_INSERT=1 VMID=1',
      'PORT_B_REMOVE=1 VMID=1',
      'CRT_REMOVE=1 VMID=1',
    ]);
  });
});

/** i915's `do_gmbus_xfer`, plain: the offset is written, then words of four are read. Null: NAK. */
function gmbus(pin: number, count: number): number[] | null {
  g.write(0xc5100, pin);
  g.write(0xc510c, 0);
  g.write(0xc5104, 0x42000000 | (1 << 16) | 0xa0);
  if ((g.read(0xc5108) & 0x400) !== 0) {
    g.write(0xc5104, 0x80000000 | 0);
    g.write(0xc5104, 0);
    return null;
  }
  g.write(0xc5104, 0x42000000 | (count << 16) | 0xa1);
  const got: number[] = [];
  while (got.length < count && (g.read(0xc5108) & 0x800) !== 0) {
    const word = g.read(0xc510c);
    for (let k = 0; k < 4; k++) got.push((word >>> (k * 8)) & 255);
  }
  g.write(0xc5104, 0x48000000);
  return got;
}

const SEND = 0x80000000 | 0;

/** An AUX request as `intel_dp_aux_xfer` makes it. @returns status and reply bytes */
function aux(
  control: number,
  bytes: readonly number[],
  flags = 0,
): { status: number; reply: number[] } {
  for (let i = 0; i < bytes.length; i += 4) {
    const word = [0, 1, 2, 3].reduce((w, k) => (w << 8) | (bytes[i + k] ?? 0), 0);
    g.write(control + 4 + i, word);
  }
  g.write(control, SEND | flags | (bytes.length << 20) | 0x52000000);
  const status = g.read(control);
  const size = (status >>> 20) & 31;
  const reply = Array.from({ length: size }, (_, i) => {
    return (g.read(control + 4 + (i & ~3)) >>> (24 - (i & 3) * 8)) & 255;
  });
  return { status, reply };
}
const native = (read: boolean, address: number, data: readonly number[] | number): number[] => {
  const head = [((read ? 9 : 8) << 4) | (address >>> 16), (address >>> 8) & 255, address & 255];
  return typeof data === 'number' ? [...head, data - 1] : [...head, data.length - 1, ...data];
};

test('[N20] ports that take any monitor: straps of B, C and D, and HDMI or DP on each', () => {
  expect(g.vgpu.display?.wiring).toBe(b.device.display.wiring);
  b = new Bench({ propagateMonitors: false, anyMonitor: true });
  g = b.hvm(1);
  expect(g.vgpu.display?.wiring).toEqual({ A: 'none', B: 'dp++', C: 'dp++', D: 'dp++', E: 'vga' });
  expect(g.read(0xc2014) & 7).toBe(7);
  for (const port of DIGITAL) {
    plugIn(port, PORTS[port].hdmi);
    expect(gmbus(PORTS[port].pin, 128)).toEqual([...edid]);
    write(`PORT_${port}/connection`, 'disconnect');
    plugIn(port, PORTS[port].dp);
    expect(aux(PORTS[port].aux, native(true, 0, 1)).reply).toEqual([0, 0x12]);
  }
});
