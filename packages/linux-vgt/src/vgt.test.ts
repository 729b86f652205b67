import { describe, expect, test } from 'vitest';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  HWSP_GFN,
  lri,
  NON_PRIVILEGED_PPGTT,
  store,
  storeGgtt,
  USER_INTERRUPT,
} from './testing/bench.ts';

const RCS = 0;
const BCS = 2;

describe('a render ring', () => {
  test('[H1] control case: dom0 stores through its ring and hardware TAIL follows', () => {
    const b = new Bench();
    const g = b.guest0();
    g.startRing(RCS);
    g.submit(RCS, [...storeGgtt(g.dataGma, 0x1234), USER_INTERRUPT]);
    b.run();
    expect(b.mpt.crashes).toEqual([]);
    expect(g.peek(DATA_GFN)).toBe(0x1234);
    expect(g.read(0x2034)).toBe(g.tail[RCS]);
  });

  test('two VMs store at the same time, each in its own memory', () => {
    const b = new Bench();
    const guests = [b.guest0(), b.hvm(1), b.hvm(2)];
    for (const g of guests) for (const e of [RCS, BCS]) g.startRing(e);
    for (let round = 0; round < 50; round++) {
      guests.forEach((g, i) => {
        for (const e of [RCS, BCS]) {
          g.submit(e, [...storeGgtt(g.dataGma + e * 4096, round * 10 + i), USER_INTERRUPT]);
        }
      });
      b.run();
    }
    expect(b.mpt.crashes).toEqual([]);
    guests.forEach((g, i) => {
      expect([g.peek(DATA_GFN), g.peek(DATA_GFN + BCS)]).toEqual([490 + i, 490 + i]);
    });
    expect(b.vgt.switch.counters.switches).toBeGreaterThan(100);
    expect(b.vgt.switch.counters).toMatchObject({ timeouts: 0, lostImages: 0 });
  });

  test('[I7] render state survives being switched away and back', () => {
    const b = new Bench();
    const [g, h] = [b.hvm(1), b.hvm(2)];
    g.startRing(RCS);
    h.startRing(RCS);
    g.submit(RCS, lri(0x2600, 0x11111111));
    b.run();
    h.submit(RCS, lri(0x2600, 0x22222222));
    b.run();
    g.submit(RCS, [(0x24 << 23) | 0x400000 | 1, 0x2600, g.dataGma, 0]);
    b.run();
    expect(g.peek(DATA_GFN)).toBe(0x11111111);
    h.submit(RCS, [(0x24 << 23) | 0x400000 | 1, 0x2600, h.dataGma, 0]);
    b.run();
    expect(h.peek(DATA_GFN)).toBe(0x22222222);
    expect(b.mpt.crashes).toEqual([]);
  });

  test('privileged batches run from a copy; others through the page tables', () => {
    const b = new Bench();
    const g = b.hvm(1);
    g.startRing(BCS);
    g.poke(BATCH_GFN, [...storeGgtt(g.dataGma, 7), BATCH_END]);
    g.submit(BCS, batch(g.batchGma));
    b.run();
    expect(g.peek(DATA_GFN)).toBe(7);
    g.startPpgtt(BCS);
    g.mapPpgtt(5, BATCH_GFN + 1);
    g.mapPpgtt(6, DATA_GFN + 1);
    g.poke(BATCH_GFN + 1, [...store(0x6000, 9), BATCH_END]);
    g.submit(BCS, batch(0x5000, NON_PRIVILEGED_PPGTT));
    b.run();
    expect(g.peek(DATA_GFN + 1)).toBe(9);
    expect(b.mpt.crashes).toEqual([]);
  });

  test("the status page is the VM's own even before it sets one", () => {
    const b = new Bench();
    const g = b.hvm(1);
    g.startRing(BCS);
    g.write(0x4280, 0);
    // MI_FLUSH_DW storing by index: offset 0x80 of the status page.
    g.submit(BCS, [(0x26 << 23) | 0x204000 | 2, 0x80 | 4, 0x55, 0]);
    b.run();
    const dom0 = b.mpt.ram.get(0) as Int32Array;
    expect(dom0.every((w) => w === 0)).toBe(true);
    expect(g.peek(HWSP_GFN + BCS, 0x20)).toBe(0);
  });
});
