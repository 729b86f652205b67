import { type BltBench, header, lcg, xy } from './blt-bench.ts';

/** Bits 5:0 are not part of a pattern's address. */
const PATTERN_AT = 0x80000 + 0x1015;
const BITS_AT = 0x80000 + 0x3003;
const CPP = [1, 2, 2, 4] as const;

interface Target {
  readonly tiling: 'linear' | 'x' | 'y';
  readonly base: number;
  readonly pitch: number;
}

/** One operation: a command and the registers that it is executed under. */
export interface RandomBlit {
  readonly dw: number[];
  readonly swctrl: number;
  readonly swizzled: boolean;
  readonly budget: number;
}

/** Opcodes of set-up commands and of commands that draw, each form of each operand among them. */
const SETUPS: readonly number[] = [0x01, 0x11, 0x03];
const DRAWING: readonly number[] = [
  0x24, 0x25, 0x26, 0x31, 0x40, 0x43, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
  0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x53, 0x53, 0x50,
];
const TEXT: readonly number[] = [0x26, 0x31];

/**
 * Makes 2D commands from a seed: any opcode, raster operation, depth, tiling, clip, transparency,
 * pattern and source that gen7.5 has. What the hardware leaves open is not made: surfaces of two base
 * addresses that overlap, and rows that run into their neighbours' within one surface.
 */
export class BltRandom {
  readonly #bits: () => number;
  #rop = 0;

  constructor(seed: number) {
    this.#bits = lcg(seed);
  }

  /** 0 to n - 1. */
  below(n: number): number {
    return Math.floor(((this.#bits() >>> 0) / 2 ** 32) * n);
  }

  #word(): number {
    return (this.below(65536) << 16) | this.below(65536);
  }

  #words(n: number): number[] {
    return Array.from({ length: n }, () => this.#word());
  }

  #one<T>(...of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }

  /** A surface that stays in one of four 256 KiB quarters of graphics memory. */
  #surface(quarter: number): Target {
    const start = quarter * 0x40000;
    const tiling = this.#one('linear', 'linear', 'x', 'y');
    if (tiling !== 'linear') {
      const pitch = tiling === 'x' ? this.#one(512, 1024, 1536) : this.#one(128, 256, 640, 1024);
      return { tiling, base: start + 0x4000, pitch };
    }
    const pitch = this.#one(256, 1024, (40 + this.below(360)) * 4, 161 + this.below(900));
    const back = this.below(3) === 0;
    const base = start + (back ? 0x38000 : 0x4000) + this.below(16) * this.#one(4, 4, 4, 1);
    return { tiling, base, pitch: back ? -pitch : pitch };
  }

  /** Width or height: mostly small, since the model is slow; some reach over tiles. */
  #size(): readonly [number, number] {
    const kind = this.below(100);
    if (kind < 2) return [this.below(300), this.below(40)];
    if (kind < 17) return [this.#one(this.below(80), this.below(10) * 8), this.below(24)];
    if (kind < 20) return [128, 8 * this.below(4)];
    return [this.below(24), this.below(7)];
  }

  /** A copy or a fill of whole dwords, often of whole tiles: what the engine has fast ways for. */
  #large(): RandomBlit {
    const dst = this.#wide(0);
    const src = this.below(6) === 0 ? dst : this.#wide(1);
    const across = this.#one(128, 32, 4, 4, 1);
    const down = this.#one(32, 8, 4, 1);
    const place = (): number =>
      xy(this.below(Math.ceil(160 / across)) * across, this.below(Math.ceil(40 / down)) * down);
    const at = place();
    const from = this.below(2) === 0 ? place() : (place() & ~0xffff) | (at & 0xffff);
    const w = this.#one(32 * this.below(8), 4 * this.below(40), this.below(200));
    const h = this.#one(32, 8 * this.below(5), 1 + this.below(30));
    const to = at + xy(Math.min(w, 250 - (at & 0xffff)), h);
    const fill = this.below(4) === 0;
    const tiled = (dst.tiling === 'linear' ? 0 : 1 << 11) | (src.tiling === 'linear' ? 0 : 1 << 15);
    const rest = fill ? [this.#word()] : [from, field(src), src.base];
    const br13 = (3 << 24) | ((fill ? 0xf0 : this.#one(0xcc, 0xcc, 0xcc, 0x66)) << 16) | field(dst);
    const op = fill ? 0x50 : 0x53;
    const dw = [header(op, rest.length + 5, (3 << 20) | (fill ? tiled & 0x800 : tiled))];
    dw.push(br13, at, to, dst.base, ...rest);
    const swctrl = (src.tiling === 'y' ? 1 : 0) | (dst.tiling === 'y' ? 2 : 0);
    return { dw, swctrl, swizzled: this.below(2) === 0, budget: this.#one(1e9, 1e9, 4000) };
  }

  /** A surface of 250 pixels of 32 bits and more a row. */
  #wide(quarter: number): Target {
    const tiling = this.#one('linear', 'x', 'y');
    const pitch = tiling === 'linear' ? this.#one(1024, 2048, 2068) : this.#one(1024, 1536);
    return { tiling, base: quarter * 0x40000 + 0x4000, pitch };
  }

  next(): RandomBlit {
    if (this.below(10) === 0) return this.#large();
    const op = this.below(8) === 0 ? this.#one(...SETUPS) : this.#one(...DRAWING);
    const depth = this.#one(0, 1, 2, 3, 3);
    const dst = this.#surface(0);
    const [w, h] = this.#size();
    const [x, y] = [this.below(74) - 3, this.below(40) - 3];
    const [sx, sy] = this.below(3) === 0 ? [x, y] : [this.below(74) - 3, this.below(40) - 3];
    const within =
      Math.min(x, sx) >= 0 && (Math.max(x, sx) + w) * (CPP[depth] as number) <= Math.abs(dst.pitch);
    const src = within && this.below(3) === 0 ? dst : this.#surface(1);
    const swctrl = (src.tiling === 'y' ? 1 : 0) | (dst.tiling === 'y' ? 2 : 0);
    const dw = this.#command(op, depth, dst, src, [x, y, w, h, sx, sy]);
    return { dw, swctrl, swizzled: this.below(2) === 0, budget: this.#one(1e9, 1e9, 1, 700) };
  }

  #command(
    op: number,
    depth: number,
    dst: Target,
    src: Target,
    [x, y, w, h, sx, sy]: readonly [number, number, number, number, number, number],
  ): number[] {
    // Every raster operation comes in turn, and the common ones now and then.
    const common = this.below(3) === 0;
    if (!common && op >= 0x40) this.#rop = (this.#rop + 1) & 0xff;
    const rop = common ? this.#one(0xcc, 0xf0, 0x66, 0xaa, 0x00) : this.#rop;
    const enables = this.#one(3, 3, 3, 0, 1, 2) << 20;
    const tiled = dst.tiling === 'linear' ? 0 : 1 << 11;
    const seeds = (this.below(8) << 12) | (this.below(8) << 8);
    const rect = [xy(x, y), xy(x + w, y + h)];
    const clip = this.#clip(x, y);
    const pitch = field(dst);
    const transparency = this.below(8) << 28;
    const br13 = (flags: number): number =>
      (this.below(3) === 0 ? 1 << 30 : 0) | flags | (depth << 24) | (rop << 16) | pitch;
    const done = (bits: number, ...rest: number[]): number[] => [
      header(op, rest.length + 1, enables | tiled | bits),
      ...rest,
    ];
    const form = (bits: number, flags: number, ...rest: number[]): number[] =>
      done(bits, br13(flags), ...rect, dst.base, ...rest);
    const color = [xy(sx, sy), field(src), src.base];
    const srcTiled = src.tiling === 'linear' ? 0 : 1 << 15;
    const key = this.below(8) << 17;
    const range = [this.#word() & 0x3f3f3f3f, this.#word() | 0xe0e0e0e0 | 0];
    const bit = this.below(8) << 17;
    const pixels = (): number[] => this.#words(16 * (CPP[depth] as number));
    switch (op) {
      case 0x01: {
        const both = TEXT.length > 0 && this.below(2) === 0 ? (rop & 0xf) * 0x110000 : rop << 16;
        const own = (depth << 24) | both | pitch | (transparency & (5 << 29));
        return done(0, own, ...clip, dst.base, ...this.#words(2), PATTERN_AT);
      }
      case 0x11:
        return done(0, br13(transparency), ...clip, dst.base, ...this.#words(4));
      case 0x03:
        return done(0, ...clip);
      case 0x24:
        return done(0, rect[0] as number);
      case 0x25:
        return done(seeds, ...rect);
      case 0x26:
        return done(this.below(2) << 16, ...rect, BITS_AT);
      case 0x31: {
        const corner = xy(x + Math.min(w, 40), y + Math.min(h, 30));
        return done(this.below(2) << 16, rect[0] as number, corner, ...this.#words(60));
      }
      case 0x40:
        return done(0, br13(0) & ~(1 << 30), size(w, h, depth), dst.base, this.#word());
      case 0x43: {
        const back = this.below(2);
        const end = back === 0 ? 0 : (size(w, h, depth) & 0xffff) - 1;
        const flags = back === 0 ? 0 : 1 << 30;
        const own = (br13(0) & ~(1 << 30)) | flags;
        const other = this.#surface(1);
        return done(
          0,
          own,
          size(w, h, depth),
          dst.base + end,
          other.pitch & 0xffff,
          other.base + end,
        );
      }
      case 0x50:
        return form(0, 0, this.#word());
      case 0x51:
        return form(seeds, 0, PATTERN_AT);
      case 0x52:
        return form(seeds, transparency & (9 << 28), ...this.#words(4));
      case 0x53:
        return form(srcTiled, 0, ...color);
      case 0x54:
        return form(bit, transparency & (2 << 28), BITS_AT, ...this.#words(2));
      case 0x55:
        return form(srcTiled | seeds, 0, ...color, PATTERN_AT);
      case 0x56:
        return form(bit | seeds, transparency & (2 << 28), BITS_AT, ...this.#words(2), PATTERN_AT);
      case 0x57:
        return form(srcTiled | seeds, transparency & (9 << 28), ...color, ...this.#words(4));
      case 0x58: {
        const colors = this.#words(6);
        return form(bit | seeds, transparency & (11 << 28), BITS_AT, ...colors);
      }
      case 0x59:
        // Bits 18:15 name the hatch; bit 15 is no tiling bit here.
        return form(seeds | (this.below(16) << 15), transparency & (9 << 28), ...this.#words(2));
      case 0x71: {
        const bits = Math.ceil(((w + 7 + 15) * (h + 1)) / 32) + 1;
        const fits = bits <= 200;
        const corner = fits ? (rect[1] as number) : xy(x + 9, y + 9);
        const flags = transparency & (2 << 28);
        const count = fits ? bits : 200;
        return done(
          bit,
          br13(flags),
          rect[0] as number,
          corner,
          dst.base,
          ...this.#words(2 + count),
        );
      }
      case 0x72:
        return form(seeds, 0, ...pixels());
      case 0x73:
        return form(srcTiled | key, 0, ...color, ...range);
      case 0x74:
        return form(srcTiled | seeds, 0, ...color, ...pixels());
      case 0x75: {
        const colors = this.#words(2);
        return form(bit | seeds, transparency & (2 << 28), BITS_AT, ...colors, ...pixels());
      }
      case 0x76:
        return form(seeds | key, 0, PATTERN_AT, ...range);
      default:
        return form(seeds | key, 0, ...range, ...pixels());
    }
  }

  /** Corners of a clip rectangle near the place drawn to. */
  #clip(x: number, y: number): readonly [number, number] {
    const [left, top] = [x + this.below(30) - 4, y + this.below(20) - 4];
    return [xy(left, top), xy(left + this.below(60) - 2, top + this.below(40) - 2)];
  }
}

/** Runs one operation on both sides and compares what the model changed. */
export function runRandom(bench: BltBench, blit: RandomBlit): boolean {
  bench.swizzled = blit.swizzled;
  const taken = bench.run(blit.dw, blit.swctrl, blit.budget);
  bench.checkTouched();
  return taken;
}

const field = (t: Target): number => (t.tiling === 'linear' ? t.pitch : t.pitch / 4) & 0xffff;
const size = (w: number, h: number, depth: number): number =>
  (h << 16) | (w * (CPP[depth] as number));
