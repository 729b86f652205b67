import type { RegSpace } from '../../reg/reg-space.ts';
import * as R from '../display.regs.ts';
import type { Pipe } from '../pipe.ts';
import { type DeepRow, planeUses } from './deep-row.ts';
import { FULL } from './lut.ts';
import type { Picture } from './scanner.ts';
import type { SurfaceReader } from './surface.ts';

/** How the pixels of a cursor are coded. */
const CODE_ARGB = 0;
const CODE_AND_INVERT = 1;
const CODE_AND_XOR = 2;
const CODE_2_COLOURS = 3;
const CODE_3_COLOURS = 4;
const CODE_4_COLOURS = 5;

/** Cursors by CUR_CTL 5:0: side of the square and code. PRM vol.2c "CUR_CTL", mode select. */
const MODES: Readonly<Record<number, readonly [number, number]>> = {
  2: [128, CODE_AND_INVERT],
  3: [256, CODE_AND_INVERT],
  4: [64, CODE_3_COLOURS],
  5: [64, CODE_2_COLOURS],
  6: [64, CODE_4_COLOURS],
  7: [64, CODE_AND_INVERT],
  34: [128, CODE_ARGB],
  35: [256, CODE_ARGB],
  36: [64, CODE_AND_XOR],
  37: [128, CODE_AND_XOR],
  38: [256, CODE_AND_XOR],
  39: [64, CODE_ARGB],
};
const MODE_MASK = 0x3f;
const OFF = [0, CODE_ARGB] as const;
const GAMMA_ENABLE = 0x4000000;
const ROTATE_180 = 0x8000;
/** CUR_FBC_CTL 31 enable, 7:0 lines less one: a cursor that is less high than wide. */
const REDUCED = 0x80000000;
/** Order of what a cursor latches; see pipe.ts. */
const POSITION = 1;
const FBC = 2;

/** A pixel's kind: 0 to 255 is alpha over what is under it; from here on, what is kept of that by AND. */
const KIND_AND = 256;

/** Sign and magnitude, 16 bits. i915: `CURSOR_POS_X_SIGN`. */
function signed(field: number): number {
  return (field & 0x8000) !== 0 ? -(field & 0x7fff) : field & 0x7fff;
}

/** Draws a pipe's cursor: premultiplied ARGB is blended; the other codes replace, keep or invert. */
export class CursorDrawer {
  readonly #regs: RegSpace;
  readonly #reader: SurfaceReader;
  /** One row: 0xRRGGBB that is added, or XORed; and `KIND_*`. */
  readonly #colour = new Int32Array(256);
  readonly #kind = new Int16Array(256);
  #side = 0;
  #code = 0;
  #height = 0;
  #left = 0;
  #top = 0;
  #surface = 0;
  #control = 0;
  #palette = 0;

  constructor(regs: RegSpace, reader: SurfaceReader) {
    this.#regs = regs;
    this.#reader = reader;
  }

  /** Takes note of what a pipe's cursor shows. @returns whether it is on */
  load(pipe: Pipe): boolean {
    const { control, live, surface } = pipe.planes.cursor;
    const [side, code] = MODES[control & MODE_MASK] ?? OFF;
    this.#control = control;
    this.#side = side;
    this.#code = code;
    if (side === 0) return false;
    const fbc = live[FBC] as number;
    this.#height = (fbc & REDUCED) !== 0 ? Math.min((fbc & 0xff) + 1, side) : side;
    const position = live[POSITION] as number;
    this.#left = signed(position & 0xffff);
    this.#top = signed(position >>> 16);
    this.#surface = surface & ~0xfff;
    this.#palette = R.CURPALET + pipe.index * R.PIPE_STRIDE;
    return true;
  }

  /** `USES_*` of its pixels. */
  get uses(): number {
    return planeUses(this.#control, GAMMA_ENABLE, 0);
  }

  /** Draws over a picture of 8 bits a colour. */
  flat(picture: Picture): void {
    const { pixels, width } = picture;
    const last = Math.min(this.#height, picture.height - this.#top);
    const from = Math.max(0, -this.#left);
    const to = Math.min(this.#side, width - this.#left);
    for (let y = Math.max(0, -this.#top); y < last; y++) {
      this.#row(y);
      const at = (this.#top + y) * width + this.#left;
      for (let x = from; x < to; x++) {
        pixels[at + x] = mix8(
          this.#colour[x] as number,
          this.#kind[x] as number,
          pixels[at + x] as number,
        );
      }
    }
  }

  /** Draws what of it is on a line over a row. */
  deep(line: number, row: DeepRow, width: number): void {
    const y = line - this.#top;
    if (y < 0 || y >= this.#height) return;
    this.#row(y);
    const uses = this.uses;
    const to = Math.min(this.#side, width - this.#left);
    for (let x = Math.max(0, -this.#left); x < to; x++) {
      const kind = this.#kind[x] as number;
      const colour = this.#colour[x] as number;
      if (kind === 0 && colour === 0) continue;
      const at = this.#left + x;
      row.r[at] = mix16((colour >>> 16) & 255, kind, row.r[at] as number);
      row.g[at] = mix16((colour >>> 8) & 255, kind, row.g[at] as number);
      row.b[at] = mix16(colour & 255, kind, row.b[at] as number);
      row.uses[at] = uses;
    }
  }

  #row(y: number): void {
    const turned = (this.#control & ROTATE_180) !== 0;
    const line = turned ? this.#height - 1 - y : y;
    const bytes = this.#code >= CODE_2_COLOURS ? 16 : this.#side * 4;
    this.#reader.linear((this.#surface + line * bytes) >>> 0, 0, bytes);
    for (let x = 0; x < this.#side; x++) {
      const at = turned ? this.#side - 1 - x : x;
      if (this.#code >= CODE_2_COLOURS) this.#planar(at, x);
      else this.#direct(at, this.#reader.words[x] as number);
    }
  }

  #set(at: number, colour: number, kind: number): void {
    this.#colour[at] = colour & 0xffffff;
    this.#kind[at] = kind;
  }

  #direct(at: number, p: number): void {
    const top = p >>> 24;
    if (this.#code === CODE_ARGB) this.#set(at, p, top);
    else if (this.#code === CODE_AND_XOR) this.#set(at, p, KIND_AND + top);
    else if (top !== 0) this.#set(at, p, 255);
    else this.#set(at, (p & 0xffffff) === 0 ? 0 : 0xffffff, KIND_AND + 255);
  }

  /** A row of 64 pixels: eight bytes of AND bits, then eight of XOR bits, the leftmost pixel highest. */
  #planar(at: number, x: number): void {
    const { bytes } = this.#reader;
    const bit = 7 - (x & 7);
    const and = ((bytes[x >>> 3] as number) >>> bit) & 1;
    const xor = ((bytes[8 + (x >>> 3)] as number) >>> bit) & 1;
    const index = and * 2 + xor;
    if (index === 2 && this.#code !== CODE_4_COLOURS) this.#set(at, 0, 0);
    else if (index === 3 && this.#code === CODE_2_COLOURS) this.#set(at, 0xffffff, KIND_AND + 255);
    else this.#set(at, this.#regs.peek(this.#palette + index * 4), 255);
  }
}

/** A cursor's pixel over one of 8 bits a colour, red in the low byte. */
function mix8(colour: number, kind: number, under: number): number {
  const r = mixByte((colour >>> 16) & 255, kind, under & 255);
  const g = mixByte((colour >>> 8) & 255, kind, (under >>> 8) & 255);
  const b = mixByte(colour & 255, kind, (under >>> 16) & 255);
  return r | (g << 8) | (b << 16) | 0xff000000;
}

function mixByte(colour: number, kind: number, under: number): number {
  if (kind >= KIND_AND) return (under & (kind - KIND_AND)) ^ colour;
  return Math.min(colour + div255(under * (255 - kind)), 255);
}

function mix16(colour: number, kind: number, under: number): number {
  const wide = colour * 0x101;
  if (kind >= KIND_AND) return (Math.min(under, FULL) & ((kind - KIND_AND) * 0x101)) ^ wide;
  return Math.min(wide + Math.floor((under * (255 - kind)) / 255), FULL);
}

function div255(x: number): number {
  return ((x + 128) * 257) >>> 16;
}
