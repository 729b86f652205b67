import { makeMonitor } from '@xengt/hsw-device';
import { ScriptedEngine } from '@xengt/xen-vgt';
import { afterEach, expect, test } from 'vitest';
import { ScreenShot } from './domain-view.ts';
import { Host } from './host.ts';
import type { HostDomain } from './host-domain.ts';

const RAM_MIB = 32;
const IGD = 0x10;
const BAR0 = 0xf0000000;
const VGACNTRL = BAR0 + 0x41000;
const DISPLAY_READY = BAR0 + 0x78804;

const hosts: Host[] = [];
afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
});

async function guest(): Promise<{ host: Host; domain: HostDomain; engine: ScriptedEngine }> {
  const host = new Host({
    monitors: { B: makeMonitor({ kind: 'hdmi', mode: '1280x720' }) },
  });
  hosts.push(host);
  const engine = new ScriptedEngine(RAM_MIB);
  const domain = await host.createDomain({
    domid: 1,
    name: 'guest',
    memoryMiB: RAM_MIB,
    files: { engine, emulator: 'scripted', image: '' },
  });
  engine.configWrite(IGD, 0x10, 4, BAR0 | 0);
  engine.configWrite(IGD, 0x04, 2, 2);
  domain.domain.resume();
  return { host, domain, engine };
}

/** A VBE mode as a video BIOS sets it. */
function mode(engine: ScriptedEngine, width: number, height: number): void {
  for (const [index, value] of [
    [4, 0],
    [1, width],
    [2, height],
    [3, 32],
    [4, 0x41],
  ] as const) {
    engine.out(0x1ce, 2, index);
    engine.out(0x1cf, 2, value);
  }
  engine.in(0x3da, 1);
  engine.out(0x3c0, 1, 0x20);
}

test("[U4] [U13] 00:02.0 is the GPU, 00:1f.0 the host's PCH, and the legacy ports are the ISA VGA's", async () => {
  const { domain, engine } = await guest();
  expect(engine.configRead(IGD, 0, 4)).toBe(0x04128086);
  expect(engine.configRead(0x1f << 3, 0, 4)).toBe(0x8c4e8086 | 0);
  expect(engine.configRead(0x1f << 3, 0x0a, 2)).toBe(0x0601);
  // Nothing of it is a PCI function: 00:02.0 has the BARs of the GPU only.
  expect(engine.configRead(0x12 << 3, 0, 4)).toBe(-1);
  engine.out(0x3c4, 2, 0x0f02);
  expect(engine.in(0x3c5, 1)).toBe(0x0f);
  engine.out(0x3ce, 2, 0x0506);
  engine.out(0x3ce, 2, 0xff08);
  engine.write8(0xa0000, 0xff);
  expect(engine.video[0]).toBe(0xff);
  expect(domain.domain.counters.writes('vga')).toBe(1);
  expect(domain.domain.counters.writes('ports')).toBeGreaterThan(1);
  expect(domain.domain.refused).toBe(0);
});

test('[U8] what a guest draws at 0xe0000000 is on its monitor, in a mode that the monitor has', async () => {
  const { host, domain, engine } = await guest();
  engine.out(0x1ce, 2, 0xb);
  expect(engine.in(0x1cf, 2)).toBe(0xe000);
  engine.out(0x1ce, 2, 4);
  engine.out(0x1cf, 2, 2);
  engine.out(0x1ce, 2, 1);
  expect(engine.in(0x1cf, 2)).toBe(1280);
  mode(engine, 320, 200);
  engine.write32(0xe0000000 + (320 * 7 + 5) * 4, 0x00123456);
  const shot = new ScreenShot().take(host, domain, 'B');
  expect([shot?.width, shot?.height]).toEqual([320, 200]);
  const at = (320 * 7 + 5) * 4;
  expect([...(shot?.rgba.subarray(at, at + 4) ?? [])]).toEqual([0x12, 0x34, 0x56, 255]);
  expect(new ScreenShot().take(host, domain, 'E')).toBeNull();
});

test('the VGA is shown until a driver turns its plane off, and when it gives the screen back', async () => {
  const { host, domain, engine } = await guest();
  const ports = (): string[] => domain.screens(host.device.display).map((s) => s.port);
  expect(ports()).toEqual([]);
  mode(engine, 640, 480);
  expect(ports()).toEqual(['B']);
  engine.write32(VGACNTRL, 0x80000000);
  expect(ports()).toEqual([]);
  engine.write32(VGACNTRL, 0);
  expect(ports()).toEqual(['B']);
  engine.write32(VGACNTRL, 0x80000000);
  engine.write32(DISPLAY_READY, 1);
  expect(ports()).toEqual([]);
  engine.write32(DISPLAY_READY, 2);
  expect(ports()).toEqual(['B']);
  expect(host.events.map((e) => e.replace(/ VMID.*/, ''))).toEqual([
    'PORT_B_INSERT=1',
    'VGT_ENABLE_VGA=0',
    'VGT_ENABLE_VGA=1',
    'VGT_ENABLE_VGA=0',
    'VGT_DISPLAY_READY=1',
    'VGT_ENABLE_VGA=1',
  ]);
});

test("a machine's state has the VGA's registers", async () => {
  const { domain, engine } = await guest();
  mode(engine, 640, 400);
  const other = await guest();
  expect(other.domain.machine.importState(domain.machine.exportState())).toBeNull();
  expect(other.domain.machine.vga.screen()).toEqual({ width: 640, height: 400 });
  const { vga: _, ...before } = domain.machine.exportState();
  expect(other.domain.machine.importState(before)).toBeNull();
  const broken = { ...domain.machine.exportState(), vga: { version: 1 } as never };
  expect(other.domain.machine.importState(broken)).toMatch(/VGA state/);
});
