import { describe, expect, test } from 'vitest';
import { GtDriver } from '../testing/gt-driver.ts';
import { FORCEWAKE_ACK_HSW, FORCEWAKE_MT } from './power.ts';

const RPNSWREQ = 0xa008;
const RPSTAT1 = 0xa01c;
const RC_CONTROL = 0xa090;
const RC6 = 0x138108;
const MAILBOX = 0x138124;
const DATA = 0x138128;
const READY = 1 << 31;

describe('forcewake', () => {
  test('the acknowledge follows the bits that the upper half enables', () => {
    const { regs } = new GtDriver();
    regs.write32(FORCEWAKE_MT, 0x00010001);
    expect(regs.read32(FORCEWAKE_ACK_HSW)).toBe(1);
    regs.write32(FORCEWAKE_MT, 0x00020002);
    expect(regs.read32(FORCEWAKE_ACK_HSW)).toBe(3);
    regs.write32(FORCEWAKE_MT, 0x00010000);
    expect(regs.read32(FORCEWAKE_ACK_HSW)).toBe(2);
    regs.write32(FORCEWAKE_ACK_HSW, 0);
    expect(regs.read32(FORCEWAKE_ACK_HSW)).toBe(2);
  });
});

describe('render frequency and RC6', () => {
  test('the actual frequency follows the request', () => {
    const { regs } = new GtDriver();
    regs.write32(RPNSWREQ, 23 << 24);
    expect((regs.read32(RPSTAT1) >>> 7) & 0x7f).toBe(23);
  });

  test('residency counts idle time without forcewake while RC6 is on, in 1.28 us', () => {
    const d = new GtDriver();
    d.clock.advance(1_280_000);
    expect(d.regs.read32(RC6)).toBe(0);
    d.regs.write32(RC_CONTROL, (1 << 31) | (1 << 18));
    d.clock.advance(1_280_000);
    expect(d.regs.read32(RC6)).toBe(1000);
    d.regs.write32(FORCEWAKE_MT, 0x00010001);
    d.clock.advance(1_280_000);
    expect(d.regs.read32(RC6)).toBe(1000);
    d.regs.write32(FORCEWAKE_MT, 0x00010000);
    d.clock.advance(1_280_000);
    expect(d.regs.read32(RC6)).toBe(2000);
  });
});

describe('PCODE mailbox', () => {
  test('a known command is done at once: ready clears, no error', () => {
    const { regs } = new GtDriver();
    regs.write32(DATA, 5);
    regs.write32(MAILBOX, READY | 0x09);
    expect(regs.read32(MAILBOX)).toBe(0);
    expect(regs.read32(DATA)).toBe((10 << 16) | (5 << 8) | 5);
  });

  test('D_COMP is written and read through the mailbox', () => {
    const { regs } = new GtDriver();
    regs.write32(DATA, 0x123);
    regs.write32(MAILBOX, READY | 0x11);
    regs.write32(DATA, 0);
    regs.write32(MAILBOX, READY | 0x10);
    expect(regs.read32(DATA)).toBe(0x123);
    expect(regs.read32(0x145f0c)).toBe(0x123);
  });

  test('an unknown command is refused as illegal and counted', () => {
    const d = new GtDriver();
    d.regs.write32(MAILBOX, READY | 0x7f);
    expect(d.regs.read32(MAILBOX)).toBe(1);
    expect(d.gt.power.refusedCommands).toBe(1);
  });

  test('without the ready bit nothing happens', () => {
    const { regs } = new GtDriver();
    regs.write32(MAILBOX, 0x7f);
    expect(regs.read32(MAILBOX)).toBe(0x7f);
  });
});

describe('GDRST', () => {
  test('one engine alone, and all of them with bit 0; it reads 0 at once', () => {
    const d = new GtDriver();
    d.regs.write32(0x941c, 2);
    expect(d.regs.read32(0x941c)).toBe(0);
    expect(d.engine('RCS').enabled).toBe(false);
    expect(d.engine('BCS').enabled).toBe(true);
    d.regs.write32(0x941c, 1);
    expect(d.engine('BCS').enabled).toBe(false);
    expect(d.gt.resets).toBe(2);
  });
});
