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
  test.each(DIGITAL)('[N4] connect raises one hotplug on port %s, a long pulse', (port) => {
    plugIn(port, PORTS[port].hdmi);
    const shift = (PORTS[port].pin === 5 ? 0 : PORTS[port].pin === 4 ? 1 : 2) * 8;
    expect((g.read(0xc4030) >>> shift) & 3).toBe(2);
    expect(hotplugs()).toBe(PORTS[port].hotplug);
    b.clock.advance(QUIET);
    expect(hotplugs()).toBe(0);
  });

  test('[N4] on port E it is the analogue one, and on A there is none in the PCH', () => {
    plugIn('E', 0);
    expect(hotplugs()).toBe(0x80000);
    plugIn('A', 1);
    expect(hotplugs()).toBe(0);
  });

  test('[N6] after disconnect the bus says no, and there was a hotplug', () => {
    plugIn('B', PORTS.B.hdmi);
    expect(gmbus(PORTS.B.pin, 128)).toEqual([...edid]);
    hotplugs();
    b.clock.advance(QUIET);
    write('PORT_B/connection', 'disconnect');
    expect(hotplugs()).toBe(PORTS.B.hotplug);
    expect(gmbus(PORTS.B.pin, 128)).toBeNull();
  });

  test('[N7] flush takes over what was written and tells the guest nothing', () => {
    for (const port of DIGITAL) plugIn(port, PORTS[port].hdmi, edid, 'flush');
    plugIn('E', 0, edid, 'flush');
    b.clock.advance(QUIET);
    expect([hotplugs(), b.events]).toEqual([0, []]);
    for (const port of DIGITAL) expect(gmbus(PORTS[port].pin, 128)).toEqual([...edid]);
    expect(g.read(0xc4000) & 0xe00000).toBe(0xe00000);
  });

  test('[N17] SDEISR says what is plugged in', () => {
    const present = (): number => g.read(0xc4000) & 0xe00000;
    expect(present()).toBe(0);
    let wanted = 0;
    for (const port of DIGITAL) {
      plugIn(port, PORTS[port].hdmi);
      wanted |= PORTS[port].hotplug;
      expect(present()).toBe(wanted);
    }
    for (const port of DIGITAL) {
      write(`PORT_${port}/connection`, 'disconnect');
      wanted &= ~PORTS[port].hotplug;
      expect(present()).toBe(wanted);
    }
    expect(hw(0xc4000) & 0xe00000).toBe(0);
  });

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

const hw = (offset: number): number => b.device.regs.peek(offset);

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

describe('GMBUS of a VM', () => {
  test.each(DIGITAL)('[N8] 128 bytes of EDID come from the pins of port %s', (port) => {
    plugIn(port, PORTS[port].hdmi);
    expect(gmbus(PORTS[port].pin, 128)).toEqual([...edid]);
    plugIn('E', 0, other);
    expect(gmbus(2, 128)).toEqual([...other]);
    expect(gmbus(PORTS[port].pin, 128)).toEqual([...edid]);
  });

  test('[N9] without a monitor, and on a DisplayPort, nobody acknowledges', () => {
    for (const { pin } of Object.values(PORTS)) expect(gmbus(pin, 8)).toBeNull();
    for (const port of DIGITAL) plugIn(port, PORTS[port].dp);
    for (const { pin } of Object.values(PORTS)) expect(gmbus(pin, 8)).toBeNull();
    expect(gmbus(3, 8)).toBeNull();
  });

  test('[N10] the semaphore is taken by a read and given back by a write; hardware’s is another', () => {
    expect(g.read(0xc5108) & 0x8000).toBe(0);
    expect(g.read(0xc5108) & 0x8000).toBe(0x8000);
    expect(b.guest0().read(0xc5108) & 0x8000).toBe(0);
    g.write(0xc5108, 0x8000);
    expect(g.read(0xc5108) & 0x8000).toBe(0);
  });
});

const SEND = 0x80000000 | 0;
const DONE = 0x40000000;
const TIME_OUT = 0x10000000;

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

describe.each(DIGITAL)('AUX channel of a VM’s port %s', (port) => {
  const control = PORTS[port].aux;
  beforeEach(() => plugIn(port, PORTS[port].dp));

  test('[N11] DPCD 0 tells revision, rate and lanes', () => {
    const { status, reply } = aux(control, native(true, 0, 3));
    expect(status & (DONE | SEND | TIME_OUT)).toBe(DONE);
    expect([reply[0], reply[1], reply[2], (reply[3] as number) & 0x1f]).toEqual([0, 0x12, 0x14, 4]);
  });

  test('[N12] beyond the DPCD writes are refused and reads are zeros', () => {
    expect(aux(control, native(false, 0x1000, [1, 2])).reply).toEqual([0x10, 0]);
    expect(aux(control, native(true, 0x1000, 4)).reply).toEqual([0, 0, 0, 0, 0]);
    expect(aux(control, native(false, 0x100, [0x0a])).reply).toEqual([0]);
    expect(aux(control, native(false, 0x7ff, [1, 2])).reply).toEqual([0x10, 0]);
    expect(aux(control, native(true, 0xfffff, 16)).reply).toEqual(Array(17).fill(0));
  });

  test('[N13] patterns 1 and 2 give clock recovery, equalisation, then a sink in sync', () => {
    const at = (control - 0xe4110) / 0x100;
    g.write(0x64140 + at * 0x100, 0x80000000 | 0);
    g.write(0x64100 + at * 0x100, 0x80000000 | 0);
    aux(control, native(false, 0x100, [0x0a, 4]));
    const status = (): number[] => aux(control, native(true, 0x202, 4)).reply.slice(1);
    expect(status()).toEqual([0, 0, 0, 0]);
    aux(control, native(false, 0x102, [0x21]));
    expect(status()).toEqual([0x11, 0x11, 0, 0]);
    aux(control, native(false, 0x102, [0x22]));
    expect(status()).toEqual([0x77, 0x77, 1, 1]);
    aux(control, native(false, 0x102, [0]));
    expect(status()).toEqual([0x77, 0x77, 1, 1]);
  });

  test('[N14] without a sink there is a time-out', () => {
    b.clock.advance(QUIET);
    write(`PORT_${port}/connection`, 'disconnect');
    expect(aux(control, native(true, 0, 3)).status & (TIME_OUT | DONE | SEND)).toBe(
      TIME_OUT | DONE,
    );
    plugIn(port, PORTS[port].hdmi);
    expect(aux(control, native(true, 0, 3)).status & TIME_OUT).toBe(TIME_OUT);
  });

  test('[N15] the interrupt is raised if it was asked for', () => {
    const bit = { B: 0x2000000, C: 0x4000000, D: 0x8000000 }[port];
    g.write(0xc4008, -1);
    aux(control, native(true, 0, 1));
    expect(g.read(0xc4008) & bit).toBe(0);
    aux(control, native(true, 0, 1), 0x20000000);
    expect(g.read(0xc4008) & bit).toBe(bit);
  });

  test('[N16] the EDID comes byte by byte over I2C at 0x50', () => {
    const i2c = (command: number, ...data: number[]): number[] =>
      aux(control, [command << 4, 0, 0x50, ...data]).reply;
    expect(i2c(4)).toEqual([0]);
    expect(i2c(4, 0, 0)).toEqual([0]);
    expect(i2c(5)).toEqual([0]);
    const got = Array.from({ length: 128 }, () => i2c(5, 0)[1]);
    expect(got).toEqual([...edid]);
    expect(i2c(1)).toEqual([0]);
    expect(aux(control, [4 << 4, 0, 0x37]).reply).toEqual([0x40]);
  });
});

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
