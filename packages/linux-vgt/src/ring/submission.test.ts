import { beforeEach, expect, test } from 'vitest';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  storeGgtt,
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';

const BCS = 2;
const GARBAGE = [0x15 << 23, 0];
let b: Bench;
let g: TestGuest;
beforeEach(() => {
  b = new Bench();
  g = b.hvm(1);
  g.startRing(BCS);
});

test('[H4] what waits for the engines is carried out in the order in which TAIL was written', () => {
  const h = b.hvm(2);
  h.startRing(BCS);
  h.submit(BCS, new Array(64).fill(storeGgtt(h.dataGma, 1)).flat());
  b.vgt.tick();
  for (let i = 1; i <= 20; i++) g.submit(BCS, storeGgtt(g.dataGma + (i % 4) * 8, i));
  b.run();
  expect([0, 2, 4, 6].map((at) => g.peek(DATA_GFN, at))).toEqual([20, 17, 18, 19]);
});

test('[H10] commands are counted when they go to hardware, those of batches apart', () => {
  g.poke(BATCH_GFN, [...storeGgtt(g.dataGma, 1), ...storeGgtt(g.dataGma, 2), BATCH_END]);
  const ring = [...batch(g.batchGma), ...storeGgtt(g.dataGma, 3), USER_INTERRUPT, 0];
  g.write(g.base(BCS) + 0x3c, 0);
  g.submit(BCS, ring);
  b.run();
  expect(g.vgpu.counters).toMatchObject({ commands: 0, batchCommands: 0, submissions: 0 });
  g.write(g.base(BCS) + 0x3c, 0x3001);
  b.run();
  expect(g.vgpu.counters).toMatchObject({ commands: 4, batchCommands: 3, submissions: 1 });
  expect(g.vgpu.engines[BCS]?.commands).toBe(4);
});

test('[K16] a ring whose scan is bypassed takes any command; the others are scanned', () => {
  b.vgt.submitter.bypassScan = 1 << BCS;
  g.submit(BCS, GARBAGE);
  b.run();
  expect(b.mpt.crashes).toEqual([]);
  g.startRing(0);
  g.submit(0, GARBAGE);
  b.run();
  expect(b.mpt.crashes).toHaveLength(1);
});

test('what each privileged batch costs is counted: its dwords and those it chains to', () => {
  g.poke(BATCH_GFN, [...storeGgtt(g.dataGma, 1), ...batch(g.batchGma + 0x1000)]);
  g.poke(BATCH_GFN + 1, [0, 0, BATCH_END]);
  g.poke(BATCH_GFN + 2, [BATCH_END]);
  g.submit(BCS, [...batch(g.batchGma), ...batch(g.batchGma + 0x2000)]);
  b.run();
  expect(g.vgpu.counters).toMatchObject({ batches: 2, batchDwords: 6 + 3 + 1, largestBatch: 9 });
});

test('[D27] a head that UHPTR names is remembered, and hardware never goes there unchecked', () => {
  g.write(g.base(BCS) + 0x134, 0x21);
  // A store whose last dword, where UHPTR points into, would be a command that nobody checked.
  g.submit(BCS, [
    0x05 << 23,
    0,
    ...storeGgtt(g.dataGma, 1),
    ...storeGgtt(g.dataGma + 8, 0x02 << 23),
  ]);
  b.run();
  expect(g.read(g.base(BCS) + 0x134)).toBe(0x21);
  expect(b.device.regs.peek(0x22134)).toBe(0);
  expect([g.peek(DATA_GFN), g.peek(DATA_GFN, 2)]).toEqual([1, 0x02 << 23]);
});
