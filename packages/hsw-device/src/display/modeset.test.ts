import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as R from './display.regs.ts';
import { makeMonitor } from './monitor/monitor.ts';
import { DESKTOP_WIRING } from './ports.ts';
import { DisplayBench } from './testing.ts';

/** One sideband transaction as i915 `intel_sbi_rw`. */
function sbi(bench: DisplayBench, register: number, command: number, value = 0): number {
  expect(bench.read(R.SBI_CTL_STAT) & 1).toBe(0);
  bench.write(R.SBI_ADDR, register << 16);
  bench.write(R.SBI_DATA, value);
  bench.write(R.SBI_CTL_STAT, command | 1);
  expect(bench.read(R.SBI_CTL_STAT) & 3).toBe(0);
  return bench.read(R.SBI_DATA);
}

describe('power and clocks', () => {
  test('the well is on while anyone asks, and every request register says so', () => {
    const bench = new DisplayBench();
    bench.write(0x45404, 0x80000000);
    expect(bench.read(0x45404)).toBe(0xc0000000);
    bench.write(0x45400, 0x80000000);
    bench.write(0x45404, 0);
    expect(bench.read(0x45404)).toBe(0x40000000);
    bench.write(0x45400, 0);
    expect(bench.read(0x45404)).toBe(0);
  });

  test('LCPLL is locked at 540 MHz; package C8 takes it away and brings it back', () => {
    const bench = new DisplayBench();
    expect(bench.read(R.LCPLL_CTL)).toBe(0x44000000);
    bench.write(R.LCPLL_CTL, bench.read(R.LCPLL_CTL) | 0x200000);
    expect(bench.read(R.LCPLL_CTL) & 0x80000).toBe(0x80000);
    bench.write(R.LCPLL_CTL, bench.read(R.LCPLL_CTL) | 0x80000000);
    expect(bench.read(R.LCPLL_CTL) & 0x40000000).toBe(0);
    bench.write(R.LCPLL_CTL, bench.read(R.LCPLL_CTL) & ~0x80200000);
    expect(bench.read(R.LCPLL_CTL)).toBe(0x44000000);
  });
});

describe('FPGA_DBG', () => {
  test('an access to no display register sets it, until software clears it', () => {
    const bench = new DisplayBench();
    expect(bench.read(R.FPGA_DBG)).toBe(0);
    bench.read(0x2ff0);
    bench.read(R.PIPEDSL);
    expect(bench.read(R.FPGA_DBG)).toBe(0);
    bench.write(0x7fff0, 1);
    expect(bench.read(R.FPGA_DBG)).toBe(0x80000000);
    bench.write(R.FPGA_DBG, 1);
    expect(bench.read(R.FPGA_DBG)).toBe(0x80000000);
    bench.write(R.FPGA_DBG, 0x80000000);
    expect(bench.read(R.FPGA_DBG)).toBe(0);
    bench.read(0x7fff0);
    expect(bench.read(R.FPGA_DBG)).toBe(0x80000000);
  });
});

describe('south display', () => {
  test('the sideband keeps what is written, by destination', () => {
    const bench = new DisplayBench();
    expect(sbi(bench, 0x060c, 0x600)).toBe(1);
    sbi(bench, 0x0600, 0x700, 0x1234);
    expect(sbi(bench, 0x0600, 0x600)).toBe(0x1234);
    expect(sbi(bench, 0x0600, 0x10200)).toBe(0);
    sbi(bench, 0x2008, 0x10300, 0x800);
    expect(sbi(bench, 0x2008, 0x10200)).toBe(0x800);
  });

  test('it does not grow without bound', () => {
    const bench = new DisplayBench();
    for (let i = 0; i < 3000; i++) sbi(bench, i, 0x700, i);
    expect(bench.display.south.sbi.size).toBeLessThanOrEqual(1024);
    expect(bench.display.south.sbiDropped).toBeGreaterThan(0);
  });

  test('the mPHY reset and the transcoder acknowledge', () => {
    const bench = new DisplayBench();
    bench.write(R.SOUTH_CHICKEN2, 0x1000);
    expect(bench.read(R.SOUTH_CHICKEN2)).toBe(0x3000);
    bench.write(R.SOUTH_CHICKEN2, 0x2000);
    expect(bench.read(R.SOUTH_CHICKEN2)).toBe(0);
    bench.write(R.LPT_TRANSCONF, 0x80000000);
    expect(bench.read(R.LPT_TRANSCONF)).toBe(0xc0000000);
  });

  test('FDI trains when both ends are on with a clock, as i915 hsw_fdi_link_train does it', () => {
    const bench = new DisplayBench();
    const done = (): boolean => (bench.read(0x64444) & 0x1000) !== 0;
    bench.write(0xf0010, 0x200090 | (2 << 26) | (2 << 24));
    bench.write(R.FDI_RX_CTL, 0x82040 & ~0x80000000);
    bench.write(R.FDI_RX_CTL, 0x82050);
    bench.write(R.SPLL_CTL, 0x94000000);
    bench.write(R.PORT_CLK_SEL + 16, 0x60000000);
    bench.write(0x64440, 0x80048000);
    bench.write(0x64400, 0x80000002);
    expect(done()).toBe(false);
    bench.write(R.FDI_RX_CTL, 0x80082450);
    expect(done()).toBe(true);
    bench.write(0x64400, 2);
    expect(done()).toBe(false);
    expect(bench.read(0x64400) & 0x80).toBe(0x80);
  });

  test('straps follow the board', () => {
    expect(new DisplayBench().read(R.SFUSE_STRAP)).toBe(0x2007);
    const wiring = { ...DESKTOP_WIRING, D: 'none', E: 'none', A: 'edp' } as const;
    const bench = new DisplayBench({ wiring });
    expect(bench.read(R.SFUSE_STRAP)).toBe(0x2046);
    expect(bench.read(R.DDI_BUF_CTL) & 1).toBe(1);
    bench.write(R.PCH_ADPA, 0x80000c00);
    expect(bench.read(R.PCH_ADPA) & 0x80000000).toBe(0);
    expect(bench.display.connect('D', makeMonitor({ kind: 'dp' }))).toBe(false);
  });

  test('the panel sequencer takes its delays: up, down and power cycle', () => {
    const bench = new DisplayBench();
    bench.write(R.PP_ON_DELAYS, 2000 << 16);
    bench.write(R.PP_OFF_DELAYS, 500 << 16);
    bench.write(R.PP_CONTROL, 0xabcd0001);
    expect((bench.read(R.PP_STATUS) & 0xb0000000) >>> 0).toBe(0x90000000);
    bench.clock.advance(200e6);
    expect((bench.read(R.PP_STATUS) & 0xb000000f) >>> 0).toBe(0x80000008);
    bench.write(R.PP_CONTROL, 0xabcd0000);
    expect((bench.read(R.PP_STATUS) & 0xb0000000) >>> 0).toBe(0xa0000000);
    bench.clock.advance(50e6);
    expect((bench.read(R.PP_STATUS) & 0xb8000000) >>> 0).toBe(0x08000000);
    bench.clock.advance(500e6);
    expect(bench.read(R.PP_STATUS)).toBe(0);
  });
});

describe('what command streamers wait for', () => {
  const cmd = (dw0: number, dw1: number, dw2: number): Int32Array =>
    Int32Array.from([dw0, dw1, dw2]);

  test('a flip by command shows at vertical blank, with stride, tiling and interrupt', () => {
    const bench = new DisplayBench();
    bench.openInterrupts();
    bench.light('1024x768', 0);
    bench.clock.advance(20e6);
    bench.take(0x44000);
    expect(bench.display.displayFlip(cmd(0x0a000001, 8192 | 1, 0x300000), 3)).toBe(true);
    expect(bench.display.eventPending(0x01800002)).toBe(true);
    bench.clock.advance(17e6);
    expect(bench.display.eventPending(0x01800002)).toBe(false);
    expect(bench.read(R.DSPSURFLIVE)).toBe(0x300000);
    expect(bench.read(R.DSPSTRIDE)).toBe(8192);
    expect(bench.read(R.DSPCNTR) & R.PLANE_TILED).toBe(R.PLANE_TILED);
    expect(bench.take(0x44000) & 8).toBe(8);
    expect(bench.read(R.PIPE_FLIPCOUNT)).toBe(2);
  });

  test('an asynchronous flip does not wait', () => {
    const bench = new DisplayBench();
    bench.openInterrupts();
    bench.light('1024x768', 0);
    bench.clock.advance(20e6);
    bench.take(0x44000);
    bench.display.displayFlip(cmd(0x0a000001, 0, 0x300001), 3);
    expect(bench.read(R.DSPSURFLIVE)).toBe(0x300000);
    expect(bench.take(0x44000)).toBe(8);
  });

  test('an asynchronous flip tears the frame that goes out: its CRC is of both pictures', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0);
    bench.words.fill(0x112233, 1 << 20, (1 << 20) + 1024 * 768);
    const { beam } = bench.display.pipes[0] as (typeof bench.display.pipes)[number];
    bench.write(0x60050, 0xc0000000);
    const crcs = (flips: readonly [line: number, surface: number][]): number => {
      bench.clock.advanceTo(beam.nextVblank + 1);
      bench.read(0x60064);
      for (const [line, surface] of flips) {
        bench.clock.advanceTo(beam.timeOfLine(line, bench.clock.now) + beam.lineNs / 2);
        bench.display.flip(0, 0, surface | 1);
      }
      bench.clock.advanceTo(beam.nextVblank + 1);
      return bench.read(0x60064);
    };
    const black = crcs([]);
    const torn = crcs([[300, 0x400000]]);
    const grey = crcs([]);
    expect(new Set([black, torn, grey]).size).toBe(3);
    // A picture drawn as the tear left the frame has its CRC.
    bench.words.fill(0, 1 << 20, (1 << 20) + 1024 * 300);
    expect(crcs([])).toBe(torn);
    // There and back within a frame; in vertical blank nothing tears.
    bench.words.fill(0, 1 << 20, (1 << 20) + 1024 * 768);
    bench.words.fill(0x112233, 2 << 20, (2 << 20) + 1024 * 768);
    expect(crcs([])).toBe(black);
    const band = crcs([
      [100, 0x800000],
      [101, 0x400000],
    ]);
    expect([black, grey, torn]).not.toContain(band);
    expect(crcs([[800, 0x800000]])).toBe(grey);
    expect(crcs([])).toBe(grey);
  });

  test('stereo flips and planes that are not there are refused', () => {
    const { display } = new DisplayBench();
    expect(display.displayFlip(cmd(0x0a000002, 0, 0), 4)).toBe(false);
    for (const plane of [6, 7]) expect(display.flip(plane, 0, 0)).toBe(false);
  });

  test('vertical blank and scan line windows; a pipe that stands holds nobody up', () => {
    const bench = new DisplayBench();
    const { display } = bench;
    expect(display.eventPending(0x8 | 0x1 | 0x800 | 0x200000)).toBe(false);
    bench.light('1024x768', 0);
    expect(display.eventPending(0x8)).toBe(true);
    bench.clock.advance(17e6);
    expect(display.eventPending(0x8)).toBe(false);
    bench.write(0x70068, 0x80000000 | (300 << 16) | 400);
    expect(display.eventPending(0x1)).toBe(true);
    bench.clock.advanceTo(display.lineEvent(0) + 10);
    expect(display.scanline(0)).toBe(300);
    expect(display.eventPending(0x1)).toBe(false);
  });
});

describe('state', () => {
  test('export and import carry on a lit display with its monitors', () => {
    const bench = new DisplayBench();
    bench.display.connect('B', makeMonitor({ kind: 'hdmi' }));
    bench.display.connect('D', makeMonitor({ kind: 'dp', mode: '1920x1080' }));
    bench.light('1024x768', 0x200000);
    bench.clock.advance(123e6);
    bench.write(R.DSPSURF, 0x300000);
    const state = JSON.parse(JSON.stringify(bench.display.exportState())) as unknown;
    // At the same time, and where the clock stands elsewhere.
    const others = [123e6, 7e9].map((now) => {
      const other = new DisplayBench();
      other.clock.advance(now);
      other.regs.dw.set(bench.regs.dw);
      expect(other.display.importState(state)).toBe(null);
      return other;
    });
    expect(others[0]?.display.exportState()).toEqual(state);
    for (const d of [bench, ...others]) d.clock.advance(100e6);
    for (const other of others) {
      expect(other.read(0xc4000)).toBe(bench.read(0xc4000));
      expect(other.read(R.PIPE_FRMCOUNT)).toBe(bench.read(R.PIPE_FRMCOUNT));
      expect(other.read(R.DSPSURFLIVE)).toBe(0x300000);
    }
  });

  test('what is no state is refused with a reason, and changes nothing', () => {
    const bench = new DisplayBench();
    const before = bench.display.exportState();
    for (const bad of [null, 7, {}, { version: 2 }, { ...before, pipes: [] }]) {
      expect(bench.display.importState(bad)).toEqual(expect.any(String));
    }
    expect(bench.display.exportState()).toEqual(before);
  });

  test('reset keeps the monitors plugged in', () => {
    const bench = new DisplayBench();
    bench.display.connect('B', makeMonitor({ kind: 'hdmi' }));
    bench.light('1024x768', 0);
    bench.regs.reset();
    bench.display.reset();
    expect(bench.read(0xc4000)).toBe(0x200000);
    expect(bench.display.screens()).toEqual([]);
    expect(bench.clock.nextAt).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('hostile drivers', () => {
  test('no series of accesses throws, hangs or unclaims', () => {
    const reference = new DisplayBench();
    const offsets: number[] = [];
    for (let at = 0; at < 0x200000; at += 4) if (reference.regs.claims(at)) offsets.push(at);
    const access = fc.record({
      at: fc.constantFrom(...offsets),
      value: fc.integer(),
      write: fc.boolean(),
      wait: fc.nat(30_000_000),
    });
    fc.assert(
      fc.property(fc.array(access, { maxLength: 200 }), (list) => {
        const bench = new DisplayBench();
        bench.display.connect('B', makeMonitor({ kind: 'hdmi' }));
        bench.light('640x480', 0);
        for (const { at, value, write, wait } of list) {
          if (write) bench.write(at, value);
          else bench.read(at);
          bench.clock.advance(wait);
        }
        for (const screen of bench.display.screens()) {
          bench.display.scanOut(screen.pipe, big);
        }
        expect(bench.regs.unclaimed).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});

const big = new Uint32Array(4096 * 4096);
