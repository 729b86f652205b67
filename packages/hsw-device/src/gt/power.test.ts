import { describe, expect, test } from 'vitest';
import { GttMmio } from '../device.ts';
import { IRQ_IER, IRQ_IIR, IRQ_IMR, PM_IRQ } from '../irq/interrupt.regs.ts';
import { ManualClock } from '../port/clock.ts';
import { RegSpace } from '../reg/reg-space.ts';
import { GtDriver } from '../testing/gt-driver.ts';
import { RING_BASE, RING_TAIL } from './engine.regs.ts';
import { FORCEWAKE, FORCEWAKE_ACK_HSW, FORCEWAKE_MT } from './forcewake.ts';
import { Power } from './power.ts';

const FORCEWAKE_ACK = 0x130090;
const RC_CONTROL = 0xa090;
const RC_STATE = 0xa094;
const RC6_THRESHOLD = 0xa0b8;
const RC6_HW = (1 << 31) | (1 << 18);
const RC6_SW = 1 << 18;
const RC6 = 0x138108;
const CORE_STATUS = 0x138060;
const THREAD_STATUS = 0x13805c;
const US = 1000;
const MS = 1_000_000;
/** What keeps an engine busy without end: a semaphore that nobody signals. */
const WAIT_FOR_EVER = [(0x16 << 23) | (1 << 20) | 1, 0x7fffffff, 0];

function mmio(d: GtDriver): GttMmio {
  return new GttMmio('gttmmio', d.regs, d.ggtt, d.gt.power);
}

/** Makes the blitter wait for something that does not come. */
function hang(d: GtDriver): void {
  d.submit('BCS', ...WAIT_FOR_EVER);
  d.run();
  expect(d.gt.idle).toBe(false);
}

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

  test('the older form has one bit and its own acknowledge', () => {
    const d = new GtDriver();
    d.regs.write32(FORCEWAKE, 3);
    expect([d.regs.read32(FORCEWAKE_ACK), d.regs.read32(FORCEWAKE_ACK_HSW)]).toEqual([1, 0]);
    expect(d.gt.power.awake).toBe(true);
    d.regs.write32(FORCEWAKE, 0);
    expect(d.gt.power.awake).toBe(false);
  });

  test("a sleeping GT's registers read 0; writes arrive; a request wakes it", () => {
    const d = new GtDriver();
    const bar = mmio(d);
    const start = RING_BASE.BCS + 0x38;
    expect(bar.read(start, 4)).not.toBe(0);
    bar.write(RC_CONTROL, 4, RC6_HW);
    expect(bar.read(THREAD_STATUS, 4)).toBe(7);
    expect([bar.read(start, 4), bar.read(RC_CONTROL, 4)]).toEqual([0, 0]);
    expect(d.gt.power.asleepReads).toBe(2);
    bar.write(start, 4, 0x5000);
    bar.write(FORCEWAKE_MT, 4, 0x00010001);
    expect([bar.read(start, 4), bar.read(THREAD_STATUS, 4)]).toEqual([0x5000, 0]);
    bar.write(FORCEWAKE_MT, 4, 0x00010000);
    expect(bar.read(FORCEWAKE_MT, 4)).toBe(0);
    expect(d.gt.power.asleepReads).toBe(2);
  });
});

describe('RC6', () => {
  test('residency counts sleep in 1.28 us, and only sleep', () => {
    const d = new GtDriver();
    const advance = (): number => {
      d.clock.advance(1280 * US);
      return d.regs.read32(RC6);
    };
    expect(advance()).toBe(0);
    d.regs.write32(RC_CONTROL, RC6_HW);
    expect(advance()).toBe(1000);
    d.regs.write32(FORCEWAKE_MT, 0x00010001);
    expect(advance()).toBe(1000);
    d.regs.write32(FORCEWAKE_MT, 0x00010000);
    expect(advance()).toBe(2000);
    hang(d);
    expect(advance()).toBe(2000);
    d.regs.write32(0x941c, 1);
    expect(advance()).toBe(3000);
    d.regs.write32(RC_CONTROL, 0);
    expect(advance()).toBe(3000);
  });

  test('where hardware decides, sleep begins after the threshold', () => {
    const d = new GtDriver();
    d.regs.write32(RC6_THRESHOLD, 50_000);
    d.regs.write32(RC_CONTROL, RC6_HW);
    d.clock.advance(63 * MS);
    expect([d.regs.read32(CORE_STATUS), d.regs.read32(RC6)]).toEqual([0, 0]);
    d.clock.advance(2 * MS);
    expect(d.regs.read32(CORE_STATUS)).toBe(3);
    expect(d.regs.read32(RC6)).toBe(Math.floor((1 * MS) / 1280));
  });

  test('where the driver asks for it, sleep begins at once', () => {
    const d = new GtDriver();
    d.regs.write32(RC6_THRESHOLD, 50_000);
    d.regs.write32(RC_CONTROL, RC6_SW);
    d.clock.advance(MS);
    expect(d.regs.read32(CORE_STATUS)).toBe(0);
    d.regs.write32(RC_STATE, 4 << 16);
    expect(d.regs.read32(CORE_STATUS)).toBe(3);
    d.submit('BCS', ...WAIT_FOR_EVER);
    expect(d.regs.read32(CORE_STATUS)).toBe(0);
  });
});

describe('render frequency', () => {
  const RPNSWREQ = 0xa008;
  const RPSTAT1 = 0xa01c;
  const LIMITS = 0xa014;
  const PMINTRMSK = 0xa168;
  const CONTROL = 0xa024;
  const UP_THRESHOLD = 0x20;
  const DOWN_THRESHOLD = 0x10;
  const DOWN_TIMEOUT = 0x40;

  const cagf = (d: GtDriver): number => (d.regs.read32(RPSTAT1) >>> 7) & 0x7f;

  /** As i915 sets it up: up at 95 % of 16 ms, down below 85 % of 32 ms, time-out of 64 ms. */
  function enabled(ratio: number): GtDriver {
    const d = new GtDriver();
    const { regs } = d;
    regs.write32(PM_IRQ + IRQ_IMR, 0);
    regs.write32(PM_IRQ + IRQ_IER, -1);
    regs.write32(RPNSWREQ, ratio << 24);
    regs.write32(0xa010, 50_000);
    regs.write32(0xa068, 12_500);
    regs.write32(0xa02c, 11_875);
    regs.write32(0xa06c, 25_000);
    regs.write32(0xa030, 21_250);
    regs.write32(LIMITS, 23 << 24);
    regs.write32(PMINTRMSK, ~(UP_THRESHOLD | DOWN_THRESHOLD | DOWN_TIMEOUT));
    regs.write32(CONTROL, 0xd92);
    return d;
  }

  /** PMIIR after some time, cleared. */
  function events(d: GtDriver, ms: number): number {
    d.clock.advance(ms * MS);
    const iir = d.regs.read32(PM_IRQ + IRQ_IIR);
    d.regs.write32(PM_IRQ + IRQ_IIR, iir);
    return iir;
  }

  test('the frequency follows the request between RPn and RP0', () => {
    const d = new GtDriver();
    for (const [asked, got] of [
      [10, 10],
      [23, 23],
      [60, 23],
      [1, 4],
    ] as const) {
      d.regs.write32(RPNSWREQ, asked << 24);
      expect(cagf(d)).toBe(got);
    }
  });

  test('load asks for more, at the end of an interval and not before', () => {
    const d = enabled(10);
    d.clock.advance(16 * MS);
    hang(d);
    expect(events(d, 15) & UP_THRESHOLD).toBe(0);
    expect(events(d, 2) & UP_THRESHOLD).toBe(UP_THRESHOLD);
    expect(events(d, 16) & UP_THRESHOLD).toBe(UP_THRESHOLD);
    expect(d.regs.read32(0xa058)).toBe(12_500);
  });

  test('a GT that works half the time asks for less', () => {
    const d = enabled(10);
    for (let i = 0; i < 4; i++) {
      hang(d);
      d.clock.advance(8 * MS);
      d.regs.write32(RING_BASE.BCS + 0x3c, 0);
      d.gt.step(1);
      d.clock.advance(8 * MS);
      d.regs.write32(0x941c, 8);
      d.regs.write32(RING_BASE.BCS + 0x38, 24 << 12);
      d.regs.write32(RING_BASE.BCS + RING_TAIL, 0);
      d.regs.write32(RING_BASE.BCS + 0x3c, 1);
    }
    expect(d.regs.read32(PM_IRQ + IRQ_IIR) & (UP_THRESHOLD | DOWN_THRESHOLD)).toBe(DOWN_THRESHOLD);
    expect(d.regs.read32(0xa058)).toBe(6250);
  });

  test('nothing is asked for beyond the limits, nor what is masked', () => {
    const fast = enabled(23);
    hang(fast);
    expect(events(fast, 40) & UP_THRESHOLD).toBe(0);
    const slow = enabled(4);
    slow.regs.write32(LIMITS, (23 << 24) | (4 << 16));
    expect(events(slow, 200)).toBe(0);
    const masked = enabled(10);
    masked.regs.write32(PMINTRMSK, ~DOWN_THRESHOLD);
    hang(masked);
    expect(events(masked, 200)).toBe(0);
  });

  test('idleness times out once', () => {
    const d = enabled(10);
    d.regs.write32(PMINTRMSK, ~DOWN_TIMEOUT);
    expect(events(d, 60)).toBe(0);
    expect(events(d, 10)).toBe(DOWN_TIMEOUT);
    expect(events(d, 200)).toBe(0);
  });

  test('a sleeping GT is left alone: no event is pending on the clock', () => {
    const d = enabled(10);
    d.regs.write32(RC_CONTROL, RC6_HW);
    events(d, 40);
    expect(d.clock.nextAt).toBe(Number.POSITIVE_INFINITY);
  });

  test('without anybody to tell, windows count and the clock is left alone', () => {
    const clock = new ManualClock();
    const regs = new RegSpace();
    regs.add(new Power({ regs, clock, idle: () => true }).rows);
    regs.write32(0xa068, 12_500);
    regs.write32(CONTROL, 0xd92);
    expect(clock.nextAt).toBe(Number.POSITIVE_INFINITY);
    clock.advance(20 * MS);
    expect(regs.read32(0xa050)).toBe(Math.floor((4 * MS) / 1280));
  });

  test('an interval of one unit does not flood the clock', () => {
    const d = enabled(10);
    d.regs.write32(0xa068, 1);
    d.regs.write32(0xa06c, 1);
    let raised = 0;
    d.irq.onLine = () => {
      raised++;
    };
    const from = d.irq.edges;
    events(d, 10);
    expect(d.irq.edges - from + raised).toBeLessThan(50);
    expect(d.clock.nextAt - d.clock.now).toBeGreaterThan(100 * US);
  });
});

describe('PCODE mailbox', () => {
  const MAILBOX = 0x138124;
  const DATA = 0x138128;
  const READY = 1 << 31;

  /** One command as a driver gives it. @returns the mailbox in the end */
  function command(d: GtDriver, id: number, data: number): number {
    d.regs.write32(DATA, data);
    d.regs.write32(MAILBOX, READY | id);
    for (let i = 0; i < 10; i++) {
      const value = d.regs.read32(MAILBOX);
      if ((value & READY) === 0) return value;
    }
    return READY;
  }

  test('it is busy for some microseconds, and then takes the next command', () => {
    const d = new GtDriver();
    d.regs.write32(MAILBOX, READY | 0x0c);
    expect(d.regs.read32(MAILBOX)).toBe(READY | 0x0c);
    d.regs.write32(MAILBOX, READY | 0x7f);
    d.clock.advance(20 * US);
    expect(d.regs.read32(MAILBOX)).toBe(0);
    expect(d.gt.power.pcode.refused).toBe(0);
  });

  test('the table of minimum frequencies keeps what is written', () => {
    const d = new GtDriver();
    expect(command(d, 0x09, 5)).toBe(0);
    expect(d.regs.read32(DATA)).toBe(0x0505);
    expect(command(d, 0x08, (30 << 16) | (20 << 8) | 5)).toBe(0);
    expect(command(d, 0x09, 5)).toBe(0);
    expect(d.regs.read32(DATA)).toBe((30 << 8) | 20);
    expect(command(d, 0x09, 24)).toBe(0x10);
    expect(d.gt.power.pcode.refused).toBe(1);
  });

  test('D_COMP is written and read through the mailbox', () => {
    const d = new GtDriver();
    command(d, 0x11, 0x123);
    command(d, 0x10, 0);
    expect(d.regs.read32(DATA)).toBe(0x123);
    expect(d.regs.read32(0x145f0c)).toBe(0x123);
  });

  test('an unknown command is refused as illegal and counted', () => {
    const d = new GtDriver();
    expect(command(d, 0x7f, 0x55)).toBe(1);
    expect(d.regs.read32(DATA)).toBe(0x55);
    expect(d.gt.power.pcode.refused).toBe(1);
  });

  test('without the ready bit nothing happens', () => {
    const { regs } = new GtDriver();
    regs.write32(MAILBOX, 0x7f);
    expect(regs.read32(MAILBOX)).toBe(0x7f);
  });
});

describe('GDRST', () => {
  const GDRST = 0x941c;
  const CACHE_MODE_0 = 0x7000;
  const SCRATCH1 = 0xb038;

  test('one engine alone; all of them with bit 0', () => {
    const d = new GtDriver();
    d.regs.write32(GDRST, 2);
    expect(d.engine('RCS').enabled).toBe(false);
    expect(d.engine('BCS').enabled).toBe(true);
    d.regs.write32(GDRST, 1);
    expect(d.engine('BCS').enabled).toBe(false);
    expect(d.gt.resets).toBe(2);
  });

  test('its bits stay until the reset is over; others are not kept', () => {
    const d = new GtDriver();
    d.regs.write32(GDRST, 0xffff000a | 0);
    expect(d.regs.read32(GDRST)).toBe(0xa);
    d.clock.advance(10 * US);
    expect(d.regs.read32(GDRST)).toBe(0);
    d.regs.write32(GDRST, 2);
    const polls = [1, 2, 3].map(() => d.regs.read32(GDRST));
    expect(polls.at(-1)).toBe(0);
    d.regs.write32(GDRST, 0x100);
    expect([d.regs.read32(GDRST), d.gt.resets]).toEqual([0, 2]);
  });

  test("an engine's reset frees it and takes its registers, nobody else's", () => {
    const d = new GtDriver();
    hang(d);
    d.submit('VCS', ...WAIT_FOR_EVER);
    d.run();
    d.regs.write32(CACHE_MODE_0, 0x00100010);
    d.regs.write32(SCRATCH1, 0x77);
    d.regs.write32(GDRST, 8);
    expect([d.engine('BCS').idle, d.engine('VCS').idle]).toEqual([true, false]);
    expect([d.regs.read32(CACHE_MODE_0), d.regs.read32(SCRATCH1)]).toEqual([0x10, 0x77]);
    d.regs.write32(GDRST, 2);
    expect([d.regs.read32(CACHE_MODE_0), d.regs.read32(SCRATCH1)]).toEqual([0, 0x77]);
    d.regs.write32(GDRST, 1);
    expect([d.gt.idle, d.regs.read32(SCRATCH1)]).toEqual([true, 0]);
  });
});
