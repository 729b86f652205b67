import { beforeEach, expect, test } from 'vitest';
import { Bench, storeGgtt, type TestGuest } from '../testing/bench.ts';

const MS = 1_000_000;
let b: Bench;
let g: TestGuest;
beforeEach(() => {
  b = new Bench();
  g = b.hvm(1);
  g.startRing(0);
});
const text = (path: string): string => {
  const r = b.vgt.control.read(path);
  return r.ok ? String(r.data) : r.errno;
};
const part = (path: string, offset: number, bytes: number): number[] | string => {
  const r = b.vgt.control.readAt(path, offset, bytes);
  return r.ok ? [...(r.data as Uint8Array)] : r.errno;
};
const dword = (value: number): number[] => [0, 8, 16, 24].map((s) => (value >>> s) & 0xff);

test('[V1] igd_mmio has 2 MiB; it is read from whole dwords on', () => {
  const whole = b.vgt.control.read('control/igd_mmio');
  expect(whole.ok && whole.data.length).toBe(2 << 20);
  g.submit(0, storeGgtt(g.dataGma, 1));
  b.run();
  const start = b.device.regs.peek(0x2038);
  expect(start).not.toBe(0);
  expect(part('control/igd_mmio', 0x2038, 4)).toEqual(dword(start));
  expect(part('control/igd_mmio', 0x2036, 4)).toBe('EINVAL');
  expect(part('control/igd_mmio', -4, 4)).toBe('EINVAL');
  expect(part('control/igd_mmio', (2 << 20) - 4, 64)).toHaveLength(4);
  expect(part('control/igd_mmio', 2 << 20, 4)).toEqual([]);
  expect(b.vgt.control.write('control/igd_mmio', 'x')).toBe('EACCES');
});

test('a part of any other file is cut out of it', () => {
  expect(b.vgt.control.readAt('control/foreground_vm', 0, 1)).toEqual({ ok: true, data: '0' });
  expect(part('control/nothing', 0, 4)).toBe('ENOENT');
});

test('[V6] /dev/vgt_mmio1 shows the VM its registers, and takes nothing', () => {
  g.write(0x2600, 0x1234);
  expect(part('/dev/vgt_mmio1', 0x2600, 4)).toEqual(dword(0x1234));
  expect(part('/dev/vgt_mmio1', 0x78000, 4)).toEqual(dword(0x76544776));
  expect(b.vgt.control.write('/dev/vgt_mmio1', Uint8Array.of(1, 2, 3, 4))).toBe('EACCES');
  const copy = b.vgt.control.read('dev/vgt_mmio1');
  if (copy.ok) (copy.data as Uint8Array).fill(0);
  expect(g.read(0x78000)).toBe(0x76544776);
  b.vgt.destroyVgpu(1);
  expect(part('/dev/vgt_mmio1', 0, 4)).toBe('ENOENT');
  expect(b.vgt.control.list('dev')).toEqual(['vgt_mmio0']);
});

test('[V5] time with work and without, of the render ring', () => {
  b.clock.advance(5 * MS);
  const [busy, idle] = [Number(text('debug/ring_0_busy')), Number(text('debug/ring_0_idle'))];
  expect(busy).toBe(0);
  expect(idle).toBeGreaterThanOrEqual(5 * MS);
  for (let i = 0; i < 200; i++) g.submit(0, storeGgtt(g.dataGma + (i & 63) * 4, i));
  for (let i = 0; i < 10; i++) {
    b.device.step(64);
    b.vgt.tick();
    b.clock.advance(MS);
  }
  b.device.step(64);
  const worked = Number(text('debug/ring_0_busy'));
  expect(worked).toBeGreaterThanOrEqual(8 * MS);
  expect(Number(text('debug/ring_0_idle'))).toBeLessThan(idle + 4 * MS);
  b.run();
  const done = Number(text('debug/ring_0_busy'));
  b.clock.advance(5 * MS);
  expect(Number(text('debug/ring_0_busy'))).toBe(done);
});
