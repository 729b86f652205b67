import { beforeEach, describe, expect, test } from 'vitest';
import { BATCH_GFN, Bench, batch, DATA_GFN, storeGgtt, type TestGuest } from '../testing/bench.ts';

const RCS = 0;
const GT_IMR = 0x44014;
const GT_IER = 0x4401c;

let b: Bench;
let dom0: TestGuest;
let hvm: TestGuest;
beforeEach(() => {
  b = new Bench();
  dom0 = b.guest0();
  hvm = b.hvm(1);
  for (const g of [dom0, hvm]) {
    g.startRing(RCS);
    g.submit(RCS, storeGgtt(g.dataGma, 1));
  }
  b.run();
});

/** The GPU without power. */
function powerOff(): void {
  b.device.reset('power');
  expect(b.device.ggtt.read(hvm.dataGma >>> 12)).toBe(0);
}

describe('sleep of the whole machine', () => {
  test('[V10] before it dom0 has the engines, and nothing is given to anybody', () => {
    hvm.submit(RCS, storeGgtt(hvm.dataGma, 2));
    b.vgt.tick();
    expect(b.vgt.renderOwner?.domid).toBe(1);
    expect(b.vgt.lifecycle.suspend()).toBeNull();
    expect(b.vgt.renderOwner?.domid).toBe(0);
    hvm.submit(RCS, storeGgtt(hvm.dataGma, 3));
    b.run(20);
    expect(b.vgt.renderOwner?.domid).toBe(0);
    expect(b.vgt.lifecycle.suspend()).toBe('EINVAL');
  });

  test('[V9] after it GTT, fences and interrupt masks are as they were, and all go on', () => {
    hvm.write(0x100000, hvm.low | 1);
    hvm.write(0x100004, hvm.low + 0x1000);
    hvm.write(GT_IMR, ~1);
    hvm.write(GT_IER, 1);
    const pages = Array.from({ length: 1 << 19 }, (_, i) => i);
    const entries = pages.map((i) => b.device.ggtt.read(i));
    const fence = 0x100000 + hvm.vgpu.slice.fenceBase * 8;
    const offsets = [fence, fence + 4, GT_IMR, GT_IER];
    const registers = offsets.map((o) => b.device.regs.peek(o));
    hvm.submit(RCS, storeGgtt(hvm.dataGma, 4));
    expect(b.vgt.lifecycle.suspend()).toBeNull();
    powerOff();
    b.vgt.lifecycle.resume();
    b.run();
    // Its driver sets up dom0's ring again, as after any sleep; the HVM's never knew.
    expect(hvm.peek(DATA_GFN)).toBe(4);
    expect(offsets.map((o) => b.device.regs.peek(o))).toEqual(registers);
    const changed = pages.filter((i) => b.device.ggtt.read(i) !== entries[i]);
    expect(changed).toEqual([]);
    for (const g of [dom0, hvm]) {
      g.submit(RCS, storeGgtt(g.dataGma + 8, 9));
      b.run();
      expect(g.peek(DATA_GFN, 2)).toBe(9);
    }
    b.vgt.lifecycle.resume();
    expect(b.vgt.switch.counters.lostImages).toBe(0);
  });

  test('[R14] after it hardware is kept awake for as many as before', () => {
    const { forcewake } = b.vgt;
    forcewake.get();
    forcewake.get();
    const awake = (): boolean => !b.device.gt.power.rc6.asleep;
    const { holders } = forcewake;
    expect(awake()).toBe(true);
    expect(b.vgt.lifecycle.suspend()).toBeNull();
    powerOff();
    expect(b.device.regs.peek(0xa188) & 1).toBe(0);
    b.vgt.lifecycle.resume();
    expect(b.device.regs.peek(0xa188) & 1).toBe(1);
    expect(forcewake.holders).toBe(holders);
    expect(awake()).toBe(true);
  });

  test('a VM that does not let go of the engines keeps the machine awake', () => {
    hvm.poke(BATCH_GFN, batch(hvm.batchGma));
    hvm.submit(RCS, batch(hvm.batchGma));
    b.vgt.tick();
    b.device.step(4096);
    expect(b.vgt.lifecycle.suspend()).toBe('EBUSY');
    expect(b.vgt.scheduler.enabled).toBe(true);
    hvm.poke(BATCH_GFN, [0x0a << 23]);
    b.run();
    expect(b.vgt.lifecycle.suspend()).toBeNull();
  });

  test('where addresses are shared each VM has its entries again when it needs them', () => {
    b = new Bench({ partition: 'shared' });
    const [g, h] = [b.hvm(1), b.hvm(2)];
    for (const guest of [g, h]) guest.startRing(RCS);
    b.vgt.lifecycle.suspend();
    b.device.reset('power');
    b.vgt.lifecycle.resume();
    for (const guest of [g, h]) {
      guest.submit(RCS, storeGgtt(guest.dataGma, 100 + guest.vgpu.domid));
      b.run();
      expect(guest.peek(DATA_GFN)).toBe(100 + guest.vgpu.domid);
    }
  });
});
