import { describe, expect, test } from 'vitest';
import {
  RING_BASE,
  RING_CCID,
  RING_CTL,
  RING_CTX_TIMESTAMP,
  RING_INSTPM,
} from '../gt/engine.regs.ts';
import { GtDriver } from '../testing/gt-driver.ts';
import { IMAGE_REGISTERS, PIPELINE_AT, STREAMER_AT } from './context-image.ts';
import { commandByName } from './decode.ts';

const MI = (op: number, low = 0): number => (op << 23) | low;
const LRI = MI(0x22, 1);
const RCS = RING_BASE.RCS;
const A = 0x100000;
const B = 0x120000;
const INHIBIT = 0x1;
const FORCE = 0x2;
const RS_BOTH = 0xc;
const SAMPLE_MASK = 0x7818 << 16;
const GATHER_POOL = (0x791a << 16) | 1;

const setContext = (at: number, flags: number): number[] => [MI(0x18), at | 0x100 | flags];
const kept = (d: GtDriver, name: string): number[] => [
  ...(d.engine('RCS').kept[commandByName(name)] ?? []),
];

describe('MI_SET_CONTEXT', () => {
  test('[I7] A to B to A gives A its registers and pipeline state back', () => {
    const d = new GtDriver();
    d.submit('RCS', ...setContext(A, INHIBIT), LRI, 0x2610, 0xa, 0, SAMPLE_MASK, 0x5a);
    d.submit('RCS', ...setContext(B, INHIBIT), LRI, 0x2610, 0xb, 0, SAMPLE_MASK, 0x11);
    expect(d.run()).toBe(true);
    expect(d.regs.read32(0x2610)).toBe(0xb);
    d.submit('RCS', ...setContext(A, 0));
    expect(d.run()).toBe(true);
    expect(d.regs.read32(0x2610)).toBe(0xa);
    expect(kept(d, '3DSTATE_SAMPLE_MASK')).toEqual([SAMPLE_MASK, 0x5a]);
    expect((d.regs.read32(RCS + RING_CCID) & ~0xfff) >>> 0).toBe(A);
  });

  test('every register of the image comes back, each with its own value', () => {
    const d = new GtDriver();
    const registers = IMAGE_REGISTERS.flatMap((group) => [...group]).filter(
      // MI_MODE could stop the ring; CTX_TIMESTAMP moves by itself.
      (offset) => offset !== 0x209c && offset !== RCS + RING_CTX_TIMESTAMP,
    );
    expect(registers.length).toBeGreaterThan(100);
    d.submit('RCS', ...setContext(A, INHIBIT));
    d.run();
    for (const offset of registers) d.regs.poke(offset, offset & 0xffc & ~0x220);
    d.submit('RCS', ...setContext(B, INHIBIT));
    d.run();
    for (const offset of registers) d.regs.poke(offset, 0);
    d.submit('RCS', ...setContext(A, 0));
    expect(d.run()).toBe(true);
    for (const offset of registers) {
      expect(d.regs.peek(offset) & 0xffff, offset.toString(16)).toBe(offset & 0xffc & ~0x220);
    }
  });

  test('the image begins with a no-op and a posted load of EXCC, MI_MODE and INSTPM', () => {
    const d = new GtDriver();
    d.submit('RCS', ...setContext(A, INHIBIT), LRI, RCS + RING_INSTPM, 0x00400040, 0);
    d.submit('RCS', ...setContext(B, INHIBIT));
    d.run();
    expect(d.peek(A)).toBe(0);
    expect(d.peek(A + 4) & ~0xff).toBe(MI(0x22) | 0x1000);
    expect([d.peek(A + 8), d.peek(A + 16), d.peek(A + 24)]).toEqual([0x2028, 0x209c, 0x20c0]);
    expect(d.peek(A + 28)).toBe(0xffff0040 | 0);
  });

  test('restore inhibit leaves the state as it is; force restore reads the running image again', () => {
    const d = new GtDriver();
    d.submit('RCS', ...setContext(A, INHIBIT), LRI, 0x2610, 0xa, 0);
    d.submit('RCS', ...setContext(B, INHIBIT));
    d.run();
    expect(d.regs.read32(0x2610)).toBe(0xa);
    d.submit('RCS', ...setContext(A, 0), LRI, 0x2610, 0xc, 0, ...setContext(A, 0));
    d.run();
    expect(d.regs.read32(0x2610)).toBe(0xc);
    d.submit('RCS', ...setContext(A, FORCE));
    d.run();
    expect(d.regs.read32(0x2610)).toBe(0xa);
  });

  test('the resource streamer has its own part, which its own bits save and restore', () => {
    const d = new GtDriver();
    const pool = [GATHER_POOL, 0x1000, 0x2000];
    d.submit('RCS', ...setContext(A, INHIBIT | RS_BOTH), ...pool, 0);
    d.submit('RCS', ...setContext(B, INHIBIT), GATHER_POOL, 7, 7, 0);
    d.run();
    expect([d.peek(A + STREAMER_AT), d.peek(A + STREAMER_AT + 4)]).toEqual([GATHER_POOL, 0x1000]);
    expect(d.peek(A + PIPELINE_AT)).not.toBe(GATHER_POOL);
    d.submit('RCS', ...setContext(A, 0));
    d.run();
    expect(kept(d, '3DSTATE_GATHER_POOL_ALLOC')).toEqual([GATHER_POOL, 7, 7]);
    // B was entered without the save bit: its part was not written.
    expect(d.peek(B + STREAMER_AT)).toBe(0);
    d.submit('RCS', ...setContext(A, FORCE | 4));
    d.run();
    expect(kept(d, '3DSTATE_GATHER_POOL_ALLOC')).toEqual(pool);
  });

  test('MI_RS_CONTEXT saves and restores that part of the running context', () => {
    const d = new GtDriver();
    d.submit('RCS', ...setContext(A, INHIBIT), GATHER_POOL, 1, 2, MI(0x0f, 1));
    d.submit('RCS', GATHER_POOL, 8, 9, MI(0x0f, 0));
    expect(d.run()).toBe(true);
    expect(kept(d, '3DSTATE_GATHER_POOL_ALLOC')).toEqual([GATHER_POOL, 1, 2]);
  });

  test('each context has a time stamp of its own', () => {
    const d = new GtDriver();
    const time = (): number => d.regs.read32(RCS + RING_CTX_TIMESTAMP);
    d.clock.advance(80_000);
    d.submit('RCS', ...setContext(A, INHIBIT));
    d.run();
    d.clock.advance(800);
    expect(time()).toBe(10);
    d.submit('RCS', ...setContext(B, INHIBIT));
    d.run();
    d.clock.advance(8000);
    expect(time()).toBe(100);
    d.submit('RCS', ...setContext(A, 0));
    d.run();
    d.clock.advance(80);
    expect(time()).toBe(11);
  });

  test('an image that a guest has spoilt changes no other register', () => {
    const d = new GtDriver();
    d.poke(A, 0, LRI, RING_BASE.BCS + RING_CTL, 0, MI(0x31), A);
    d.poke(A + PIPELINE_AT, MI(0x31), A);
    d.submit('RCS', ...setContext(A, 0));
    expect(d.run()).toBe(true);
    expect(d.regs.read32(RING_BASE.BCS + RING_CTL)).toBe(1);
    expect(d.engine('RCS').counters.refusedWrites).toBe(1);
  });

  test('a batch without privilege cannot switch contexts', () => {
    const d = new GtDriver();
    d.poke(0x90000, ...setContext(A, INHIBIT), MI(0x0a));
    d.submit('RCS', MI(0x31) | 0x2000, 0x90000);
    expect(d.run()).toBe(true);
    expect(d.engine('RCS').contextAt).toBe(-1);
    expect(d.engine('RCS').counters.refusedWrites).toBe(1);
  });

  test('state that has no room in an image is lost and counted', () => {
    const d = new GtDriver();
    d.submit('RCS', ...setContext(A, INHIBIT));
    const e = d.engine('RCS');
    e.kept[commandByName('3DSTATE_VS')] = new Int32Array(0x4000);
    d.submit('RCS', ...setContext(B, INHIBIT));
    d.run();
    expect(e.counters.lostState).toBe(1);
  });
});
