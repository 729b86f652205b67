import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, type TestGuest } from '../testing/bench.ts';

let b: Bench;
let g: TestGuest;
beforeEach(() => {
  b = new Bench();
  g = b.hvm(1);
});
const cfg = (guest: TestGuest) => guest.vgpu.config.space;

describe('configuration space', () => {
  test('[Q1] all ones to a BAR read back its size', () => {
    cfg(g).write(0x10, 4, -1);
    cfg(g).write(0x18, 4, -1);
    expect(cfg(g).read(0x10, 4) >>> 0).toBe(0xffc00004);
    expect(cfg(g).read(0x18, 4) >>> 0).toBe(0xf000000c);
  });

  test('[Q2] [Q3] [Q4] traps are where the BARs say, while memory is enabled', () => {
    cfg(g).write(0x10, 4, 0xfe400000 | 0);
    cfg(g).write(0x18, 4, 0xe0000000 | 0);
    expect(b.mpt.traps).toEqual([]);
    cfg(g).write(4, 2, 2);
    expect(b.mpt.traps.map((t) => [t.domid, t.gpa, t.bytes, t.target])).toEqual([
      [1, 0xfe400000, 4 << 20, g.vgpu.mmio],
      [1, 0xe0000000, 256 << 20, g.vgpu.aperture],
    ]);
    cfg(g).write(0x10, 4, 0xfd000000 | 0);
    expect(b.mpt.traps.map((t) => t.gpa).sort()).toEqual([0xe0000000, 0xfd000000]);
    cfg(g).write(4, 2, 0);
    expect(b.mpt.traps).toEqual([]);
  });

  test('[Q5] [Q6] [Q7] no stolen memory, MSAC fixed, all decoding off', () => {
    expect((cfg(g).read(0x50, 2) >>> 3) & 0x1f).toBe(0);
    const msac = cfg(g).read(0x62, 1);
    cfg(g).write(0x62, 1, 0);
    expect(cfg(g).read(0x62, 1)).toBe(msac);
    expect(cfg(g).read(4, 2) & 7).toBe(0);
  });

  test('[A2] the class says whether the display is the primary one', () => {
    expect(cfg(g).read(0x0a, 2)).toBe(0x0380);
    b.mpt.addDomain(2, 16);
    expect(b.vgt.control.write('control/create_vgt_instance', '2,8,8,1,1')).toBeNull();
    expect(b.vgt.vm(2)?.config.space.read(0x0a, 2)).toBe(0x0300);
    expect(b.vgt.dom0.config.space.read(0x0a, 2)).toBe(0x0300);
  });

  test('the SWSCI trigger reads back as done', () => {
    cfg(g).write(0xe8, 2, 0x8001);
    expect(cfg(g).read(0xe8, 2)).toBe(0x8000);
  });
});

describe("Domain-0's configuration space", () => {
  test('[Q12] it is hardware until the first HVM is there, and virtual from then on', () => {
    b = new Bench();
    const { dom0Config, dom0 } = b.vgt;
    dom0Config.write(0x10, 4, 0xfe400000 | 0);
    dom0Config.physical.poke(0x3c, 1, 0x2a);
    expect(dom0Config.read(0x3c, 1)).toBe(0x2a);
    expect(dom0Config.physical.read(0x10, 4)).toBe(0xfe400004 | 0);
    expect(dom0.config.space.read(0x10, 4)).toBe(0xfe400004 | 0);
    b.hvm(1);
    expect(dom0Config.read(0x3c, 1)).toBe(0);
    dom0Config.write(0x10, 4, 0xfd000000 | 0);
    expect(dom0Config.read(0x10, 4)).toBe(0xfd000004 | 0);
    expect(dom0Config.physical.read(0x10, 4)).toBe(0xfe400004 | 0);
    expect(b.vgt.destroyVgpu(1)).not.toBe('EINVAL');
    expect(dom0Config.read(0x10, 4)).toBe(0xfd000004 | 0);
  });
});

describe('interrupt delivery', () => {
  const open = (guest: TestGuest): void => {
    guest.write(0x44014, ~1);
    guest.write(0x4401c, 1);
    guest.write(0x4400c, 0x80000000 | 0);
  };

  test('[L11] a rising line is one message, exactly as programmed', () => {
    cfg(g).write(0x94, 4, 0xfee01004 | 0);
    cfg(g).write(0x98, 2, 0x4028);
    cfg(g).write(0x92, 2, 1);
    open(g);
    g.vgpu.irq.raiseGt(1);
    g.vgpu.irq.raiseGt(1);
    expect(b.mpt.msis).toEqual([{ domid: 1, address: 0xfee01004, data: 0x4028 }]);
    expect(b.mpt.intx.get(1) ?? false).toBe(false);
  });

  test('without MSI the line is INTA#, unless it is disabled', () => {
    open(g);
    g.vgpu.irq.raiseGt(1);
    expect(b.mpt.intx.get(1)).toBe(true);
    cfg(g).write(4, 2, 0x400);
    expect(b.mpt.intx.get(1)).toBe(false);
    cfg(g).write(4, 2, 0);
    g.write(0x44018, 1);
    expect(b.mpt.intx.get(1)).toBe(false);
    expect(b.mpt.msis).toEqual([]);
  });
});
