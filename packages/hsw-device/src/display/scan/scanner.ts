import type { AddressSpace } from '../../gtt/address-space.ts';
import type { RegSpace } from '../../reg/reg-space.ts';
import * as R from '../display.regs.ts';
import type { PrecisionPalettes } from '../palette.ts';
import type { Pipe } from '../pipe.ts';
import { ColourStage } from './colour-stage.ts';
import { CursorDrawer } from './cursor.ts';
import { DeepRow } from './deep-row.ts';
import { PrimaryDrawer } from './primary.ts';
import { SpriteDrawer } from './sprite.ts';
import { SpriteGamma } from './sprite-gamma.ts';
import { SurfaceReader } from './surface.ts';
import { WIRE_FULL, WIRE_YCBCR, wireCoding } from './wire.ts';

/** Largest picture a pipe makes. PRM vol.12 "Display Pipe Capabilities". */
const SIDE_MAX = 4096;
const OPAQUE = 0xff000000;

/** Planes of a pipe, as a set. */
export const PLANE_PRIMARY = 1;
export const PLANE_SPRITE = 2;
export const PLANE_CURSOR = 4;
export const PLANES_ALL = 7;

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
  readonly #pipes: readonly Pipe[];
  readonly #primary: PrimaryDrawer;
  readonly #sprite: SpriteDrawer;
  readonly #cursor: CursorDrawer;
  readonly #stage: ColourStage;
  readonly #picture: Picture = { pixels: new Uint32Array(0), width: 0, height: 0 };
  readonly #fitted: Picture = { pixels: new Uint32Array(0), width: 0, height: 0 };
  readonly #row = new DeepRow();
  readonly #own = new DeepRow();

  constructor(
    regs: RegSpace,
    space: AddressSpace,
    palettes: PrecisionPalettes,
    pipes: readonly Pipe[],
  ) {
    this.#pipes = pipes;
    const reader = new SurfaceReader(space);
    this.#regs = regs;
    this.#primary = new PrimaryDrawer(regs, reader);
    this.#sprite = new SpriteDrawer(reader, new SpriteGamma(regs));
    this.#cursor = new CursorDrawer(regs, reader);
    this.#stage = new ColourStage(regs, palettes);
  }

  /**
   * Draws what goes out on the wires of a pipe that runs. The result is good until the next call.
   *
   * @param planes set of `PLANE_*`; all of them are followed by the panel fitter
   */
  onWire(pipe: Pipe, planes: number): Picture {
    const picture = this.#sized(pipe);
    const { width, height } = this.#active(pipe, this.#fitted);
    this.#draw(pipe, picture, planes, WIRE_FULL, height / picture.height);
    const fitter = planes === PLANES_ALL ? this.#fitter(pipe) : -1;
    if (fitter < 0) return picture;
    if (this.#fitted.pixels.length < width * height) {
      this.#fitted.pixels = new Uint32Array(width * height);
    }
    this.#fit(picture, fitter, this.#fitted);
    return this.#fitted;
  }

  /** The picture before the panel fitter, with room for all its pixels. */
  #sized(pipe: Pipe): Picture {
    const picture = this.#picture;
    this.#sourceSize(pipe, picture);
    const size = picture.width * picture.height;
    if (picture.pixels.length < size) picture.pixels = new Uint32Array(size);
    return picture;
  }

  #sourceSize(pipe: Pipe, picture: Picture): void {
    const source = pipe.planes.source.arming;
    picture.width = Math.min(((source >>> 16) & 0x1fff) + 1, SIDE_MAX);
    picture.height = Math.min((source & 0x1fff) + 1, SIDE_MAX);
  }

  /** Sets a picture's size to the active part of a pipe's timings. */
  #active(pipe: Pipe, picture: Picture): Picture {
    const base = R.TRANSCODER_BASE[Math.max(pipe.transcoder, 0)] as number;
    picture.width = Math.min((this.#regs.peek(base + R.HTOTAL) & 0x1fff) + 1, SIDE_MAX);
    picture.height = Math.min((this.#regs.peek(base + R.VTOTAL) & 0x1fff) + 1, SIDE_MAX);
    return picture;
  }

  /** Fitter that a pipe uses, by number; -1 when none. PF_CTL 31 enable, 30:29 the pipe. */
  #fitter(pipe: Pipe): number {
    for (let i = 0; i < R.PIPE_COUNT; i++) {
      const ctl = (this.#pipes[i] as Pipe).planes.fitter.control;
      if ((ctl & 0x80000000) !== 0 && ((ctl >>> 29) & 3) === pipe.index) return i;
    }
    return -1;
  }

  /** See `DisplayEngine.scanOut` and `wireOut`. @param shown what the sink makes of the wires */
  scanOut(pipe: Pipe, out: Uint32Array, shown: boolean): boolean {
    if (!pipe.beam.running) {
      this.outWidth = 0;
      this.outHeight = 0;
      return false;
    }
    const wire = shown ? wireCoding(this.#regs, Math.max(pipe.transcoder, 0)) : WIRE_FULL;
    const fitter = this.#fitter(pipe);
    const target = this.#fitted;
    if (fitter < 0) this.#sourceSize(pipe, target);
    else this.#active(pipe, target);
    this.outWidth = target.width;
    this.outHeight = target.height;
    if (out.length < target.width * target.height) return false;
    const own = target.pixels;
    target.pixels = out;
    if (fitter < 0) this.#draw(pipe, target, PLANES_ALL, wire, 0);
    else {
      const picture = this.#sized(pipe);
      this.#draw(pipe, picture, PLANES_ALL, wire, 0);
      this.#fit(picture, fitter, target);
    }
    target.pixels = own;
    return true;
  }

  /**
   * Scales a picture into the fitter's window; around it is black. Each pixel is the nearest one: the
   * coefficients of the filters that PF_CTL chooses among are not published.
   */
  #fit(picture: Picture, fitter: number, out: Picture): void {
    const { live, arming: size } = (this.#pipes[fitter] as Pipe).planes.fitter;
    const position = live[1] as number;
    const left = (position >>> 16) & 0x1fff;
    const top = position & 0xfff;
    const width = (size >>> 16) & 0x1fff;
    const height = size & 0xfff;
    out.pixels.fill(OPAQUE, 0, out.width * out.height);
    const right = Math.min(left + width, out.width);
    const bottom = Math.min(top + height, out.height);
    for (let y = top; y < bottom; y++) {
      const row = Math.floor(((y - top) * picture.height) / height) * picture.width;
      for (let x = left; x < right; x++) {
        const from = row + Math.floor(((x - left) * picture.width) / width);
        out.pixels[y * out.width + x] = picture.pixels[from] as number;
      }
    }
  }

  /**
   * Puts a pipe's planes together and sends them through its colour stage. While no plane has more
   * than 8 bits a colour and all ask for the same, the whole picture is made in 8 bits first.
   *
   * @param tornBy lines of the beam for each row when the frame's tears are drawn; 0 when not
   */
  #draw(pipe: Pipe, picture: Picture, planes: number, wire: number, tornBy: number): void {
    pipe.scanline();
    const swizzles = (this.#regs.peek(R.DISP_ARB_CTL) & R.DISP_TILE_SURFACE_SWIZZLING) !== 0;
    let on = 0;
    if (this.#primary.load(pipe, swizzles)) on |= PLANE_PRIMARY;
    if (tornBy > 0) this.#primary.tear(pipe.tears, tornBy);
    if (this.#sprite.load(pipe, swizzles)) on |= PLANE_SPRITE;
    if (this.#cursor.load(pipe)) on |= PLANE_CURSOR;
    on &= planes;
    const a = this.#primary.uses;
    const b = (on & PLANE_SPRITE) !== 0 ? this.#sprite.uses : a;
    const c = (on & PLANE_CURSOR) !== 0 ? this.#cursor.uses : a;
    const uses = a | b | c;
    const deep =
      wire === WIRE_YCBCR ||
      a !== b ||
      a !== c ||
      ((on & PLANE_PRIMARY) !== 0 && this.#primary.isDeep) ||
      ((on & PLANE_SPRITE) !== 0 && this.#sprite.isDeep);
    if (uses !== 0 || deep || wire !== WIRE_FULL) this.#stage.load(pipe, uses, wire);
    if (deep) this.#deep(picture, on);
    else this.#flat(picture, on, uses, wire);
  }

  #flat(picture: Picture, on: number, uses: number, wire: number): void {
    const size = picture.width * picture.height;
    if ((on & PLANE_PRIMARY) !== 0) this.#primary.flat(picture);
    else picture.pixels.fill(OPAQUE, 0, size);
    if ((on & PLANE_SPRITE) !== 0) this.#sprite.flat(picture);
    if ((on & PLANE_CURSOR) !== 0) this.#cursor.flat(picture);
    if (uses !== 0 || wire !== WIRE_FULL) this.#stage.flat(picture.pixels, size, uses);
  }

  #deep(picture: Picture, on: number): void {
    const { width, height, pixels } = picture;
    const row = this.#row;
    for (let y = 0; y < height; y++) {
      if ((on & PLANE_PRIMARY) !== 0) this.#primary.deep(y, row, width, height);
      else this.#primary.blank(row, width);
      if ((on & PLANE_SPRITE) !== 0) this.#sprite.deep(y, row, width, this.#own);
      if ((on & PLANE_CURSOR) !== 0) this.#cursor.deep(y, row, width);
      this.#stage.deep(row, width, pixels, y * width);
    }
  }
}
