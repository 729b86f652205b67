import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  GFX_PPGTT_ENABLE,
  RING_ACTHD,
  RING_BASE,
  RING_CTL,
  RING_EIR,
  RING_EMR,
  RING_GFX_MODE,
  RING_HEAD,
  RING_IPEHR,
  RING_MI_MODE,
  RING_PP_DIR_BASE,
  RING_PP_DIR_DCLV,
  RING_START,
  RING_TAIL,
  STOP_RING,
} from '../gt/engine.regs.ts';
import { pteAddress } from '../gtt/address-space.ts';
import { GT_BCS_USER, GT_RCS_USER } from '../irq/interrupt.regs.ts';
import { GtDriver } from '../testing/gt-driver.ts';

const MI = (op: number, low = 0): number => (op << 23) | low;
const USER_INTERRUPT = MI(0x02);
const BATCH_END = MI(0x0a);
const STORE_DATA_IMM = MI(0x20, 2) | 0x400000;
const BATCH_START = MI(0x31, 0);
const SECOND_LEVEL = 0x400000;
const NON_SECURE = 0x2000;
const LRI = MI(0x22, 1);
const SRM = MI(0x24, 1) | 0x400000;
const PIPE_CONTROL = (0x7a00 << 16) | 2;
const RCS = RING_BASE.RCS;

describe('ring', () => {
  test('BCS_SWCTRL, loaded by a command, makes a tiled destination Y-tiled', () => {
    const xySrcCopy = (2 << 29) | (0x53 << 22) | (3 << 20) | (1 << 11) | 6;
    const rop32 = (3 << 24) | (0xcc << 16);
    for (const [swctrl, row1] of [
      [0x30002, 16],
      [0x30000, 512],
    ] as const) {
      const d = new GtDriver();
      d.poke(0x80000, ...Array.from({ length: 256 }, (_, i) => i + 1));
      const copy = [xySrcCopy, rop32 | 128, 0, (2 << 16) | 128, 0x90000, 0, 512, 0x80000];
      d.submit('BCS', LRI, 0x22200, swctrl, ...copy);
      expect(d.run()).toBe(true);
      expect(d.peek(0x90000)).toBe(1);
      expect(d.peek(0x90000 + row1)).toBe(129);
    }
  });

  test('control case: a store and a user interrupt run to the end', () => {
    const d = new GtDriver();
    d.submit('RCS', STORE_DATA_IMM, 0, 0x10000 * 8, 0x1234, USER_INTERRUPT);
    expect(d.run()).toBe(true);
    expect(d.peek(0x80000)).toBe(0x1234);
    expect(d.takeGtInterrupts()).toBe(GT_RCS_USER);
    expect(d.regs.read32(RCS + RING_HEAD)).toBe(d.regs.read32(RCS + RING_TAIL));
  });

  test('[K6] a command across the ring end is executed, and HEAD counts the wrap', () => {
    const d = new GtDriver();
    d.submit('RCS', ...new Array(1022).fill(0));
    d.run();
    d.submit('RCS', STORE_DATA_IMM, 0, 0x80000, 7);
    expect(d.run()).toBe(true);
    expect(d.peek(0x80000)).toBe(7);
    expect(d.regs.read32(RCS + RING_HEAD)).toBe(0x200000 | 8);
  });

  test('[H9] CTL 0x1F001 is a ring of 128 KiB', () => {
    const d = new GtDriver();
    d.poke(0x100000 + 0x1fff0, STORE_DATA_IMM, 0, 0x80000, 7);
    d.poke(0x100000, STORE_DATA_IMM, 0, 0x80004, 8);
    d.regs.write32(RCS + RING_CTL, 0);
    d.regs.write32(RCS + RING_START, 0x100000);
    d.regs.write32(RCS + RING_HEAD, 0x1fff0);
    d.regs.write32(RCS + RING_TAIL, 16);
    d.regs.write32(RCS + RING_CTL, 0x1f001);
    expect(d.run()).toBe(true);
    expect([d.peek(0x80000), d.peek(0x80004)]).toEqual([7, 8]);
    expect(d.regs.read32(RCS + RING_HEAD)).toBe(0x200000 | 16);
  });

  test('nothing runs while CTL is off or MI_MODE says stop; idle says so', () => {
    const d = new GtDriver();
    d.regs.write32(RCS + RING_MI_MODE, (STOP_RING << 16) | STOP_RING);
    d.submit('RCS', STORE_DATA_IMM, 0, 0x80000, 7);
    d.run();
    expect(d.peek(0x80000)).toBe(0);
    expect(d.regs.read32(RCS + RING_MI_MODE) & 0x200).toBe(0x200);
    d.regs.write32(RCS + RING_MI_MODE, STOP_RING << 16);
    d.run();
    expect(d.peek(0x80000)).toBe(7);
    d.regs.write32(RCS + RING_CTL, 0);
    d.submit('RCS', STORE_DATA_IMM, 0, 0x80000, 8);
    d.run();
    expect(d.peek(0x80000)).toBe(7);
  });

  test('each engine has its own ring and interrupt bit', () => {
    const d = new GtDriver();
    d.submit('BCS', USER_INTERRUPT);
    d.run();
    expect(d.takeGtInterrupts()).toBe(GT_BCS_USER);
  });
});

describe('batches', () => {
  test('first and second level return to where they came from', () => {
    const d = new GtDriver();
    d.poke(0x90000, BATCH_START | SECOND_LEVEL, 0x91000, STORE_DATA_IMM, 0, 0x80004, 2, BATCH_END);
    d.poke(0x91000, STORE_DATA_IMM, 0, 0x80000, 1, BATCH_END);
    d.submit('RCS', BATCH_START, 0x90000, STORE_DATA_IMM, 0, 0x80008, 3);
    expect(d.run()).toBe(true);
    expect([d.peek(0x80000), d.peek(0x80004), d.peek(0x80008)]).toEqual([1, 2, 3]);
  });

  test('[K7] a command across a page boundary is fetched from both pages', () => {
    const d = new GtDriver();
    d.ggtt.write(0x91, pteAddress(0x95) | 1);
    d.poke(0x90ff8, STORE_DATA_IMM, 0);
    d.poke(0x95000, 0x80000, 0x55, BATCH_END);
    d.submit('RCS', BATCH_START, 0x90ff8);
    expect(d.run()).toBe(true);
    expect(d.peek(0x80000)).toBe(0x55);
  });

  test('a batch that starts itself never returns, yet each step ends', () => {
    const d = new GtDriver();
    d.poke(0x90000, BATCH_START, 0x90000);
    d.submit('RCS', BATCH_START, 0x90000);
    expect(d.gt.step(1 << 16)).toBe(true);
    expect(d.engine('RCS').idle).toBe(false);
    expect(d.regs.read32(RCS + RING_ACTHD)).toBe(0x90000);
  });

  test('a batch without privilege stores through its PPGTT; a store to the GGTT is a no-op', () => {
    const d = new GtDriver();
    const page = (0x30 << 12) | 0;
    d.ggtt.write(0x400, pteAddress(0x60) | 1);
    d.regs.write32(RCS + RING_PP_DIR_DCLV, -1);
    d.regs.write32(RCS + RING_PP_DIR_BASE, (0x400 / 16) << 16);
    d.regs.write32(RCS + RING_GFX_MODE, (GFX_PPGTT_ENABLE << 16) | GFX_PPGTT_ENABLE);
    d.words[0x60 * 1024 + 0x30] = pteAddress(0x70) | 1;
    d.words[0x60 * 1024 + 0x80] = pteAddress(0x71) | 1;
    d.poke(0x70000, STORE_DATA_IMM, 0, 0x80000, 9, MI(0x20, 2), 0, 0x80004, 8, BATCH_END);
    d.submit('RCS', BATCH_START | NON_SECURE | 0x100, page);
    expect(d.run()).toBe(true);
    expect(d.peek(0x80000)).toBe(0);
    expect([d.peek(0x71000), d.peek(0x71004)]).toEqual([0, 8]);
    expect(d.engine('RCS').counters.refusedWrites).toBe(1);
  });

  test('a batch without privilege may write counters and GPRs, and nothing else', () => {
    const d = new GtDriver();
    d.poke(0x90000, LRI, 0x2600, 5, LRI, RING_BASE.BCS + RING_CTL, 0, BATCH_END);
    d.submit('RCS', BATCH_START | NON_SECURE, 0x90000);
    d.run();
    expect(d.regs.read32(0x2600)).toBe(5);
    expect(d.regs.read32(RING_BASE.BCS + RING_CTL)).toBe(1);
    expect(d.engine('RCS').counters.refusedWrites).toBe(1);
  });
});

describe('a guest can stop an engine, and only that', () => {
  test('an unknown command hangs it with IPEHR and EIR, until a reset', () => {
    const d = new GtDriver();
    d.regs.write32(RCS + RING_EMR, ~1);
    d.submit('RCS', MI(0x3f), 0);
    expect(d.run()).toBe(false);
    expect(d.engine('RCS').hang).toBe('unknown-command');
    expect(d.regs.read32(RCS + RING_IPEHR)).toBe(MI(0x3f));
    expect(d.regs.read32(RCS + RING_EIR)).toBe(1);
    d.regs.write32(0x941c, 2);
    expect(d.engine('RCS').hang).toBe(null);
    expect(d.gt.idle).toBe(true);
  });

  test('a blit on the render engine is refused; on the blitter it is not', () => {
    const fill = [0x54300004 | 0, (3 << 24) | (0xf0 << 16) | 64, 0, (1 << 16) | 16, 0xa0000, -1];
    const d = new GtDriver();
    d.submit('BCS', ...fill);
    expect(d.run()).toBe(true);
    expect(d.peek(0xa0000)).toBe(-1);
    d.submit('RCS', ...fill);
    d.run();
    expect(d.engine('RCS').hang).toBe('wrong-engine');
  });

  test('random bytes in a ring never throw, and every step ends', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 200 }), (dwords) => {
        const d = new GtDriver();
        d.submit('RCS', ...dwords);
        d.submit('BCS', ...dwords);
        for (let i = 0; i < 8; i++) d.gt.step(1 << 14);
        expect(d.gt.step(1 << 14)).toBeTypeOf('boolean');
      }),
    );
  });
});

describe('MI commands', () => {
  test('MI_STORE_REGISTER_MEM and LRI move register values', () => {
    const d = new GtDriver();
    d.submit('RCS', LRI, 0x2608, 0x77, SRM, 0x2608, 0x80000);
    d.run();
    expect(d.peek(0x80000)).toBe(0x77);
  });

  test('MI_MATH adds with carry over 64 bits', () => {
    const d = new GtDriver();
    const load = (to: number, from: number): number => (0x80 << 20) | (to << 10) | from;
    d.submit('RCS', MI(0x22, 7), 0x2600, -1, 0x2604, 1, 0x2608, 2, 0x260c, 5, MI(0x1a, 2));
    const d2 = new GtDriver();
    d2.submit(
      'RCS',
      ...[MI(0x22, 7), 0x2600, -1, 0x2604, 1, 0x2608, 2, 0x260c, 5],
      ...[MI(0x1a, 3), load(0x20, 0), load(0x21, 1), 0x100 << 20, (0x180 << 20) | (2 << 10) | 0x31],
    );
    d2.run();
    expect(d2.regs.read32(0x2610)).toBe(1);
    expect(d2.regs.read32(0x2614)).toBe(7);
  });

  test('a semaphore compare waits until the other engine has signalled a larger value', () => {
    const d = new GtDriver();
    d.submit('RCS', MI(0x16, 1) | 0x100000 | (2 << 16), 4, 0, STORE_DATA_IMM, 0, 0x80000, 1);
    expect(d.run()).toBe(false);
    expect(d.peek(0x80000)).toBe(0);
    d.submit('BCS', MI(0x16, 1) | 0x200000, 5, 0);
    expect(d.run()).toBe(true);
    expect(d.peek(0x80000)).toBe(1);
  });

  test.each([
    ['RCS', 0, 'VCS'],
    ['RCS', 1, 'VECS'],
    ['RCS', 2, 'BCS'],
    ['VCS', 0, 'BCS'],
    ['VCS', 1, 'VECS'],
    ['VCS', 2, 'RCS'],
    ['BCS', 0, 'RCS'],
    ['BCS', 1, 'VECS'],
    ['BCS', 2, 'VCS'],
    ['VECS', 0, 'BCS'],
    ['VECS', 1, 'VCS'],
    ['VECS', 2, 'RCS'],
  ] as const)(
    '%s waiting on select %i is let go by a register write of %s',
    (waiter, select, by) => {
      // Offsets of the sync register that `by` signals `waiter` through: i915 intel_engine_regs.h.
      const at = {
        RCS: 'VCS BCS VECS',
        VCS: 'BCS RCS VECS',
        BCS: 'RCS VCS VECS',
        VECS: 'BCS RCS VCS',
      };
      const register = RING_BASE[waiter] + 0x40 + at[waiter].split(' ').indexOf(by) * 4;
      const d = new GtDriver();
      d.submit(
        waiter,
        MI(0x16, 1) | 0x140000 | (select << 16),
        4,
        0,
        STORE_DATA_IMM,
        0,
        0x80000,
        1,
      );
      expect(d.run()).toBe(false);
      d.submit(by, LRI, register, 5, 0);
      expect(d.run()).toBe(true);
      expect(d.peek(0x80000)).toBe(1);
    },
  );

  test('MI_WAIT_FOR_EVENT holds the engine while the display says so', () => {
    const d = new GtDriver();
    d.eventPending = true;
    d.submit('RCS', MI(0x03, 8), 0, STORE_DATA_IMM, 0, 0x80000, 1);
    expect(d.run()).toBe(false);
    d.eventPending = false;
    expect(d.run()).toBe(true);
    expect(d.peek(0x80000)).toBe(1);
  });

  test('PIPE_CONTROL writes its immediate dword, and the timestamp when asked', () => {
    const d = new GtDriver();
    d.clock.advance(8000);
    d.submit('RCS', PIPE_CONTROL, 0x1004000, 0x80000, 0x99, PIPE_CONTROL, 0x100c000, 0x80008, 0);
    d.run();
    expect(d.peek(0x80000)).toBe(0x99);
    expect(d.peek(0x80008)).toBe(100);
  });

  test('MI_FLUSH_DW stores into the status page by index', () => {
    const d = new GtDriver();
    d.submit('BCS', MI(0x26, 1) | 0x200000 | 0x4000, 0xc0 | 4, 0x4321, 0);
    d.run();
    expect(d.peek(d.statusPage('BCS') + 0xc0)).toBe(0x4321);
  });
});
