import * as R from '../display.regs.ts';
import type { Pipe } from '../pipe.ts';
import { type DeepRow, deepRow, planeUses } from './deep-row.ts';
import {
  convertRow,
  FORMAT_BGRX888,
  FORMAT_BGRX101010,
  FORMAT_BGRX161616F,
  FORMAT_BYTES,
  FORMAT_DEEP,
  FORMAT_NONE,
  FORMAT_RGBX888,
  FORMAT_RGBX101010,
  FORMAT_RGBX161616F,
  FORMAT_VUYX888,
  FORMAT_XR_BGR101010,
} from './formats.ts';
import type { Picture } from './scanner.ts';
import type { SpriteGamma } from './sprite-gamma.ts';
import type { SurfaceReader } from './surface.ts';
import { packedYuv, vyuOf, yuvToRgb } from './yuv.ts';

/** SPRCTL: 22 source key, 20 red first, 17:16 YUV order, 13 own gamma off, 2 destination key. */
const SOURCE_KEY = 0x400000;
const RED_FIRST = 0x100000;
const GAMMA_OFF = 0x2000;
const DEST_KEY = 4;
const FORMAT_YUV422 = 0;

/** SPRKEYMSK 26:24: colours that a source key compares, red (V) first; 23:0 bits that a destination key does. */
const KEY_CHANNELS = 0x7000000;

/** Formats by SPRCTL 27:25, with blue in the low bits and with red. i915: `SPRITE_FORMAT_*`. */
const BLUE_LOW = [
  FORMAT_NONE,
  FORMAT_BGRX101010,
  FORMAT_BGRX888,
  FORMAT_BGRX161616F,
  FORMAT_VUYX888,
  FORMAT_XR_BGR101010,
] as const;
const RED_LOW = [
  FORMAT_NONE,
  FORMAT_RGBX101010,
  FORMAT_RGBX888,
  FORMAT_RGBX161616F,
  FORMAT_VUYX888,
  FORMAT_XR_BGR101010,
] as const;

/** Order of what a sprite latches; see pipe.ts. */
const STRIDE = 2;
const OFFSET = 3;
const POSITION = 4;
const SIZE = 5;
const KEY_VALUE = 6;
const KEY_MASK = 7;
const KEY_MAX = 8;

/**
 * Draws a pipe's sprite plane: keyed, opaque, never scaled, for this generation's sprites cannot.
 * PRM vol.2c "SPR_CTL"; i915 `ivb_sprite_update_noarm`, which writes SPRSCALE on Ivy Bridge only.
 */
export class SpriteDrawer {
  readonly #reader: SurfaceReader;
  readonly #gamma: SpriteGamma;
  /** Pixels of a row as keys compare them, 0xRRGGBB or 0xVVYYUU. */
  readonly #keys = new Int32Array(4096);
  #control = 0;
  #live: Int32Array = new Int32Array(0);
  #surface = 0;
  #format = 0;
  #yuv = false;
  #swizzles = false;
  #own = false;
  #left = 0;
  #top = 0;
  #width = 0;
  #height = 0;

  constructor(reader: SurfaceReader, gamma: SpriteGamma) {
    this.#reader = reader;
    this.#gamma = gamma;
  }

  /** Takes note of what a pipe's sprite shows. @returns whether it is on */
  load(pipe: Pipe, swizzles: boolean): boolean {
    const { control, live, surface } = pipe.planes.sprite;
    this.#control = control;
    if ((control & R.PLANE_ENABLE) === 0) return false;
    this.#live = live;
    this.#surface = surface & ~0xfff;
    const code = (control >>> 25) & 7;
    this.#yuv = code === FORMAT_YUV422;
    this.#format = ((control & RED_FIRST) !== 0 ? RED_LOW : BLUE_LOW)[code] ?? FORMAT_NONE;
    this.#swizzles = swizzles;
    const size = live[SIZE] as number;
    const position = live[POSITION] as number;
    this.#width = (size & 0xfff) + 1;
    this.#height = ((size >>> 16) & 0xfff) + 1;
    this.#left = position & 0xfff;
    this.#top = (position >>> 16) & 0xfff;
    const own = (control & GAMMA_OFF) === 0;
    this.#own = own && (this.#gamma.load(pipe.index) || this.#halves());
    return true;
  }

  #halves(): boolean {
    return this.#format === FORMAT_RGBX161616F || this.#format === FORMAT_BGRX161616F;
  }

  /** Whether its rows need {@link deep}. */
  get isDeep(): boolean {
    return this.#own || FORMAT_DEEP[this.#format] === true;
  }

  /** `USES_*` of its pixels. */
  get uses(): number {
    return planeUses(this.#control, R.PLANE_GAMMA, this.#format);
  }

  /** Draws over a picture of 8 bits a colour. */
  flat(picture: Picture): void {
    const { pixels } = this.#reader;
    const right = Math.min(this.#width, picture.width - this.#left);
    const bottom = Math.min(this.#height, picture.height - this.#top);
    for (let y = 0; y < bottom; y++) {
      this.#load8(y);
      const at = (this.#top + y) * picture.width + this.#left;
      for (let x = 0; x < right; x++) {
        if (this.#shown(x, picture.pixels[at + x] as number)) {
          picture.pixels[at + x] = pixels[x] as number;
        }
      }
    }
  }

  /** Draws what of it is on a line over a row. @param own a row for its use */
  deep(line: number, row: DeepRow, width: number, own: DeepRow): void {
    const y = line - this.#top;
    if (y < 0 || y >= this.#height) return;
    this.#loadDeep(y, own);
    const uses = this.uses;
    const right = Math.min(this.#width, width - this.#left);
    for (let x = 0; x < right; x++) {
      const to = this.#left + x;
      if (!this.#shown(x, row.get8(to))) continue;
      row.r[to] = own.r[x] as number;
      row.g[to] = own.g[x] as number;
      row.b[to] = own.b[x] as number;
      row.uses[to] = uses;
    }
  }

  /** Reads a row of the surface. @returns index in the reader's bytes of its first byte */
  #read(y: number): number {
    const reader = this.#reader;
    const row = (this.#control & R.PLANE_ROTATE_180) !== 0 ? this.#height - 1 - y : y;
    const bytes = this.#yuv ? 2 : (FORMAT_BYTES[this.#format] as number);
    const offset = this.#live[OFFSET] as number;
    const from = (offset & 0x1fff) * bytes;
    const line = ((offset >>> 16) & 0x1fff) + row;
    const stride = (this.#live[STRIDE] as number) & 0x7fc0;
    const count = this.#width * bytes + 4;
    return (this.#control & R.PLANE_TILED) !== 0
      ? reader.tiled(this.#surface, stride, line, from & ~3, count, this.#swizzles)
      : reader.linear((this.#surface + line * stride) >>> 0, from & ~3, count);
  }

  #load8(y: number): void {
    const first = this.#read(y);
    const reader = this.#reader;
    if (this.#yuv || this.#format === FORMAT_VUYX888) this.#loadYuv();
    else {
      convertRow(this.#format, reader, first, this.#width, reader.pixels, 0, reader.words, 0);
      for (let i = 0; i < this.#width; i++) this.#keys[i] = swap(reader.pixels[i] as number);
    }
    if ((this.#control & R.PLANE_ROTATE_180) === 0) return;
    reader.pixels.subarray(0, this.#width).reverse();
    this.#keys.subarray(0, this.#width).reverse();
  }

  #loadYuv(): void {
    const { words, pixels } = this.#reader;
    const odd = this.#yuv ? (this.#live[OFFSET] as number) & 1 : 0;
    const order = (this.#control >>> 16) & 3;
    for (let i = 0; i < this.#width; i++) {
      const k = i + odd;
      const vyu = this.#yuv
        ? packedYuv(words[k >>> 1] as number, (k & 1) !== 0, order)
        : vyuOf(words[i] as number);
      this.#keys[i] = vyu;
      pixels[i] = yuvToRgb(vyu, this.#control);
    }
  }

  #loadDeep(y: number, into: DeepRow): void {
    const reader = this.#reader;
    const count = this.#width;
    if (FORMAT_DEEP[this.#format] === true) {
      const first = this.#read(y);
      deepRow(this.#format, reader, first, count, into, reader.words, 0);
      // 16-bit floats come out at a quarter. i915: WaFP16GammaEnabling.
      if (this.#halves()) quarter(into, count);
      for (let i = 0; i < count; i++) this.#keys[i] = swap(into.get8(i));
      if ((this.#control & R.PLANE_ROTATE_180) !== 0) {
        into.reverse(count);
        this.#keys.subarray(0, count).reverse();
      }
    } else {
      this.#load8(y);
      for (let i = 0; i < count; i++) into.set8(i, reader.pixels[i] as number);
    }
    if (this.#own) this.#gamma.apply(into, count);
  }

  /** Whether keys let a pixel through. @param under what it would cover, red in the low byte */
  #shown(x: number, under: number): boolean {
    const control = this.#control;
    if ((control & (DEST_KEY | SOURCE_KEY)) === 0) return true;
    const mask = this.#live[KEY_MASK] as number;
    const value = this.#live[KEY_VALUE] as number;
    if ((control & DEST_KEY) !== 0) return ((swap(under) ^ value) & mask & 0xffffff) === 0;
    if ((mask & KEY_CHANNELS) === 0) return true;
    return !within(this.#keys[x] as number, value, this.#live[KEY_MAX] as number, mask);
  }
}

function swap(p: number): number {
  return ((p & 255) << 16) | (p & 0xff00) | ((p >>> 16) & 255);
}

function quarter(row: DeepRow, count: number): void {
  for (let i = 0; i < count; i++) {
    row.r[i] = (row.r[i] as number) / 4;
    row.g[i] = (row.g[i] as number) / 4;
    row.b[i] = (row.b[i] as number) / 4;
  }
}

/** Whether every colour that the mask's 26:24 choose lies in the key's range. */
function within(p: number, low: number, high: number, mask: number): boolean {
  for (let channel = 0; channel < 3; channel++) {
    if (((mask >>> (24 + channel)) & 1) === 0) continue;
    const shift = channel * 8;
    const c = (p >>> shift) & 255;
    if (c < ((low >>> shift) & 255) || c > ((high >>> shift) & 255)) return false;
  }
  return true;
}
