import { beforeEach, expect, test } from 'vitest';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  lri,
  storeGgtt,
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';
import type { BatchArena } from './batch-arena.ts';

const RCS = 0;
const BCS = 2;
const ARB_CHECK = 0x05 << 23;
/** Where in the batch the command is that its owner changes. */
const CONDITION = 1040;

let b: Bench;
let g: TestGuest;
let h: TestGuest;
beforeEach(() => {
  b = new Bench();
  [g, h] = [b.hvm(1), b.hvm(2)];
  for (const guest of [g, h]) for (const e of [RCS, BCS]) guest.startRing(e);
});

const run = (steps?: number): void => b.run(steps, 1 << 18);

/** A batch that goes round for ever, past a page's end. */
function spin(condition: readonly number[] = [ARB_CHECK]): void {
  const loop = [...condition, ...new Array(10).fill(0), ...batch(g.batchGma + CONDITION * 4)];
  g.poke(BATCH_GFN, [...new Array(CONDITION).fill(0), ...loop]);
  g.submit(BCS, [...batch(g.batchGma), ...storeGgtt(g.dataGma, 3), USER_INTERRUPT]);
  run(20);
  expect(b.device.gt.engine('BCS').level).toBe(1);
}
const end = (): void => g.poke(BATCH_GFN, [BATCH_END], CONDITION);

test('a loop with privilege ends when its owner writes its end', () => {
  spin();
  end();
  run();
  expect(g.peek(DATA_GFN)).toBe(3);
  expect(g.vgpu.counters.loopChanges).toBe(1);
  expect((b.vgt.arenas[BCS] as BatchArena).loops.count).toBe(0);
});

test('one that ends while another VM waits for the engines does not cost its owner a reset', () => {
  spin();
  h.submit(BCS, [...storeGgtt(h.dataGma, 4), USER_INTERRUPT]);
  b.clock.advance(20_000_000);
  run(20);
  expect(b.vgt.switch.steady).toBe(false);
  end();
  run();
  expect([g.peek(DATA_GFN), h.peek(DATA_GFN)]).toEqual([3, 4]);
  expect(b.vgt.switch.counters.timeouts).toBe(0);
});

test('a loop behind a loop is followed before the engine reaches it', () => {
  spin();
  const other = g.batchGma + 0x8000;
  g.poke(BATCH_GFN + 8, [ARB_CHECK, 0, ...batch(other)]);
  g.submit(BCS, [...batch(other), ...storeGgtt(g.dataGma + 8, 5), USER_INTERRUPT]);
  g.poke(BATCH_GFN + 8, [BATCH_END]);
  run(20);
  end();
  run();
  expect([g.peek(DATA_GFN), g.peek(DATA_GFN, 2)]).toEqual([3, 5]);
});

test('commands of a ring that cannot be given yet leave no loop noted', () => {
  spin();
  const { loops } = b.vgt.arenas[BCS] as BatchArena;
  const small = g.batchGma + 0x2000;
  g.poke(BATCH_GFN + 2, [ARB_CHECK, 0, ...batch(small)]);
  // Eight of these fill the arena.
  const large = g.batchGma + 0x3000;
  for (let p = 3; p < 63; p++) g.poke(BATCH_GFN + p, new Array(1024).fill(0));
  g.poke(BATCH_GFN + 62, [BATCH_END], 1023);
  for (let i = 0; i < 8; i++) g.submit(BCS, batch(large));
  b.device.step(0);
  expect([loops.count, g.vgpu.counters.stalls]).toEqual([1, 0]);
  // Not on qwords: neither can go without the other.
  g.submit(BCS, [0, ...batch(small), ...batch(large)]);
  b.device.step(0);
  expect([loops.count, g.vgpu.counters.stalls]).toEqual([1, 1]);
});

test('no change brings a command before the engine that nobody checked', () => {
  const condition = storeGgtt(g.dataGma + 64, 7);
  for (const evil of [
    storeGgtt(h.dataGma, 6),
    lri(0x941c, 2),
    [USER_INTERRUPT],
    batch(h.dataGma),
    // It would leave the rest of a longer command to be taken for commands.
    [0],
  ]) {
    spin(condition);
    g.poke(BATCH_GFN, evil, CONDITION);
    run(20);
    expect(g.vgpu.counters.loopChanges).toBe(0);
    expect(h.peek(DATA_GFN)).toBe(0);
    expect(b.device.gt.engine('BCS').level).toBe(1);
    g.write(0x941c, 8);
    g.startRing(BCS);
    run(20);
  }
  spin(condition);
  end();
  run(20);
  expect(g.vgpu.counters.loopChanges).toBe(1);
  expect(b.device.gt.engine('BCS').level).toBe(0);
});
