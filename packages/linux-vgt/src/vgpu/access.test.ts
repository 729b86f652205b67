import { beforeEach, describe, expect, test } from 'vitest';
import { DOM0, POLICY_NAMES, UNTRACKED } from '../attr/attribute.ts';
import { Bench, storeGgtt, type TestGuest } from '../testing/bench.ts';
import { PVINFO_PAGE } from './pv-info.ts';

let b: Bench;
let g: TestGuest;
beforeEach(() => {
  b = new Bench();
  g = b.hvm(1);
});

describe('widths and places', () => {
  test('[C11] [C12] narrow and unaligned accesses do what their bytes say, and stop nobody', () => {
    g.write(0x4040, 0x11223344);
    g.write(0x4041, 0xaabb, 2);
    expect(g.read(0x4040) >>> 0).toBe(0x11aabb44);
    expect(g.read(0x4041, 2)).toBe(0xaabb);
    g.write(0x22038, 0x55, 1);
    g.write(0x100003, 0x12, 1);
    expect(g.read(0x2203b, 1)).toBe(0);
    expect(b.mpt.crashes).toEqual([]);
  });

  test('[C13] the last register is one, and what follows is the GTT', () => {
    g.write(0x1ffffc, 7);
    g.write(0x200000, 0x1001);
    expect([g.read(0x1ffffc), g.read(0x200000)]).toEqual([7, 0x1001]);
    expect(g.vgpu.ggtt.entries[0]).toBe(0x1001);
    expect(b.mpt.crashes).toEqual([]);
  });

  test('an access that runs over the end of the registers is both', () => {
    g.write(0x1ffffe, 0x22221111);
    expect([g.read(0x1ffffc) >>> 16, g.read(0x200000)]).toEqual([0x1111, 0x2222]);
    for (const at of [0x3ffffd, 0x3fffff, -1, 0x7ffffffc]) {
      expect(() => [g.read(at), g.write(at, -1)]).not.toThrow();
    }
  });
});

describe('owners', () => {
  const own = (guest: TestGuest): void => {
    guest.startRing(0);
    guest.submit(0, [0, 0]);
    b.run();
    expect(b.vgt.renderOwner).toBe(guest.vgpu);
  };

  test("[C7] the owner's read of what hardware changes gives hardware's value, and keeps it", () => {
    own(g);
    b.device.regs.poke(0x20b0, 0x55);
    expect(g.read(0x20b0)).toBe(0x55);
    expect(g.vgpu.vreg.peek(0x20b0)).toBe(0x55);
    const h = b.hvm(2);
    own(h);
    b.device.regs.poke(0x20b0, 0x66);
    expect([g.read(0x20b0), h.read(0x20b0)]).toEqual([0x55, 0x66]);
  });

  test("[C10] a mode register is restored whole: no bit of another VM's stays, named or not", () => {
    const h = b.hvm(2);
    own(g);
    g.write(0x7008, 0x00030003);
    own(h);
    expect(b.device.regs.peek(0x7008) & 0xffff).toBe(0);
    h.write(0x7008, 0x00100010);
    own(g);
    expect(b.device.regs.peek(0x7008) & 0xffff).toBe(3);
    own(h);
    expect(b.device.regs.peek(0x7008) & 0xffff).toBe(0x10);
  });

  test('[C21] eight bytes over two registers of a ring are both checked and both done', () => {
    g.startRing(2);
    const b2 = g.base(2);
    g.write(b2 + 0x3c, 0);
    const wide = (low: number, high: number): void => {
      // What the hypervisor makes of an eight-byte store.
      g.write(b2 + 0x38, low);
      g.write(b2 + 0x3c, high);
    };
    wide(g.ringGma(2), 0x3001);
    expect(g.vgpu.engines[2]?.enabled).toBe(true);
    g.write(b2 + 0x3c, 0);
    wide(b.guest0().low, 0x3001);
    expect(b.mpt.crashes.map((c) => c.domid)).toEqual([1]);
  });

  test('[H8] RING_START goes through the address check when the ring goes on', () => {
    g.startRing(2);
    expect(b.mpt.crashes).toEqual([]);
    g.write(g.base(2) + 0x3c, 0);
    g.write(g.base(2) + 0x38, g.low + (16 << 20) - 0x1000);
    g.write(g.base(2) + 0x3c, 0x3001);
    expect(b.mpt.crashes[0]?.reason).toMatch(/^ring at .* is not the VM's/);
  });
});

describe('what an access leaves behind', () => {
  test('[C15] a storm over all unknown registers is one count each and no list without end', () => {
    const { counters } = g.vgpu.mmio;
    const unknown: number[] = [];
    for (let at = 0; at < 0x200000; at += 4) {
      if (b.vgt.attr.policy[at >>> 2] === UNTRACKED) unknown.push(at);
    }
    const before = counters.untracked;
    for (let round = 0; round < 3; round++) {
      for (const at of unknown) {
        g.read(at);
        g.write(at, round);
      }
      g.read(0x206c);
    }
    expect(counters.untracked - before).toBeLessThanOrEqual(unknown.length);
    expect(counters.untracked).toBeGreaterThan(100_000);
    expect(g.vgpu.vreg.misses.offsets.length).toBeLessThanOrEqual(1024);
    expect(b.events).toEqual([]);
  });

  test('[B16] the PV page keeps its content through resets of the engines and of the function', () => {
    g.write(PVINFO_PAGE + 0x810, 4096);
    const page = (): number[] =>
      Array.from({ length: 0x220 }, (_, i) => g.read(PVINFO_PAGE + i * 4));
    const before = page();
    g.write(0x941c, 1);
    g.vgpu.guestReset(1);
    b.vgt.framesChanged(1);
    expect(page()).toEqual(before);
    expect(page()[0]).toBe(0x76544776);
  });

  test('[C25] what the mediator does to hardware goes through its register file, and can be watched', () => {
    g.startRing(0);
    g.submit(0, storeGgtt(g.dataGma, 1));
    b.run();
    const seen: number[] = [];
    b.device.regs.watch({
      registerRead: () => {},
      registerWritten: (offset) => seen.push(offset),
    });
    g.write(0x4040, 0x77);
    g.submit(0, storeGgtt(g.dataGma, 2));
    expect(seen).toContain(0x4040);
    expect(seen).toContain(0x2030);
    b.device.regs.watch(null);
  });
});

/** What upstream tracks, section by section of its table: first offset, count, step. */
// biome-ignore format: one group a line
const UPSTREAM_TRACKED: readonly (readonly [string, readonly (readonly [number, number, number])[]])[] = [
  ['interrupts',      [[0x44000, 12, 4], [0xc4000, 4, 4], [0x20a8, 1, 4], [0x120a8, 1, 4], [0x220a8, 1, 4], [0x1a0a8, 1, 4]]],
  ['status pages',    [[0x4080, 4, 0x100]]],
  ['rings',           [[0x2030, 4, 4], [0x12030, 4, 4], [0x22030, 4, 4], [0x1a030, 4, 4]]],
  ['engine modes',    [[0x209c, 1, 4], [0x20c0, 1, 4], [0x229c, 1, 4], [0x1209c, 1, 4], [0x120c0, 1, 4], [0x1229c, 1, 4], [0x2209c, 1, 4], [0x220c0, 1, 4], [0x2229c, 1, 4], [0x1a09c, 1, 4], [0x1a0c0, 1, 4], [0x1a29c, 1, 4]]],
  ['page tables',     [[0x2228, 1, 4], [0x2220, 1, 4], [0x12228, 1, 4], [0x12220, 1, 4], [0x22228, 1, 4], [0x22220, 1, 4], [0x1a228, 1, 4], [0x1a220, 1, 4]]],
  ['mailboxes',       [[0x2040, 3, 4], [0x12040, 3, 4], [0x22040, 3, 4], [0x1a040, 3, 4]]],
  ['work-arounds',    [[0x4030, 1, 4], [0x7008, 1, 4], [0x2120, 2, 4], [0x7000, 2, 4], [0x20dc, 1, 4], [0x2090, 1, 4], [0x2088, 1, 4], [0x20e4, 1, 4], [0x2470, 1, 4]]],
  ['render',          [[0x2450, 2, 4], [0x4040, 1, 4], [0x4090, 1, 4], [0xb010, 1, 4], [0xb020, 2, 4], [0x7010, 1, 4], [0xb01c, 1, 4], [0xb030, 1, 4], [0x9030, 1, 4], [0x20a0, 1, 4], [0x20e8, 1, 4], [0xb038, 1, 4], [0x2350, 1, 4], [0x2420, 8, 4], [0x7018, 1, 4], [0xe184, 1, 4]]],
  ['live',            [[0x21a0, 3, 4], [0x2358, 2, 4], [0x101008, 1, 4]]],
  ['power',           [[0xa008, 4, 4], [0xa180, 1, 4], [0xa188, 2, 4], [0x138124, 3, 4], [0x13805c, 2, 4], [0x130044, 1, 4], [0x45400, 6, 4], [0x9400, 2, 4]]],
  ['fences, PV page', [[0x100000, 64, 4], [0x78000, 0x400, 4]]],
  ['FBC',             [[0x43200, 7, 4], [0x100100, 2, 4]]],
  ['timing',          [[0x60000, 6, 4], [0x61000, 6, 4], [0x62000, 6, 4], [0x6f000, 6, 4], [0x60028, 1, 4], [0xe0000, 6, 4]]],
  ['pipes',           [[0x70008, 1, 4], [0x71008, 1, 4], [0x72008, 1, 4], [0x7f008, 1, 4], [0x70000, 1, 4], [0x70040, 2, 4]]],
  ['planes',          [[0x70180, 5, 4], [0x7019c, 1, 4], [0x701a4, 1, 4], [0x701ac, 1, 4], [0x70080, 3, 4], [0x700ac, 1, 4], [0x70280, 1, 4], [0x7029c, 1, 4], [0x702ac, 1, 4], [0x6001c, 1, 4]]],
  ['fitters',         [[0x68080, 3, 0x800], [0x68074, 3, 0x800], [0x68070, 3, 0x800]]],
  ['GMBUS, AUX',      [[0xc5100, 4, 4], [0x64010, 6, 4], [0xe4110, 6, 4], [0xe4210, 6, 4], [0xe4310, 6, 4]]],
  ['ports',           [[0xe1100, 1, 4], [0x64000, 5, 0x100], [0x64040, 5, 0x100], [0x64044, 5, 0x100], [0xf000c, 1, 4], [0xf0014, 2, 4], [0xf0008, 1, 4], [0xc4030, 1, 4], [0x60400, 1, 4], [0x6f400, 1, 4]]],
  ['south',           [[0xc7200, 5, 4], [0xc6000, 3, 4], [0xc2004, 1, 4], [0xc2014, 1, 4], [0xe651c, 4, 0x100], [0xe6c04, 1, 4], [0xe6e1c, 1, 4]]],
  ['clocks, palettes', [[0x130040, 1, 4], [0x46020, 1, 4], [0x46040, 1, 4], [0x46060, 1, 4], [0x46100, 5, 4], [0x4a000, 256, 4], [0x4a800, 256, 4], [0x4b000, 256, 4]]],
  ['reset, debug',    [[0x941c, 1, 4], [0x42300, 1, 4], [0x44040, 1, 4], [0x44050, 1, 4], [0x41000, 1, 4]]],
];

test.each(UPSTREAM_TRACKED)("every register of upstream's table is in ours: %s", (_name, runs) => {
  const missing: string[] = [];
  for (const [first, count, step] of runs) {
    for (let k = 0; k < count; k++) {
      const at = first + k * step;
      if (b.vgt.attr.policy[at >>> 2] === UNTRACKED) missing.push(at.toString(16));
    }
  }
  expect(missing).toEqual([]);
});

test('every register the device has is in the table, and none of the tables is of another chip', () => {
  const { policy } = b.vgt.attr;
  const { regs } = b.device;
  for (let at = 0; at < 0x200000; at += 4) {
    if (regs.claims(at)) expect(policy[at >>> 2], at.toString(16)).not.toBe(UNTRACKED);
  }
  expect(POLICY_NAMES[policy[0xa024 >>> 2] as number]).toBe(POLICY_NAMES[DOM0]);
});
