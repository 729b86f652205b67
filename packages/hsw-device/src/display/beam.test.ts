import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Beam } from './beam.ts';
import * as R from './display.regs.ts';
import { MODES } from './monitor/timings.ts';
import { DisplayBench } from './testing.ts';

const XGA = MODES['1024x768'];

function beam(holdNs: number): Beam {
  const b = new Beam(holdNs);
  b.start(0, XGA.pixelKhz, XGA.htotal, XGA.vtotal, XGA.height);
  return b;
}

describe('beam', () => {
  test('it begins at line 0 and enters vertical blank after the active lines', () => {
    const b = beam(0);
    expect(b.line(0)).toBe(0);
    expect(b.nextVblank).toBeCloseTo(XGA.height * b.lineNs, 3);
    expect(b.sync(b.nextVblank)).toBe(1);
    expect(b.line(b.anchor)).toBe(768);
    expect(b.line(b.anchor + 38.5 * b.lineNs)).toBe(0);
  });

  test('frames and lines agree with a beam that is stepped line by line', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60_000_000 }), { maxLength: 40 }), (steps) => {
        const b = beam(0);
        let now = 0;
        for (const step of steps) {
          now += step;
          b.sync(now);
          const lines = Math.floor(now / b.lineNs);
          const slack = now / b.lineNs - lines;
          if (slack < 0.001 || slack > 0.999) continue;
          expect(b.line(now)).toBe(lines % XGA.vtotal);
          expect(b.frame).toBe(Math.floor((lines - XGA.height) / XGA.vtotal) + 1);
        }
      }),
    );
  });

  test('a look holds vertical blank off, but never by more than the hold', () => {
    const b = beam(8e6);
    const due = b.nextVblank;
    b.look(due - 1e6);
    expect(b.sync(due + 1e6)).toBe(0);
    expect(b.line(due + 1e6)).toBe(767);
    for (let t = due; t < due + 20e6; t += 1e5) {
      b.look(t);
      expect(b.nextVblank).toBeLessThanOrEqual(due + 8e6);
    }
    expect(b.sync(due + 8e6)).toBe(1);
  });

  test('a look never sees the lines that a driver keeps clear of', () => {
    const b = beam(8e6);
    const evasion = Math.ceil(100_000 / b.lineNs);
    for (let t = 0; t < b.nextVblank; t += b.lineNs / 3) {
      const line = b.look(t);
      expect(line >= 768 || line < 768 - evasion - 2).toBe(true);
      b.release();
    }
  });

  test('absurd timings are bounded: a guest makes no storm of timers', () => {
    const any = fc.tuple(fc.nat(0xffffff), fc.nat(0xffff), fc.nat(0xffff), fc.nat(0xffff));
    fc.assert(
      fc.property(any, ([khz, pixels, lines, vblank]) => {
        const b = new Beam(0);
        b.start(0, khz, pixels, lines, vblank);
        expect(b.frameNs).toBeGreaterThanOrEqual(1e6);
        expect(b.frameNs).toBeLessThanOrEqual(1e9);
        b.sync(5e9);
        expect(b.line(5e9)).toBeLessThan(b.lines);
      }),
    );
  });
});

describe('a plane update as i915 does one', () => {
  /** i915 intel_pipe_update_start, the writes, intel_pipe_update_end; returns both frame numbers. */
  function update(bench: DisplayBench, at: number, lasts: number): [number, number] {
    bench.clock.advanceTo(at);
    bench.read(R.PIPEDSL);
    const before = bench.read(R.PIPE_FRMCOUNT);
    bench.clock.advance(lasts);
    bench.write(R.DSPSURF, 0x1000);
    bench.read(R.PIPEDSL);
    return [before, bench.read(R.PIPE_FRMCOUNT)];
  }

  test('without a hold an update of 1 ms begun 0.5 ms before vertical blank fails', () => {
    const bench = new DisplayBench({ beamHoldNs: 0 });
    bench.light('1024x768', 0);
    const due = (bench.display.pipes[0]?.beam.nextVblank ?? 0) - 0.5e6;
    const [before, after] = update(bench, due, 1e6);
    expect(after).toBe(before + 1);
  });

  test('an update begun in what an earlier look left of the hold is not cut short', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0);
    bench.clock.advance(20e6);
    const due = bench.display.pipes[0]?.beam.nextVblank ?? 0;
    bench.clock.advanceTo(due - 0.5e6);
    bench.read(R.PIPEDSL); // holds until 7.5 ms after it was due
    const [before, after] = update(bench, due + 7e6, 2e6);
    expect(after).toBe(before);
  });

  /** Half a millisecond before vertical blank, with a look. @returns the frame number */
  function begin(bench: DisplayBench): number {
    bench.light('1024x768', 0);
    bench.clock.advance(20e6);
    bench.clock.advanceTo((bench.display.pipes[0]?.beam.nextVblank ?? 0) - 0.5e6);
    bench.read(R.PIPEDSL);
    return bench.read(R.PIPE_FRMCOUNT);
  }

  test('an update that takes three holds once it writes is not cut short either', () => {
    const bench = new DisplayBench();
    const before = begin(bench);
    bench.clock.advance(7e6);
    bench.write(R.DSPSURF, 0x2000);
    bench.clock.advance(24e6);
    bench.read(R.PIPEDSL);
    expect(bench.read(R.PIPE_FRMCOUNT)).toBe(before);
    bench.clock.advance(3e6);
    expect(bench.read(R.PIPE_FRMCOUNT)).toBeGreaterThan(before);
  });

  test('the look that ends an update of a cursor alone does not begin the next frame', () => {
    const bench = new DisplayBench();
    const before = begin(bench);
    bench.clock.advance(7e6);
    bench.write(R.CURPOS, 5);
    bench.write(R.CURBASE, 0x2000);
    bench.read(R.PIPEDSL);
    expect(bench.read(R.PIPE_FRMCOUNT)).toBe(before);
  });

  test('cursors that move without an update do not hold frames up', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0);
    const before = bench.read(R.PIPE_FRMCOUNT);
    for (let i = 0; i < 100; i++) {
      bench.read(R.PIPEDSL);
      bench.clock.advance(5e6);
      bench.write(R.CURPOS, i);
      bench.write(R.CURBASE, 0x2000);
      bench.clock.advance(12e6);
    }
    expect(bench.read(R.PIPE_FRMCOUNT) - before).toBeGreaterThan(95);
  });

  test('nor when a cursor moved after the earlier look', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0);
    bench.clock.advance(20e6);
    const due = bench.display.pipes[0]?.beam.nextVblank ?? 0;
    bench.clock.advanceTo(due - 0.5e6);
    bench.read(R.PIPEDSL);
    bench.write(R.CURPOS, 0x10);
    const [before, after] = update(bench, due + 7e6, 2e6);
    expect(after).toBe(before);
  });

  test('planes that were written before the pipe ran, or without a look, end no update', () => {
    const bench = new DisplayBench();
    bench.write(R.DSPCNTR, 0);
    bench.write(R.DSPSURF, 0x1000);
    bench.light('1024x768', 0);
    const beam = bench.display.pipes[0]?.beam;
    const [first, second] = update(bench, (beam?.nextVblank ?? 0) - 1e6, 2e6);
    expect(second).toBe(first);
    bench.clock.advance(20e6);
    bench.write(R.DSPSURF, 0x3000);
    const [before, after] = update(bench, (beam?.nextVblank ?? 0) - 1e6, 2e6);
    expect(after).toBe(before);
  });

  test('nor is one cut short whose CPU was away between its look and its frame number', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0);
    bench.clock.advance(20e6);
    const due = bench.display.pipes[0]?.beam.nextVblank ?? 0;
    bench.clock.advanceTo(due - 0.1e6);
    bench.read(R.PIPEDSL);
    bench.clock.advance(7.9e6);
    const before = bench.read(R.PIPE_FRMCOUNT);
    bench.clock.advance(3e6);
    bench.write(R.DSPSURF, 0x1000);
    bench.read(R.PIPEDSL);
    expect(bench.read(R.PIPE_FRMCOUNT)).toBe(before);
    // Who only reads waits no longer than that.
    bench.clock.advance(20e6);
    const count = bench.read(R.PIPE_FRMCOUNT);
    for (let i = 0; i < 100; i++) {
      bench.read(R.PIPEDSL);
      bench.read(R.PIPE_FRMCOUNT);
      bench.clock.advance(4e6);
    }
    expect(bench.read(R.PIPE_FRMCOUNT) - count).toBeGreaterThan(15);
  });

  test('a plane written beside any update does not take the hold from the next one', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0);
    bench.clock.advance(20e6);
    const due = bench.display.pipes[0]?.beam.nextVblank ?? 0;
    bench.clock.advanceTo(due - 5e6);
    bench.read(R.PIPEDSL);
    bench.write(R.DSPSURF, 0x2000);
    const [before, after] = update(bench, due - 1e6, 2e6);
    expect(after).toBe(before);
  });

  test('with the default hold none of 200 updates of 2 ms fails, and vertical blanks go on', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0);
    for (let i = 0; i < 200; i++) {
      const [before, after] = update(bench, bench.clock.now + 11.3e6, 2e6);
      expect(after).toBe(before);
    }
    const seconds = bench.clock.now / 1e9;
    expect(bench.read(R.PIPE_FRMCOUNT)).toBeGreaterThan(seconds * 45);
  });
});
