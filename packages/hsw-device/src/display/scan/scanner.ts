import type { AddressSpace } from '../../gtt/address-space.ts';
import type { RegSpace } from '../../reg/reg-space.ts';
import * as R from '../display.regs.ts';
import type { PrecisionPalettes } from '../palette.ts';
import type { Pipe } from '../pipe.ts';
import { drawCursor } from './cursor.ts';
import { convertRow, FORMAT_BYTES, PRIMARY_FORMAT } from './formats.ts';
import { Gamma } from './gamma.ts';
import { drawSprite } from './sprite.ts';
import { SurfaceReader } from './surface.ts';

/** Largest picture a pipe makes. PRM vol.12 "Display Pipe Capabilities". */
const SIDE_MAX = 4096;
const OPAQUE = 0xff000000;
/** Order of what a primary plane latches; see pipe.ts. */
const STRIDE = 2;
const OFFSET = 3;

/** A picture in memory that is used again for the next one. */
export interface Picture {
  pixels: Uint32Array;
  width: number;
  height: number;
}

/** Draws what pipes show: planes, cursor, palette, panel fitter. Reads memory, changes nothing. */
export class Scanner {
  /** Size of the latest {@link scanOut}. */
  outWidth = 0;
  outHeight = 0;
  readonly #regs: RegSpace;
  readonly #reader: SurfaceReader;
  readonly #gamma: Gamma;
  readonly #picture: Picture = { pixels: new Uint32Array(0), width: 0, height: 0 };

  constructor(regs: RegSpace, space: AddressSpace, palettes: PrecisionPalettes) {
    this.#regs = regs;
    this.#reader = new SurfaceReader(space);
    this.#gamma = new Gamma(regs, palettes);
  }

  /** Draws a pipe's picture before the panel fitter. The result is good until the next call. */
  compose(pipe: Pipe): Picture {
    const picture = this.#picture;
    this.#sourceSize(pipe, picture);
    const size = picture.width * picture.height;
    if (picture.pixels.length < size) picture.pixels = new Uint32Array(size);
    this.#draw(pipe, picture);
    return picture;
  }

  #sourceSize(pipe: Pipe, picture: Picture): void {
    const source = this.#regs.peek(0x60000 + pipe.index * R.PIPE_STRIDE + R.PIPESRC);
    picture.width = Math.min(((source >>> 16) & 0x1fff) + 1, SIDE_MAX);
    picture.height = Math.min((source & 0x1fff) + 1, SIDE_MAX);
  }

  /** Fitter that a pipe uses, by number; -1 when none. */
  #fitter(pipe: Pipe): number {
    for (let i = 0; i < R.PIPE_COUNT; i++) {
      const ctl = this.#regs.peek(R.PF_CTL + i * R.PF_STRIDE);
      if ((ctl & 0x80000000) !== 0 && ((ctl >>> 29) & 3) === pipe.index) return i;
    }
    return -1;
  }

  /** See `DisplayEngine.scanOut`. */
  scanOut(pipe: Pipe, out: Uint32Array): boolean {
    if (!pipe.beam.running) {
      this.outWidth = 0;
      this.outHeight = 0;
      return false;
    }
    const fitter = this.#fitter(pipe);
    const picture = this.#picture;
    if (fitter < 0) {
      this.#sourceSize(pipe, picture);
      this.outWidth = picture.width;
      this.outHeight = picture.height;
      if (out.length < picture.width * picture.height) return false;
      const own = picture.pixels;
      picture.pixels = out;
      this.#draw(pipe, picture);
      picture.pixels = own;
      return true;
    }
    const base = R.TRANSCODER_BASE[Math.max(pipe.transcoder, 0)] as number;
    this.outWidth = Math.min((this.#regs.peek(base + R.HTOTAL) & 0x1fff) + 1, SIDE_MAX);
    this.outHeight = Math.min((this.#regs.peek(base + R.VTOTAL) & 0x1fff) + 1, SIDE_MAX);
    if (out.length < this.outWidth * this.outHeight) return false;
    this.#fit(this.compose(pipe), fitter, out);
    return true;
  }

  /** Scales a picture into the fitter's window; around it is black. */
  #fit(picture: Picture, fitter: number, out: Uint32Array): void {
    const at = fitter * R.PF_STRIDE;
    const position = this.#regs.peek(R.PF_WIN_POS + at);
    const size = this.#regs.peek(R.PF_WIN_SZ + at);
    const left = (position >>> 16) & 0x1fff;
    const top = position & 0xfff;
    const width = (size >>> 16) & 0x1fff;
    const height = size & 0xfff;
    out.fill(OPAQUE, 0, this.outWidth * this.outHeight);
    const right = Math.min(left + width, this.outWidth);
    const bottom = Math.min(top + height, this.outHeight);
    for (let y = top; y < bottom; y++) {
      const row = Math.floor(((y - top) * picture.height) / height) * picture.width;
      for (let x = left; x < right; x++) {
        const from = row + Math.floor(((x - left) * picture.width) / width);
        out[y * this.outWidth + x] = picture.pixels[from] as number;
      }
    }
  }

  #draw(pipe: Pipe, picture: Picture): void {
    pipe.scanline();
    this.#gamma.load(pipe.index);
    const control = pipe.primary.control;
    if ((control & R.PLANE_ENABLE) === 0) {
      picture.pixels.fill(OPAQUE, 0, picture.width * picture.height);
    } else this.#primary(pipe, picture, control);
    drawSprite(pipe.sprite, picture, this.#reader, this.#gamma, this.#swizzled());
    drawCursor(pipe.cursor, picture, this.#reader, this.#gamma);
  }

  #swizzled(): boolean {
    return (this.#regs.peek(R.DISP_ARB_CTL) & R.DISP_TILE_SURFACE_SWIZZLING) !== 0;
  }

  #primary(pipe: Pipe, picture: Picture, control: number): void {
    const { live } = pipe.primary;
    const format = PRIMARY_FORMAT[(control >>> 26) & 15] as number;
    const bytes = FORMAT_BYTES[format] as number;
    const stride = (live[STRIDE] as number) & 0xffc0;
    const base = pipe.primary.surface & ~0xfff;
    const offset = live[OFFSET] as number;
    const from = (offset & 0x1fff) * bytes;
    const top = (offset >>> 16) & 0x1fff;
    const tiled = (control & R.PLANE_TILED) !== 0;
    const turned = (control & R.PLANE_ROTATE_180) !== 0;
    const swizzled = tiled && this.#swizzled();
    const { width, height, pixels } = picture;
    const palette = (R.LGC_PALETTE + pipe.index * R.PALETTE_STRIDE) >>> 2;
    const reader = this.#reader;
    for (let y = 0; y < height; y++) {
      const line = top + y;
      const first = tiled
        ? reader.tiled(base, stride, line, from, width * bytes, swizzled)
        : reader.linear((base + line * stride) >>> 0, from, width * bytes);
      const at = (turned ? height - 1 - y : y) * width;
      convertRow(format, reader, first, width, pixels, at, this.#regs.dw, palette);
      if (turned) pixels.subarray(at, at + width).reverse();
    }
    if ((control & R.PLANE_GAMMA) !== 0 && format !== 1) {
      this.#gamma.apply(pixels, 0, width * height);
    }
  }
}
