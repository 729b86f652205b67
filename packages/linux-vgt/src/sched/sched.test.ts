import { beforeEach, describe, expect, test } from 'vitest';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  lri,
  NON_PRIVILEGED_PPGTT,
  storeGgtt,
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';

const RCS = 0;
const BCS = 2;
const MS = 1_000_000;
/** A request of many commands: takes a while. */
const long = (g: TestGuest, commands: number): number[] => {
  const list: number[] = [];
  for (let i = 0; i < commands; i++) list.push(...storeGgtt(g.dataGma + (i & 0xff) * 8, i));
  return [...list, USER_INTERRUPT, 0];
};

let b: Bench;
let g: TestGuest;
let h: TestGuest;
beforeEach(() => {
  b = new Bench();
  [g, h] = [b.hvm(1), b.hvm(2)];
  for (const guest of [g, h]) for (const e of [RCS, BCS]) guest.startRing(e);
});
/** One step of the device and what a host does after it. */
const step = (budget = 4096, ns = 10_000): void => {
  b.device.step(budget);
  b.vgt.tick();
  b.clock.advance(ns);
};

describe('the scheduler', () => {
  test('[J1] alone, a VM keeps the engines without a switch', () => {
    for (let i = 0; i < 20; i++) {
      g.submit(BCS, long(g, 20));
      b.run();
      b.clock.advance(20 * MS);
    }
    expect(b.vgt.switch.counters.switches).toBe(1);
    expect(b.vgt.renderOwner).toBe(g.vgpu);
  });

  test('[J2] [J3] busy VMs get slices in turn; an idle one is not switched to', () => {
    const idle = b.hvm(3);
    idle.startRing(BCS);
    const k = b.hvm(4);
    k.startRing(BCS);
    const order: number[] = [];
    for (let i = 0; i < 8000 && order.length < 10; i++) {
      for (const guest of [g, h, k]) {
        const ring = guest.vgpu.engines[BCS]!;
        const space = ((ring.tail - guest.read(0x22034)) & 0x3fff) < 0x1000;
        if (space) guest.submit(BCS, long(guest, 10));
      }
      step(1024, 100_000);
      const owner = b.vgt.renderOwner?.domid;
      if (owner !== undefined && owner !== order.at(-1)) order.push(owner);
    }
    expect(order.slice(0, 9)).toEqual([1, 2, 4, 1, 2, 4, 1, 2, 4]);
    expect(b.mpt.crashes).toEqual([]);
  });

  test('[J5] equal load gives equal time, within 3 percent', () => {
    for (let i = 0; i < 20000; i++) {
      for (const guest of [g, h]) {
        const ring = guest.vgpu.engines[BCS]!;
        if (((ring.tail - guest.read(0x22034)) & 0x3fff) < 0x2000) {
          guest.submit(BCS, long(guest, guest === g ? 60 : 7));
        }
      }
      step(1024, 100_000);
    }
    const [a, c] = [g.vgpu.counters.allocatedNs, h.vgpu.counters.allocatedNs];
    expect(a + c).toBeGreaterThan(1_500 * MS);
    expect(Math.abs(a - c) / (a + c)).toBeLessThan(0.03);
  });

  test('a slice that ends between two nanoseconds ends: its timer is not set again for ever', () => {
    const { clock } = b;
    const at = clock.at.bind(clock);
    let timers = 0;
    clock.at = (timeNs, fire) => {
      if (++timers > 10_000) throw new Error('the timer sets itself again and again');
      return at(timeNs, fire);
    };
    for (let i = 0; i < 4000; i++) {
      for (const guest of [g, h]) {
        const ring = guest.vgpu.engines[BCS]!;
        if (((ring.tail - guest.read(0x22034)) & 0x3fff) < 0x1000)
          guest.submit(BCS, long(guest, 20));
      }
      // A host's clock has fractions; sums with them round.
      step(1024, 300_000.1 + i / 7);
    }
    expect(b.vgt.switch.counters.switches).toBeGreaterThan(20);
  });

  test('[H2] [H5] work of a VM without the engines waits, and its registers read as written', () => {
    g.submit(BCS, long(g, 200));
    step(256);
    h.submit(BCS, [...storeGgtt(h.dataGma, 5), USER_INTERRUPT]);
    expect(b.vgt.renderOwner).toBe(g.vgpu);
    expect([h.read(0x22030), h.read(0x22034), h.read(0x22038), h.read(0x2203c)]).toEqual([
      h.tail[BCS],
      0,
      h.ringGma(BCS),
      0x3001,
    ]);
    expect(h.peek(DATA_GFN)).toBe(0);
    b.run(2000);
    expect(h.peek(DATA_GFN)).toBe(5);
  });

  test('[I16] ctx_switch off freezes the owner', () => {
    g.submit(BCS, [USER_INTERRUPT]);
    b.run();
    b.vgt.control.write('control/ctx_switch', '0');
    h.submit(BCS, [...storeGgtt(h.dataGma, 5), USER_INTERRUPT]);
    for (let i = 0; i < 100; i++) step(4096, MS);
    expect(h.peek(DATA_GFN)).toBe(0);
    b.vgt.control.write('control/ctx_switch', '1');
    b.run();
    expect(h.peek(DATA_GFN)).toBe(5);
  });

  test('[A24] [H6] [H7] a VM is in the run queue while a ring is on', () => {
    const k = b.hvm(3);
    expect(k.vgpu.inRunQueue).toBe(false);
    k.startRing(BCS);
    expect(k.vgpu.inRunQueue).toBe(true);
    k.write(0x2203c, 0);
    expect(k.vgpu.inRunQueue).toBe(false);
  });
});

describe('the switch', () => {
  const to = (guest: TestGuest): void => {
    guest.submit(BCS, [USER_INTERRUPT]);
    b.run();
    expect(b.vgt.renderOwner).toBe(guest.vgpu);
  };

  test('[I1] [H3] while engines work nothing changes hands, and no new work is given', () => {
    to(g);
    g.submit(BCS, long(g, 300));
    step(256);
    h.submit(BCS, [USER_INTERRUPT]);
    b.clock.advance(16 * MS);
    expect(b.vgt.switch.steady).toBe(false);
    const tail = b.device.regs.peek(0x22030);
    g.submit(BCS, [USER_INTERRUPT]);
    expect(b.device.regs.peek(0x22030)).toBe(tail);
    expect(b.vgt.renderOwner).toBe(g.vgpu);
    b.run(3000);
    expect(b.vgt.renderOwner).toBe(g.vgpu);
    expect(b.vgt.switch.counters.switches).toBe(3);
  });

  test('[I3] [I4] [I15] listed registers are saved and restored; validation finds none wrong', () => {
    b.vgt.control.write('control/validate_ctx_switch', '1');
    to(g);
    g.write(0x4040, 0x11);
    g.write(0x7010, 0x00010001);
    to(h);
    h.write(0x4040, 0x22);
    expect(b.device.regs.peek(0x7010) & 1).toBe(0);
    expect(g.read(0x4040)).toBe(0x11);
    to(g);
    expect(b.device.regs.peek(0x4040)).toBe(0x11);
    expect(b.device.regs.peek(0x7010) & 1).toBe(1);
    expect(b.vgt.switch.counters.mismatches).toBe(0);
  });

  test('[I5] [I6] [I17] rings come back where they were, empty, and queued work starts by itself', () => {
    to(g);
    to(h);
    expect(g.read(0x22034)).toBe(g.tail[BCS]);
    g.submit(BCS, [...storeGgtt(g.dataGma, 9), USER_INTERRUPT]);
    b.run();
    expect(g.peek(DATA_GFN)).toBe(9);
    expect(b.device.regs.peek(0x22038)).toBe(b.vgt.reserved.ring(BCS));
    expect(g.read(0x22038)).toBe(g.ringGma(BCS));
  });

  test('[I8] a guest with a context of its own gets its CCID back', () => {
    const image = g.low + 0x400000;
    for (let p = 0; p < 17; p++) g.map(image + p * 4096, 0x200 + p);
    g.submit(RCS, [0x18 << 23, image | 0x101, 0, USER_INTERRUPT]);
    b.run();
    const ccid = g.read(0x2180);
    expect(ccid & ~0xfff).toBe(image);
    const before = g.ram.slice();
    to(h);
    expect(h.read(0x2180)).toBe(0);
    expect(g.ram).toEqual(before);
    to(g);
    expect(g.read(0x2180)).toBe(ccid);
  });

  test('[I13] [I14] a VM that never rendered starts from the null image', () => {
    g.submit(RCS, lri(0x2600, 0x77));
    b.run();
    const k = b.hvm(3);
    k.startRing(RCS);
    k.submit(RCS, [(0x24 << 23) | 0x400000 | 1, 0x2600, k.dataGma, USER_INTERRUPT]);
    k.poke(DATA_GFN, [1]);
    b.run();
    expect(k.peek(DATA_GFN)).toBe(0);
  });

  test('[I22] switches and residency are counted', () => {
    to(g);
    const before = b.vgt.switch.counters.switches;
    b.clock.advance(5 * MS);
    to(h);
    expect(b.vgt.switch.counters.switches).toBe(before + 1);
    expect(g.vgpu.counters.allocatedNs).toBeGreaterThanOrEqual(5 * MS);
  });

  test('[I18] destroying the owner frees the engines for the others at once', () => {
    to(g);
    g.submit(BCS, long(g, 300));
    step(256);
    h.submit(BCS, [...storeGgtt(h.dataGma, 5), USER_INTERRUPT]);
    expect(b.vgt.destroyVgpu(1)).toBeNull();
    b.run();
    expect(h.peek(DATA_GFN)).toBe(5);
    expect(b.vgt.renderOwner).toBe(h.vgpu);
  });

  test('a ring is cut at a request boundary: a slice is not held up by what is queued behind', () => {
    to(g);
    for (let i = 0; i < 8; i++) g.append(BCS, long(g, 60));
    g.write(0x22030, g.tail[BCS]!);
    h.submit(BCS, [...storeGgtt(h.dataGma, 5), USER_INTERRUPT]);
    step(256);
    b.clock.advance(16 * MS);
    for (let i = 0; i < 200 && h.peek(DATA_GFN) === 0; i++) step(4096);
    expect(h.peek(DATA_GFN)).toBe(5);
    expect(g.read(0x22034)).not.toBe(g.tail[BCS]);
    b.run(3000);
    expect(g.read(0x22034)).toBe(g.tail[BCS]);
    expect(b.mpt.crashes).toEqual([]);
  });
});

describe('hangs and resets', () => {
  /** A batch without privilege that runs in a circle. */
  const spin = (guest: TestGuest): void => {
    guest.startPpgtt(BCS);
    guest.mapPpgtt(5, BATCH_GFN);
    guest.poke(BATCH_GFN, [...batch(0x5000, NON_PRIVILEGED_PPGTT), BATCH_END]);
    guest.submit(BCS, [...batch(0x5000, NON_PRIVILEGED_PPGTT), USER_INTERRUPT]);
  };

  test('[I23] [P7] [P8] a VM that does not stop loses the engines; the others go on; GDRST brings it back', () => {
    spin(g);
    step();
    h.submit(BCS, [...storeGgtt(h.dataGma, 5), USER_INTERRUPT]);
    for (let i = 0; i < 300 && h.peek(DATA_GFN) === 0; i++) step(4096, 10 * MS);
    expect(h.peek(DATA_GFN)).toBe(5);
    expect(b.vgt.switch.counters.timeouts).toBe(1);
    expect(g.vgpu.heldEngines).toBe(1 << BCS);
    g.submit(BCS, [...storeGgtt(g.dataGma, 1), USER_INTERRUPT]);
    b.run(50);
    expect(g.peek(DATA_GFN)).toBe(0);
    g.write(0x941c, 1);
    expect(g.read(0x941c)).toBe(0);
    g.startRing(BCS);
    g.submit(BCS, [...storeGgtt(g.dataGma, 2), USER_INTERRUPT]);
    b.run();
    expect(g.peek(DATA_GFN)).toBe(2);
    expect(b.mpt.crashes).toEqual([]);
  });

  test("[P1] [P3] a full reset is that VM's only", () => {
    g.submit(BCS, [USER_INTERRUPT]);
    h.submit(BCS, [...storeGgtt(h.dataGma, 5), USER_INTERRUPT]);
    g.write(0x941c, 1);
    expect(g.read(0x941c)).toBe(0);
    for (const at of [0x2030, 0x2034, 0x2038, 0x203c, 0x2203c]) expect(g.read(at)).toBe(0);
    expect(h.read(0x2203c)).toBe(0x3001);
    b.run();
    expect(h.peek(DATA_GFN)).toBe(5);
  });

  test('[P2] an engine reset leaves the other engines on', () => {
    g.write(0x941c, 2);
    expect([g.read(0x203c), g.read(0x2203c)]).toEqual([0, 0x3001]);
    g.submit(BCS, [...storeGgtt(g.dataGma, 5), USER_INTERRUPT]);
    b.run();
    expect(g.peek(DATA_GFN)).toBe(5);
  });

  test('[P13] after a render reset the VM starts from the null image', () => {
    g.submit(RCS, lri(0x2600, 0x77));
    b.run();
    h.submit(BCS, [USER_INTERRUPT]);
    b.run();
    g.write(0x941c, 2);
    g.startRing(RCS);
    g.submit(RCS, [(0x24 << 23) | 0x400000 | 1, 0x2600, g.dataGma, USER_INTERRUPT]);
    g.poke(DATA_GFN, [1]);
    b.run();
    expect(g.peek(DATA_GFN)).toBe(0);
  });

  test('a ring switched off in the middle of a batch leaves nothing behind in the engine', () => {
    spin(g);
    step();
    g.write(0x2203c, 0);
    expect(b.device.gt.engine('BCS').level).toBe(0);
    h.submit(BCS, [...storeGgtt(h.dataGma, 5), USER_INTERRUPT]);
    b.run();
    expect(h.peek(DATA_GFN)).toBe(5);
  });
});

describe('copies of batches', () => {
  test('[K18] more than the arena holds is carried out in parts', () => {
    b.run();
    // 200 batches of 60 KiB: six times the arena.
    for (let i = 0; i < 15; i++) g.poke(BATCH_GFN + i, new Array(1024).fill(0));
    g.poke(BATCH_GFN + 15, [...storeGgtt(g.dataGma, 1), BATCH_END]);
    for (let i = 0; i < 200; i++) g.append(BCS, [...batch(g.batchGma), USER_INTERRUPT, 0]);
    g.write(0x22030, g.tail[BCS]!);
    expect(g.vgpu.counters.stalls).toBe(1);
    b.run(20000, 1 << 20);
    expect(g.read(0x22034)).toBe(g.tail[BCS]);
    expect(b.device.gt.engine('BCS').counters.batches).toBe(200);
    expect(b.mpt.crashes).toEqual([]);
  });

  test('a chained batch and a second level one run from copies', () => {
    g.poke(BATCH_GFN, [...batch(g.batchGma + 0x1000, 0x400000), ...batch(g.batchGma + 0x2000)]);
    g.poke(BATCH_GFN + 1, [...storeGgtt(g.dataGma, 1), BATCH_END]);
    g.poke(BATCH_GFN + 2, [...storeGgtt(g.dataGma + 8, 2), BATCH_END]);
    g.submit(BCS, [...batch(g.batchGma), ...storeGgtt(g.dataGma + 16, 3), USER_INTERRUPT]);
    b.run();
    expect([0, 2, 4].map((i) => g.peek(DATA_GFN, i))).toEqual([1, 2, 3]);
    expect(g.vgpu.counters.batchCommands).toBe(6);
    expect(b.mpt.crashes).toEqual([]);
  });

  test("[K6] [K7] commands cross the ring's end and page bounds", () => {
    g.append(BCS, new Array(0x4000 / 4 - 2).fill(0));
    g.write(0x22030, g.tail[BCS]!);
    b.run(500, 1 << 20);
    g.submit(BCS, [...storeGgtt(g.dataGma, 6), USER_INTERRUPT]);
    g.poke(BATCH_GFN, new Array(1022).fill(0));
    g.poke(BATCH_GFN, [...storeGgtt(g.dataGma + 8, 7), BATCH_END], 1022);
    g.submit(BCS, [...batch(g.batchGma), USER_INTERRUPT]);
    b.run(500, 1 << 20);
    expect([g.peek(DATA_GFN), g.peek(DATA_GFN, 2)]).toEqual([6, 7]);
    expect(b.mpt.crashes).toEqual([]);
  });

  test('[K15] [K20] registers that a command wrote are marked; a ring that is off is not read', () => {
    g.submit(RCS, [(0x22 << 23) | 3, 0x2608, 1, 0x2610, 2]);
    b.run();
    for (const at of [0x2608, 0x2610]) expect(b.vgt.attr.flags[at >> 2]! & 0x20).toBe(0x20);
    const k = b.hvm(3);
    k.startRing(BCS);
    k.write(0x2203c, 0);
    k.submit(BCS, [0x15 << 23, 0]);
    b.run();
    expect(b.mpt.crashes).toEqual([]);
  });
});
