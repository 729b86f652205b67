import { expect, test } from 'vitest';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  store,
  USER_INTERRUPT,
} from '../testing/bench.ts';

const BCS = 2;
/** MI_BATCH_BUFFER_START as i915 writes it for the blitter: 8, PPGTT and without privilege. */
const I965 = 0x100;
/** What i915's parser chains with on Haswell, on any engine: 13 alone. `intel_engine_cmd_parser`. */
const CHAIN = 0x2000;

test("a batch that i915's parser found unsafe runs from where its user put it", () => {
  const b = new Bench();
  const g = b.hvm(1);
  g.startRing(BCS);
  g.startPpgtt(BCS);
  // In the PPGTT: the parser's own page, the user's batch, its target. In the GGTT other pages.
  const [parsed, user, target] = [0x5000, 0x6000, 0x7000];
  g.mapPpgtt(parsed >>> 12, BATCH_GFN);
  g.mapPpgtt(user >>> 12, BATCH_GFN + 1);
  g.mapPpgtt(target >>> 12, DATA_GFN);
  g.poke(BATCH_GFN, [BATCH_END, 0, 0, 0, ...batch(user, CHAIN)]);
  g.poke(BATCH_GFN + 1, [...store(target, 0x77), BATCH_END]);
  g.submit(BCS, [...batch(g.batchGma), ...batch(parsed + 16, I965), USER_INTERRUPT, 0]);
  b.run();
  expect(b.mpt.crashes).toEqual([]);
  expect(g.peek(DATA_GFN)).toBe(0x77);
});

test('a batch of the blitter without privilege gets none by being run here', () => {
  const b = new Bench();
  const g = b.hvm(1);
  g.startRing(BCS);
  g.startPpgtt(BCS);
  g.mapPpgtt(5, BATCH_GFN);
  // A store to the GGTT takes privilege.
  g.poke(BATCH_GFN, [(0x20 << 23) | 0x400002, 0, g.dataGma, 0x55, BATCH_END]);
  g.submit(BCS, [...batch(0x5000, I965), USER_INTERRUPT]);
  b.run();
  expect(g.peek(DATA_GFN)).toBe(0);
  expect(b.device.gt.engine('BCS').counters.refusedWrites).toBe(1);
});

test('an unknown command in a batch hangs the engine, as on a GPU of its own, and stops no VM', () => {
  const b = new Bench();
  const g = b.hvm(1);
  g.startRing(BCS);
  // 0x15 is no command; behind it lies what would stop the VM if it were read.
  g.poke(BATCH_GFN, [0x15 << 23, ...batch(0x1000), (0x23 << 23) | 1, 0, BATCH_END]);
  g.submit(BCS, [...batch(g.batchGma), USER_INTERRUPT, 0]);
  b.run(20);
  expect([b.mpt.crashes, b.device.gt.engine('BCS').hang]).toEqual([[], 'unknown-command']);
  expect(g.vgpu.counters.submissions).toBe(1);
});
