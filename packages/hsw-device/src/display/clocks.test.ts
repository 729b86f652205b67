import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pixelClockKhz, portClockKhz, spllKhz, wrpllKhz } from './clocks.ts';
import * as R from './display.regs.ts';
import { MODES } from './monitor/timings.ts';
import { DisplayBench, wrpllFor } from './testing.ts';

describe('PLLs', () => {
  test('control case: WRPLL dividers of 148.5 MHz', () => {
    const ctl = wrpllFor(148500);
    expect(Math.abs(wrpllKhz(ctl) - 148500)).toBeLessThan(150);
  });

  test('WRPLL agrees with exact arithmetic for every divider and reference', () => {
    const any = fc.record({
      ref: fc.constantFrom(1, 2, 3),
      n: fc.nat(255),
      p: fc.integer({ min: 1, max: 63 }),
      r: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(any, ({ ref, n, p, r }) => {
        const hz = ref === 3 ? 2700000n : 135000n;
        const exact = ((hz * BigInt(n)) / 10n / (BigInt(p) * BigInt(r))) * 2n;
        const ctl = 0x80000000 | (ref << 28) | (n << 16) | (p << 8) | r;
        expect(BigInt(wrpllKhz(ctl))).toBe(exact);
      }),
    );
  });

  test('a PLL that is off, or divides by 0, makes no clock', () => {
    expect(wrpllKhz(0x30120c0e)).toBe(0);
    expect(wrpllKhz(0xb0120c00 | 0)).toBe(0);
    expect(wrpllKhz(0xb012000e | 0)).toBe(0);
    expect(spllKhz(0x14000000)).toBe(0);
    expect(spllKhz(0x94000000 | 0)).toBe(270000);
  });

  test('every mode is met within half a percent on HDMI, DP and FDI', () => {
    for (const [name, t] of Object.entries(MODES)) {
      const bench = new DisplayBench();
      const close = (khz: number): void =>
        expect(Math.abs(khz - t.pixelKhz) / t.pixelKhz, name).toBeLessThan(0.005);
      bench.write(R.WRPLL_CTL1, wrpllFor(t.pixelKhz));
      bench.write(R.PORT_CLK_SEL + 4, 0x80000000);
      bench.write(0x60400, 0x90000000);
      close(pixelClockKhz(bench.regs, 0));
      bench.write(R.PORT_CLK_SEL + 12, 0x20000000);
      bench.write(0x61400, 0xb2000000);
      bench.write(0x61040, Math.round((t.pixelKhz * 0x80000) / 270000));
      bench.write(0x61044, 0x80000);
      close(pixelClockKhz(bench.regs, 1));
      bench.write(R.SPLL_CTL, 0x94000000);
      bench.write(R.PORT_CLK_SEL + 16, 0x60000000);
      bench.write(0x62400, 0xc4000000);
      bench.write(0x62040, Math.round((t.pixelKhz * 0x80000) / 270000));
      bench.write(0x62044, 0x80000);
      close(pixelClockKhz(bench.regs, 2));
    }
  });

  test('a port with no clock selected has none', () => {
    const bench = new DisplayBench();
    for (let port = 0; port < 5; port++) expect(portClockKhz(bench.regs, port)).toBe(0);
  });
});
