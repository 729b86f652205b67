import type { AddressSpace } from '../gtt/address-space.ts';
import { type Line, setPixel } from '../tiling/surface.ts';
import {
  type BltRow,
  PAT_COLOR,
  PAT_FIXED,
  PAT_IMMEDIATE,
  PAT_MONO,
  PAT_NONE,
  PAT_SETUP,
  PAT_SETUP_PIXEL,
  PAT_SOLID,
} from './commands.ts';
import type { BltJob } from './job.ts';
import {
  type BltSetup,
  SETUP_BG,
  SETUP_FG,
  SETUP_KIND,
  SETUP_MONO,
  SETUP_PATTERN,
  SETUP_PATTERN1,
} from './setup.ts';

/** BR13/BR01 31: every pixel has the background colour. PRM vol.2a "Solid Pattern Select". */
const SOLID_SELECT: number = 1 << 31;
/** BR13/BR01 28: a clear pattern bit leaves the destination alone. */
const PATTERN_TRANSPARENT = 1 << 28;

/**
 * Hatches of XY_MONO_PAT_FIXED_BLT by BR00 18:15, rows 0 to 7 from the low byte of the first dword;
 * bit 7 is the left pixel. The PRM names them and shows pictures; the bits are those of the
 * like-named GDI hatches. No driver we know of uses them. 12 to 15 are reserved and clear.
 */
// biome-ignore format: one hatch a line
const FIXED: readonly (readonly [number, number])[] = [
  [0xff000000, 0x00000000], // HS_HORIZONTAL
  [0x08080808, 0x08080808], // HS_VERTICAL
  [0x10204080, 0x01020408], // HS_FDIAGONAL
  [0x08040201, 0x80402010], // HS_BDIAGONAL
  [0xff080808, 0x08080808], // HS_CROSS
  [0x18244281, 0x81422418], // HS_DIAGCROSS
  [0, 0],
  [0, 0],
  [0xaa55aa55, 0xaa55aa55], // Screen door
  [0xcc33cc33, 0xcc33cc33], // Screen door, wide
  [0x10204080, 0x01020408], // Walking bit: one
  [0xefdfbf7f, 0xfefdfbf7], // Walking bit: zero
];

/** The 8 x 8 pattern of an operation, whatever form it came in, as pixels and a mask. */
export class Pattern {
  /** Pixels by row, 8 a row, in the depth of the operation. */
  readonly pixels: Int32Array = new Int32Array(64);
  /** 1 where the pattern lets the destination change. */
  readonly opaque: Uint8Array = new Uint8Array(64);
  /** Whether some pixel is transparent. */
  transparent = false;
  /** Whether all 64 pixels are the same and opaque. */
  solid = false;
  /** Seeds: the pattern's place relative to column and row 0. BR00 14:12 and 10:8. */
  seedX = 0;
  seedY = 0;
  readonly #words: Int32Array = new Int32Array(64);
  readonly #bytes: Uint8Array = new Uint8Array(this.#words.buffer);
  readonly #halves: Uint16Array = new Uint16Array(this.#words.buffer);

  /** @returns false when the command ends before its immediate pattern does */
  decode(
    row: BltRow,
    job: BltJob,
    br00: number,
    br13: number,
    space: AddressSpace,
    setup: BltSetup,
  ): boolean {
    const cmd = job.command;
    const at = row.patternAt;
    const kind = row.pattern;
    this.seedX = (br00 >>> 12) & 7;
    this.seedY = (br00 >>> 8) & 7;
    this.transparent = false;
    if (kind === PAT_NONE) this.#solid(0, job.shift);
    else if (kind === PAT_SOLID) this.#solid(cmd[at] as number, job.shift);
    else if (kind === PAT_SETUP_PIXEL) this.#solid(setup.get(SETUP_BG), job.shift);
    else if (kind === PAT_COLOR) this.#fromMemory(space, cmd[at] as number, job);
    else if (kind === PAT_IMMEDIATE) {
      const dwords = 16 << job.shift;
      if (job.length < at + dwords) return false;
      for (let i = 0; i < dwords; i++) this.#words[i] = cmd[at + i] as number;
      this.#unpack(job.shift);
    } else if (kind === PAT_MONO) {
      this.#mono(
        job.shift,
        br13,
        cmd[at] as number,
        cmd[at + 1] as number,
        cmd[at + 2] as number,
        cmd[at + 3] as number,
      );
    } else if (kind === PAT_FIXED) {
      const bits = FIXED[(br00 >>> 15) & 15] ?? [0, 0];
      this.#mono(job.shift, br13, cmd[at] as number, cmd[at + 1] as number, bits[0], bits[1]);
    } else if (kind === PAT_SETUP) {
      if (setup.get(SETUP_KIND) === SETUP_MONO) {
        this.#mono(
          job.shift,
          br13,
          setup.get(SETUP_BG),
          setup.get(SETUP_FG),
          setup.get(SETUP_PATTERN),
          setup.get(SETUP_PATTERN1),
        );
      } else this.#fromMemory(space, setup.get(SETUP_PATTERN), job);
    }
    return true;
  }

  /** Sets the pixels as {@link pixels} held them once: a saved operation goes on. */
  restore(pixels: readonly number[], opaque: readonly number[]): void {
    this.pixels.set(pixels);
    this.opaque.set(opaque);
    this.#judge();
  }

  /** Puts 32 bytes of the row at `y` into a line, turned so that pixel 0 is column `x`. */
  lineOf(line: Line, shift: number, x: number, y: number): void {
    const row = ((y + this.seedY) & 7) << 3;
    const phase = x + this.seedX;
    const count = 32 >> shift;
    for (let i = 0; i < count; i++) {
      setPixel(line, shift, i, this.pixels[row | ((phase + i) & 7)] as number);
    }
  }

  #solid(color: number, shift: number): void {
    this.pixels.fill(depthMask(color, shift));
    this.opaque.fill(1);
    this.transparent = false;
    this.solid = true;
  }

  #mono(shift: number, br13: number, bg: number, fg: number, first: number, second: number): void {
    if ((br13 & SOLID_SELECT) !== 0) {
      this.#solid(bg, shift);
      return;
    }
    const see = (br13 & PATTERN_TRANSPARENT) === 0 ? 1 : 0;
    for (let i = 0; i < 64; i++) {
      // Byte y of the eight is row y; its bit 7 is the left pixel.
      const word = i < 32 ? first : second;
      const bit = (word >>> ((i & 24) + 7 - (i & 7))) & 1;
      this.pixels[i] = depthMask(bit !== 0 ? fg : bg, shift);
      this.opaque[i] = bit | see;
    }
    this.#judge();
  }

  /** Colour patterns start on 64-byte bounds; BR15 implements bits 31:6. */
  #fromMemory(space: AddressSpace, address: number, job: BltJob): void {
    if (!job.readsPat) {
      this.#solid(0, job.shift);
      return;
    }
    const dwords = 16 << job.shift;
    for (let i = 0; i < dwords; i++) this.#words[i] = space.read32(((address & ~63) + i * 4) | 0);
    this.#unpack(job.shift);
  }

  #unpack(shift: number): void {
    for (let i = 0; i < 64; i++) {
      this.pixels[i] =
        shift === 2
          ? (this.#words[i] as number)
          : shift === 1
            ? (this.#halves[i] as number)
            : (this.#bytes[i] as number);
    }
    this.opaque.fill(1);
    this.#judge();
  }

  #judge(): void {
    this.transparent = this.opaque.includes(0);
    this.solid = !this.transparent;
    const first = this.pixels[0] as number;
    for (let i = 1; i < 64 && this.solid; i++) this.solid = this.pixels[i] === first;
  }
}

/** The bits of a colour that a pixel has. */
function depthMask(color: number, shift: number): number {
  return shift === 2 ? color | 0 : color & (shift === 1 ? 0xffff : 0xff);
}

/** A pixel repeated over 32 bits. */
export function repeatPixel(pixel: number, shift: number): number {
  if (shift === 2) return pixel | 0;
  return shift === 1 ? Math.imul(pixel & 0xffff, 0x10001) : Math.imul(pixel & 0xff, 0x1010101);
}
