import { AddressSpace, pteAddress } from '../gtt/address-space.ts';
import { Interrupts } from '../irq/interrupts.ts';
import { ManualClock } from '../port/clock.ts';
import { MachineMemory } from '../port/memory.ts';
import { RegSpace } from '../reg/reg-space.ts';
import * as R from './display.regs.ts';
import { DisplayEngine, type DisplayOptions } from './display-engine.ts';
import { MODES, type ModeName } from './monitor/timings.ts';

/** A display engine on a bench: its registers, its time, and 16 MiB of memory mapped one to one. */
export class DisplayBench {
  readonly regs: RegSpace = new RegSpace();
  readonly clock: ManualClock = new ManualClock();
  readonly irq: Interrupts;
  readonly memory: MachineMemory = new MachineMemory();
  readonly words: Int32Array = new Int32Array(4 << 20);
  readonly bytes: Uint8Array = new Uint8Array(this.words.buffer);
  readonly display: DisplayEngine;

  constructor(options: Partial<DisplayOptions> = {}) {
    this.memory.addRegion(0x100000, this.words);
    const pages = this.words.length >>> 10;
    const space = new AddressSpace('ggtt', this.memory, (page) =>
      page < pages ? pteAddress(0x100 + page) | 1 : 0,
    );
    this.irq = new Interrupts(this.regs);
    this.regs.add(this.irq.rows);
    const { regs, clock, irq } = this;
    this.display = new DisplayEngine({ regs, clock, irq, space, ...options });
    this.regs.add(this.display.rows);
  }

  read(offset: number): number {
    return this.regs.read32(offset) >>> 0;
  }

  write(offset: number, value: number): void {
    this.regs.write32(offset, value);
  }

  /** Opens every interrupt. */
  openInterrupts(): void {
    for (const base of [0x44000, 0xc4000]) {
      this.write(base + 4, 0);
      this.write(base + 12, -1);
    }
  }

  /** Acknowledges and returns what is pending in a set. @param base 0x44000 or 0xc4000 */
  take(base: number): number {
    const bits = this.read(base + 8);
    this.write(base + 8, bits);
    return bits;
  }

  /**
   * Lights a pipe on HDMI B as a driver would, with one linear XRGB8888 plane at `surface`.
   *
   * @returns bytes a row
   */
  light(mode: ModeName, surface: number, pipe = 0): number {
    const t = MODES[mode];
    const base = 0x60000 + pipe * 0x1000;
    const at = pipe * 0x1000;
    this.write(R.HSW_PWR_WELL_CTL1 + 4, 0x80000000);
    this.write(R.WRPLL_CTL1, wrpllFor(t.pixelKhz));
    this.write(R.PORT_CLK_SEL + 4, 0x80000000);
    this.write(R.TRANS_CLK_SEL + pipe * 4, 0x40000000);
    this.write(base + R.HTOTAL, ((t.htotal - 1) << 16) | (t.width - 1));
    this.write(base + R.HBLANK, ((t.htotal - 1) << 16) | (t.width - 1));
    this.write(base + R.HSYNC, ((t.hsyncEnd - 1) << 16) | (t.hsyncStart - 1));
    this.write(base + R.VTOTAL, ((t.vtotal - 1) << 16) | (t.height - 1));
    this.write(base + R.VBLANK, ((t.vtotal - 1) << 16) | (t.height - 1));
    this.write(base + R.VSYNC, ((t.vsyncEnd - 1) << 16) | (t.vsyncStart - 1));
    this.write(base + R.PIPESRC, ((t.width - 1) << 16) | (t.height - 1));
    this.write(base + R.TRANS_DDI_FUNC_CTL, 0x90000000);
    this.write(R.PIPECONF[pipe] as number, 0x80000000);
    this.write(R.DDI_BUF_CTL + 0x100, 0x80000000);
    this.write(R.DSPCNTR + at, 0x98000000);
    this.write(R.DSPSTRIDE + at, t.width * 4);
    this.write(R.DSPSURF + at, surface);
    return t.width * 4;
  }

  /** Switches a transcoder off and waits for the end of its frame, as a driver does. */
  dark(transcoder = 0): void {
    const conf = R.PIPECONF[transcoder] as number;
    this.write(conf, 0);
    for (let ms = 0; this.read(conf) !== 0; ms++) {
      if (ms > 100) throw new Error('the pipe does not go off');
      this.clock.advance(1e6);
    }
  }
}

/** WRPLL_CTL for a clock, kHz, of LCPLL's reference: the nearest of its dividers. */
export function wrpllFor(khz: number): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let p = 2; p < 64; p += 2) {
    for (let r = 14; r < 112; r++) {
      const n = Math.round((khz * 5 * p * r) / 2700000);
      if (n < 1 || n > 255) continue;
      const error = Math.abs((2700000 * n) / (5 * p * r) - khz);
      if (error >= least) continue;
      least = error;
      best = 0xb0000000 | (n << 16) | (p << 8) | r;
    }
  }
  return best;
}
