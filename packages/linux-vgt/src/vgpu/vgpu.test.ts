import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, type TestGuest } from '../testing/bench.ts';
import { light } from '../testing/light.ts';
import { PVINFO_PAGE } from './pv-info.ts';

const PV = PVINFO_PAGE;
let b: Bench;
let g: TestGuest;
beforeEach(() => {
  b = new Bench();
  g = b.hvm(1, 16, 64, 4);
});

describe('PV info page', () => {
  test('[B1] [B2] [B5] magic and version, in any width', () => {
    expect(g.read(PV) >>> 0).toBe(0x76544776);
    expect(g.read(PV + 4) >>> 0).toBe(0x47765447);
    expect([g.read(PV + 8, 2), g.read(PV + 10, 2)]).toEqual([1, 0]);
    expect([0, 1, 2, 3].map((i) => g.read(PV + i, 1))).toEqual([0x76, 0x47, 0x54, 0x76]);
  });

  test('i915 6.1 finds the capability it insists on', () => {
    expect(g.read(PV + 0x10) & 4).toBe(4);
  });

  test('[B3] [B4] the slice and the fences, in bytes', () => {
    const s = g.vgpu.slice;
    expect([0x40, 0x44, 0x48, 0x4c, 0x50].map((at) => g.read(PV + at))).toEqual([
      s.lowBase,
      16 << 20,
      s.highBase,
      64 << 20,
      4,
    ]);
    g.write(PV + 0x40, 0);
    expect(g.read(PV + 0x40)).toBe(s.lowBase);
  });

  test('[B6] a read of a part without meaning is counted and answered', () => {
    expect(g.read(PV + 0x100)).toBe(0);
    expect(g.vgpu.pv.invalidReads).toBe(1);
  });

  test('[B10] control case: demands that fit are stored', () => {
    g.write(PV + 0x80c, 16 << 20);
    g.write(PV + 0x810, 64 << 20);
    g.write(PV + 0x814, 4);
    expect(g.read(PV + 0x80c)).toBe(16 << 20);
    expect(b.mpt.crashes).toEqual([]);
  });

  test.each([
    ['[B7] low memory', 0x80c, (16 << 20) + 1],
    ['[B8] high memory', 0x810, (64 << 20) + 1],
    ['[B9] fences', 0x814, 5],
  ])('%s: a demand for more stops the VM', (_name, at, value) => {
    g.write(PV + at, value);
    expect(b.mpt.crashes).toHaveLength(1);
  });

  test('[B11] display_ready is told', () => {
    for (const value of [0, 1, 2, 3]) g.write(PV + 0x804, value);
    expect(b.events).toEqual([
      'VGT_DISPLAY_READY=0 VMID=1',
      'VGT_DISPLAY_READY=1 VMID=1',
      'VGT_ENABLE_VGA=1 VMID=1',
    ]);
  });

  test('[B12] with hvm_boot_foreground the first READY goes to the foreground, the second not', () => {
    const c = new Bench({ hvmBootForeground: true });
    const [one, two] = [c.hvm(1), c.hvm(2)];
    one.write(PV + 0x804, 1);
    two.write(PV + 0x804, 1);
    expect(c.vgt.foreground.vm?.domid).toBe(1);
  });

  test('[B13] [B14] what the guest drew is told for each pipe that runs, its pointer for the first', () => {
    const notices: number[][] = [];
    light(g, 0, 800, 600);
    light(g, 1, 800, 600);
    b.onFrameBuffer = (...notice) => notices.push(notice);
    g.write(PV + 0x818, 0);
    expect(notices.splice(0)).toEqual([
      [1, 3, 0, 0],
      [1, 3, 1, 0],
    ]);
    for (const at of [0x818, 0x830, 0x834]) g.write(PV + at, 1);
    expect(notices).toEqual(new Array(3).fill([1, 3, 0, 1]));
    expect(b.mpt.crashes).toEqual([]);
  });

  test('[B15] an unknown notification is counted and the VM lives', () => {
    g.write(PV + 0x818, 99);
    expect(g.vgpu.pv.invalidWrites).toBe(1);
    expect(b.mpt.crashes).toEqual([]);
  });
});

describe('registers', () => {
  test('[C1] [D29] a virtual register never reaches hardware', () => {
    g.write(0x43208, 0x80000000 | 0);
    expect(g.read(0x43208)).toBe(0x80000000 | 0);
    expect(b.device.regs.peek(0x43208)).toBe(0);
  });

  test('[C2] [C3] a render register reaches hardware for the owner only', () => {
    const h = b.hvm(2);
    g.startRing(0);
    g.submit(0, [0, 0]);
    b.run();
    expect(b.vgt.renderOwner).toBe(g.vgpu);
    g.write(0x4040, 0x55);
    h.write(0x4040, 0x66);
    expect(b.device.regs.peek(0x4040)).toBe(0x55);
    expect([g.read(0x4040), h.read(0x4040)]).toEqual([0x55, 0x66]);
  });

  test("[C4] [M13] a guest's display writes stay in its own display engine", () => {
    const before = b.device.regs.peek(0x60000);
    g.write(0x60000, 0x031f0257);
    expect(g.read(0x60000)).toBe(0x031f0257);
    expect(b.device.regs.peek(0x60000)).toBe(before);
    b.guest0().write(0x60000, 0x027f031f);
    expect(b.device.regs.peek(0x60000)).toBe(0x027f031f);
  });

  test("[C5] a configuration register is dom0's", () => {
    g.write(0xa024, 0x123);
    expect(b.device.regs.peek(0xa024)).toBe(0);
    b.guest0().write(0xa024, 0x456);
    expect(b.device.regs.peek(0xa024)).toBe(0x456);
    expect(g.read(0xa024)).toBe(0x123);
  });

  test('[C6] the time stamp is live for every VM', () => {
    b.clock.advance(1_000_000);
    const now = b.device.regs.read32(0x2358);
    expect(now).toBeGreaterThan(0);
    expect([g.read(0x2358), b.guest0().read(0x2358)]).toEqual([now, now]);
  });

  test('[C8] [C9] mode registers merge under their mask', () => {
    g.write(0x7008, 0x00010001);
    g.write(0x7008, 0x00020002);
    g.write(0x7008, 0x00000004);
    expect(g.read(0x7008) & 0xffff).toBe(3);
  });

  test('[C14] an unknown register keeps what is written and is counted once', () => {
    const before = g.vgpu.mmio.counters.untracked;
    g.write(0x1f0004, 77);
    expect(g.read(0x1f0004)).toBe(77);
    expect(g.vgpu.mmio.counters.untracked).toBe(before + 1);
  });

  test('[C19] a new VM finds every pipe, port and PLL off', () => {
    for (const at of [0x70008, 0x71008, 0x72008, 0x7f008]) expect(g.read(at) & (1 << 31)).toBe(0);
    for (const at of [0x64000, 0x64100, 0x64200, 0x46040, 0x46060]) {
      expect(g.read(at) & (1 << 31)).toBe(0);
    }
  });

  test('[C22] accesses are counted', () => {
    const { reads, writes } = g.vgpu.mmio.counters;
    g.read(0x2030);
    g.write(0x4040, 1);
    expect(g.vgpu.mmio.counters).toMatchObject({ reads: reads + 1, writes: writes + 1 });
  });

  test('[A20] [C20] an address register outside the slice stops the VM, once, unseen by hardware', () => {
    const before = b.device.regs.peek(0x4080);
    g.write(0x4080, g.low + 0x1000);
    expect(b.mpt.crashes).toEqual([]);
    g.write(0x4080, b.guest0().low + 0x1000);
    g.write(0x4080, b.guest0().low + 0x2000);
    expect(b.mpt.crashes).toHaveLength(1);
    expect(b.device.regs.peek(0x4080)).toBe(before);
  });

  test('[A23] bypass_dom0_addr_check lets dom0 name any address', () => {
    const c = new Bench({ bypassDom0AddressCheck: true });
    c.guest0().write(0x4080, 0x70000000);
    expect(c.mpt.crashes).toEqual([]);
    b.guest0().write(0x4080, 0x70000000);
    expect(b.mpt.crashes).toHaveLength(1);
  });

  test('[A22] a null address becomes the first byte of the slice', () => {
    g.write(0x4080, 0);
    expect(g.vgpu.sreg[0x4080 >> 2]).toBe(g.low);
    expect(g.read(0x4080)).toBe(0);
  });

  test('bytes and words of a register are merged; bits that clear by 1 are left alone', () => {
    g.write(0x4040, 0x11223344);
    g.write(0x4041, 0xaa, 1);
    g.write(0x4042, 0xbbcc, 2);
    expect(g.read(0x4040) >>> 0).toBe(0xbbccaa44);
    g.write(0x44014, -2);
    g.vgpu.irq.raiseGt(1);
    g.write(0x4401b, 0, 1);
    expect(g.read(0x44018)).toBe(1);
  });

  test('an unaligned dword touches both registers', () => {
    g.write(0x4092, 0x12345678);
    expect(g.read(0x4090) >>> 16).toBe(0x5678);
    expect(g.read(0x4092)).toBe(0x12345678);
  });
});

describe('fences', () => {
  const set = (guest: TestGuest, id: number, first: number, last: number): void => {
    guest.write(0x100000 + id * 8 + 4, last & ~0xfff);
    guest.write(0x100000 + id * 8, first | 1);
  };

  test('[D1] [D3] fence 0 of a VM is its first fence in hardware', () => {
    const { fenceBase, lowBase } = g.vgpu.slice;
    expect(fenceBase).toBe(4);
    set(g, 0, lowBase, lowBase + 0x3000);
    expect(b.device.regs.peek(0x100000 + fenceBase * 8)).toBe(lowBase | 1);
    expect(b.device.regs.peek(0x100004 + fenceBase * 8)).toBe(lowBase + 0x3000);
    expect(b.device.regs.peek(0x100000)).toBe(0);
  });

  test('[D2] a fence beyond the count is ignored', () => {
    set(g, 4, g.low, g.low);
    expect(g.vgpu.fences.beyond).toBe(2);
    for (let i = 0; i < 32; i++) expect(b.device.regs.peek(0x100000 + i * 8)).toBe(0);
  });

  test('a fence over memory of another VM is not set', () => {
    set(g, 0, g.low - 0x1000, g.low);
    set(g, 1, g.low, g.low + (16 << 20));
    expect(g.vgpu.fences.refused).toBe(2);
    expect(b.device.regs.peek(0x100000 + 4 * 8) & 1).toBe(0);
  });
});

describe('forcewake', () => {
  test("[E2] [E4] a guest's request is acknowledged and hardware is left alone", () => {
    g.write(0xa188, 0x00010001);
    expect(g.read(0x130044)).toBe(1);
    g.write(0xa188, 0x00020002);
    expect(g.read(0x130044)).toBe(3);
    g.write(0xa188, 0x00030000);
    expect(g.read(0x130044)).toBe(0);
    expect(b.device.regs.peek(0x130044)).toBe(0);
  });
});

test('accesses that no table knows are remembered for their VM, with the last value', () => {
  const NOWHERE = 0x180000;
  g.write(NOWHERE, 5);
  g.write(NOWHERE, 6);
  g.read(NOWHERE);
  g.read(0x2600);
  expect(g.vgpu.vreg.misses.offsets).toEqual([{ offset: NOWHERE, reads: 1, writes: 2, last: 6 }]);
});

test('a vGPU that is taken away leaves nothing that memory or the clock would call', () => {
  let called = 0;
  const { space } = g.vgpu.ggtt;
  const { invalidate } = space;
  space.invalidate = (): void => {
    called++;
    invalidate.call(space);
  };
  const addRegion = (): void => b.memory.removeRegion(b.memory.addRegion(2 ** 38, MIB_WORDS));
  addRegion();
  expect(called, 'control case: while it is there').toBe(2);
  g.write(0x70008, 0x80000000);
  g.write(0x60400, 0x80000000);
  const running = b.clock.pending;
  expect(running).toBeGreaterThan(0);
  expect(b.vgt.destroyVgpu(1)).toBeNull();
  addRegion();
  expect([called, b.clock.pending]).toEqual([2, running - 1]);
});
const MIB_WORDS = new Int32Array((1 << 20) / 4);
