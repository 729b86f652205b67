import { describe, expect, test } from 'vitest';
import {
  RING_ACTHD,
  RING_BASE,
  RING_BBADDR,
  RING_CTL,
  RING_DMA_FADD,
  RING_EIR,
  RING_ESR,
  RING_EXCC,
  RING_INSTDONE,
  RING_IPEHR,
  RING_NOPID,
  RING_SBBADDR,
  RING_START,
  RING_VALID,
} from '../gt/engine.regs.ts';
import { GT_BCS_FLUSH, GT_IRQ, IRQ_IIR } from '../irq/interrupt.regs.ts';
import { GtDriver } from '../testing/gt-driver.ts';
import { COMMANDS, commandByName } from './decode.ts';
import { type CommandRow, ON_RCS, ON_VCS, STARTS_WORK } from './row.ts';

const MI = (op: number, low = 0): number => (op << 23) | low;
const BATCH_END = MI(0x0a);
const BATCH_START = MI(0x31);
const STORE = MI(0x20, 2);
const LRI = MI(0x22, 1);
const AT = 0x90000;
const OUT = 0x80000;
const RCS = RING_BASE.RCS;

describe('MI_CONDITIONAL_BATCH_BUFFER_END', () => {
  const COMPARE = 0x200000;
  test.each([
    ['above the operand goes on', COMPARE, 6, 7],
    ['equal to it ends', COMPARE, 5, 0],
    ['below it ends', COMPARE, 4, 0],
    ['compares as unsigned', COMPARE, -1, 7],
    ['without a comparison goes on', 0, 4, 7],
  ])('%s', (_, flags, value, stored) => {
    const d = new GtDriver();
    d.poke(OUT + 8, value);
    d.poke(AT, MI(0x36, 1) | flags, 5, OUT + 8, STORE, 0, OUT, 7, BATCH_END);
    d.submit('RCS', BATCH_START, AT);
    expect(d.run()).toBe(true);
    expect(d.peek(OUT)).toBe(stored);
  });
});

describe('predicates', () => {
  const PREDICATE = (load: number, combine: number, compare: number): number =>
    MI(0x0c, (load << 6) | (combine << 3) | compare);

  test.each([
    ['true', PREDICATE(2, 0, 0), 1],
    ['false', PREDICATE(2, 0, 1), 0],
    ['equal sources', PREDICATE(2, 0, 2), 0],
    ['equal deltas: 9 - 5 is DATA', PREDICATE(2, 0, 3), 1],
    ['inverted', PREDICATE(3, 0, 0), 0],
    ['kept', PREDICATE(0, 0, 1), 1],
    ['and', PREDICATE(2, 1, 1), 0],
    ['or', PREDICATE(2, 2, 1), 1],
    ['xor', PREDICATE(2, 3, 0), 0],
  ])('MI_PREDICATE %s', (_, command, result) => {
    const d = new GtDriver();
    d.submit('RCS', MI(0x22, 7), 0x2400, 9, 0x2408, 5, 0x2410, 4, 0x2418, 1, command);
    expect(d.run()).toBe(true);
    expect(d.regs.peek(0x2418)).toBe(result);
  });

  test('MI_STORE_REGISTER_MEM with the predicate bit stores only while the result is set', () => {
    for (const set of [0, 1]) {
      const d = new GtDriver();
      d.submit('RCS', MI(0x22, 3), 0x2600, 7, 0x2418, set, MI(0x24, 1) | 0x200000, 0x2600, OUT);
      d.run();
      expect(d.peek(OUT)).toBe(set * 7);
    }
  });

  test.each([
    ['never', 0, 0, 7],
    ['while RESULT_2 is clear: it is', 1, 0, 0],
    ['while RESULT_2 is clear: it is not', 1, 1, 7],
    ['while RESULT_2 is set: it is', 2, 1, 0],
    ['while RESULT_2 is set: it is not', 2, 0, 7],
    ['always', 3, 1, 0],
  ])('MI_SET_PREDICATE makes no-ops %s', (_, how, result, stored) => {
    const d = new GtDriver();
    d.regs.write32(0x2214, result);
    d.poke(AT, MI(0x01, how), STORE, 0, OUT, 7, MI(0x01, 0), STORE, 0, OUT + 4, 8, BATCH_END);
    d.submit('RCS', BATCH_START, AT);
    expect(d.run()).toBe(true);
    expect([d.peek(OUT), d.peek(OUT + 4)]).toEqual([stored, 8]);
    expect(d.engine('RCS').counters.predicated).toBe(stored === 0 ? 1 : 0);
  });

  test('left on, it ends with its batch, and that batch ends', () => {
    const d = new GtDriver();
    d.poke(AT, MI(0x01, 3), BATCH_END);
    d.submit('RCS', BATCH_START, AT, STORE, 0, OUT, 7);
    expect(d.run()).toBe(true);
    expect(d.peek(OUT)).toBe(7);
  });
});

describe('registers', () => {
  test('MI_NOOP writes NOPID when it is told to, on each engine its own', () => {
    const d = new GtDriver();
    d.submit('RCS', MI(0x00, 0x400000 | 0x12345), MI(0x00, 0x77));
    d.submit('VECS', MI(0x00, 0x400000 | 0x3fffff));
    d.run();
    expect(d.regs.read32(RCS + RING_NOPID)).toBe(0x12345);
    expect(d.regs.read32(RING_BASE.VECS + RING_NOPID)).toBe(0x3fffff);
  });

  test('MI_LOAD_REGISTER_IMM leaves the bytes alone that 11:8 name', () => {
    const d = new GtDriver();
    d.submit('RCS', LRI, 0x2600, 0x11223344, LRI | 0x500, 0x2600, 0xaabbccdd | 0);
    d.run();
    expect(d.regs.peek(0x2600)).toBe(0xaa22cc44 | 0);
  });

  test('MI_LOAD_REGISTER_MEM and REG carry a value from memory to a register to another', () => {
    const d = new GtDriver();
    d.poke(OUT, 0x55aa);
    d.submit('RCS', MI(0x29, 1), 0x2600, OUT, MI(0x2a, 1), 0x2600, 0x2678);
    d.run();
    expect(d.regs.peek(0x2678)).toBe(0x55aa);
  });

  test('the high dword of a time stamp holds bits 35:32', () => {
    const d = new GtDriver();
    d.clock.advance(80 * (2 ** 37 + 2 ** 33 + 5));
    expect(d.regs.read32(RCS + 0x358)).toBe(5);
    expect(d.regs.read32(RCS + 0x35c)).toBe(2);
  });
});

describe('waiting and scan lines', () => {
  test('a condition code of EXCC holds the engine until it is cleared', () => {
    const d = new GtDriver();
    d.regs.write32(RCS + RING_EXCC, 0x00040004);
    d.submit('RCS', MI(0x03, 3 << 16), 0, STORE, 0, OUT, 7);
    expect(d.run()).toBe(false);
    d.regs.write32(RCS + RING_EXCC, 0x00040000);
    expect(d.run()).toBe(true);
    expect(d.peek(OUT)).toBe(7);
  });

  test.each([
    ['INCL of pipe A', MI(0x12), 0x70068, 0x80100020 | 0],
    ['EXCL of pipe B', MI(0x13, 1 << 19), 0x71068, 0x00100020],
    ['INCL of pipe C', MI(0x12, 4 << 19), 0x72068, 0x80100020 | 0],
  ])('MI_LOAD_SCAN_LINES_%s loads the window', (_, header, register, value) => {
    const d = new GtDriver();
    d.regs.add([{ name: 'DE_LOAD_SL', offset: 0x70068, count: 3, stride: 0x1000, src: 'test' }]);
    d.submit('RCS', header, 0x00100020);
    expect(d.run()).toBe(true);
    expect(d.regs.peek(register)).toBe(value);
  });
});

describe('arbitration', () => {
  const UHPTR = RCS + 0x134;
  const skipTwo = [MI(0x05), 0, STORE, 0, OUT, 7, STORE, 0, OUT + 4, 8];
  test('MI_ARB_CHECK goes on at the head of a valid UHPTR', () => {
    const d = new GtDriver();
    d.regs.write32(UHPTR, 24 | 1);
    d.submit('RCS', ...skipTwo);
    expect(d.run()).toBe(true);
    expect([d.peek(OUT), d.peek(OUT + 4)]).toEqual([0, 8]);
    expect(d.regs.read32(UHPTR)).toBe(24);
  });

  test('not while MI_ARB_ON_OFF has it off, nor without the valid bit', () => {
    for (const [uhptr, on] of [
      [24 | 1, 0],
      [24, 1],
    ] as const) {
      const d = new GtDriver();
      d.regs.write32(UHPTR, uhptr);
      d.submit('RCS', MI(0x08, on), 0, ...skipTwo);
      expect(d.run()).toBe(true);
      expect([d.peek(OUT), d.peek(OUT + 4)]).toEqual([7, 8]);
    }
  });
});

describe('URB', () => {
  test('a dword goes from memory to the URB and back', () => {
    const d = new GtDriver();
    d.poke(OUT, 0xbeef);
    d.submit('RCS', MI(0x2c, 1), 0x40, OUT, MI(0x2d, 1), 0x40, OUT + 0x40);
    expect(d.run()).toBe(true);
    expect(d.peek(OUT + 0x40)).toBe(0xbeef);
  });
});

describe('MI_FLUSH_DW', () => {
  const FLUSH = MI(0x26, 2);
  const IMMEDIATE = 1 << 14;
  const TIMESTAMP = 3 << 14;
  const INDEX = 0x200000;
  test.each([
    [
      'one dword, PPGTT or GGTT alike while there is no PPGTT',
      MI(0x26, 1) | IMMEDIATE,
      OUT,
      [7, -1],
    ],
    ['two dwords to the GGTT', FLUSH | IMMEDIATE, OUT | 4, [7, 8]],
    ['the time stamp', FLUSH | TIMESTAMP, OUT | 4, [100, 0]],
    ['nothing', FLUSH, OUT | 4, [-1, -1]],
  ])('%s', (_, header, address, stored) => {
    const d = new GtDriver();
    d.poke(OUT, -1, -1);
    d.clock.advance(8000);
    d.submit('VECS', header, address, 7, 8);
    d.run();
    expect([d.peek(OUT), d.peek(OUT + 4)]).toEqual(stored);
  });

  test('without privilege it still flushes and notifies, but stores neither by index nor in the GGTT', () => {
    const d = new GtDriver();
    const line = d.statusPage('BCS') + 0xc0;
    const NOTIFY = 0x100;
    d.poke(AT, FLUSH | IMMEDIATE | INDEX | NOTIFY, 0xc0, 7, 8, FLUSH | IMMEDIATE, OUT | 4, 7, 8);
    d.poke(AT + 32, FLUSH | IMMEDIATE, OUT + 8, 7, 8, BATCH_END);
    d.submit('BCS', BATCH_START | 0x2000, AT);
    expect(d.run()).toBe(true);
    expect([d.peek(line), d.peek(OUT), d.peek(OUT + 8)]).toEqual([0, 0, 7]);
    expect(d.takeGtInterrupts()).toBe(GT_BCS_FLUSH);
    expect(d.engine('BCS').counters.refusedWrites).toBe(2);
  });
});

describe('what an error capture reads', () => {
  test('of an engine that hangs in a second level batch', () => {
    const d = new GtDriver();
    d.regs.write32(RCS + 0xb4, ~1);
    d.regs.write32(RCS + 0xa8, ~8);
    d.poke(AT, 0, MI(0x31) | 0x400000, 0xa0000);
    d.poke(0xa0000, 0, 0, MI(0x3f));
    d.submit('RCS', BATCH_START, AT);
    expect(d.run()).toBe(false);
    const read = (offset: number): number => d.regs.read32(RCS + offset);
    expect(read(RING_ACTHD)).toBe(0xa0008);
    expect(read(RING_DMA_FADD)).toBe(0xa0008);
    expect(read(RING_SBBADDR)).toBe(0xa0008 | 1);
    expect(read(RING_BBADDR)).toBe((AT + 12) | 1);
    expect(read(RING_IPEHR)).toBe(MI(0x3f));
    expect([read(RING_EIR), read(RING_ESR)]).toEqual([1, 1]);
    expect(read(RING_INSTDONE)).toBe(~1);
    expect(d.takeGtInterrupts() & 8).toBe(8);
    expect(d.engine('RCS').counters.hangs).toBe(1);
  });

  test('of one at rest: no batch, nothing in progress', () => {
    const d = new GtDriver();
    d.poke(AT, 0, BATCH_END);
    d.submit('RCS', BATCH_START, AT);
    expect(d.run()).toBe(true);
    expect(d.regs.read32(RCS + RING_BBADDR)).toBe(AT);
    expect(d.regs.read32(RCS + RING_INSTDONE)).toBe(-1);
  });
});

describe('lengths', () => {
  test('a command shorter than its fields reads 0 for them, not what came before', () => {
    const d = new GtDriver();
    d.poke(0, 1);
    d.submit('RCS', STORE, 0, OUT, 7, MI(0x20, 0), 0);
    expect(d.run()).toBe(true);
    // Address and data read 0: the dword at address 0.
    expect([d.peek(OUT), d.peek(0)]).toEqual([7, 0]);
    expect(d.engine('RCS').counters.oddLengths).toBe(1);
  });

  test('state of another length than its fields take is kept and counted', () => {
    const d = new GtDriver();
    d.submit('RCS', (0x7818 << 16) | 1, 1, 2, 0, (0x7818 << 16) | 0, 1);
    expect(d.run()).toBe(true);
    expect(d.engine('RCS').counters.oddLengths).toBe(1);
  });
});

describe('what is not executed', () => {
  test.each([
    ['RCS', ON_RCS],
    ['VCS', ON_VCS],
  ] as const)('each command of %s that starts work is counted by its name', (id, on) => {
    const rows = COMMANDS.filter(
      (row) => ((row.flags ?? 0) & STARTS_WORK) !== 0 && (row.on & on) !== 0,
    );
    expect(rows.length).toBeGreaterThan(4);
    const d = new GtDriver();
    for (const row of rows) {
      d.submit(id, row.opcode | (row.dwords - 2), ...new Array(row.dwords - 1).fill(0));
      expect(d.run(), row.name).toBe(true);
      expect(d.engine(id).skipped[commandByName(row.name)], row.name).toBe(1);
    }
    expect(d.engine(id).counters.notExecuted).toBe(rows.length);
  });

  test('every command of the table runs on every engine that has it, and none throws', () => {
    for (const [id, on] of [
      ['RCS', 1],
      ['VCS', 2],
      ['BCS', 4],
      ['VECS', 8],
    ] as const) {
      const d = new GtDriver();
      const base = RING_BASE[id];
      const start = d.regs.read32(base + RING_START);
      for (const row of COMMANDS as readonly CommandRow[]) {
        if ((row.on & on) === 0 || row.name === 'MI_BATCH_BUFFER_START') continue;
        d.engine(id).reset();
        d.regs.write32(base + RING_START, start);
        d.regs.write32(base + RING_CTL, RING_VALID);
        const length = 'fixed' in row.length ? 0 : row.dwords - 2;
        d.submit(id, row.opcode | length, ...new Array(row.dwords - 1).fill(0));
        expect(() => d.run(), row.name).not.toThrow();
      }
    }
  });
});

describe('watchdog', () => {
  const CTL = 0x178;
  const THRESHOLD = 0x17c;
  test.each([
    ['RCS', 1, 1 << 6],
    ['VCS', -1, 1 << 18],
  ] as const)('%s interrupts when the counter reaches the threshold', (id, stop, bit) => {
    const d = new GtDriver();
    const base = RING_BASE[id];
    d.regs.write32(base + 0xa8, 0);
    d.submit(id, MI(0x22, 3), base + THRESHOLD, 1000, base + CTL, 0, 0);
    expect(d.run()).toBe(true);
    d.clock.advance(999 * 80);
    expect(d.regs.peek(GT_IRQ + IRQ_IIR) & bit).toBe(0);
    d.clock.advance(80);
    expect(d.regs.peek(GT_IRQ + IRQ_IIR) & bit).toBe(bit);
    expect(d.regs.peek(base + CTL)).toBe(stop);
  });

  test.each([
    ['RCS', 1],
    ['VCS', -1],
  ] as const)('%s that is stopped in time says nothing', (id, stop) => {
    const d = new GtDriver();
    const base = RING_BASE[id];
    d.submit(id, MI(0x22, 3), base + THRESHOLD, 1000, base + CTL, 0, 0);
    d.run();
    d.clock.advance(500 * 80);
    d.submit(id, LRI, base + CTL, stop, 0);
    d.run();
    d.clock.advance(1e9);
    expect(d.engine(id).watchdog?.expired).toBe(0);
    expect(d.engine(id).watchdog?.count).toBe(500);
  });

  test('started again and again it keeps one call of the clock', () => {
    const d = new GtDriver();
    let calls = 0;
    const { at } = d.clock;
    d.clock.at = (time, fire) => {
      calls++;
      return at.call(d.clock, time, fire);
    };
    for (let i = 0; i < 1000; i++) d.regs.write32(RCS + CTL, 0);
    expect(calls).toBe(1);
  });
});
