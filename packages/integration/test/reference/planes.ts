import type { PipeColour } from './colour.ts';
import type { Gpu, GraphicsMemory, Surface } from './gpu.ts';
import {
  INDEXED,
  type PixelFormat,
  PRIMARY_FORMATS,
  SPRITE_FORMATS,
  YUV_SLACK,
  YUV422,
  YUV444,
  yuvToRgb,
} from './pixels.ts';
import { type Row, STEP, WITH_CSC, WITH_GAMMA } from './row.ts';

/** Something that a pipe shows. */
export interface Plane {
  /** Draws what of it lies on a row of the pipe's source picture. */
  draw(row: Row, y: number): void;
}

const SWIZZLE = { register: 0x45000, bit: 1 << 13 };
/** Control bits of primary and sprite planes. */
const ENABLE = 1 << 31;
const GAMMA = 1 << 30;
const CSC = 1 << 24;
const ROTATE = 1 << 15;
const TILED = 1 << 10;

/** Where an upright or upside-down picture of `size` pixels has its pixel `at`. */
function place(at: number, size: number, rotated: boolean): number {
  return rotated ? size - 1 - at : at;
}

function flagsOf(control: number): number {
  return ((control & GAMMA) !== 0 ? WITH_GAMMA : 0) | ((control & CSC) !== 0 ? WITH_CSC : 0);
}

function surfaceOf(gpu: Gpu, base: number, stride: number, tiled: boolean): Surface {
  const swizzled = (gpu.register(SWIZZLE.register) & SWIZZLE.bit) !== 0;
  return { base: (base & ~0xfff) >>> 0, stride: stride & 0xffc0, tiled, swizzled };
}

/** The primary plane: as large as the pipe's source. HSW PRM vol.2c "PRI_CTL", "PRI_OFFSET". */
export class PrimaryPlane implements Plane {
  /** Which of the pipe's colour stages its pixels, and the black behind all planes, go through. */
  readonly flags: number;
  readonly #memory: GraphicsMemory;
  readonly #colour: PipeColour;
  readonly #control: number;
  readonly #surface: Surface;
  readonly #x: number;
  readonly #y: number;
  readonly #height: number;

  constructor(gpu: Gpu, memory: GraphicsMemory, colour: PipeColour, pipe: number, height: number) {
    const at = 0x70100 + pipe * 0x1000;
    this.#memory = memory;
    this.#colour = colour;
    this.#control = gpu.register(at + 0x80);
    this.#height = height;
    this.flags = flagsOf(this.#control);
    const tiled = (this.#control & TILED) !== 0;
    this.#surface = surfaceOf(gpu, gpu.register(at + 0x9c), gpu.register(at + 0x88), tiled);
    const offset = gpu.register(at + 0xa4);
    this.#x = offset & 0x1fff;
    this.#y = (offset >>> 16) & 0x1fff;
  }

  draw(row: Row, y: number): void {
    if ((this.#control & ENABLE) === 0) return;
    const code = (this.#control >>> 26) & 15;
    const rotated = (this.#control & ROTATE) !== 0;
    const line = this.#y + place(y, this.#height, rotated);
    if (code === INDEXED) this.#indexed(row, line, rotated);
    else {
      const format = PRIMARY_FORMATS[code];
      if (format === undefined) throw new Error(`a primary plane has no format ${code}`);
      readRow(this.#memory, this.#surface, format, row, line, this.#x, rotated, this.flags);
    }
  }

  /** Indexed pixels go through the palette and not again through gamma. */
  #indexed(row: Row, line: number, rotated: boolean): void {
    const colour = [0, 0, 0];
    for (let x = 0; x < row.width; x++) {
      const at = this.#memory.at(this.#surface, this.#x + place(x, row.width, rotated), line);
      const index = (this.#memory.dword(at) >>> ((at & 3) * 8)) & 255;
      for (let i = 0; i < 3; i++) colour[i] = this.#colour.palette[i]?.[index] as number;
      row.set(x, colour, 0, this.flags & ~WITH_GAMMA);
    }
  }
}

/** Reads a whole row of pixels of an RGB format. */
function readRow(
  memory: GraphicsMemory,
  surface: Surface,
  format: PixelFormat,
  row: Row,
  line: number,
  left: number,
  rotated: boolean,
  flags: number,
): void {
  const colour = [0, 0, 0];
  for (let x = 0; x < row.width; x++) {
    pixel(memory, surface, format, left + place(x, row.width, rotated), line, colour);
    row.set(x, colour, format.slack, flags);
  }
}

function pixel(
  memory: GraphicsMemory,
  surface: Surface,
  format: PixelFormat,
  x: number,
  y: number,
  out: number[],
): void {
  const at = memory.at(surface, x * format.bytes, y);
  const word = memory.dword(at) >>> ((at & 3) * 8);
  const high = format.bytes === 8 ? memory.dword(memory.at(surface, x * 8 + 4, y)) : 0;
  format.read(word, high, out);
}

/** The sprite plane: its own size and place, keyed, no alpha, no scaler on Haswell. */
export class SpritePlane implements Plane {
  readonly #gpu: Gpu;
  readonly #memory: GraphicsMemory;
  readonly #at: number;
  readonly #control: number;
  readonly #surface: Surface;

  constructor(gpu: Gpu, memory: GraphicsMemory, pipe: number) {
    this.#gpu = gpu;
    this.#memory = memory;
    this.#at = 0x70200 + pipe * 0x1000;
    this.#control = this.#register(0x80);
    const tiled = (this.#control & TILED) !== 0;
    this.#surface = surfaceOf(gpu, this.#register(0x9c), this.#register(0x88), tiled);
  }

  #register(offset: number): number {
    return this.#gpu.register(this.#at + offset);
  }

  draw(row: Row, y: number): void {
    if ((this.#control & ENABLE) === 0) return;
    const position = this.#register(0x8c);
    const size = this.#register(0x90);
    const offset = this.#register(0xa4);
    const left = position & 0x1fff;
    const inside = y - ((position >>> 16) & 0xfff);
    const width = (size & 0x1fff) + 1;
    const height = ((size >>> 16) & 0xfff) + 1;
    if (inside < 0 || inside >= height) return;
    const rotated = (this.#control & ROTATE) !== 0;
    const line = ((offset >>> 16) & 0x1fff) + place(inside, height, rotated);
    const colour = [0, 0, 0];
    for (let x = 0; x < width && left + x < row.width; x++) {
      const column = (offset & 0x1fff) + place(x, width, rotated);
      const slack = this.#pixel(column, line, colour);
      if (this.#shown(row, left + x, colour)) {
        row.set(left + x, colour, slack, flagsOf(this.#control));
      }
    }
  }

  /** Reads a pixel as RGB. @returns how far off hardware may be */
  #pixel(x: number, y: number, out: number[]): number {
    const code = (this.#control >>> 25) & 7;
    const bt709 = (this.#control & (1 << 18)) !== 0;
    const full = (this.#control & (1 << 28)) !== 0;
    let slack = YUV_SLACK;
    if (code === YUV422) yuvToRgb(this.#yuv422(x, y), bt709, full, out);
    else if (code === YUV444) {
      const p = this.#memory.dword(this.#memory.at(this.#surface, x * 4, y));
      yuvToRgb([(p >>> 16) & 255, (p >>> 8) & 255, p & 255], bt709, full, out);
    } else {
      const format = SPRITE_FORMATS[code]?.[(this.#control >>> 20) & 1];
      if (format === undefined) throw new Error(`a sprite plane has no format ${code}`);
      pixel(this.#memory, this.#surface, format, x, y, out);
      slack = format.slack;
      // A float pixel leaves the sprite at a quarter of its value: WaFP16GammaEnabling:ivb,hsw.
      if (format.bytes === 8) for (let i = 0; i < 3; i++) out[i] = (out[i] as number) / 4;
    }
    if ((this.#control & (1 << 13)) === 0) slack = Math.max(slack, this.#ownGamma(out));
    return slack;
  }

  /** Two pixels share a dword and its U and V. SPR_CTL 17:16: YUYV, UYVY, YVYU, VYUY. */
  #yuv422(x: number, y: number): [number, number, number] {
    const pair = this.#memory.dword(this.#memory.at(this.#surface, (x >>> 1) * 4, y));
    const byte = (i: number): number => (pair >>> (i * 8)) & 255;
    const order = (this.#control >>> 16) & 3;
    const lumaAt = (order & 1) + (x & 1) * 2;
    const first = 1 - (order & 1);
    const u = byte(order < 2 ? first : first + 2);
    const v = byte(order < 2 ? first + 2 : first);
    return [byte(lumaAt), u, v];
  }

  /**
   * The sprite's own gamma: 17 points from 0 to 1, 10 bits, and one at 3. HSW PRM vol.2c "SPR_GAMC".
   *
   * @returns what the PRM leaves open about the interpolation
   */
  #ownGamma(colour: number[]): number {
    for (let i = 0; i < 3; i++) {
      const point = (n: number): number => {
        if (n < 16) return (this.#register(0x200 + n * 4) >>> (20 - 10 * i)) & 1023;
        return this.#register((n === 16 ? 0x240 : 0x24c) + i * 4) & 0xfff;
      };
      const at = Math.max(colour[i] as number, 0) / 65536;
      const n = Math.min(Math.floor(at * 16), 16);
      const part = n < 16 ? at * 16 - n : Math.min((at - 1) / 2, 1);
      const value = point(n) + (point(n + 1) - point(n)) * part;
      colour[i] = Math.min(value * 64, 65535);
    }
    return STEP;
  }

  /** HSW PRM vol.2c "SPR_KEYVAL", "SPR_KEYMSK", "SPR_KEYMAX": 26:24 of the mask enable colours. */
  #shown(row: Row, x: number, colour: readonly number[]): boolean {
    const low = this.#register(0x94);
    const mask = this.#register(0x98);
    const high = this.#register(0xa0);
    const part = (of: number, i: number): number => (of >>> (16 - 8 * i)) & 255;
    if ((this.#control & (1 << 2)) !== 0) {
      const under = (i: number): number => (row.low[x * 3 + i] as number) >>> 8;
      return [0, 1, 2].every((i) => ((under(i) ^ part(low, i)) & part(mask, i)) === 0);
    }
    if ((this.#control & (1 << 22)) === 0) return true;
    const keyed = [0, 1, 2].every((i) => {
      if (((mask >>> (26 - i)) & 1) === 0) return true;
      const value = Math.floor((colour[i] as number) / 256);
      return value >= part(low, i) && value <= part(high, i);
    });
    return !keyed;
  }
}

/** Sides of 32-bit cursors by CUR_CTL 5, 2:0. */
const CURSOR_SIDES: Readonly<Record<number, number>> = { 2: 128, 3: 256, 7: 64 };

/** The cursor: ARGB, colours already multiplied by alpha, or AND and invert. */
export class CursorPlane implements Plane {
  readonly #memory: GraphicsMemory;
  readonly #control: number;
  readonly #side: number;
  readonly #height: number;
  readonly #left: number;
  readonly #top: number;
  readonly #base: number;

  constructor(gpu: Gpu, memory: GraphicsMemory, pipe: number) {
    const at = 0x70000 + pipe * 0x1000;
    this.#memory = memory;
    this.#control = gpu.register(at + 0x80);
    this.#base = (gpu.register(at + 0x84) & ~0xfff) >>> 0;
    const position = gpu.register(at + 0x88);
    const sign = (bit: number): number => ((position >>> bit) & 1 ? -1 : 1);
    this.#left = sign(15) * (position & 0x7fff);
    this.#top = sign(31) * ((position >>> 16) & 0x7fff);
    this.#side = CURSOR_SIDES[this.#control & 7] ?? 0;
    // CUR_FBC_CTL: 31 the cursor has fewer lines than columns, 7:0 how many, less one.
    const reduced = gpu.register(at + 0xa0);
    this.#height = (reduced & ENABLE) !== 0 ? (reduced & 255) + 1 : this.#side;
  }

  draw(row: Row, y: number): void {
    const inside = y - this.#top;
    if (inside < 0 || inside >= Math.min(this.#height, this.#side)) return;
    const rotated = (this.#control & ROTATE) !== 0;
    const line = place(inside, this.#height, rotated);
    for (let x = 0; x < this.#side; x++) {
      const to = this.#left + x;
      if (to < 0 || to >= row.width) continue;
      const column = place(x, this.#side, rotated);
      this.#blend(row, to, this.#memory.dword(this.#base + (line * this.#side + column) * 4));
    }
  }

  #blend(row: Row, x: number, argb: number): void {
    const alpha = argb >>> 24;
    if (alpha === 0 && (argb & 0xffffff) === 0) return;
    const inverts = (this.#control & 0x20) === 0 && alpha === 0;
    for (let i = 0; i < 3; i++) {
      const own = ((argb >>> (16 - 8 * i)) & 255) * STEP;
      const low = row.low[x * 3 + i] as number;
      const high = row.high[x * 3 + i] as number;
      // Between clear and opaque, rounding is not told: one step.
      const slack = alpha === 0 || alpha === 255 ? 0 : STEP;
      const over = (under: number): number => own + (under * (255 - alpha)) / 255;
      row.low[x * 3 + i] = inverts ? 65535 - high : clamp(Math.floor(over(low)) - slack);
      row.high[x * 3 + i] = inverts ? 65535 - low : clamp(Math.ceil(over(high)) + slack);
    }
    const gamma = (this.#control & (1 << 26)) !== 0 ? WITH_GAMMA : 0;
    row.flags[x] = gamma | ((this.#control & CSC) !== 0 ? WITH_CSC : 0);
  }
}

function clamp(value: number): number {
  return Math.min(Math.max(value, 0), 65535);
}
