import {
  displayRegs as D,
  HaswellDevice,
  MachineMemory,
  ManualClock,
  MODES,
} from '@xengt/hsw-device';
import {
  interleave,
  quotients,
  type Row,
  row,
  summary,
  threadNs,
  threadNsEach,
} from '../lib/measure.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'scanout';
const MODE = MODES['1920x1080'];
const { width, height } = MODE;
const PIXELS: number = width * height;
const RAM_BYTES: number = 16 << 20;
const PTE = 7;
/** A cursor of 64 by 64 in ARGB, and where its pixels are. */
const CURSOR_ARGB = 0x27;
const CURSOR_AT: number = 12 << 20;
const HOUR_NS = 3_600_000_000_000;
/** DSPCNTR: enabled, XRGB8888; 10 tiled. A plane through the palette has bit 30. */
const PLANE = 0x98000000;

interface Case {
  readonly name: string;
  readonly control: number;
  readonly cursor: boolean;
}
// biome-ignore format: one case a line
const CASES: readonly Case[] = [
  { name: 'linear', control: PLANE, cursor: false },
  { name: 'X-tiled', control: PLANE | D.PLANE_TILED, cursor: false },
  { name: 'linear, with a cursor', control: PLANE, cursor: true },
  { name: 'linear, through the palette', control: PLANE | 0x40000000, cursor: false },
];

/** A pipe that shows 1920x1080 on the analogue port. */
class LitMachine {
  readonly clock: ManualClock = new ManualClock();
  readonly device: HaswellDevice;
  readonly words: Int32Array = new Int32Array(new SharedArrayBuffer(RAM_BYTES));
  readonly out: Uint32Array = new Uint32Array(PIXELS);

  constructor() {
    const memory = new MachineMemory();
    memory.addRegion(0, this.words);
    this.device = new HaswellDevice({ memory, clock: this.clock });
    for (let p = 0; p < RAM_BYTES / 4096; p++) this.device.ggtt.write(p, (p << 12) | PTE);
    for (let i = 0; i < this.words.length; i++) this.words[i] = Math.imul(i, 0x9e3779b1);
    this.#light();
  }

  write(offset: number, value: number): void {
    this.device.mmio.write(offset, 4, value);
  }

  #light(): void {
    const base = 0x60000;
    const pair = (from: number, to: number): number => ((to - 1) << 16) | (from - 1);
    this.write(D.HSW_PWR_WELL_CTL1 + 4, 0x80000000);
    // Port B from the SPLL: 270 MHz, of which pixel multiplier 2 leaves 135.
    this.write(D.SPLL_CTL, 0x94000000);
    this.write(D.PORT_CLK_SEL + 4, 0x60000000);
    this.write(base + D.PIPE_MULT, 1);
    this.write(base + D.HTOTAL, pair(width, MODE.htotal));
    this.write(base + D.VTOTAL, pair(height, MODE.vtotal));
    this.write(base + D.VBLANK, pair(height, MODE.vtotal));
    this.write(base + D.PIPESRC, ((width - 1) << 16) | (height - 1));
    this.write(base + D.TRANS_DDI_FUNC_CTL, 0x90000000);
    this.write(D.PIPECONF[0] as number, 0x80000000);
    this.write(D.DSPSTRIDE, width * 4);
  }

  show({ control, cursor }: Case): void {
    this.write(D.DSPCNTR, control);
    this.write(D.DSPSURF, 0);
    this.write(D.CURCNTR, cursor ? CURSOR_ARGB : 0);
    this.write(D.CURPOS, (500 << 16) | 700);
    this.write(D.CURBASE, CURSOR_AT);
    this.clock.advance(50_000_000);
  }

  scan(): void {
    if (!this.device.display.scanOut(0, this.out)) throw new Error('the pipe shows nothing');
  }

  /** One pass over the same pixels: red and blue change places, as in the scan-out. */
  plain(): void {
    convert(this.words, this.out, PIXELS);
  }
}

function convert(from: Int32Array, to: Uint32Array, n: number): void {
  for (let i = 0; i < n; i++) {
    const p = from[i] as number;
    to[i] = 0xff000000 | (p & 0xff00) | ((p & 0xff) << 16) | ((p >>> 16) & 0xff);
  }
}

/** Frames of the pipe in an hour, as its registers set it up: dots over dots of a frame. */
function hour(machine: LitMachine): Row[] {
  const { device, clock } = machine;
  let blanks = 0;
  let last = 0;
  device.display.onVblank = () => {
    blanks++;
    last = clock.now;
  };
  const dotsInFrame = MODE.htotal * MODE.vtotal;
  const frameNs = (dotsInFrame * 1e6) / PIXEL_KHZ;
  // Begins right after a vertical blank.
  while (blanks === 0) clock.advance(1_000_000);
  const from = last;
  blanks = 0;
  const start = threadNs();
  clock.advanceTo(from + HOUR_NS);
  const ms = (threadNs() - start) / 1e6;
  device.display.onVblank = () => {};
  const due = Number((BigInt(PIXEL_KHZ) * 1000n * 3600n) / BigInt(dotsInFrame));
  const drift = Math.abs(last - (from + blanks * frameNs));
  const exact = { limit: 0, sense: 'most' } as const;
  return [
    row(
      SUITE,
      'one hour of vertical blanks: too many or too few',
      'frames',
      [Math.abs(blanks - due)],
      exact,
      `${blanks} came`,
    ),
    row(
      SUITE,
      'one hour of vertical blanks: drift of the last',
      'ns',
      [drift],
      { limit: 1000, sense: 'most' },
      `${PIXEL_KHZ} kHz, ${dotsInFrame} dots a frame`,
    ),
    row(
      SUITE,
      'one hour of vertical blanks: time it takes',
      'ms',
      [ms],
      null,
      `${((ms * 1e6) / blanks).toFixed(0)} ns each`,
    ),
  ];
}
const PIXEL_KHZ = 135_000;

/** What a frame of 1920x1080 costs whoever looks, against one pass over its pixels; then an hour. */
export async function scanoutSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const machine = new LitMachine();
  for (const what of CASES) {
    progress(what.name);
    machine.show(what);
    const { a, b } = await interleave(
      quick ? 5 : 31,
      2,
      () => threadNsEach(() => machine.scan()) / 1e6,
      () => threadNsEach(() => machine.plain()) / 1e6,
    );
    const name = `1920x1080, ${what.name}`;
    rows.push(row(SUITE, name, 'ms', a, null, `plain pass ${summary(b).median.toFixed(2)} ms`));
    rows.push(row(SUITE, `${name}: against a plain pass`, 'x', quotients(a, b), null));
  }
  progress('one hour');
  rows.push(...hour(machine));
  return rows;
}
