import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, type TestGuest } from '../testing/bench.ts';

const GTIMR = 0x44014;
const GTIIR = 0x44018;
const GTIER = 0x4401c;
const DEIMR = 0x44004;
const DEIIR = 0x44008;
const DEIER = 0x4400c;
const PMIMR = 0x44024;
const PMIIR = 0x44028;
const SDEIMR = 0xc4004;
const SDEIIR = 0xc4008;
const SDEIER = 0xc400c;

let b: Bench;
let zero: TestGuest;
let one: TestGuest;
let two: TestGuest;
beforeEach(() => {
  b = new Bench();
  [zero, one, two] = [b.guest0(), b.hvm(1), b.hvm(2)];
});

describe('physical interrupts', () => {
  test('[L1] a physical mask bit is open if any VM has it open', () => {
    one.write(GTIMR, ~0x1);
    two.write(GTIMR, ~0x1000);
    expect(b.device.regs.peek(GTIMR)).toBe(~0x1001);
    one.write(GTIMR, -1);
    expect(b.device.regs.peek(GTIMR)).toBe(~0x1000);
  });

  test('[L2] a physical enable bit is set if any VM has it set', () => {
    one.write(GTIER, 0x1);
    two.write(GTIER, 0x400000);
    expect(b.device.regs.peek(GTIER)).toBe(0x400001);
  });

  test('a ring mask is open if any VM has it open', () => {
    one.write(0x220a8, ~0x400000);
    expect(b.device.regs.peek(0x220a8)).toBe(~0x400000);
  });

  test('after any writes of masks, making them all anew changes nothing', () => {
    const offsets = [GTIMR, GTIER, DEIMR, DEIER, PMIMR, 0x4402c, SDEIMR, SDEIER];
    const all = [...offsets, 0x20a8, 0x120a8, 0x220a8, 0x1a0a8];
    const register = fc.nat({ max: all.length - 1 });
    const writes = fc.array(fc.tuple(fc.nat({ max: 2 }), register, fc.integer()));
    fc.assert(
      fc.property(writes, (list) => {
        for (const [vm, k, value] of list) [zero, one, two][vm]!.write(all[k]!, value);
        const before = all.map((offset) => b.device.regs.peek(offset));
        b.vgt.interrupts.recompute();
        expect(all.map((offset) => b.device.regs.peek(offset))).toEqual(before);
      }),
    );
  });

  test('[L3] writing a bit of IIR clears that one only', () => {
    one.write(GTIMR, ~0x1001);
    b.device.irq.raiseGt(0x1001);
    one.write(GTIIR, 1);
    expect(one.read(GTIIR)).toBe(0x1000);
  });

  test('[L4] user interrupt reaches every unmasked VM', () => {
    for (const g of [zero, one]) g.write(GTIMR, ~1);
    b.device.irq.raiseGt(1);
    expect([zero, one, two].map((g) => g.read(GTIIR))).toEqual([1, 1, 0]);
    expect(b.device.regs.peek(GTIIR)).toBe(0);
  });

  test('[L5] [L6] masked or without the master enable nothing is injected', () => {
    zero.write(GTIMR, ~1);
    one.write(GTIER, 1);
    one.write(DEIER, 0x80000000 | 0);
    b.device.irq.raiseGt(1);
    expect(b.mpt.intx.get(1)).toBeUndefined();
    one.write(GTIMR, ~1);
    one.write(DEIER, 0);
    b.device.irq.raiseGt(1);
    expect(one.read(GTIIR)).toBe(1);
    expect(b.mpt.intx.get(1)).toBeUndefined();
    one.write(DEIER, 0x80000000 | 0);
    expect(b.mpt.intx.get(1)).toBe(true);
  });

  test('[L7] a PCH event shows as DE bit 28', () => {
    zero.write(DEIMR, ~(1 << 28));
    zero.write(SDEIMR, ~0x20000);
    zero.write(SDEIER, 0x20000);
    b.device.irq.raisePch(0x20000);
    expect(zero.read(SDEIIR)).toBe(0x20000);
    expect(zero.read(DEIIR) & (1 << 28)).not.toBe(0);
  });

  test("[L10] power, display and PCH events of hardware are dom0's", () => {
    for (const g of [zero, one]) for (const at of [PMIMR, DEIMR, SDEIMR]) g.write(at, 0);
    b.device.irq.raisePm(0x20);
    b.device.irq.raiseDe(0x1);
    b.device.irq.raisePch(0x200000);
    expect([zero.read(PMIIR), zero.read(DEIIR) & 1, zero.read(SDEIIR)]).toEqual([
      0x20, 1, 0x200000,
    ]);
    expect([one.read(PMIIR), one.read(DEIIR), one.read(SDEIIR)]).toEqual([0, 0, 0]);
    b.device.irq.raisePm(0x400);
    expect(one.read(PMIIR)).toBe(0x400);
  });

  test('[L19] two events before the VM clears give one bit', () => {
    one.write(GTIMR, ~1);
    b.device.irq.raiseGt(1);
    b.device.irq.raiseGt(1);
    expect(one.read(GTIIR)).toBe(1);
    one.write(GTIIR, 1);
    expect(one.read(GTIIR)).toBe(0);
  });

  test("[L8] [L9] a VM's pipes are its own: hardware's vertical blanks are masked as dom0 has them", () => {
    one.write(DEIMR, ~0x421);
    one.write(DEIER, 0x80000421 | 0);
    expect(b.device.regs.peek(DEIMR) & 0x421).toBe(0x421);
    b.device.irq.raiseDe(0x20);
    expect(one.read(DEIIR)).toBe(0);
    one.vgpu.irq.raiseDe(0x1);
    expect([one.read(DEIIR), zero.read(DEIIR)]).toEqual([1, 0]);
  });

  test('[L13] nothing is open that no VM asks for: switches need no interrupts', () => {
    expect([b.device.regs.peek(GTIMR), b.device.regs.peek(PMIMR)]).toEqual([-1, -1]);
    for (const g of [one, two]) {
      g.startRing(0);
      g.submit(0, new Array(64).fill(0));
    }
    b.run();
    expect(b.vgt.switch.counters.switches).toBe(2);
    expect(b.vgt.interrupts.counters.interrupts).toBe(0);
  });

  test('[L18] an event that comes again whenever it is cleared holds nobody up, and none is lost', () => {
    zero.write(SDEIMR, ~0x20000);
    zero.write(SDEIER, 0x20000);
    let again = 100;
    b.vgt.dom0.irq.watcher = {
      raised: () => {
        if (again-- > 0) b.device.irq.raisePch(0x20000);
      },
      line: () => {},
    };
    b.device.irq.raisePch(0x20000);
    expect(b.vgt.interrupts.counters.interrupts).toBeLessThan(10);
    for (let i = 0; i < 20; i++) b.vgt.tick();
    expect(again).toBeLessThan(0);
    b.vgt.dom0.irq.watcher = null;
    zero.write(SDEIIR, -1);
    b.device.irq.raisePch(0x20000);
    expect(zero.read(SDEIIR)).toBe(0x20000);
  });

  test('[L20] a reset of the engines raises nothing, and interrupts go on after it', () => {
    zero.write(GTIMR, ~1);
    zero.write(GTIER, 1);
    zero.write(DEIER, 0x80000000 | 0);
    b.vgt.switch.hardware.engines(0xf);
    expect([zero.read(GTIIR), b.mpt.intx.get(0)]).toEqual([0, undefined]);
    expect(b.device.regs.peek(DEIER) & 0x80000000).not.toBe(0);
    b.device.irq.raiseGt(1);
    expect([zero.read(GTIIR), b.mpt.intx.get(0)]).toEqual([1, true]);
  });
});
