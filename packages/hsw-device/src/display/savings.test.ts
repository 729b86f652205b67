import { describe, expect, test } from 'vitest';
import * as R from './display.regs.ts';
import { makeMonitor } from './monitor/monitor.ts';
import { DESKTOP_WIRING } from './ports.ts';
import { DisplayBench } from './testing.ts';

const FRAME_NS = 17e6;
const ON = 0x80000000;

function lit(): DisplayBench {
  const bench = new DisplayBench();
  bench.light('1024x768', 0x100000);
  bench.clock.advance(3 * FRAME_NS);
  return bench;
}

/** One AUX request on DDI A. @returns reply bytes; null on a timeout */
function auxA(bench: DisplayBench, bytes: readonly number[]): number[] | null {
  for (let r = 0; r * 4 < bytes.length; r++) {
    let word = 0;
    for (let i = 0; i < 4; i++) word |= (bytes[r * 4 + i] ?? 0) << (24 - i * 8);
    bench.write(0x64014 + r * 4, word);
  }
  bench.write(0x64010, 0xd2000000 | (bytes.length << 20));
  const status = bench.read(0x64010);
  if ((status & 0x10000000) !== 0) return null;
  return Array.from({ length: (status >>> 20) & 31 }, (_, i) => {
    return (bench.read(0x64014 + (i & ~3)) >>> (24 - (i & 3) * 8)) & 255;
  });
}

describe('frame buffer compression', () => {
  test('segments are there a frame after it was enabled, and again after each nuke and flip', () => {
    const bench = lit();
    const segments = (): number => bench.read(R.DPFC_STATUS + 4) & 0xfff;
    expect(segments()).toBe(0);
    bench.write(R.DPFC_CONTROL, ON);
    expect(segments()).toBe(0);
    bench.clock.advance(2 * FRAME_NS);
    expect(segments()).toBe(768);
    bench.write(R.MSG_FBC_REND_STATE, 4);
    expect(bench.read(R.MSG_FBC_REND_STATE)).toBe(0);
    expect(segments()).toBe(0);
    bench.clock.advance(2 * FRAME_NS);
    expect(segments()).toBe(768);
    bench.write(R.DSPSURF, 0x100000);
    expect(segments()).toBe(0);
    bench.clock.advance(2 * FRAME_NS);
    bench.write(R.CURPOS, 0x10001);
    expect(segments()).toBe(768);
    bench.write(R.DPFC_CONTROL, 0);
    bench.clock.advance(2 * FRAME_NS);
    expect(segments()).toBe(0);
  });

  test('nothing is compressed while the plane is off', () => {
    const bench = lit();
    bench.write(R.DPFC_CONTROL, ON);
    bench.write(R.DSPCNTR, 0);
    bench.write(R.DSPSURF, 0);
    bench.clock.advance(3 * FRAME_NS);
    expect(bench.read(R.DPFC_STATUS)).toBe(0);
  });
});

describe('IPS', () => {
  test('it reads as on from the next vertical blank, as off at once', () => {
    const bench = lit();
    bench.write(R.IPS_CTL, ON);
    expect(bench.read(R.IPS_CTL)).toBe(0);
    bench.clock.advance(FRAME_NS);
    expect(bench.read(R.IPS_CTL)).toBe(ON);
    bench.write(R.IPS_CTL, 0);
    expect(bench.read(R.IPS_CTL)).toBe(0);
    bench.clock.advance(FRAME_NS);
    expect(bench.read(R.IPS_CTL)).toBe(0);
  });
});

describe('a panel on port A', () => {
  const panel = (psr: boolean): DisplayBench => {
    const bench = new DisplayBench({ wiring: { ...DESKTOP_WIRING, A: 'edp' } });
    const dp = { revision: 0x12, rate: 2.7, lanes: 2, psr } as const;
    bench.display.connect('A', makeMonitor({ kind: 'edp', dp }));
    bench.light('1024x768', 0x100000);
    return bench;
  };

  test('its AUX channel answers with power on or forced, and not without', () => {
    const bench = panel(false);
    expect(auxA(bench, [0x90, 0, 0, 0])).toBe(null);
    bench.write(R.PP_CONTROL, 0xabcd0008);
    expect(auxA(bench, [0x90, 0, 0, 0])).toEqual([0, 0x12]);
    bench.write(R.PP_CONTROL, 0xabcd0000);
    expect(auxA(bench, [0x90, 0, 0, 0])).toBe(null);
    bench.write(R.PP_CONTROL, 0xabcd0001);
    expect(auxA(bench, [0x90, 0, 0, 0])).toEqual([0, 0x12]);
  });

  test('it goes to sleep after idle frames if it can, and a flip wakes it', () => {
    const bench = panel(true);
    bench.write(R.PP_CONTROL, 1);
    expect(auxA(bench, [0x90, 0, 0x70, 0])).toEqual([0, 1]);
    auxA(bench, [0x80, 0x01, 0x70, 0, 1]);
    bench.write(R.SRD_CTL, ON | 4);
    const state = (): number => bench.read(R.SRD_STATUS) >>> 29;
    expect(state()).toBe(0);
    bench.clock.advance(6 * FRAME_NS);
    expect(state()).toBe(2);
    expect(bench.read(R.SRD_STATUS + 4)).toBeGreaterThan(0);
    bench.write(R.DSPSURF, 0x200000);
    expect(state()).toBe(0);
    bench.write(R.SRD_CTL, 0);
    bench.clock.advance(9 * FRAME_NS);
    expect(state()).toBe(0);
  });

  test('one that cannot stays awake', () => {
    const bench = panel(false);
    bench.write(R.PP_CONTROL, 1);
    auxA(bench, [0x80, 0x01, 0x70, 0, 1]);
    bench.write(R.SRD_CTL, ON | 1);
    bench.clock.advance(9 * FRAME_NS);
    expect(bench.read(R.SRD_STATUS) >>> 29).toBe(0);
  });
});

describe('audio', () => {
  test('an ELD is written at an address that moves on, and is there while it is valid', () => {
    const bench = new DisplayBench();
    expect(bench.read(0x651b4)).toBe(0x5400);
    bench.write(0x651b4, 0);
    for (let i = 0; i < 21; i++) bench.write(0x65150, i * 0x01010101);
    expect(bench.display.audio.eld(1)).toBe(null);
    bench.write(0x650c0, 0x50);
    const eld = bench.display.audio.eld(1) as Uint8Array;
    expect([eld.length, eld[0], eld[4], eld[83]]).toEqual([84, 0, 1, 20]);
    expect(bench.read(0x651b4)).toBe(0x5400);
    expect([bench.read(0x65150), bench.read(0x65150)]).toEqual([0, 0x01010101]);
    expect(bench.display.audio.eld(0)).toBe(null);
  });
});
