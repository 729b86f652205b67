import { describe, expect, test } from 'vitest';
import { HOTPLUG_QUIET_NS } from './connectors.ts';
import * as R from './display.regs.ts';
import { makeMonitor } from './monitor/monitor.ts';
import { DisplayBench, wrpllFor } from './testing.ts';

const SDEISR = 0xc4000;
const DEIIR = 0x44000;

describe('rows', () => {
  test('they build without overlap and leave nothing of a modeset unclaimed', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0);
    expect(bench.regs.unclaimed).toBe(0);
  });
});

describe('pipes', () => {
  test('a pipe is on when PIPECONF says so, and counts frames of its mode', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0);
    expect(bench.read(0x70008)).toBe(0xc0000000);
    const before = bench.read(R.PIPE_FRMCOUNT);
    bench.clock.advance(1e9);
    expect(bench.read(R.PIPE_FRMCOUNT) - before).toBe(60);
  });

  test('a pipe that is switched off ends its frame, and its state bit says when', () => {
    const bench = new DisplayBench({ beamHoldNs: 0 });
    bench.light('1024x768', 0);
    bench.clock.advance(100e6);
    const before = bench.read(R.PIPE_FRMCOUNT);
    const over = bench.display.pipes[0]?.beam.nextVblank ?? 0;
    bench.write(0x70008, 0);
    bench.clock.advance(over - bench.clock.now - 1000);
    expect(bench.read(0x70008)).toBe(0x40000000);
    bench.clock.advance(2000);
    expect(bench.read(0x70008)).toBe(0);
    expect(bench.read(R.PIPE_FRMCOUNT) - before).toBe(1);
    expect(bench.read(R.PIPEDSL)).toBe(0);
  });

  test('a transcoder that drives no pipe is off at once; one that is switched on again goes on', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0);
    const edp = R.PIPECONF[3] as number;
    bench.write(edp, 0x80000000);
    bench.write(edp, 0);
    expect(bench.read(edp)).toBe(0);
    bench.write(0x70008, 0);
    bench.write(0x70008, 0x80000000);
    bench.clock.advance(100e6);
    expect(bench.read(0x70008)).toBe(0xc0000000);
    expect(bench.display.screens()).toHaveLength(1);
  });

  test('a transcoder that loses its pipe before the end of the frame is off then', () => {
    const bench = new DisplayBench();
    const edp = R.PIPECONF[3] as number;
    bench.write(0x6f000 + R.TRANS_DDI_FUNC_CTL, 0x82000000);
    bench.write(edp, 0x80000000);
    bench.write(edp, 0);
    expect(bench.read(edp)).toBe(0x40000000);
    bench.write(0x6f000 + R.TRANS_DDI_FUNC_CTL, 0);
    expect(bench.read(edp)).toBe(0);
    expect(bench.clock.nextAt).toBe(Number.POSITIVE_INFINITY);
  });

  test('vertical blank interrupts come with each frame while the pipe runs, and no timer after', () => {
    const bench = new DisplayBench();
    bench.openInterrupts();
    bench.light('1024x768', 0);
    let vblanks = 0;
    for (let i = 0; i < 100; i++) {
      bench.clock.advance(10e6);
      if ((bench.take(DEIIR) & 1) !== 0) vblanks++;
    }
    expect(vblanks).toBe(60);
    bench.dark();
    expect(bench.clock.nextAt).toBe(Number.POSITIVE_INFINITY);
  });

  test('a flip shows at vertical blank, with its interrupt', () => {
    const bench = new DisplayBench();
    bench.openInterrupts();
    bench.light('1024x768', 0);
    bench.clock.advance(20e6);
    bench.take(DEIIR);
    bench.write(R.DSPSURF, 0x400000);
    expect(bench.read(R.DSPSURFLIVE)).toBe(0);
    expect(bench.display.flipPending(0)).toBe(true);
    bench.clock.advance(17e6);
    expect(bench.read(R.DSPSURFLIVE)).toBe(0x400000);
    expect(bench.take(DEIIR) & 9).toBe(9);
  });
});

describe('timing', () => {
  test('the largest mode has the frame time that its clock gives', () => {
    const bench = new DisplayBench({ beamHoldNs: 0 });
    bench.light('4096x2160', 0);
    const before = bench.read(R.PIPE_FRMCOUNT);
    bench.clock.advance(10e9);
    expect(bench.read(R.PIPE_FRMCOUNT) - before).toBe(300);
    expect(bench.display.screens()[0]).toMatchObject({ width: 4096, height: 2160 });
    expect(bench.display.screens()[0]?.refreshHz).toBeCloseTo(30, 1);
  });

  test('interlaced: two fields of 562.5 lines, a vertical blank for each, and the field is told', () => {
    const bench = new DisplayBench({ beamHoldNs: 0 });
    bench.light('1920x1080', 0);
    bench.dark();
    bench.write(R.WRPLL_CTL1, wrpllFor(74250));
    bench.write(0x60000 + R.VTOTAL, (1123 << 16) | 1079);
    bench.write(0x60000 + R.VBLANK, (1123 << 16) | 1079);
    bench.write(0x70008, 0x80600000);
    const before = bench.read(R.PIPE_FRMCOUNT);
    bench.clock.advance(10e9);
    expect(bench.read(R.PIPE_FRMCOUNT) - before).toBe(600);
    const fields = new Set<number>();
    let last = 0;
    for (let i = 0; i < 400; i++) {
      bench.clock.advance(100_000);
      const line = bench.read(R.PIPEDSL);
      fields.add(line >>> 31);
      last = Math.max(last, line & 0x1fff);
    }
    expect(fields.size).toBe(2);
    expect(last).toBeGreaterThan(540);
    expect(last).toBeLessThan(563);
  });
});

describe('interrupts of lines', () => {
  test('vertical sync and the line of PIPE_SLC come at their lines, and only while they are open', () => {
    const bench = new DisplayBench({ beamHoldNs: 0 });
    bench.openInterrupts();
    bench.write(0x70004, (100 << 16) | 200);
    bench.light('1024x768', 0);
    bench.clock.advance(40e6);
    const seen: [number, number][] = [];
    bench.take(DEIIR);
    for (let i = 0; i < 400; i++) {
      bench.clock.advance(50_000);
      const bits = bench.take(DEIIR) & 7;
      if (bits !== 0) seen.push([bits, bench.display.scanline(0)]);
    }
    for (const [bits, line] of seen) {
      const at = bits === 1 ? 768 : bits === 2 ? 771 : 100;
      expect(Math.abs(line - at), `bits ${bits} at line ${line}`).toBeLessThan(4);
    }
    expect(new Set(seen.map(([bits]) => bits))).toEqual(new Set([1, 2, 4]));
    bench.write(0x44004, 6);
    bench.clock.advance(20e6);
    bench.take(DEIIR);
    bench.clock.advance(100e6);
    expect(bench.take(DEIIR) & 7).toBe(1);
  });

  test('a pipe that stops leaves no event behind', () => {
    const bench = new DisplayBench();
    bench.openInterrupts();
    bench.light('1024x768', 0);
    bench.clock.advance(20e6);
    bench.dark();
    expect(bench.clock.nextAt).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('arming', () => {
  test('a plane that is off arms by its control register; one that is on does not', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0x100000);
    bench.clock.advance(20e6);
    bench.write(R.SPRCTL, 0x84000000);
    bench.clock.advance(20e6);
    expect(bench.display.pipes[0]?.planes.sprite.control).toBe(0x84000000 | 0);
    bench.write(R.SPRCTL, 0);
    bench.clock.advance(20e6);
    expect(bench.display.pipes[0]?.planes.sprite.control).toBe(0x84000000 | 0);
    bench.write(R.SPRSURF, 0);
    bench.clock.advance(20e6);
    expect(bench.display.pipes[0]?.planes.sprite.control).toBe(0);
  });

  test('a cursor moves by its position alone, but not between CURCNTR and CURBASE', () => {
    const bench = new DisplayBench();
    bench.light('1024x768', 0x100000);
    const position = (): number => bench.display.pipes[0]?.planes.cursor.live[1] ?? 0;
    bench.write(R.CURCNTR, 0x27);
    bench.write(R.CURBASE, 0x200000);
    bench.clock.advance(20e6);
    bench.write(R.CURPOS, 0x50005);
    expect(position()).toBe(0);
    bench.clock.advance(20e6);
    expect(position()).toBe(0x50005);
    bench.write(R.CURCNTR, 0x22);
    bench.write(R.CURPOS, 0x60006);
    bench.clock.advance(20e6);
    expect(position()).toBe(0x50005);
    bench.write(R.CURBASE, 0x200000);
    bench.clock.advance(20e6);
    expect(position()).toBe(0x60006);
  });
});

describe('pipe CRC', () => {
  test('it is of the frame that went out, before planes latch, and of the plane that was asked for', () => {
    const bench = new DisplayBench();
    bench.light('640x480', 0x100000);
    bench.words[0x100000 >>> 2] = 0x123456;
    bench.words[0x300000 >>> 2] = 0x654321;
    bench.clock.advance(20e6);
    const next = (): number => {
      const frame = bench.read(R.PIPE_FRMCOUNT);
      while (bench.read(R.PIPE_FRMCOUNT) === frame) bench.clock.advance(1e6);
      return bench.read(0x60000 + R.PIPE_CRC_RES_1);
    };
    bench.write(0x60000 + R.PIPE_CRC_CTL, 0xc0000000);
    const first = next();
    bench.write(R.DSPSURF, 0x300000);
    expect(next()).toBe(first);
    const second = next();
    expect(second).not.toBe(first);
    bench.write(0x60000 + R.PIPE_CRC_CTL, 0x80000000);
    expect(next()).toBe(second);
    bench.write(0x60000 + R.PIPE_CRC_CTL, 0xa0000000);
    expect(next()).not.toBe(second);
  });
});

describe('presence', () => {
  test('a monitor on HDMI B is a level, a long pulse and a PCH interrupt', () => {
    const bench = new DisplayBench();
    bench.openInterrupts();
    bench.write(R.PCH_PORT_HOTPLUG, 0x101010);
    bench.display.connect('B', makeMonitor({ kind: 'hdmi' }));
    expect(bench.read(SDEISR) & 0x200000).toBe(0x200000);
    expect(bench.read(R.PCH_PORT_HOTPLUG)).toBe(0x101012);
    expect(bench.take(SDEISR)).toBe(0x200000);
    bench.write(R.PCH_PORT_HOTPLUG, 0x101012);
    expect(bench.read(R.PCH_PORT_HOTPLUG)).toBe(0x101010);
    bench.display.disconnect('B');
    expect(bench.read(SDEISR) & 0x200000).toBe(0);
  });

  test('every port tells plugs by long pulses and calls for attention by short ones', () => {
    // Port, interrupt set, bit, register and shift of its pulse field. VGA has no kinds of pulses.
    const rows = [
      ['A', 0x44000, 0x8000000, R.DIGITAL_PORT_HOTPLUG_CNTRL, 0],
      ['B', 0xc4000, 0x200000, R.PCH_PORT_HOTPLUG, 0],
      ['C', 0xc4000, 0x400000, R.PCH_PORT_HOTPLUG, 8],
      ['D', 0xc4000, 0x800000, R.PCH_PORT_HOTPLUG, 16],
    ] as const;
    for (const [port, set, bit, register, shift] of rows) {
      const wiring = { A: 'edp', B: 'dp', C: 'dp', D: 'dp', E: 'none' } as const;
      const bench = new DisplayBench({ wiring });
      bench.openInterrupts();
      bench.write(register, 0x101010);
      const pulse = (): number => (bench.read(register) >>> shift) & 3;
      bench.display.connect(port, makeMonitor({ kind: port === 'A' ? 'edp' : 'dp' }));
      expect([pulse(), bench.read(set) & bit, bench.take(set) & bit]).toEqual([2, bit, bit]);
      bench.write(register, 0x101010 | (3 << shift));
      bench.display.shortPulse(port);
      expect([pulse(), bench.read(set) & bit, bench.take(set) & bit]).toEqual([1, bit, bit]);
      bench.write(register, 0x101010 | (3 << shift));
      bench.clock.advance(HOTPLUG_QUIET_NS);
      bench.display.disconnect(port);
      expect([pulse(), bench.read(set) & bit, bench.take(set) & bit]).toEqual([2, 0, bit]);
      bench.write(register, 3 << shift);
      bench.display.shortPulse(port);
      expect([pulse(), bench.take(set) & bit]).toEqual([0, 0]);
    }
  });

  test('a panel on the EDP transcoder takes the pixels of the pipe that it names', () => {
    const bench = new DisplayBench({ wiring: { A: 'edp', B: 'dp', C: 'dp', D: 'dp', E: 'none' } });
    bench.display.connect('A', makeMonitor({ kind: 'edp', mode: '1366x768' }));
    bench.write(R.PORT_CLK_SEL, 0x20000000);
    const base = 0x6f000;
    bench.write(base + R.HTOTAL, (1791 << 16) | 1365);
    bench.write(base + R.VTOTAL, (797 << 16) | 767);
    bench.write(base + R.VBLANK, (797 << 16) | 767);
    bench.write(base + R.LINK_M1, 85500);
    bench.write(base + R.LINK_N1, 270000);
    bench.write(0x6101c, (1365 << 16) | 767);
    bench.write(base + R.TRANS_DDI_FUNC_CTL, 0x82000000 | (5 << 12));
    bench.write(0x7f008, 0x80000000);
    expect(bench.read(0x7f008)).toBe(0xc0000000);
    expect(bench.display.screens()).toMatchObject([
      { pipe: 1, port: 'A', width: 1366, height: 768, monitor: { kind: 'edp' } },
    ]);
    expect(bench.display.screens()[0]?.refreshHz).toBeCloseTo(59.8, 1);
  });

  test('VGA is sensed by ADPA', () => {
    const bench = new DisplayBench();
    bench.write(R.PCH_ADPA, 0xf40000 | 0x10000);
    expect(bench.read(R.PCH_ADPA)).toBe(0xf40000);
    bench.display.connect('E', makeMonitor({ kind: 'vga' }));
    expect(bench.read(R.PCH_ADPA)).toBe(0x3f40000);
  });
});

describe('DDC and AUX', () => {
  test('an indexed GMBUS read gives the EDID', () => {
    const bench = new DisplayBench();
    const monitor = makeMonitor({ kind: 'hdmi', mode: '1920x1080' });
    bench.display.connect('B', monitor);
    bench.write(0xc5100, 5);
    bench.write(0xc5104, 0x40000000 | 0x6000000 | (128 << 16) | (0x50 << 1) | 1);
    const got: number[] = [];
    for (let i = 0; i < 32; i++) {
      expect(bench.read(0xc5108) & 0x800).toBe(0x800);
      const word = bench.read(0xc510c);
      for (let k = 0; k < 4; k++) got.push((word >>> (k * 8)) & 255);
    }
    expect(got).toEqual([...monitor.edid.subarray(0, 128)]);
    expect(bench.read(0xc5108) & 0x4000).toBe(0x4000);
    bench.write(0xc5104, 0x48000000);
    expect(bench.read(0xc5108) & 0x200).toBe(0);
  });

  test('nobody on a GMBUS pin is not acknowledged', () => {
    const bench = new DisplayBench();
    bench.write(0xc5100, 5);
    bench.write(0xc5104, 0x40000000 | 0x2000000 | (1 << 16) | (0x50 << 1));
    expect(bench.read(0xc5108) & 0x600).toBe(0x400);
  });

  test('a native AUX read gives DPCD revision, rate and lanes; without a sink it times out', () => {
    const bench = new DisplayBench();
    const ask = (): number => {
      bench.write(0xe4314, 0x90000002);
      bench.write(0xe4310, 0x80000000 | 0x52000000 | (4 << 20));
      return bench.read(0xe4310);
    };
    expect(ask() & 0xd0000000).toBe(0x50000000);
    bench.display.connect('D', makeMonitor({ kind: 'dp' }));
    const control = ask();
    expect(control & 0xd0000000).toBe(0x40000000);
    expect((control >>> 20) & 31).toBe(4);
    expect(bench.read(0xe4314)).toBe(0x001214c4);
  });
});
