import { makeMonitor } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  NON_PRIVILEGED_PPGTT,
  storeGgtt,
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';
import { light, plane } from '../testing/light.ts';

const BCS = 2;
const FLIP_A = (0x14 << 23) | 1;
const flip = (surface: number, stride = 4096): number[] => [FLIP_A, stride, surface, 0];
/** Pipe A: a flip that is not done, vertical blank, scan line window. */
const WAIT_FLIP = (0x03 << 23) | 2;
const WAIT_VBLANK = (0x03 << 23) | 8;
const WAIT_LINE = (0x03 << 23) | 1;
const FRAME = 17_000_000;

let b: Bench;
let zero: TestGuest;
let g: TestGuest;
const hw = (offset: number): number => b.device.regs.peek(offset);
beforeEach(() => {
  b = new Bench();
  b.device.display.connect('E', makeMonitor({ kind: 'vga' }));
  [zero, g] = [b.guest0(), b.hvm(1)];
  light(zero, 0, 1024, 768);
  plane(zero, 0, 0x100000, 4096);
  g.write(0x78804, 1);
  light(g, 0, 1024, 768);
  plane(g, 0, g.low, 4096);
  for (const of of [zero, g]) of.startRing(BCS);
  g.submit(BCS, storeGgtt(g.dataGma, 0));
  b.run();
});
/** Steps without letting time pass. */
const still = (): void => {
  for (let i = 0; i < 20; i++) {
    b.device.step(4096);
    b.vgt.tick();
  }
};

describe('flips by command', () => {
  test('[K8] [M6] in the foreground they reach the physical pipe that shows the VM', () => {
    b.vgt.setForeground(1);
    g.submit(BCS, flip(g.low + 0x200000));
    b.run();
    expect([g.read(0x7019c), hw(0x7019c)]).toEqual([g.low + 0x200000, g.low + 0x200000]);
    g.submit(BCS, flip(g.low + 0x300000, 8192 | 1));
    b.run();
    expect([hw(0x7019c), hw(0x70188), hw(0x70180) & 0x400]).toEqual([
      g.low + 0x300000,
      8192,
      0x400,
    ]);
  });

  test('[K9] in the background they are done by the VM alone, which hears of it', () => {
    g.write(0x44004, ~8);
    g.submit(BCS, flip(g.low + 0x200000));
    b.run();
    b.clock.advance(FRAME);
    expect(g.read(0x44008) & 8).toBe(8);
    expect([g.read(0x701ac), hw(0x7019c)]).toEqual([g.low + 0x200000, 0x100000]);
  });

  test('a flip takes place where it stands among the commands, not before', () => {
    g.write(0x22050, 0);
    g.submit(BCS, [(0x03 << 23) | (1 << 16), 0, ...flip(g.low + 0x200000)]);
    still();
    expect(g.read(0x7019c), 'control case: nothing holds it').toBe(g.low + 0x200000);
    b.device.regs.poke(0x22028, 1);
    g.submit(BCS, [(0x03 << 23) | (1 << 16), 0, ...flip(g.low + 0x300000)]);
    still();
    expect(g.read(0x7019c)).toBe(g.low + 0x200000);
    b.device.regs.poke(0x22028, 0);
    still();
    expect(g.read(0x7019c)).toBe(g.low + 0x300000);
  });

  test('[K10] a ring that comes again holds what the guest wrote: it flips again', () => {
    const flips = g.read(0x70044);
    g.submit(BCS, flip(g.low + 0x200000));
    b.run();
    const ring = g.ram.slice();
    g.write(0x22034, 0);
    g.write(0x22030, g.tail[BCS] as number);
    b.run();
    expect(g.read(0x70044)).toBe(flips + 2);
    expect(g.ram).toEqual(ring);
  });

  test('[K11] an asynchronous flip that changes stride or tiling is none', () => {
    g.submit(BCS, flip(g.low + 0x200001));
    b.run();
    expect(g.read(0x7019c), 'control case').toBe(g.low + 0x200000);
    g.submit(BCS, [...flip(g.low + 0x300001, 8192), ...flip(g.low + 0x300001, 4096 | 1)]);
    b.run();
    expect([g.read(0x7019c), g.read(0x70188)]).toEqual([g.low + 0x200000, 4096]);
    expect(b.vgt.commandDisplay.counters).toMatchObject({ flips: 1, refusedFlips: 2 });
    expect(b.mpt.crashes).toEqual([]);
  });

  test('[K12] a stereo flip, and one of no plane, is none', () => {
    g.submit(BCS, [(0x14 << 23) | 2, 4096, g.low + 0x200000, g.low + 0x300000]);
    g.submit(BCS, [FLIP_A | (7 << 19), 4096, g.low + 0x200000, 0]);
    b.run();
    expect(g.read(0x7019c)).toBe(g.low);
    expect(b.vgt.commandDisplay.counters.refusedFlips).toBe(2);
    expect(b.mpt.crashes).toEqual([]);
  });

  test('[K17] who is in the foreground counts when the engine comes to it', () => {
    b.device.regs.poke(0x22028, 1);
    g.submit(BCS, [(0x03 << 23) | (1 << 16), 0, ...flip(g.low + 0x200000)]);
    still();
    b.vgt.setForeground(1);
    expect(hw(0x7019c)).toBe(g.low);
    b.device.regs.poke(0x22028, 0);
    still();
    expect(hw(0x7019c)).toBe(g.low + 0x200000);
  });

  test('dom0 in the background keeps its flips to itself, and hears of them', () => {
    b.vgt.setForeground(1);
    zero.write(0x44004, ~8);
    zero.submit(BCS, flip(0x200000, 8192 | 1));
    b.run();
    expect([zero.read(0x7019c), zero.read(0x70188), zero.read(0x44008) & 8]).toEqual([
      0x200000, 8192, 8,
    ]);
    expect(hw(0x7019c)).toBe(g.low);
    b.vgt.setForeground(0);
    expect([hw(0x7019c), hw(0x70188)]).toEqual([0x200000, 8192]);
    zero.submit(BCS, flip(0x300000, 8192 | 1));
    b.run();
    expect(hw(0x7019c), 'control case: in the foreground').toBe(0x300000);
  });
});

describe('waits by command', () => {
  const done = (): number => g.peek(0x100);
  const waitThenStore = (wait: number, value: number): void =>
    g.submit(BCS, [wait, 0, ...storeGgtt(g.dataGma, value)]);

  test('[K13] in the background nothing waits', () => {
    waitThenStore(WAIT_VBLANK, 1);
    still();
    expect(done()).toBe(1);
    expect(b.vgt.commandDisplay.counters.skippedWaits).toBeGreaterThan(0);
  });

  test("[K14] in the foreground a wait is for the VM's own pipe, and ends with its frame", () => {
    b.vgt.setForeground(1);
    waitThenStore(WAIT_VBLANK, 1);
    still();
    expect(done()).toBe(0);
    b.clock.advance(FRAME);
    still();
    expect(done()).toBe(1);
    g.submit(BCS, [...flip(g.low + 0x200000), WAIT_FLIP, 0, ...storeGgtt(g.dataGma, 2)]);
    still();
    expect(done()).toBe(1);
    b.clock.advance(FRAME);
    still();
    expect(done()).toBe(2);
  });

  test('a VM that leaves the foreground waits no longer', () => {
    b.vgt.setForeground(1);
    waitThenStore(WAIT_VBLANK, 1);
    still();
    b.vgt.setForeground(0);
    still();
    expect(done()).toBe(1);
  });

  test('a batch without privilege waits for nothing of dom0', () => {
    g.startPpgtt(BCS);
    g.mapPpgtt(5, BATCH_GFN);
    g.poke(BATCH_GFN, [WAIT_VBLANK, BATCH_END]);
    g.submit(BCS, [...batch(0x5000, NON_PRIVILEGED_PPGTT), ...storeGgtt(g.dataGma, 1)]);
    still();
    expect(done()).toBe(1);
  });

  /** What X's driver sends around a wait for a scan line. */
  const untilLine = (first: number, last: number): number[] => [
    ...[(0x22 << 23) | 5, 0x44050, ~1, 0x70068, (1 << 31) | (first << 16) | last, 0xa188, 0x20002],
    ...[WAIT_LINE, (0x22 << 23) | 3, 0xa188, 0x20000, 0x44050, -1],
  ];

  test("a wait for a scan line with its registers, as X's driver sends it", () => {
    b.vgt.setForeground(1);
    g.submit(BCS, [...untilLine(100, 200), ...storeGgtt(g.dataGma, 1), USER_INTERRUPT]);
    still();
    expect([b.mpt.crashes, done()]).toEqual([[], 0]);
    expect(g.read(0x70068) >>> 0).toBe(0x806400c8);
    expect([hw(0x44050), hw(0x70068), hw(0x130044)]).toEqual([-1, 0, 0]);
    for (let ms = 0; ms < 18 && done() === 0; ms++) {
      b.clock.advance(1_000_000);
      still();
    }
    expect(done()).toBe(1);
  });

  test("dom0's own reach hardware, except its forcewake", () => {
    zero.submit(BCS, [...untilLine(0, 767), ...storeGgtt(zero.dataGma, 1)]);
    b.run();
    expect([b.mpt.crashes, zero.peek(0x100)]).toEqual([[], 1]);
    expect(hw(0x70068) >>> 0).toBe(0x800002ff);
    expect(hw(0x130044)).toBe(0);
  });
});
