import { describe, expect, test } from 'vitest';
import {
  GFX_PPGTT_ENABLE,
  RING_BASE,
  RING_GFX_MODE,
  RING_PP_DIR_BASE,
  RING_PP_DIR_DCLV,
} from '../gt/engine.regs.ts';
import { pteAddress } from '../gtt/address-space.ts';
import { GT_RCS_PIPE_CONTROL } from '../irq/interrupt.regs.ts';
import { GtDriver } from '../testing/gt-driver.ts';

const PIPE_CONTROL = 0x7a000003;
const OUT = 0x80000;
const GGTT = 0x1000000;
const IMMEDIATE = 1 << 14;
const DEPTH = 2 << 14;
const TIMESTAMP = 3 << 14;
const INDEX = 0x200000;
const REGISTER = 0x800000;
const TLB = 0x40000;
const NOTIFY = 0x100;
const DEPTH_COUNT = 0x2350;
const RCS = RING_BASE.RCS;

function ran(flags: number, address: number, low = 7, high = 8): GtDriver {
  const d = new GtDriver();
  d.clock.advance(80 * (2 ** 32 + 100));
  d.regs.poke(DEPTH_COUNT, 0x11);
  d.regs.poke(DEPTH_COUNT + 4, 0x22);
  d.submit('RCS', PIPE_CONTROL, flags, address, low, high);
  expect(d.run()).toBe(true);
  return d;
}

describe('PIPE_CONTROL', () => {
  test.each([
    ['an immediate qword', IMMEDIATE, [7, 8]],
    ['PS_DEPTH_COUNT', DEPTH, [0x11, 0x22]],
    ['the time stamp, 36 bits', TIMESTAMP, [100, 1]],
    ['nothing', 0, [0, 0]],
  ])('writes %s', (_, op, stored) => {
    const d = ran(op | GGTT, OUT);
    expect([d.peek(OUT), d.peek(OUT + 4)]).toEqual(stored);
  });

  test("bit 2 of the address, gen6's mark of the GGTT, moves nothing", () => {
    const d = ran(IMMEDIATE | GGTT, OUT | 4);
    expect([d.peek(OUT), d.peek(OUT + 4), d.peek(OUT + 8)]).toEqual([7, 8, 0]);
  });

  test('of four dwords writes one', () => {
    const d = new GtDriver();
    d.poke(OUT, -1, -1);
    d.submit('RCS', 0x7a000002, IMMEDIATE | GGTT, OUT, 7);
    d.run();
    expect([d.peek(OUT), d.peek(OUT + 4)]).toEqual([7, -1]);
  });

  test('by index it writes to the status page', () => {
    const d = ran(IMMEDIATE | INDEX, 0xc0);
    expect(d.peek(d.statusPage('RCS') + 0xc0)).toBe(7);
  });

  test('its other post-sync operation writes a register instead of memory', () => {
    const d = ran(REGISTER | IMMEDIATE, 0x2610, 0x55);
    expect(d.regs.peek(0x2610)).toBe(0x55);
    expect(d.peek(0x2610)).toBe(0);
  });

  test('notifies when it is told to', () => {
    expect(ran(NOTIFY, 0).takeGtInterrupts()).toBe(GT_RCS_PIPE_CONTROL);
    expect(ran(0, 0).takeGtInterrupts()).toBe(0);
  });

  test('a reset of the snapshots comes after the write', () => {
    const d = ran(DEPTH | GGTT | 0x80000, OUT);
    expect(d.peek(OUT)).toBe(0x11);
    expect(d.regs.peek(DEPTH_COUNT)).toBe(0);
  });

  test('TLB invalidation: a translation that was used is stale until then', () => {
    const d = new GtDriver();
    const page = 0x30;
    d.ggtt.write(0x400, pteAddress(0x60) | 1);
    d.regs.write32(RCS + RING_PP_DIR_DCLV, -1);
    d.regs.write32(RCS + RING_PP_DIR_BASE, (0x400 / 16) << 16);
    d.regs.write32(RCS + RING_GFX_MODE, (GFX_PPGTT_ENABLE << 16) | GFX_PPGTT_ENABLE);
    const map = (to: number): void => {
      d.words[0x60 * 1024 + page] = pteAddress(to) | 1;
    };
    const store = (flags: number, value: number): void => {
      d.submit('RCS', PIPE_CONTROL, flags, 0, 0, 0, PIPE_CONTROL, IMMEDIATE, page << 12, value, 0);
      expect(d.run()).toBe(true);
    };
    map(0x70);
    store(0, 1);
    map(0x71);
    store(0, 2);
    expect([d.peek(0x70000), d.peek(0x71000)]).toEqual([2, 0]);
    store(TLB, 3);
    expect([d.peek(0x70000), d.peek(0x71000)]).toEqual([2, 3]);
  });
});
