import { describe, expect, test } from 'vitest';
import { RING_BASE, RING_BB_OFFSET, RING_CCID } from '../gt/engine.regs.ts';
import { GtDriver } from '../testing/gt-driver.ts';
import { COMMANDS } from './decode.ts';
import { ON_RCS, PRIVILEGED } from './row.ts';

const MI = (op: number, low = 0): number => (op << 23) | low;
const BATCH_END = MI(0x0a);
const BATCH_START = MI(0x31);
const NON_SECURE = 0x2000;
const GGTT = 0x400000;
const AT = 0x90000;
const OUT = 0x80000;
const RCS = RING_BASE.RCS;

/** A driver that runs commands in a batch with or without privilege. PPGTT is off: one space. */
function inBatch(user: boolean, ...commands: number[]): GtDriver {
  const d = new GtDriver();
  d.regs.poke(0x2600, 0x1234);
  d.poke(AT, ...commands, BATCH_END);
  d.submit('RCS', BATCH_START | (user ? NON_SECURE : 0), AT);
  expect(d.run()).toBe(true);
  return d;
}

/** Commands that write memory or registers where only privilege may, and how to see that they did. */
// biome-ignore format: one command a line
const NEEDS_PRIVILEGE: [string, number[], (d: GtDriver) => number, number][] = [
  ['MI_STORE_DATA_IMM to the GGTT', [MI(0x20, 2) | GGTT, 0, OUT, 7], (d) => d.peek(OUT), 7],
  ['MI_STORE_DATA_INDEX', [MI(0x21, 1), 0xc0, 7], (d) => d.peek(d.statusPage('RCS') + 0xc0), 7],
  ['MI_STORE_REGISTER_MEM to the GGTT', [MI(0x24, 1) | GGTT, 0x2600, OUT], (d) => d.peek(OUT), 0x1234],
  ['MI_LOAD_REGISTER_IMM of OACONTROL', [MI(0x22, 1), 0x2360, 4], (d) => d.regs.peek(0x2360), 4],
  ['MI_LOAD_REGISTER_IMM of an L3 register', [MI(0x22, 1), 0xb020, 4], (d) => d.regs.peek(0xb020), 4],
  ['MI_LOAD_REGISTER_REG to such a register', [MI(0x2a, 1), 0x2600, 0xb020], (d) => d.regs.peek(0xb020), 0x1234],
  ['MI_UPDATE_GTT', [MI(0x23, 1), 0x700000, 0x5001], (d) => d.ggtt.read(0x700), 0x5001],
  ['MI_SET_CONTEXT', [MI(0x18), 0x100101], (d) => d.regs.peek(RCS + RING_CCID) & ~0xfff, 0x100000],
  ['MI_REPORT_PERF_COUNT to the GGTT', [MI(0x28, 1), OUT | 1, 9], (d) => d.peek(OUT), 9],
  ['PIPE_CONTROL write to the GGTT', [0x7a000003, 0x1004000, OUT, 7, 0], (d) => d.peek(OUT), 7],
  ['PIPE_CONTROL write to the status page', [0x7a000003, 0x204000, 0xc0, 7, 0], (d) => d.peek(d.statusPage('RCS') + 0xc0), 7],
  ['PIPE_CONTROL write of a register', [0x7a000003, 0x800000, 0xb020, 7, 0], (d) => d.regs.peek(0xb020), 7],
];

describe('a batch without privilege', () => {
  test.each(NEEDS_PRIVILEGE)(
    'control case: with privilege, %s works',
    (_, commands, see, value) => {
      const d = inBatch(false, ...commands);
      expect(see(d)).toBe(value);
      expect(d.engine('RCS').counters.refusedWrites).toBe(0);
    },
  );

  test.each(NEEDS_PRIVILEGE)('%s is a no-op and is counted', (_, commands, see, value) => {
    const d = inBatch(true, ...commands);
    expect(see(d)).not.toBe(value);
    expect(d.engine('RCS').counters.refusedWrites).toBe(1);
  });

  test('every privileged command is a no-op in it', () => {
    for (const row of COMMANDS) {
      if (((row.flags ?? 0) & PRIVILEGED) === 0 || (row.on & ON_RCS) === 0) continue;
      const length = 'fixed' in row.length ? 0 : row.dwords - 2;
      const d = inBatch(true, row.opcode | length, ...new Array(row.dwords - 1).fill(0));
      expect(d.engine('RCS').counters.refusedWrites, row.name).toBe(1);
      expect(d.flips).toEqual([]);
    }
  });

  test('it may write statistics, predicates and general registers', () => {
    const d = inBatch(true, MI(0x22, 5), 0x2300, 1, 0x2400, 2, 0x2600, 3);
    expect([0x2300, 0x2400, 0x2600].map((at) => d.regs.peek(at))).toEqual([1, 2, 3]);
    expect(d.engine('RCS').counters.refusedWrites).toBe(0);
  });

  test.each([
    ['register 0', 0],
    ['OACONTROL', 0x2360],
    ['RING_START', 0x2038],
  ])('MI_LOAD_REGISTER_REG from %s leaves the destination as it was', (_, source) => {
    const d = inBatch(true, MI(0x22, 1), 0x2608, 0xabc, MI(0x2a, 1), source, 0x2608);
    expect(d.regs.peek(0x2608)).toBe(0xabc);
    expect(d.engine('RCS').counters.refusedWrites).toBe(1);
  });

  test('MI_BATCH_BUFFER_START gives no privilege back', () => {
    const d = new GtDriver();
    d.poke(0xa0000, MI(0x22, 1), 0xb020, 4, BATCH_END);
    d.poke(AT, BATCH_START, 0xa0000);
    d.submit('RCS', BATCH_START | NON_SECURE, AT);
    expect(d.run()).toBe(true);
    expect(d.regs.peek(0xb020)).toBe(0);
  });
});

describe('batch starts', () => {
  test('one with an offset begins that far on', () => {
    const d = new GtDriver();
    d.poke(AT + 0x100, MI(0x20, 2), 0, OUT, 7, BATCH_END);
    d.regs.write32(RCS + RING_BB_OFFSET, 0x100);
    d.submit('RCS', BATCH_START | 0x10000, AT);
    expect(d.run()).toBe(true);
    expect(d.peek(OUT)).toBe(7);
  });

  test('a predicated one is taken while MI_PREDICATE_RESULT_1 is set', () => {
    for (const set of [0, 1]) {
      const d = new GtDriver();
      d.poke(AT, MI(0x20, 2), 0, OUT, 7, BATCH_END);
      d.regs.write32(0x241c, set);
      d.submit('RCS', BATCH_START | 0x8000, AT);
      expect(d.run()).toBe(true);
      expect(d.peek(OUT)).toBe(set * 7);
    }
  });

  test("i915's wait for the NOA multiplexer ends once its time is over", () => {
    const load = (to: number, from: number): number => (0x80 << 20) | (to << 10) | from;
    const d = new GtDriver();
    const ticks = 100;
    const loop = [
      ...[MI(0x22, 1), 0x260c, 0, MI(0x2a, 1), 0x2358, 0x2608],
      ...[MI(0x1a, 3), load(0x20, 1), load(0x21, 0), 0x101 << 20, (0x180 << 20) | (2 << 10) | 0x31],
      ...[MI(0x22, 3), 0x2620, -1 - ticks, 0x2624, -1],
      ...[MI(0x1a, 3), load(0x20, 2), load(0x21, 4), 0x100 << 20],
      ...[(0x580 << 20) | (3 << 10) | 0x33, MI(0x2a, 1), 0x2618, 0x241c],
    ];
    const begin = [MI(0x22, 1), 0x2604, 0, MI(0x2a, 1), 0x2358, 0x2600];
    d.poke(AT, ...begin, ...loop, BATCH_START | 0x8000, AT + begin.length * 4, BATCH_END);
    d.submit('RCS', BATCH_START, AT, MI(0x20, 2), 0, OUT, 7);
    d.gt.step(1 << 18);
    d.clock.advance(80 * ticks);
    d.gt.step(1 << 18);
    expect(d.peek(OUT)).toBe(0);
    d.clock.advance(80);
    d.run();
    expect(d.peek(OUT)).toBe(7);
  });
});
