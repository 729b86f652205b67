import { readdirSync, readFileSync } from 'node:fs';
import { GTT_WINDOW, HaswellDevice, MachineMemory, ManualClock } from '@xengt/hsw-device';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coefficient } from './colour.ts';
import { half, widen, yuvToRgb } from './pixels.ts';
import { gpuOf } from './probe.ts';
import { differenceOf, type Wire, wireOf } from './wire.ts';

const WIDTH = 96;
const HEIGHT = 40;
const RAM_BYTES = 1 << 20;
/** Beyond 4 GiB, so that a GTT entry needs its upper address bits. */
const RAM_AT = 5 * 2 ** 30;
const SURFACE_AT = 0x40000;
const PAGES = 128;

/** A device with one lit pipe on noise; graphics pages lie in memory in another order. */
class Bench {
  readonly clock = new ManualClock();
  readonly memory = new MachineMemory();
  readonly device: HaswellDevice;
  readonly pipe: number;
  readonly picture = new Uint32Array(256 * 256);
  readonly ram: Int32Array;

  constructor(pipe: number, seed: number) {
    this.pipe = pipe;
    const ram = new Int32Array(RAM_BYTES / 4);
    let x = seed | 1;
    for (let i = 0; i < ram.length; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      ram[i] = x;
    }
    this.ram = ram;
    this.memory.addRegion(RAM_AT, ram);
    this.device = new HaswellDevice({ memory: this.memory, clock: this.clock });
    for (let page = 0; page < PAGES; page++) {
      const address = RAM_AT + ((page * 77 + 3) % 256) * 4096;
      const entry = (address % 2 ** 32) + Math.floor(address / 2 ** 32) * 16 + 1;
      this.write(GTT_WINDOW + (SURFACE_AT / 4096 + page) * 4, entry);
    }
  }

  write(offset: number, value: number): void {
    this.device.mmio.write(offset, 4, value | 0);
  }

  /** Changes the noise. */
  change(how: (word: number) => number): void {
    for (let i = 0; i < this.ram.length; i++) this.ram[i] = how(this.ram[i] as number);
  }

  /** Timings and source size; the fitter's window when the two differ. */
  light(width: number, height: number): void {
    const t = 0x60000 + this.pipe * 0x1000;
    this.write(t, ((width + 63) << 16) | (width - 1));
    this.write(t + 4, ((width + 63) << 16) | (width - 1));
    this.write(t + 0xc, ((height + 9) << 16) | (height - 1));
    this.write(t + 0x10, ((height + 9) << 16) | (height - 1));
    this.write(t + 0x1c, ((WIDTH - 1) << 16) | (HEIGHT - 1));
    this.write(t + 0x400, 0x80000000 | (1 << 28));
    this.write(0x70008 + this.pipe * 0x1000, 0x80000000);
    if (width === WIDTH && height === HEIGHT) return;
    const f = this.pipe * 0x800;
    this.write(0x68070 + f, 0);
    this.write(0x68080 + f, 0x80800000 | (this.pipe << 29));
    this.write(0x68074 + f, (width << 16) | height);
  }

  /** Writes registers of the pipe, shows them, and compares. */
  show(registers: readonly (readonly [number, number])[]): {
    pixels: number;
    first: string | null;
  } {
    for (const [offset, value] of registers) this.write(offset + this.pipe * 0x1000, value);
    this.clock.advance(100e6);
    const { display } = this.device;
    expect(display.wireOut(this.pipe, this.picture)).toBe(true);
    const wire = wireOf(gpuOf(this.device), this.pipe) as Wire;
    return differenceOf(wire, display.scanWidth, display.scanHeight, this.picture);
  }
}

const SAME = { pixels: 0, first: null };

/** Where a plane reads the noise, and how. */
interface Scene {
  readonly pipe: number;
  readonly seed: number;
  readonly tiled: boolean;
  readonly rotated: boolean;
  readonly gamma: boolean;
  readonly swizzled: boolean;
  readonly strideUnits: number;
  readonly x: number;
  readonly y: number;
}

const common = {
  pipe: fc.nat(2),
  seed: fc.nat(1e6),
  tiled: fc.boolean(),
  rotated: fc.boolean(),
  gamma: fc.boolean(),
  swizzled: fc.boolean(),
  strideUnits: fc.integer({ min: 2, max: 6 }),
  x: fc.nat(30),
  y: fc.nat(20),
};

function control(o: { tiled: boolean; rotated: boolean; gamma: boolean }): number {
  return 0x80000000 | (o.gamma ? 1 << 30 : 0) | (o.rotated ? 1 << 15 : 0) | (o.tiled ? 1 << 10 : 0);
}

/** Registers of a primary plane on the noise. */
function primary(o: Scene, format: number): [number, number][] {
  return [
    [0x70188, o.strideUnits * 512],
    [0x701a4, (o.y << 16) | o.x],
    [0x70180, control(o) | (format << 26)],
    [0x7019c, SURFACE_AT],
  ];
}

/** A bent palette, so that a colour which skips it or takes it twice shows. */
function bentPalette(b: Bench): void {
  for (let i = 0; i < 256; i++) {
    const entry = (((i * 7 + 1) & 255) << 16) | ((255 - i) << 8) | ((i * 3 + 90) & 255);
    b.write(0x4a000 + b.pipe * 0x800 + i * 4, entry);
  }
}

describe('the device and the reference agree on noise', () => {
  test('primary planes: formats, tiling, swizzling, offsets, rotation, 8-bit palette', () => {
    const formats = fc.constantFrom(2, 5, 6, 8, 10, 14);
    fc.assert(
      fc.property(fc.record(common), formats, (o, format) => {
        const b = new Bench(o.pipe, o.seed);
        bentPalette(b);
        b.write(0x45000, o.swizzled ? 1 << 13 : 0);
        b.light(WIDTH, HEIGHT);
        expect(b.show(primary(o, format))).toEqual(SAME);
      }),
      { numRuns: 60 },
    );
  });

  test('sprite planes over them: RGB and YUV formats, place, source and destination keys', () => {
    const sprite = fc.record({
      format: fc.constantFrom(0, 1, 2, 3, 4),
      full: fc.boolean(),
      ownGamma: fc.boolean(),
      channels: fc.integer({ min: 1, max: 7 }),
      order: fc.nat(3),
      redFirst: fc.boolean(),
      bt709: fc.boolean(),
      left: fc.nat(WIDTH - 1),
      top: fc.nat(HEIGHT - 1),
      width: fc.integer({ min: 3, max: 60 }),
      height: fc.integer({ min: 3, max: 40 }),
      key: fc.constantFrom('none', 'source', 'destination'),
      of: fc.record(common),
    });
    fc.assert(
      fc.property(fc.record(common), sprite, (o, s) => {
        const b = new Bench(o.pipe, o.seed);
        b.write(0x45000, o.swizzled ? 1 << 13 : 0);
        b.light(WIDTH, HEIGHT);
        // Keys are compared before gamma, and a key on rounded YUV is not told to the bit.
        const plain = { ...o, gamma: false };
        const key = s.format === 1 || s.format === 2 ? s.key : 'none';
        let ctl = control({ ...s.of, gamma: false }) | (s.format << 25);
        if (!s.ownGamma || key !== 'none') ctl |= 1 << 13;
        if (s.full) ctl |= 1 << 28;
        if (s.redFirst) ctl |= 1 << 20;
        if (s.bt709) ctl |= 1 << 18;
        if (key === 'source') ctl |= 1 << 22;
        if (key === 'destination') ctl |= 1 << 2;
        const mask = key === 'source' ? s.channels << 24 : 0x808080;
        // No exponent of 31: what infinities and NaN look like is not told.
        if (s.format === 3) b.change((word) => word & 0xbfffbfff);
        for (let i = 0; i < 16; i++) {
          const point = Math.min(i * 90, 1023);
          b.write(0x70400 + o.pipe * 0x1000 + i * 4, (point << 20) | ((1023 - i) << 10) | point);
        }
        for (const [at, value] of [
          [0x70440, 1024],
          [0x7044c, 3072],
        ] as const) {
          for (let i = 0; i < 3; i++) b.write(at + o.pipe * 0x1000 + i * 4, value);
        }
        const shown = b.show([
          ...primary(plain, 6),
          [0x70288, s.of.strideUnits * 512],
          [0x7028c, (s.top << 16) | s.left],
          [0x70290, ((s.height - 1) << 16) | (s.width - 1)],
          [0x702a4, (s.of.y << 16) | s.of.x],
          [0x70294, 0x201030],
          [0x70298, mask],
          [0x702a0, 0xf0ffe0],
          [0x70280, ctl | (s.order << 16)],
          [0x7029c, SURFACE_AT + 0x10000],
        ]);
        expect(shown).toEqual(SAME);
      }),
      { numRuns: 60 },
    );
  });

  test('cursors over both: sizes, places off every edge, fewer lines, rotation, alpha', () => {
    const cursor = fc.record({
      mode: fc.constantFrom(0x22, 0x23, 0x27, 2, 3, 7),
      rotated: fc.boolean(),
      x: fc.integer({ min: -70, max: WIDTH + 10 }),
      y: fc.integer({ min: -70, max: HEIGHT + 10 }),
      lines: fc.option(fc.integer({ min: 1, max: 63 })),
    });
    fc.assert(
      fc.property(fc.record(common), cursor, (o, c) => {
        const b = new Bench(o.pipe, o.seed);
        b.light(WIDTH, HEIGHT);
        const sign = (v: number): number => (v < 0 ? 0x8000 | -v : v);
        // What alphas between mean to a cursor that inverts is not told.
        if (c.mode < 8) b.change((word) => (word << 8) >> 8);
        const rotate = c.rotated && c.lines === null;
        const shown = b.show([
          ...primary({ ...o, gamma: false, swizzled: false }, 6),
          [0x700a0, c.lines === null ? 0 : 0x80000000 | (c.lines - 1)],
          [0x70088, (sign(c.y) << 16) | sign(c.x)],
          [0x70080, c.mode | (rotate ? 1 << 15 : 0)],
          [0x70084, SURFACE_AT + 0x20000],
        ]);
        expect(shown).toEqual(SAME);
      }),
      { numRuns: 60 },
    );
  });

  test('gamma in 8, 10 and split 10 bits before, after and around colour space conversion', () => {
    const colour = fc.record({
      mode: fc.constantFrom(0, 1, 3),
      first: fc.boolean(),
      csc: fc.boolean(),
      matrix: fc.array(fc.nat(0xffff), { minLength: 9, maxLength: 9 }),
      post: fc.array(fc.nat(0x3ff), { minLength: 3, maxLength: 3 }),
      bend: fc.integer({ min: 5, max: 20 }),
    });
    fc.assert(
      fc.property(fc.record(common), fc.constantFrom(6, 8, 10), colour, (o, format, c) => {
        const b = new Bench(o.pipe, o.seed);
        const curve = (part: number): number => part ** (c.bend / 10);
        const palette = 0x4a000 + o.pipe * 0x800;
        for (let i = 0; i < 256; i++) {
          const v = Math.round(curve(i / 255) * 255);
          b.write(palette + i * 4, (v << 16) | ((255 - v) << 8) | v);
        }
        for (let i = 0; i < 1024; i++) {
          const part = c.mode === 3 ? (i % 512) / 511 : i / 1023;
          const v = Math.round(curve(part) * 1023);
          b.write(palette + 0x400, i);
          b.write(palette + 0x404, (v << 20) | ((1023 - v) << 10) | v);
        }
        b.write(palette + 0x480, c.mode);
        const at = 0x49010 + o.pipe * 0x100;
        // Exponents 4 and 5 are reserved.
        const m = c.matrix.map((v) => (v & 0x4000 && !(v & 0x2000) ? v ^ 0x4000 : v) & 0xfff8);
        for (const row of [0, 1, 2]) {
          const of = (i: number): number => m[row * 3 + i] as number;
          b.write(at + row * 8, (of(0) << 16) | of(1));
          b.write(at + row * 8 + 4, of(2) << 16);
          b.write(at + 0x30 + row * 4, c.post[row] as number);
        }
        b.write(at + 0x18, c.first ? 2 : 0);
        b.light(WIDTH, HEIGHT);
        const of = primary({ ...o, swizzled: false }, format);
        if (c.csc) of[2] = [0x70180, (of[2] as [number, number])[1] | (1 << 24)];
        expect(b.show(of)).toEqual(SAME);
      }),
      { numRuns: 80 },
    );
  });

  test('a picture that the fitter makes larger lies between its neighbours', () => {
    for (const [w, h] of [
      [192, 80],
      [160, 57],
      [96, 120],
    ] as const) {
      const b = new Bench(1, 5);
      b.light(w, h);
      const o = { ...LINEAR, gamma: false };
      expect(b.show(primary(o, 6))).toEqual(SAME);
    }
  });
});

const LINEAR = {
  pipe: 0,
  seed: 7,
  tiled: false,
  rotated: false,
  gamma: false,
  swizzled: false,
  strideUnits: 3,
  x: 0,
  y: 0,
};

describe('the reference by itself', () => {
  test('shares no code with the device: its files import each other and nothing else', () => {
    const own = readdirSync(import.meta.dirname).filter(
      (name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'probe.ts',
    );
    expect(own.length).toBeGreaterThan(4);
    for (const name of own) {
      const text = readFileSync(`${import.meta.dirname}/${name}`, 'utf8');
      const from = [...text.matchAll(/(?:from\s+|import\s*\(?\s*)'([^']+)'/g)].map((m) => m[1]);
      expect(from.filter((path) => !own.includes((path as string).replace('./', '')))).toEqual([]);
    }
  });

  test('a wrong pixel is found and said where', () => {
    const wire: Wire = {
      width: 2,
      height: 1,
      low: Uint32Array.of(0xff000000, 0xff102030),
      high: Uint32Array.of(0xff000000, 0xff112030),
    };
    expect(differenceOf(wire, 2, 1, Uint32Array.of(0xff000000, 0xff112030))).toEqual(SAME);
    const wrong = differenceOf(wire, 2, 1, Uint32Array.of(0xff000000, 0xff122030));
    expect(wrong.pixels).toBe(1);
    expect(wrong.first).toContain('(1, 0) is #ff122030');
    expect(differenceOf(wire, 1, 1, Uint32Array.of(0xff000000)).pixels).toBe(2);
  });

  test('colours widen by repeating their bits; halves and coefficients mean what they should', () => {
    expect([widen(31, 5), widen(0x15, 5), widen(0x80, 8), widen(0x3ff, 10)]).toEqual([
      0xffff, 0xad6b, 0x8080, 0xffff,
    ]);
    expect([half(0x3c00), half(0x3800), half(0xc000), half(1)]).toEqual([1, 0.5, -2, 2 ** -24]);
    // 1.0 and 219/255 as i915 programs them; 0.183 of its RGB to YCbCr matrix.
    expect(coefficient(0x7800)).toBe(1);
    expect(coefficient(0x0dc0)).toBeCloseTo(219 / 255, 2);
    expect(coefficient(0x2ba8)).toBeCloseTo(0.183, 2);
    expect(coefficient(0x9cc0)).toBeCloseTo(-0.398, 2);
  });

  test('white, grey and the primaries of BT.601 and BT.709 come out of YUV', () => {
    const out = [0, 0, 0];
    const rgb = (yuv: [number, number, number], bt709: boolean, full: boolean): number[] => {
      yuvToRgb(yuv, bt709, full, out);
      return out.map((v) => Math.round(v / 257));
    };
    expect(rgb([235, 128, 128], false, false)).toEqual([255, 255, 255]);
    expect(rgb([16, 128, 128], true, false)).toEqual([0, 0, 0]);
    expect(rgb([128, 128, 128], true, true)).toEqual([128, 128, 128]);
    // Red: ITU-R BT.601-7 and BT.709-6, 8 bits.
    for (const [yuv, bt709] of [
      [[81, 90, 240], false],
      [[63, 102, 240], true],
    ] as const) {
      const [r, g, b] = rgb([...yuv], bt709, false) as [number, number, number];
      expect(r).toBeGreaterThan(252);
      expect(Math.max(g, b)).toBeLessThan(4);
    }
  });
});
