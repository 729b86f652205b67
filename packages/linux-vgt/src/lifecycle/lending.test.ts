import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, DATA_GFN, storeGgtt, type TestGuest } from '../testing/bench.ts';

const RCS = 0;
const GT_IMR = 0x44014;
const GT_IIR = 0x44018;
const DE_IER = 0x4400c;
/** The engines' page request, and what else the device calls somebody for. */
const calls = (b: Bench): unknown[] => {
  const { irq, display, gt, commandDisplay } = b.device;
  const { onPipe, onFrameEnd, onPlaneWrite, onMonitor, onVga } = display;
  const requests = gt.engines.map((e) => e.ppgtt.onPageRequest);
  return [irq.onLine, commandDisplay, onPipe, onFrameEnd, onPlaneWrite, onMonitor, onVga, requests];
};

let b: Bench;
let dom0: TestGuest;
beforeEach(() => {
  b = new Bench();
  dom0 = b.guest0();
  dom0.startRing(RCS);
  dom0.submit(RCS, storeGgtt(dom0.dataGma, 1));
  b.run();
});

const lending = (): Bench['vgt']['lifecycle']['lending'] => b.vgt.lifecycle.lending;

describe('the GPU lent', () => {
  test('nothing of the mediator is left in hardware, and nothing of it is called', () => {
    const before = calls(b);
    expect(lending().lend()).toBeNull();
    expect(b.device.ggtt.pte.every((pte) => pte === 0)).toBe(true);
    const there = calls(b);
    before.forEach((call, i) => {
      expect(there[i]).not.toEqual(call);
    });
    const interrupts = { ...b.vgt.interrupts.counters };
    b.device.reset('function');
    b.device.mmio.write(GT_IMR, 4, 0);
    b.device.mmio.write(GT_IMR + 8, 4, -1);
    b.device.mmio.write(DE_IER, 4, -1);
    b.device.irq.raiseGt(1);
    for (let i = 0; i < 100; i++) {
      b.vgt.tick();
      b.clock.advance(50_000_000);
    }
    expect(b.device.mmio.read(GT_IIR, 4) & 1).toBe(1);
    expect(b.vgt.interrupts.counters).toEqual(interrupts);
    expect(b.vgt.recovery.counters.hangs).toBe(0);
  });

  test('back again, dom0 works once its driver has set the GPU up', () => {
    const before = calls(b);
    const entries = b.device.ggtt.pte.slice();
    expect(lending().lend()).toBeNull();
    b.device.reset('function');
    b.device.mmio.write(0x200000, 4, 0x1234001);
    b.device.reset('function');
    lending().takeBack();
    expect(calls(b)).toEqual(before);
    expect(b.device.ggtt.pte).toEqual(entries);
    b.run();
    const again = b.guest0();
    again.startRing(RCS);
    again.submit(RCS, storeGgtt(again.dataGma + 8, 7));
    b.run();
    expect(again.peek(DATA_GFN, 2)).toBe(7);
    const hvm = b.hvm(1);
    hvm.startRing(RCS);
    hvm.submit(RCS, storeGgtt(hvm.dataGma, 8));
    b.run();
    expect(hvm.peek(DATA_GFN)).toBe(8);
  });

  test('many times', () => {
    for (let i = 1; i <= 5; i++) {
      expect(lending().lend()).toBeNull();
      expect(lending().lend()).toBe('EBUSY');
      b.device.reset('function');
      lending().takeBack();
      lending().takeBack();
      b.run();
      dom0.startRing(RCS);
      dom0.submit(RCS, storeGgtt(dom0.dataGma, i));
      b.run();
      expect(dom0.peek(DATA_GFN)).toBe(i);
    }
  });

  test('nobody gets a vGPU meanwhile, and control nodes take nothing', () => {
    lending().lend();
    expect(b.vgt.createVgpu(1, { lowMiB: 16, highMiB: 64, fences: 4 })).toBe('EBUSY');
    expect(b.vgt.control.write('control/foreground_vm', '0')).toBe('EBUSY');
    expect(b.vgt.control.write('nothing/there', '0')).toBe('ENOENT');
    expect(b.vgt.control.read('control/foreground_vm').ok).toBe(true);
    b.device.reset('function');
    lending().takeBack();
    expect(b.vgt.control.write('control/foreground_vm', '0')).toBeNull();
  });
});

describe('it is not lent', () => {
  test('while a guest has a vGPU', () => {
    b.hvm(1);
    expect(lending().obstacle).toBe('domain 1 has a vGPU');
    b.hvm(2);
    expect(lending().obstacle).toBe('domains 1, 2 have vGPUs');
    expect(lending().lend()).toBe('EBUSY');
    expect(lending().lent).toBe(false);
    b.vgt.destroyVgpu(1);
    b.vgt.destroyVgpu(2);
    expect(lending().lend()).toBeNull();
  });

  test("while dom0's driver takes its interrupts", () => {
    const { space } = dom0.vgpu.config;
    space.write(0x92, 2, 1);
    expect(lending().obstacle).toBe("Domain-0's driver uses the GPU: it has to let it go first");
    expect(lending().lend()).toBe('EBUSY');
    space.write(0x92, 2, 0);
    expect(lending().lend()).toBeNull();
  });
});
