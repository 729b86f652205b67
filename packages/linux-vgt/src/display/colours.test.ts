import { makeMonitor } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, type TestGuest } from '../testing/bench.ts';
import { dark, light, plane } from '../testing/light.ts';

const MS = 1_000_000;
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

describe('colours of the foreground VM', () => {
  const frame = (): void => b.clock.advance(17 * MS);
  const CSC = [0x49010, 0x49014, 0x49018, 0x4901c, 0x49020, 0x49024, 0x49030, 0x49034, 0x49038];

  beforeEach(() => {
    light(g, 1, 1024, 768);
    plane(g, 1, g.low, 4096);
  });

  test('palettes, gamma mode and conversion are the VM’s from the next frame on, and dom0’s when it returns', () => {
    const colour = (of: TestGuest, pipe: number, seed: number): void => {
      for (let i = 0; i < 256; i++) of.write(0x4a000 + pipe * 0x800 + i * 4, seed + i);
      of.write(0x4a400 + pipe * 0x800, 0x8000);
      for (let i = 0; i < 1024; i++) of.write(0x4a404 + pipe * 0x800, seed * 3 + i);
      for (const [i, at] of CSC.entries()) of.write(at + pipe * 0x100, seed + i);
      of.write(0x49028 + pipe * 0x100, seed & 3);
      of.write(0x4a480 + pipe * 0x800, seed & 1);
      of.write(0x70400 + pipe * 0x1000, seed);
    };
    const held = (): number[] => [
      hw(0x4a000),
      hw(0x4a3fc),
      ...b.device.display.palettes.entries.slice(1023, 1024),
      ...CSC.map(hw),
      hw(0x49028),
      hw(0x4a480),
      hw(0x70400),
    ];
    const made = (seed: number): number[] => [
      seed,
      seed + 255,
      seed * 3 + 1023,
      ...CSC.map((_, i) => seed + i),
      seed & 3,
      seed & 1,
      seed,
    ];
    colour(zero, 0, 0x1001);
    colour(g, 1, 0x2002);
    expect(held()).toEqual(made(0x1001));
    b.vgt.setForeground(1);
    frame();
    expect(held()).toEqual(made(0x2002));
    colour(zero, 0, 0x3003);
    colour(g, 1, 0x4004);
    frame();
    expect(held()).toEqual(made(0x4004));
    expect(zero.read(0x4a000)).toBe(0x3003);
    b.vgt.setForeground(0);
    frame();
    expect(held()).toEqual(made(0x3003));
  });

  test('[M15] no frame has something of two VMs: a switch is over at the vertical blank, 50 ms later at most', () => {
    zero.write(0x4a000, 1);
    g.write(0x4a800, 2);
    frame();
    const pipe = b.device.display.pipes[0]!;
    const shown = (): number[] => [pipe.planes.primary.surface, hw(0x4a000)];
    expect(shown()).toEqual([0x100000, 1]);
    b.vgt.setForeground(1);
    expect(shown()).toEqual([0x100000, 1]);
    let waited = 0;
    while (hw(0x4a000) === 1) {
      b.clock.advance(MS / 4);
      waited += MS / 4;
    }
    expect(shown()).toEqual([g.low, 2]);
    expect(waited).toBeLessThanOrEqual(50 * MS);
    dark(zero, 0);
    frame();
    b.vgt.setForeground(0);
    expect(hw(0x4a000)).toBe(1);
  });

  test('the physical sink is told the range of the VM’s colours; dom0 reads what it told itself', () => {
    dark(zero, 0);
    light(zero, 0, 1024, 768, [1024, 768], 'D');
    light(g, 1, 1024, 768, [1024, 768], 'D');
    zero.write(0x60410, 0x21);
    g.write(0x61410, 0x29);
    b.vgt.setForeground(1);
    frame();
    expect([hw(0x60410), zero.read(0x60410)]).toEqual([0x29, 0x21]);
    g.write(0x61410, 0x21);
    frame();
    expect(hw(0x60410)).toBe(0x21);
    zero.write(0x60410, 0x29);
    frame();
    expect([hw(0x60410), zero.read(0x60410)]).toEqual([0x21, 0x29]);
    b.vgt.setForeground(0);
    expect(hw(0x60410)).toBe(0x29);
  });

  test('an infoframe gets another range and the checksum that goes with it', () => {
    dark(zero, 0);
    light(zero, 0, 1024, 768, [1024, 768], 'B');
    zero.write(0x60400, 0x90000000 | 0);
    zero.write(0x60200, 0x1000);
    zero.write(0x60224, 0x04001057);
    b.vgt.setForeground(1);
    frame();
    // Byte 3: limited, 4, became full, 8; the checksum is 4 less.
    expect(hw(0x60224)).toBe(0x08001053);
    expect(zero.read(0x60224)).toBe(0x04001057);
    b.vgt.setForeground(0);
    expect(hw(0x60224)).toBe(0x04001057);
  });

  test('limited range is left out for a sink that cannot be told of it', () => {
    dark(g, 1);
    light(g, 1, 1024, 768, [1024, 768], 'D');
    g.write(0x61410, 0x29);
    plane(g, 1, g.low, 4096);
    g.write(0x71180, 0xd9000000 | 0);
    g.write(0x7119c, g.low);
    b.vgt.setForeground(1);
    expect(hw(0x70180)).toBe(0xd8000000 | 0);
    g.write(0x61410, 0x21);
    expect(hw(0x70180)).toBe(0xd9000000 | 0);
  });
});
