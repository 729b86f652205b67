import { makeMonitor } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, type TestGuest } from '../testing/bench.ts';
import { light, plane } from '../testing/light.ts';

let b: Bench;
let zero: TestGuest;
let g: TestGuest;

const hw = (offset: number): number => b.device.regs.peek(offset);

beforeEach(() => {
  b = new Bench();
  b.device.display.connect('E', makeMonitor({ kind: 'vga' }));
  zero = b.guest0();
  g = b.hvm(1);
  light(zero, 0, 1024, 768);
  plane(zero, 0, 0x100000, 4096);
  g.write(0x78804, 1);
});

describe('the foreground VM', () => {
  test('control case: both VMs light a screen', () => {
    light(g, 0, 1024, 768);
    expect(b.device.display.screens().map((s) => [s.port, s.width])).toEqual([['E', 1024]]);
    expect(g.vgpu.display?.screens().map((s) => [s.port, s.width])).toEqual([['E', 1024]]);
  });

  test("[M5] a background VM's plane leaves hardware alone", () => {
    light(g, 0, 1024, 768);
    plane(g, 0, g.low, 4096);
    expect(hw(0x7019c)).toBe(0x100000);
    expect(g.read(0x7019c)).toBe(g.low);
  });

  test("[M1] after the switch hardware planes are the VM's, and dom0's when it returns", () => {
    light(g, 0, 1024, 768);
    plane(g, 0, g.low, 4096);
    expect(b.vgt.setForeground(1)).toBeNull();
    expect([hw(0x7019c), hw(0x70188)]).toEqual([g.low, 4096]);
    plane(g, 0, g.low + 0x400000, 4096);
    expect(hw(0x7019c)).toBe(g.low + 0x400000);
    plane(zero, 0, 0x200000, 8192);
    expect(hw(0x7019c)).toBe(g.low + 0x400000);
    expect([zero.read(0x7019c), zero.read(0x701ac)]).toEqual([0x200000, 0x200000]);
    expect(b.vgt.setForeground(0)).toBeNull();
    expect([hw(0x7019c), hw(0x70188)]).toEqual([0x200000, 8192]);
  });

  test("colours are converted for the wire as dom0 has it, whatever the VM's planes ask for", () => {
    light(g, 0, 1024, 768);
    plane(g, 0, g.low, 4096);
    g.write(0x70180, 0x99000000 | 0);
    b.vgt.setForeground(1);
    expect(hw(0x70180)).toBe(0x98000000 | 0);
    zero.write(0x70180, 0x99000000 | 0);
    g.write(0x70180, 0x98000000 | 0);
    expect(hw(0x70180)).toBe(0x99000000 | 0);
  });

  test('[M6] a VM on another pipe is shown on the pipe of the same port', () => {
    light(g, 1, 1024, 768);
    plane(g, 1, g.low, 4096);
    b.vgt.setForeground(1);
    expect(hw(0x7019c)).toBe(g.low);
    plane(g, 1, g.low + 0x1000, 4096);
    expect(hw(0x7019c)).toBe(g.low + 0x1000);
    expect(hw(0x7119c)).toBe(0);
  });

  test('[M7] a VM with no screen shows nothing', () => {
    b.vgt.setForeground(1);
    expect(hw(0x70180)).toBe(0);
    plane(g, 0, g.low, 4096);
    expect(hw(0x7019c)).toBe(0);
  });

  test('[O1] [O2] [O3] another size goes through the panel fitter', () => {
    light(g, 0, 800, 600);
    plane(g, 0, g.low, 3200);
    b.vgt.setForeground(1);
    expect(hw(0x68080) & (1 << 31)).not.toBe(0);
    expect(hw(0x68074)).toBe((1024 << 16) | 768);
    expect(hw(0x6001c)).toBe((799 << 16) | 599);
    g.write(0x6001c, (1023 << 16) | 767);
    expect(hw(0x68080)).toBe(0);
    b.vgt.setForeground(0);
    expect([hw(0x6001c), hw(0x68080)]).toEqual([(1023 << 16) | 767, 0]);
  });

  test("[O4] a guest's panel fitter stays its own", () => {
    light(g, 0, 1024, 768);
    b.vgt.setForeground(1);
    g.write(0x68080, 0x80000000 | 0);
    expect(hw(0x68080)).toBe(0);
    expect(g.read(0x68080)).toBe(0x80000000 | 0);
  });

  test('[M16] destroying the foreground VM brings dom0 back', () => {
    light(g, 0, 1024, 768);
    plane(g, 0, g.low, 4096);
    b.vgt.setForeground(1);
    b.vgt.destroyVgpu(1);
    expect(b.vgt.foreground.vm).toBe(b.vgt.dom0);
    expect(hw(0x7019c)).toBe(0x100000);
  });

  test("[L16] in the background dom0's flips are done at once", () => {
    light(g, 0, 1024, 768);
    b.vgt.setForeground(1);
    zero.write(0x44004, ~8);
    zero.write(0x7019c, 0x300000);
    expect(zero.read(0x44008) & 8).toBe(8);
  });

  test("a surface outside the VM's graphics memory is not shown", () => {
    light(g, 0, 1024, 768);
    plane(g, 0, g.low, 4096);
    b.vgt.setForeground(1);
    plane(g, 0, 0x100000, 4096);
    expect(hw(0x7019c)).toBe(g.low);
    expect(b.vgt.foreground.refusedSurfaces).toBe(1);
  });
});
