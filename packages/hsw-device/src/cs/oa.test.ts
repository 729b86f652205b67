import { describe, expect, test } from 'vitest';
import { RING_BASE } from '../gt/engine.regs.ts';
import { GtDriver } from '../testing/gt-driver.ts';

const OACONTROL = 0x2360;
const OASTATUS1 = 0x2364;
const OASTATUS2 = 0x2368;
const OABUFFER = 0x23b0;
const ENABLE = 1;
const TIMER = 0x20;
const PER_CONTEXT = 2;
const A45_B8_C8 = 5 << 2;
const BUFFER = 0x200000;
const OUT = 0x80000;
const MI = (op: number, low = 0): number => (op << 23) | low;
const REPORT = (at: number, id: number): number[] => [MI(0x28, 1), at | 1, id];
/** Dwords of a report: i915 and IGT read C2 of A45_B8_C8 as the clocks of RenderBasic. */
const C2 = 224 / 4 + 2;

/** As gen7_init_oa_buffer and gen7_oa_enable set the unit up, with 128 KiB. */
function enabled(control: number): GtDriver {
  const d = new GtDriver();
  d.regs.write32(OASTATUS2, BUFFER | 1);
  d.regs.write32(OABUFFER, BUFFER);
  d.regs.write32(OASTATUS1, BUFFER);
  d.regs.write32(OACONTROL, control | ENABLE);
  return d;
}
const exponent = (e: number): number => e << 6;
const tail = (d: GtDriver): number => (d.regs.read32(OASTATUS1) & ~0x3f) - BUFFER;

describe('timer reports', () => {
  test('one each period, at the times at which they were due', () => {
    const d = enabled(A45_B8_C8 | TIMER | exponent(5));
    d.clock.advance(64 * 80 * 10);
    expect(tail(d)).toBe(10 * 256);
    for (let i = 0; i < 10; i++) {
      expect(d.peek(BUFFER + i * 256)).not.toBe(0);
      // Haswell's timer is the rising edge of bit 5.
      expect(d.peek(BUFFER + i * 256 + 4)).toBe(i * 64 + 32);
    }
    expect(d.peek(BUFFER + 10 * 256)).toBe(0);
  });

  test('core clocks grow between them by the frequency: 350 MHz where RPSTAT1 names none', () => {
    const d = enabled(A45_B8_C8 | TIMER | exponent(5));
    d.clock.advance(64 * 80 * 3);
    tail(d);
    const clocks = [0, 1, 2].map((i) => d.peek(BUFFER + i * 256 + C2 * 4));
    expect((clocks[1] as number) - (clocks[0] as number)).toBe(64 * 28);
    expect((clocks[2] as number) - (clocks[1] as number)).toBe(64 * 28);
  });

  test('none while the timer is off', () => {
    const d = enabled(A45_B8_C8 | exponent(5));
    d.clock.advance(1e9);
    expect(tail(d)).toBe(0);
  });

  test('a buffer that nobody reads overflows, and OASTATUS1 says so', () => {
    const d = enabled(A45_B8_C8 | TIMER | exponent(5));
    d.clock.advance(64 * 80 * 511);
    expect(tail(d)).toBe(511 * 256);
    expect(d.regs.read32(OASTATUS1) & 2).toBe(0);
    d.clock.advance(64 * 80);
    expect(d.regs.read32(OASTATUS1) & 2).toBe(2);
    expect(d.engine('RCS').oa?.overflows).toBe(1);
  });

  test('of more than the ring holds the latest are written, and the tail is where it would be', () => {
    const d = enabled(A45_B8_C8 | TIMER);
    d.clock.advance(160 * 1_000_000);
    const count = 1_000_000;
    expect(tail(d)).toBe((count * 256) % 0x20000);
    expect(d.regs.read32(OASTATUS1) & 2).toBe(2);
    for (let i = count - 512; i < count; i++) {
      expect(d.peek(BUFFER + (i % 512) * 256 + 4)).toBe(i * 2 + 1);
    }
  });

  test('with overruns disabled a full ring keeps its reports', () => {
    const d = enabled(A45_B8_C8 | TIMER);
    d.regs.write32(OABUFFER, BUFFER | 8);
    d.clock.advance(160 * 10_000);
    expect(tail(d)).toBe(511 * 256);
    expect(d.peek(BUFFER + 4)).toBe(1);
    // Read up to the tail: there is room again, for reports from now on.
    d.regs.write32(OASTATUS2, (BUFFER + 511 * 256) | 1);
    d.clock.advance(160);
    expect(tail(d)).toBe(0);
    expect(d.peek(BUFFER + 511 * 256 + 4)).toBe(20_001);
  });

  test('a report that wraps is whole', () => {
    const A29_B8_C8 = 3 << 2;
    const d = enabled(A29_B8_C8 | TIMER);
    d.clock.advance(160 * 682);
    tail(d);
    d.poke(BUFFER, ...new Array(17).fill(-1));
    d.clock.advance(160);
    // 682 reports of 192 bytes leave 128.
    expect(tail(d)).toBe(64);
    expect(d.peek(BUFFER + 0x20000 - 128 + 4)).toBe(682 * 2 + 1);
    expect([d.peek(BUFFER), d.peek(BUFFER + 60), d.peek(BUFFER + 64)]).toEqual([0, 0, -1]);
  });

  test('for one context there are none while another runs', () => {
    const d = enabled(A45_B8_C8 | TIMER | exponent(5) | PER_CONTEXT | 0x100000);
    d.clock.advance(64 * 80 * 4);
    expect(tail(d)).toBe(0);
    d.submit('RCS', MI(0x18), 0x100101);
    d.run();
    d.clock.advance(64 * 80 * 4);
    // Nobody looks before the next context comes.
    d.submit('RCS', MI(0x18), 0x110101);
    d.run();
    d.clock.advance(64 * 80 * 4);
    expect(tail(d)).toBe(4 * 256);
  });
});

describe('MI_REPORT_PERF_COUNT', () => {
  test('id, time stamp and clocks, in the format that OACONTROL names', () => {
    const d = enabled(A45_B8_C8);
    d.clock.advance(80 * 1000);
    d.poke(OUT + 256, 0x77);
    d.submit('RCS', ...REPORT(OUT, 0xdeadbeef | 0));
    expect(d.run()).toBe(true);
    expect([d.peek(OUT), d.peek(OUT + 4)]).toEqual([0xdeadbeef | 0, 1000]);
    expect(d.peek(OUT + C2 * 4)).toBe(28_000);
    expect(d.peek(OUT + 256)).toBe(0x77);
  });

  test('what shaders would count is 0', () => {
    const d = enabled(A45_B8_C8);
    d.poke(OUT, ...new Array(64).fill(-1));
    d.clock.advance(80 * 1000);
    d.submit('RCS', ...REPORT(OUT, 1));
    d.run();
    for (let a = 0; a < 41; a++) expect(d.peek(OUT + 12 + a * 4)).toBe(0);
    for (let b = 0; b < 8; b++) expect(d.peek(OUT + 192 + b * 4)).toBe(0);
  });

  test('A41 counts the clocks in which the render engine had work', () => {
    const d = enabled(A45_B8_C8);
    d.clock.advance(80 * 100);
    d.eventPending = true;
    d.submit('RCS', MI(0x03, 8), 0);
    d.run();
    d.clock.advance(80 * 50);
    d.eventPending = false;
    d.submit('RCS', ...REPORT(OUT, 1));
    d.run();
    d.clock.advance(80 * 100);
    d.submit('RCS', ...REPORT(OUT + 0x100, 1));
    d.run();
    expect(d.peek(OUT + 12 + 41 * 4)).toBe(50 * 28);
    expect(d.peek(OUT + 0x100 + 12 + 41 * 4)).toBe(50 * 28);
  });

  test('counters stand still while the unit is off', () => {
    const d = new GtDriver();
    d.clock.advance(80 * 1000);
    d.submit('RCS', ...REPORT(OUT, 3));
    d.run();
    // Format 0, A13: 64 bytes, no C counters.
    expect([d.peek(OUT), d.peek(OUT + 4), d.peek(OUT + C2 * 4)]).toEqual([3, 1000, 0]);
  });

  test.each([
    ['MemoryReads', 0x253a4, 0x34300000, 224 / 4 + 7],
    ['SamplerBalance', 0x2eb9c, 0x01906400, 192 / 4 + 7],
  ])('%s has its clocks where its multiplexer puts them', (_, register, value, place) => {
    const d = enabled(A45_B8_C8);
    d.regs.write32(register, value);
    d.clock.advance(80 * 1000);
    d.submit('RCS', ...REPORT(OUT, 1));
    d.run();
    expect(d.peek(OUT + place * 4)).toBe(28_000);
    expect(d.peek(OUT + C2 * 4)).toBe(0);
  });

  test('the render engine alone has the command', () => {
    const d = new GtDriver();
    d.submit('BCS', ...REPORT(OUT, 1));
    d.run();
    expect(d.engine('BCS').hang).toBe('wrong-engine');
    expect(RING_BASE.BCS).toBe(0x22000);
  });
});
