import { expect, test } from 'vitest';
import { pixelClockKhz } from './clocks.ts';
import * as R from './display.regs.ts';
import { MODES, type ModeName } from './monitor/timings.ts';
import { DisplayBench } from './testing.ts';

const HOUR_S = 3600n;
const NS = 1_000_000_000n;
const LONG_MS = 60_000;

/** How many vertical blanks begin in an hour from the first active line on, and when the last does. */
function due(mode: ModeName, khz: number): { count: bigint; lastPs: bigint } {
  const { htotal, vtotal, height } = MODES[mode];
  const hz = BigInt(khz) * 1000n;
  const frame = BigInt(htotal * vtotal);
  const first = BigInt(htotal * height);
  // Dots sent before the n-th blank, n from 0: first + n * frame.
  const count = (HOUR_S * hz - first) / frame + 1n;
  const dots = first + (count - 1n) * frame;
  return { count, lastPs: (dots * NS * 1000n) / hz };
}

const CASES: readonly ModeName[] = ['640x480', '1024x768', '1920x1080'];
test.each(CASES)(
  'an hour of %s has every vertical blank in its place',
  { timeout: LONG_MS },
  (mode) => {
    const bench = new DisplayBench({ beamHoldNs: 0 });
    bench.light(mode, 0);
    const khz = pixelClockKhz(bench.regs, 0);
    expect(Math.abs(khz / MODES[mode].pixelKhz - 1)).toBeLessThan(0.005);
    // Started anew, so that line 0 begins at a time of its own.
    bench.dark();
    bench.write(R.PIPECONF[0] as number, 0x80000000);
    const began = bench.clock.now;
    const frame = bench.read(R.PIPE_FRMCOUNT);
    let count = 0n;
    let last = 0;
    bench.display.onVblank = () => {
      count++;
      last = bench.clock.now;
    };
    bench.clock.advance(Number(HOUR_S * NS));
    const want = due(mode, khz);
    expect(count).toBe(want.count);
    expect(BigInt(bench.read(R.PIPE_FRMCOUNT) - frame)).toBe(want.count);
    // Less than the time of ten dots away from where rational arithmetic puts it.
    expect(Math.abs(last - began - Number(want.lastPs) / 1000)).toBeLessThan(10e6 / khz);
  },
);

test('three pipes at once keep their own time for an hour', { timeout: LONG_MS }, () => {
  const bench = new DisplayBench({ beamHoldNs: 0 });
  const counts = [0n, 0n, 0n];
  bench.display.onVblank = (pipe) => {
    counts[pipe] = (counts[pipe] as bigint) + 1n;
  };
  const modes = CASES.map((mode, pipe) => {
    bench.light(mode, 0, pipe);
    return mode;
  });
  // One PLL feeds all three: each mode at the clock of the last.
  for (const pipe of modes.keys()) bench.dark(pipe);
  counts.fill(0n);
  for (const pipe of modes.keys()) bench.write(R.PIPECONF[pipe] as number, 0x80000000);
  bench.clock.advance(Number(HOUR_S * NS));
  expect(counts).toEqual(
    modes.map((mode, pipe) => due(mode, pixelClockKhz(bench.regs, pipe)).count),
  );
});
