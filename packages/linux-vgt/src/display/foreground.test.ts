import { makeMonitor } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, storeGgtt, type TestGuest } from '../testing/bench.ts';
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

  test('a picture that the VM fits between bars has them on a screen of another size too', () => {
    light(g, 0, 800, 600, [640, 400]);
    plane(g, 0, g.low, 4096);
    g.write(0x68070, (0 << 16) | 50);
    g.write(0x68080, 0x80800000 | 0);
    g.write(0x68074, (800 << 16) | 500);
    b.vgt.setForeground(1);
    expect([hw(0x68070), hw(0x68074)]).toEqual([64, (1024 << 16) | 640]);
    expect(hw(0x68080) & (1 << 31)).not.toBe(0);
    g.write(0x68080, 0);
    g.write(0x68074, 0);
    expect([hw(0x68070), hw(0x68074)]).toEqual([0, (1024 << 16) | 768]);
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

describe('a foreground VM that shares its addresses', () => {
  const FB = 0x400000;
  const FB2 = 0x800000;
  let other: TestGuest;
  /** As `plane` on pipe A, but past the palette, which nobody filled. */
  const flat = (guest: TestGuest, surface: number, stride: number): void => {
    guest.write(0x70188, stride);
    guest.write(0x70180, 0x98000000 | 0);
    guest.write(0x7019c, surface);
  };
  const shown = (): number => {
    b.clock.advance(20_000_000);
    const out = new Uint32Array(1024 * 768);
    expect(b.device.display.scanOut(0, out)).toBe(true);
    return (out[0] as number) & 0xffffff;
  };
  /** A frame buffer of one colour at a graphics address. */
  const draw = (guest: TestGuest, gma: number, gfn: number, colour: number): void => {
    for (let p = 0; p < 768; p++) guest.map(guest.low + gma + p * 4096, gfn + p);
    guest.ram.fill(colour, gfn * 1024, (gfn + 768) * 1024);
  };
  const render = (guest: TestGuest): void => {
    guest.submit(2, storeGgtt(guest.low + FB, 0x77));
    b.run();
  };
  beforeEach(() => {
    b = new Bench({ partition: 'shared' });
    b.device.display.connect('E', makeMonitor({ kind: 'vga' }));
    zero = b.guest0();
    [g, other] = [1, 2].map((domid) => b.hvm(domid, 128, 1132)) as [TestGuest, TestGuest];
    light(zero, 0, 1024, 768);
    for (const [i, guest] of [g, other].entries()) {
      guest.startRing(2);
      draw(guest, FB, 0x400, 0x111111 * (i + 1));
      draw(guest, FB2, 0x700, 0x444444 * (i + 1));
      light(guest, 0, 1024, 768);
      flat(guest, guest.low + FB, 4096);
      guest.write(0x78804, 1);
    }
  });

  test('is seen while others render at the same addresses', () => {
    b.vgt.setForeground(1);
    for (const guest of [other, g, other]) render(guest);
    g.ram[0x400 * 1024] = 0x111111;
    expect(shown()).toBe(0x111111);
    b.vgt.setForeground(2);
    render(g);
    other.ram[0x400 * 1024] = 0x222222;
    expect(shown()).toBe(0x222222);
  });

  test('two surfaces in turn are mapped once each', () => {
    b.vgt.setForeground(1);
    for (let i = 0; i < 10; i++) {
      flat(g, g.low + (i % 2 === 0 ? FB2 : FB), 4096);
      render(other);
      expect(shown()).toBe(i % 2 === 0 ? 0x444444 : 0x111111);
    }
    expect(b.vgt.scanOut.counters).toEqual({ mapped: 2, pages: 2 * 768, refused: 0 });
  });

  test('a page that is mapped anew while it is shown is shown anew', () => {
    b.vgt.setForeground(1);
    render(other);
    g.map(g.low + FB, 0x700);
    expect(shown()).toBe(0x444444);
  });

  test('is seen again after the machine slept', () => {
    b.vgt.setForeground(1);
    const surface = hw(0x7019c);
    const entry = b.device.ggtt.read(surface >>> 12);
    expect(b.vgt.lifecycle.suspend()).toBeNull();
    b.device.ggtt.clear();
    b.vgt.lifecycle.resume();
    expect(b.device.ggtt.read(surface >>> 12)).toBe(entry);
  });

  test('a cursor is found too', () => {
    b.vgt.setForeground(1);
    g.ram.fill(0xffabcdef | 0, 0x700 * 1024, 0x704 * 1024);
    g.write(0x70080, 0x27);
    g.write(0x70084, g.low + FB2);
    render(other);
    expect(shown()).toBe(0xefcdab);
  });

  test("nothing of it stays where hardware's planes look once it is gone", () => {
    b.vgt.setForeground(1);
    b.vgt.destroyVgpu(1);
    const { displayBase, displayMiB } = b.vgt.partition;
    for (let i = 0; i < displayMiB * 256; i++) {
      expect(b.device.ggtt.read(displayBase / 4096 + i)).toBe(b.vgt.reserved.dummyPte);
    }
    b.vgt.setForeground(2);
    expect(shown()).toBe(0x222222);
    b.vgt.setForeground(0);
    expect(b.device.ggtt.read(displayBase / 4096)).toBe(b.vgt.reserved.dummyPte);
  });

  test('a surface that is not the VM its own, or too large, is not shown and counted', () => {
    b.vgt.setForeground(1);
    const was = hw(0x7019c);
    flat(g, 0x100000, 4096);
    expect([hw(0x7019c), b.vgt.foreground.refusedSurfaces]).toEqual([was, 1]);
    // Control case: within the VM's part and the room for it.
    flat(g, g.high, 0x8000);
    expect(hw(0x7019c)).not.toBe(was);
    for (let i = 0; i < 3; i++) flat(g, g.high + 0x1000000 * (i + 1), 0xffc0);
    expect(b.vgt.scanOut.counters.refused).toBe(0);
    g.write(0x6001c, (1023 << 16) | 4095);
    flat(g, g.high + 0x8000000, 0xffc0);
    expect(b.vgt.scanOut.counters.refused).toBeGreaterThan(0);
  });
});
