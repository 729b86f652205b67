import { DESKTOP_WIRING, makeMonitor } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, type TestGuest } from '../testing/bench.ts';
import { light, plane } from '../testing/light.ts';

const BIT31 = 0x80000000 | 0;
const MS = 1_000_000;
let b: Bench;
let g: TestGuest;
beforeEach(() => {
  b = new Bench({ propagateMonitors: false });
  g = b.hvm(1);
});
const hw = (offset: number): number => b.device.regs.peek(offset);
const has = (offset: number, bits: number): boolean => (g.read(offset) & bits) === (bits | 0);

describe('panel, ports and clocks of a VM without the display', () => {
  test('[D5] the panel is on after it was asked to be', () => {
    expect(g.read(0xc7200) & BIT31).toBe(0);
    g.write(0xc7204, 1);
    expect(has(0xc7200, BIT31)).toBe(true);
    expect(g.read(0xc7200) & 0x38000000).toBe(0);
    g.write(0xc7204, 0);
    expect(g.read(0xc7200) & BIT31).toBe(0);
    expect(hw(0xc7204)).toBe(0);
  });

  test('[D6] TRANSCONF state follows its enable', () => {
    g.write(0xf0008, BIT31);
    expect(has(0xf0008, 0xc0000000)).toBe(true);
    g.write(0xf0008, 0);
    expect(g.read(0xf0008)).toBe(0);
    expect(hw(0xf0008)).toBe(0);
  });

  test('[D9] LCPLL loses its lock when it is off, and has it back', () => {
    expect(has(0x130040, 0x40000000)).toBe(true);
    g.write(0x130040, BIT31);
    expect(has(0x130040, 0x40000000)).toBe(false);
    g.write(0x130040, 0x200000);
    expect(has(0x130040, 0x40280000)).toBe(true);
    expect(has(0x130040, BIT31)).toBe(false);
  });

  test('[D10] ADPA: the trigger clears itself; a monitor is sensed only if one is there', () => {
    g.write(0xe1100, 0x10000);
    expect(g.read(0xe1100) & 0x3010000).toBe(0);
    g.vgpu.ports.plug('E', makeMonitor({ kind: 'vga' }));
    g.write(0xe1100, 0x10000);
    expect(g.read(0xe1100) & 0x3010000).toBe(0x3000000);
    g.write(0xe1100, 0);
    expect(g.read(0xe1100) & 0x3000000).toBe(0x3000000);
  });

  test('[D11] a DDI buffer is idle unless enabled; its lowest bit is not for writing', () => {
    for (const at of [0x64000, 0x64100, 0x64200, 0x64300, 0x64400]) {
      const strap = g.read(at) & 1;
      g.write(at, BIT31 | (strap ^ 1));
      expect(g.read(at) & 0x81).toBe(strap);
      g.write(at, strap ^ 1);
      expect(g.read(at) & 0x81).toBe(0x80 | strap);
    }
  });

  test('[D12] the idle pattern is done at once; status bits clear by writing 1', () => {
    for (const at of [0x64040, 0x64140, 0x64240, 0x64340]) {
      g.write(at, BIT31 | 0x200);
      expect(has(at + 4, 0x2000000)).toBe(true);
      g.vgpu.vreg.poke(at + 4, 0x0f000000);
      g.write(at + 4, 0x01000000);
      expect(g.read(at + 4)).toBe(0x0e000000);
      g.write(at + 4, -1);
      expect(g.read(at + 4)).toBe(0x02000000);
    }
  });

  test('[D13] FDI trained by hand: pattern 1 locks bits, pattern 2 symbols, both only unmasked', () => {
    const train = (pattern: number): void => {
      g.write(0x64440, BIT31 | (pattern << 8));
      g.write(0xf000c, BIT31 | 0x2000 | (pattern << 8));
    };
    train(0);
    expect(g.read(0xf0014)).toBe(0);
    g.write(0xf0018, ~0x300);
    g.write(0x64440, BIT31 | 0x100);
    g.write(0xf000c, BIT31 | 0x2000);
    expect(g.read(0xf0014), 'the ends differ').toBe(0);
    train(0);
    expect(g.read(0xf0014)).toBe(0x100);
    train(1);
    expect(g.read(0xf0014)).toBe(0x300);
    g.write(0xf0014, 0x100);
    expect(g.read(0xf0014)).toBe(0x200);
  });

  test('[D14] FDI trains itself when everything is on; without DDI E it is not trained', () => {
    g.write(0xf0018, 0);
    g.write(0x46020, 0x84000000 | 0);
    g.write(0x46110, 0x60000000);
    g.write(0x64400, BIT31);
    g.write(0x64440, BIT31 | 0x8000);
    g.write(0xf000c, BIT31 | 0x2000);
    expect(has(0x64444, 0x1000)).toBe(false);
    g.write(0xf000c, BIT31 | 0x2400);
    expect(has(0x64444, 0x1000)).toBe(true);
    expect(g.read(0xf0014)).toBe(0x300);
    g.write(0x64400, 0);
    expect(has(0x64444, 0x1000)).toBe(false);
  });

  test('[D15] the sideband keeps what is written, gives 0 for the rest, and is bounded', () => {
    const transact = (address: number, control: number): void => {
      g.write(0xc6000, address << 16);
      g.write(0xc6008, control | 1);
    };
    const kept = (address: number): number => {
      transact(address, 0x600);
      return g.read(0xc6004);
    };
    expect(g.read(0xc6008) & 3).toBe(0);
    g.write(0xc6004, 0x1234);
    transact(0x2080, 0x700);
    g.write(0xc6004, 0);
    expect([kept(0x2080), kept(0x2084), kept(0x2080)]).toEqual([0x1234, 0, 0x1234]);
    for (let at = 0; at < 0x10000; at += 4) transact(at, 0x700);
    expect(g.vgpu.display?.south.sbi.size).toBeLessThanOrEqual(1024);
    expect(g.vgpu.display?.south.sbiDropped).toBeGreaterThan(0);
    expect(b.device.display.south.sbi.has(0x2080)).toBe(false);
  });

  test('[D16] a VM finds the straps of ports B, C and D', () => {
    expect([DESKTOP_WIRING.B, DESKTOP_WIRING.C, DESKTOP_WIRING.D]).not.toContain('none');
    g.write(0xc2014, 0);
    expect(g.read(0xc2014) & 7).toBe(7);
  });
});

describe('hotplug', () => {
  test('[D7] status clears by writing 1 and stays by writing 0', () => {
    g.write(0xc4030, 0x101010);
    g.vgpu.ports.plug('B', makeMonitor({ kind: 'hdmi' }));
    g.vgpu.ports.plug('D', makeMonitor({ kind: 'dp' }));
    expect(g.read(0xc4030)).toBe(0x121012);
    g.write(0xc4030, 0x101010);
    expect(g.read(0xc4030)).toBe(0x121012);
    g.write(0xc4030, 0x101012);
    expect(g.read(0xc4030)).toBe(0x121010);
  });

  test("[D8] what dom0 writes to its own acknowledges dom0's pulses; a VM's reaches no hardware", () => {
    const zero = b.guest0();
    zero.write(0xc4030, 0x10);
    b.device.display.connect('B', makeMonitor({ kind: 'hdmi' }));
    expect(hw(0xc4030)).toBe(0x12);
    g.write(0xc4030, 0x101013);
    expect(hw(0xc4030)).toBe(0x12);
    zero.write(0xc4030, 0x13);
    expect(hw(0xc4030)).toBe(0x10);
  });

  test('[L17] a port whose hotplug is off reports nothing', () => {
    g.write(0x4400c, BIT31 | 0x10000000);
    g.write(0x44004, 0);
    g.write(0xc4004, 0);
    g.write(0xc400c, -1);
    g.write(0xc4030, 0x10);
    g.vgpu.ports.plug('C', makeMonitor({ kind: 'hdmi' }));
    expect([g.read(0xc4008), g.read(0xc4030)]).toEqual([0, 0x10]);
    g.vgpu.ports.plug('E', makeMonitor({ kind: 'vga' }));
    expect(g.read(0xc4008)).toBe(0);
    g.vgpu.ports.plug('B', makeMonitor({ kind: 'hdmi' }));
    expect([g.read(0xc4008), g.read(0xc4030)]).toEqual([0x200000, 0x12]);
  });
});

describe('power and modes', () => {
  test('[D4] which flips the engines hear of is a matter of each VM and of its own display', () => {
    const zero = b.guest0();
    g.write(0x44050, 0);
    expect([g.read(0x44050), zero.read(0x44050), hw(0x44050)]).toEqual([0, -1, -1]);
    zero.write(0x44050, ~1);
    expect([g.read(0x44050), hw(0x44050)]).toEqual([0, ~1]);
  });

  test("[D17] FPGA_DBG tells each VM of its own accesses, and none of another's", () => {
    const zero = b.guest0();
    const NOWHERE = 0x5fff0;
    g.read(NOWHERE);
    expect([g.read(0x42300) & BIT31, zero.read(0x42300) & BIT31]).toEqual([BIT31, 0]);
    g.write(0x42300, BIT31);
    expect(g.read(0x42300) & BIT31).toBe(0);
    zero.read(NOWHERE);
    expect([g.read(0x42300) & BIT31, zero.read(0x42300) & BIT31]).toEqual([0, 0]);
  });

  test('[D18] the VGA plane going off and on is told, with the VM', () => {
    g.write(0x41000, BIT31);
    g.write(0x41000, 0);
    g.write(0x41000, 0x1000);
    g.write(0x41000, BIT31);
    b.guest0().write(0x41000, 0);
    expect(b.events).toEqual([
      'VGT_ENABLE_VGA=1 VMID=1',
      'VGT_ENABLE_VGA=0 VMID=1',
      'VGT_ENABLE_VGA=1 VMID=0',
    ]);
  });

  test("[D19] a VM's power well follows its request, and hardware's does not", () => {
    const before = hw(0x45400);
    g.write(0x45400, BIT31);
    expect(has(0x45400, 0xc0000000)).toBe(true);
    expect(hw(0x45400)).toBe(before);
    g.write(0x45400, 0);
    expect(g.read(0x45400) & 0xc0000000).toBe(0);
  });

  test("[D20] what dom0 does with the well does not dark another's screen", () => {
    b.device.display.connect('E', makeMonitor({ kind: 'vga' }));
    const zero = b.guest0();
    zero.write(0x45404, BIT31);
    light(zero, 0, 1024, 768);
    g.write(0x78804, 1);
    light(g, 0, 1024, 768);
    plane(g, 0, g.low, 4096);
    expect(b.vgt.setForeground(1)).toBeNull();
    zero.write(0x45404, 0);
    expect(zero.read(0x45404) & BIT31).toBe(0);
    expect(b.device.display.screens()).toHaveLength(1);
    expect(hw(0x7019c)).toBe(g.low);
  });

  test("[D28] the memory controller's mirror is a VM's own", () => {
    for (const offset of [0x140000, 0x145000, 0x145e10, 0x14fffc]) {
      const before = hw(offset);
      g.write(offset, 0x5a5a5a5a);
      expect(hw(offset)).toBe(before);
    }
  });

  test('[D30] PHY registers of constant value', () => {
    for (const at of [0xe651c, 0xe6c04, 0xe6e1c]) g.write(at, -1);
    expect([g.read(0xe651c), g.read(0xe6c04), g.read(0xe6e1c)]).toEqual([0x20000, 3, 0x2f0000]);
  });
});

describe('a running pipe', () => {
  beforeEach(() => light(g, 0, 1024, 768));

  test("[D23] the scan line is that of the VM's own pipe, and moves", () => {
    const lines = new Set<number>();
    for (let i = 0; i < 8; i++) {
      lines.add(g.read(0x70000));
      b.clock.advance(2 * MS);
      g.read(0x70040);
    }
    expect(lines.size).toBeGreaterThan(3);
    expect(Math.max(...lines)).toBeLessThan(806);
    expect(b.guest0().read(0x70000)).toBe(0);
  });

  test('[D24] the frame count never goes back, whatever the pipe does', () => {
    const counts: number[] = [];
    const look = (): void => {
      b.clock.advance(100 * MS);
      counts.push(g.read(0x70040));
    };
    look();
    g.write(0x70008, 0);
    look();
    look();
    g.write(0x70008, BIT31);
    look();
    expect(counts[0]).toBeGreaterThan(2);
    // It ends the frame that it was in.
    expect(counts[1]).toBe((counts[0] as number) + 1);
    expect(counts[2]).toBe(counts[1]);
    expect(counts[3]).toBeGreaterThan(counts[2] as number);
  });

  test('[D25] [D26] a surface write counts one flip; the live surface follows and cannot be written', () => {
    const flips = g.read(0x70044);
    plane(g, 0, g.low, 4096);
    b.clock.advance(40 * MS);
    g.write(0x7019c, g.low + 0x300000);
    b.clock.advance(40 * MS);
    expect(g.read(0x70044)).toBe(flips + 2);
    g.write(0x701ac, 0x1000);
    g.write(0x700ac, 0x1000);
    g.write(0x702ac, 0x1000);
    expect(g.read(0x701ac)).toBe(g.low + 0x300000);
    expect([g.read(0x700ac), g.read(0x702ac)]).toEqual([0, 0]);
  });

  test('[L14] vertical blanks come at the rate of the mode, whoever is on the screen', () => {
    g.write(0x44004, ~1);
    g.write(0x4400c, BIT31 | 1);
    let blanks = 0;
    for (let ms = 0; ms < 1000; ms++) {
      b.clock.advance(MS);
      if ((g.read(0x44008) & 1) === 0) continue;
      blanks++;
      g.write(0x44008, 1);
    }
    const hz = g.vgpu.display?.screens()[0]?.refreshHz ?? 0;
    expect(hz).toBeCloseTo(60, 0);
    expect(Math.abs(blanks - hz)).toBeLessThan(2);
  });

  test('[L15] a VM without a running pipe costs no timer', () => {
    const running = b.clock.pending;
    g.write(0x70008, 0);
    b.clock.advance(100 * MS);
    expect(b.clock.pending).toBe(running - 1);
    b.hvm(2);
    expect(b.clock.pending).toBe(running - 1);
  });
});

describe('INSTPM', () => {
  const INSTPM = 0x20c0;

  test('[D21] a TLB invalidation is over at once, also without the engines', () => {
    g.write(INSTPM, (0x220 << 16) | 0x220);
    expect(g.read(INSTPM) & 0x220).toBe(0);
    g.startRing(0);
    g.submit(0, [0, 0]);
    b.run();
    expect(b.vgt.renderOwner).toBe(g.vgpu);
    g.write(INSTPM, (0x220 << 16) | 0x220);
    expect([g.read(INSTPM) & 0x220, hw(INSTPM) & 0x220]).toEqual([0, 0]);
  });

  test('[D22] other bits are kept for the VM and reach no hardware of another', () => {
    const h = b.hvm(2);
    h.startRing(0);
    h.submit(0, [0, 0]);
    b.run();
    g.write(INSTPM, (0x80 << 16) | 0x80);
    expect([g.read(INSTPM) & 0x80, hw(INSTPM) & 0x80, h.read(INSTPM) & 0x80]).toEqual([0x80, 0, 0]);
    g.startRing(0);
    g.submit(0, [0, 0]);
    b.run();
    expect(hw(INSTPM) & 0x80).toBe(0x80);
  });
});
