import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, storeGgtt, type TestGuest } from '../testing/bench.ts';

const RCS = 0;
const NOA_WRITE = 0x9888;
const GDT_CHICKEN_BITS = 0x9840;
const OASTARTTRIG1 = 0x2710;
const NOA_MUX_LAST = 0x2ff90;
const OABUFFER = 0x23b0;
const HALF_SLICE_CHICKEN2 = 0xe180;
/** MI_LOAD_REGISTER_IMM of pairs. */
const load = (...pairs: number[]): number[] => [(0x22 << 23) | (pairs.length - 1), ...pairs];
/** As i915 6.1 loads a metric set of Haswell. */
const METRIC_SET = [
  ...load(GDT_CHICKEN_BITS, 0xa0, NOA_MUX_LAST, 0x101),
  ...load(NOA_WRITE, 0x202, OASTARTTRIG1, 0x303),
];

let b: Bench;
let zero: TestGuest;
let g: TestGuest;
const hw = (offset: number): number => b.device.regs.peek(offset);
beforeEach(() => {
  b = new Bench();
  [zero, g] = [b.guest0(), b.hvm(1)];
  for (const of of [zero, g]) of.startRing(RCS);
});

describe('set-up of the observation unit by commands', () => {
  const all = [GDT_CHICKEN_BITS, NOA_MUX_LAST, NOA_WRITE, OASTARTTRIG1];

  test("dom0's reaches hardware", () => {
    zero.submit(RCS, [...METRIC_SET, ...storeGgtt(zero.dataGma, 1)]);
    b.run();
    expect([b.mpt.crashes, zero.peek(0x100)]).toEqual([[], 1]);
    expect(all.map(hw)).toEqual([0xa0, 0x101, 0x202, 0x303]);
  });

  test("another VM's stays its own, and the VM goes on", () => {
    g.submit(RCS, [...METRIC_SET, ...storeGgtt(g.dataGma, 1)]);
    b.run();
    expect([b.mpt.crashes, g.peek(0x100)]).toEqual([[], 1]);
    expect(all.map(hw)).toEqual([0, 0, 0, 0]);
    expect(all.map((offset) => g.read(offset))).toEqual([0xa0, 0x101, 0x202, 0x303]);
  });

  test('where the unit writes its reports is no part of it', () => {
    g.submit(RCS, load(OABUFFER, 0x100000));
    b.run();
    expect(b.mpt.crashes).toHaveLength(1);
    expect(hw(OABUFFER)).toBe(0);
  });

  test("a chicken bit that metric sets may have is each VM's own", () => {
    g.submit(RCS, [...load(HALF_SLICE_CHICKEN2, 0x20002), ...storeGgtt(g.dataGma, 1)]);
    b.run();
    expect([b.mpt.crashes, g.peek(0x100)]).toEqual([[], 1]);
    expect(hw(HALF_SLICE_CHICKEN2) & 2).toBe(2);
  });
});
