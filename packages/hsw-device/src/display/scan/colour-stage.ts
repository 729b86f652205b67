import type { RegSpace } from '../../reg/reg-space.ts';
import type { PrecisionPalettes } from '../palette.ts';
import type { Pipe } from '../pipe.ts';
import { CSC_BEFORE_GAMMA, Csc } from './csc.ts';
import { type DeepRow, USES_CSC, USES_GAMMA } from './deep-row.ts';
import { FULL, GAMMA_SPLIT, LUT_SIZE, Lut } from './lut.ts';
import { WIRE_LIMITED, WIRE_YCBCR } from './wire.ts';

const OPAQUE = 0xff000000;

/** Eight bits of a channel as the wire carries them: the rest is cut off. */
function cut(value: number): number {
  return value >>> 8;
}

function within(value: number): number {
  return value <= 0 ? 0 : value >= FULL ? FULL : value | 0;
}

/** Eight bits of a channel as a sink shows it that expands RGB of limited range. */
function expand(value: number): number {
  const level = ((value / 257 - 16) * 255) / 219;
  return level <= 0 ? 0 : level >= 255 ? 255 : (level + 0.5) | 0;
}

/**
 * What a pipe does to colours after its planes were put together: palette, colour space conversion,
 * palette, in the order that GAMMA_MODE and CSC_MODE say; then what the sink makes of it. The pipe
 * counts in 12 bits or more and the wire carries 8: bits below are cut off, dithering is not modelled.
 * PRM vol.12 "Color management"; i915 `ivb_csc_mode`.
 */
export class ColourStage {
  readonly #first: Lut;
  readonly #second: Lut;
  readonly #csc = new Csc();
  #wire = 0;
  #split = false;
  #cscFirst = false;
  /** Tables of {@link flat}: by channel * 256 + value, and products by (out * 3 + in) * 256 + value. */
  readonly #bytes = new Uint8Array(3 * 256);
  readonly #products = new Float64Array(9 * 256);
  readonly #last = new Uint8Array(3 * LUT_SIZE);

  constructor(regs: RegSpace, palettes: PrecisionPalettes) {
    this.#first = new Lut(regs, palettes);
    this.#second = new Lut(regs, palettes);
  }

  /**
   * Reads what a pipe does now.
   *
   * @param uses which of `USES_*` any plane asks for
   * @param wire one of `WIRE_*`: what a sink undoes; `WIRE_FULL` gives the wire's own values
   */
  load(pipe: Pipe, uses: number, wire: number): void {
    const mode = pipe.planes.gammaMode & 3;
    this.#wire = wire;
    this.#split = mode === GAMMA_SPLIT;
    this.#cscFirst = !this.#split && (pipe.planes.csc.arming & CSC_BEFORE_GAMMA) !== 0;
    if ((uses & USES_GAMMA) !== 0) {
      this.#first.load(pipe.index, mode, false);
      if (this.#split) this.#second.load(pipe.index, mode, true);
    }
    if ((uses & USES_CSC) !== 0) this.#csc.load(pipe.planes.csc);
  }

  #end(value: number): number {
    return this.#wire === WIRE_LIMITED ? expand(value) : cut(value);
  }

  /** A whole picture of 8 bits a colour whose planes all ask for the same. In place. */
  flat(pixels: Uint32Array, count: number, uses: number): void {
    const mixes = (uses & USES_CSC) !== 0 && !this.#csc.isDiagonal;
    if (mixes) this.#convert(pixels, count, uses);
    else if (this.#makeBytes(uses)) this.#look(pixels, count);
  }

  /** Tables for when no colour depends on another. @returns whether they change anything */
  #makeBytes(uses: number): boolean {
    const bytes = this.#bytes;
    let changes = false;
    for (let channel = 0; channel < 3; channel++) {
      for (let i = 0; i < 256; i++) {
        const byte = this.#end(this.#alone(channel, i * 0x101, uses));
        bytes[channel * 256 + i] = byte;
        changes = changes || byte !== i;
      }
    }
    return changes;
  }

  /** What becomes of one colour, 0 to full scale, that depends on no other. */
  #alone(channel: number, value: number, uses: number): number {
    const gamma = (uses & USES_GAMMA) !== 0;
    let v = gamma && !this.#cscFirst ? this.#first.at(channel, value) : value;
    if ((uses & USES_CSC) !== 0) v = this.#csc.at(channel, v, v, v);
    if (!gamma || !(this.#cscFirst || this.#split)) return v;
    return (this.#split ? this.#second : this.#first).at(channel, v);
  }

  #look(pixels: Uint32Array, count: number): void {
    const bytes = this.#bytes;
    for (let i = 0; i < count; i++) {
      const p = pixels[i] as number;
      pixels[i] =
        (bytes[p & 255] as number) |
        ((bytes[256 + ((p >>> 8) & 255)] as number) << 8) |
        ((bytes[512 + ((p >>> 16) & 255)] as number) << 16) |
        OPAQUE;
    }
  }

  #makeProducts(uses: number): void {
    const { coefficients, before, after } = this.#csc;
    const gammaFirst = (uses & USES_GAMMA) !== 0 && !this.#cscFirst;
    const gammaLast = (uses & USES_GAMMA) !== 0 && (this.#cscFirst || this.#split);
    const second = this.#split ? this.#second : this.#first;
    for (let i = 0; i < 256; i++) {
      for (let from = 0; from < 3; from++) {
        const level = gammaFirst ? this.#first.at(from, i * 0x101) : i * 0x101;
        for (let to = 0; to < 3; to++) {
          const product =
            (coefficients[to * 3 + from] as number) * (level + (before[from] as number));
          this.#products[(to * 3 + from) * 256 + i] =
            product + (from === 0 ? (after[to] as number) : 0);
        }
      }
    }
    for (let i = 0; i < 3 * LUT_SIZE; i++) {
      const twelve = i & (LUT_SIZE - 1);
      const value = gammaLast ? (second.out[i] as number) : (twelve << 4) | (twelve >>> 8);
      this.#last[i] = this.#end(value);
    }
  }

  #convert(pixels: Uint32Array, count: number, uses: number): void {
    this.#makeProducts(uses);
    const products = this.#products;
    const last = this.#last;
    for (let i = 0; i < count; i++) {
      const p = pixels[i] as number;
      const r = p & 255;
      const g = 256 + ((p >>> 8) & 255);
      const b = 512 + ((p >>> 16) & 255);
      const red = (products[r] as number) + (products[g] as number) + (products[b] as number);
      const green =
        (products[768 + r] as number) +
        (products[768 + g] as number) +
        (products[768 + b] as number);
      const blue =
        (products[1536 + r] as number) +
        (products[1536 + g] as number) +
        (products[1536 + b] as number);
      pixels[i] =
        (last[within(red) >>> 4] as number) |
        ((last[LUT_SIZE + (within(green) >>> 4)] as number) << 8) |
        ((last[2 * LUT_SIZE + (within(blue) >>> 4)] as number) << 16) |
        OPAQUE;
    }
  }

  /** A row of 16 bits a colour and more, each pixel with what its plane asks for, into a picture. */
  deep(row: DeepRow, count: number, out: Uint32Array, at: number): void {
    const csc = this.#csc;
    for (let i = 0; i < count; i++) {
      const uses = row.uses[i] as number;
      let r = row.r[i] as number;
      let g = row.g[i] as number;
      let b = row.b[i] as number;
      const gamma = (uses & USES_GAMMA) !== 0;
      if (gamma && !this.#cscFirst) {
        r = this.#first.at(0, r);
        g = this.#first.at(1, g);
        b = this.#first.at(2, b);
      }
      if ((uses & USES_CSC) !== 0) {
        const red = csc.at(0, r, g, b);
        const green = csc.at(1, r, g, b);
        b = csc.at(2, r, g, b);
        r = red;
        g = green;
      }
      if (gamma && (this.#cscFirst || this.#split)) {
        const lut = this.#split ? this.#second : this.#first;
        r = lut.at(0, r);
        g = lut.at(1, g);
        b = lut.at(2, b);
      }
      out[at + i] = this.#shown(r, g, b);
    }
  }

  #shown(r: number, g: number, b: number): number {
    const red = Math.min(r, FULL);
    const green = Math.min(g, FULL);
    const blue = Math.min(b, FULL);
    if (this.#wire === WIRE_YCBCR) return fromYcbcr(red, green, blue);
    return this.#end(red) | (this.#end(green) << 8) | (this.#end(blue) << 16) | OPAQUE;
  }
}

/** What a sink shows for BT.709 of limited range; Cr is on red's wire, Y on green's, Cb on blue's. */
function fromYcbcr(cr16: number, y16: number, cb16: number): number {
  const y = ((y16 / 257 - 16) * 255) / 219;
  const cr = ((cr16 / 257 - 128) * 255) / 224;
  const cb = ((cb16 / 257 - 128) * 255) / 224;
  const r = byte(y + 1.5748 * cr);
  const g = byte(y - 0.1873 * cb - 0.4681 * cr);
  return r | (g << 8) | (byte(y + 1.8556 * cb) << 16) | OPAQUE;
}

function byte(level: number): number {
  return level <= 0 ? 0 : level >= 255 ? 255 : (level + 0.5) | 0;
}
