import { beforeEach, expect, test } from 'vitest';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  HWSP_GFN,
  storeGgtt,
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';

const BCS = 2;
const ARB_CHECK = 0x05 << 23;

let b: Bench;
let g: TestGuest;
let h: TestGuest;
beforeEach(() => {
  b = new Bench();
  [g, h] = [b.hvm(1), b.hvm(2)];
  g.startRing(BCS);
  h.startRing(BCS);
});
const run = (steps?: number): void => b.run(steps, 1 << 18);

/** A batch that goes round until {@link end}: the engine is at work. */
function spin(): void {
  g.poke(BATCH_GFN, [ARB_CHECK, 0, ...batch(g.batchGma)]);
  g.submit(BCS, batch(g.batchGma));
  run(5);
  expect(b.device.gt.engine('BCS').level).toBe(1);
}
const end = (): void => g.poke(BATCH_GFN, [BATCH_END]);
const store = (value: number): number[] => [...storeGgtt(g.dataGma, value), USER_INTERRUPT, 0];

test('[H4] what is submitted while an engine works is handed over together before its next step', () => {
  spin();
  const { counters, ppgtt } = g.vgpu;
  const [submissions, checks] = [counters.submissions, ppgtt.counters.checks];
  for (let i = 1; i <= 10; i++) g.submit(BCS, store(i));
  expect([counters.submissions, b.vgt.gathering.gathered]).toEqual([submissions, 10]);
  b.device.step(0);
  expect(counters.submissions).toBe(submissions + 1);
  expect(ppgtt.counters.checks).toBe(checks + 1);
  end();
  run();
  expect(g.peek(DATA_GFN)).toBe(10);
});

test('what a resting engine gets is handed over at once', () => {
  g.submit(BCS, store(1));
  run();
  g.submit(BCS, store(2));
  expect(g.vgpu.counters.submissions).toBe(2);
  expect(b.vgt.gathering.gathered).toBe(0);
});

test('[K1] a command that no VM may give stops the VM before the step that would reach it', () => {
  spin();
  g.submit(BCS, storeGgtt(h.dataGma, 6));
  g.submit(BCS, store(7));
  expect(b.mpt.crashes).toEqual([]);
  b.device.step(1 << 18);
  expect(b.mpt.crashes).toHaveLength(1);
  run();
  expect([g.peek(DATA_GFN), h.peek(DATA_GFN)]).toEqual([0, 0]);
});

test('a VM with gathered work may be destroyed, and the next one is served', () => {
  spin();
  g.submit(BCS, store(1));
  b.vgt.destroyVgpu(1);
  h.submit(BCS, [...storeGgtt(h.dataGma, 5), USER_INTERRUPT, 0]);
  run();
  expect([g.peek(DATA_GFN), h.peek(DATA_GFN)]).toEqual([0, 5]);
});

test('work gathered when the engines go to another VM is carried out when it has them again', () => {
  spin();
  for (let i = 1; i <= 3; i++) g.submit(BCS, store(i));
  h.submit(BCS, [...storeGgtt(h.dataGma, 5), USER_INTERRUPT, 0]);
  b.vgt.switch.request(h.vgpu);
  end();
  run();
  expect([g.peek(DATA_GFN), h.peek(DATA_GFN)]).toEqual([3, 5]);
});

test('a reset of the ring drops what gathered for it', () => {
  spin();
  g.submit(BCS, store(1));
  g.write(0x941c, 1 << 3);
  g.startRing(BCS);
  g.submit(BCS, store(2));
  run();
  expect(g.peek(DATA_GFN)).toBe(2);
  expect(b.mpt.crashes).toEqual([]);
});

/** A driver that goes past its own HEAD writes over what hardware has not fetched: nothing unchecked. */
test('what is checked in place never lies over commands that hardware has yet to fetch', () => {
  const nops = (to: number): void =>
    g.append(BCS, new Array((to - (g.tail[BCS] as number)) / 4).fill(0));
  nops(0x3f00);
  g.submit(BCS, []);
  run();
  spin();
  // In flight: the ring's end, and some of its beginning.
  for (let i = 1; i <= 20; i++) g.submit(BCS, store(i));
  b.device.step(0);
  // Eight of these fill the arena, so that the scan stops before it comes to what follows.
  const large = g.batchGma + 0x3000;
  for (let p = 3; p < 63; p++) g.poke(BATCH_GFN + p, new Array(1024).fill(0));
  g.poke(BATCH_GFN + 62, [BATCH_END], 1023);
  for (let i = 0; i < 9; i++) g.append(BCS, batch(large));
  nops(0x3f10);
  for (let i = 0; i < 6; i++) g.append(BCS, storeGgtt(h.dataGma, 6));
  g.submit(BCS, []);
  b.device.step(0);
  expect(g.vgpu.counters.stalls).toBe(1);
  end();
  b.run(5, 1 << 18);
  expect([b.mpt.crashes.length, h.peek(DATA_GFN)]).toEqual([0, 0]);
  b.run(200, 1 << 26);
  expect([b.mpt.crashes.length, h.peek(DATA_GFN)]).toEqual([1, 0]);
});

test('a scan that has to wait behind commands that repeat goes on where one began on a qword', () => {
  spin();
  // The arena has room for eight of these: the ninth waits.
  const large = g.batchGma + 0x3000;
  for (let p = 3; p < 63; p++) g.poke(BATCH_GFN + p, new Array(1024).fill(0));
  g.poke(BATCH_GFN + 62, [BATCH_END], 1023);
  for (let i = 0; i < 8; i++) g.append(BCS, batch(large));
  // MI_STORE_DATA_INDEX has three dwords: the last of five begins on a qword, what follows does not.
  const at = (g.tail[BCS] as number) / 4;
  const stores = [1, 2, 3, 4, 5].flatMap((n) => [(0x21 << 23) | 1, 0x100 + n * 4, n]);
  g.submit(BCS, [...stores, ...batch(large), 0]);
  b.device.step(0);
  expect(g.vgpu.counters.stalls).toBe(1);
  expect(g.vgpu.engines[BCS]?.copied).toBe((at + 12) * 4);
  end();
  b.run(200, 1 << 26);
  expect([1, 2, 3, 4, 5].map((n) => g.peek(HWSP_GFN + BCS, 0x40 + n))).toEqual([1, 2, 3, 4, 5]);
});
