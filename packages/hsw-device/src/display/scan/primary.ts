import type { RegSpace } from '../../reg/reg-space.ts';
import * as R from '../display.regs.ts';
import type { Pipe } from '../pipe.ts';
import type { Tears } from '../tears.ts';
import { type DeepRow, deepRow, planeUses } from './deep-row.ts';
import {
  convertRow,
  FORMAT_BGRX888,
  FORMAT_BYTES,
  FORMAT_DEEP,
  PRIMARY_FORMAT,
} from './formats.ts';
import type { Picture } from './scanner.ts';
import type { SurfaceReader } from './surface.ts';

/** Order of what a primary plane latches; see pipe.ts. */
const STRIDE = 2;
const OFFSET = 3;

/** Draws a pipe's primary plane, which is as large as the pipe's source. PRM vol.2c "PRI_CTL". */
export class PrimaryDrawer {
  readonly #regs: RegSpace;
  readonly #reader: SurfaceReader;
  #control = 0;
  #format = 0;
  #base = 0;
  #stride = 0;
  #left = 0;
  #top = 0;
  #swizzles = false;
  #palette = 0;
  #tears: Tears | null = null;
  #linesPerRow = 1;

  constructor(regs: RegSpace, reader: SurfaceReader) {
    this.#regs = regs;
    this.#reader = reader;
  }

  /** Takes note of what a pipe's primary plane shows. @returns whether it is on */
  load(pipe: Pipe, swizzles: boolean): boolean {
    const { control, live, surface } = pipe.planes.primary;
    this.#control = control;
    this.#format = PRIMARY_FORMAT[(control >>> 26) & 15] as number;
    if ((control & R.PLANE_ENABLE) === 0) return false;
    const offset = live[OFFSET] as number;
    this.#base = surface & ~0xfff;
    this.#stride = (live[STRIDE] as number) & 0xffc0;
    this.#left = (offset & 0x1fff) * (FORMAT_BYTES[this.#format] as number);
    this.#top = (offset >>> 16) & 0x1fff;
    this.#swizzles = swizzles;
    this.#tears = null;
    this.#palette = (R.LGC_PALETTE + pipe.index * R.PALETTE_STRIDE) >>> 2;
    return true;
  }

  /**
   * Draws the frame as it went out, with its tears, until the next {@link load}.
   *
   * @param linesPerRow lines of the beam for each row of the picture: a panel fitter's scale
   */
  tear(tears: Tears, linesPerRow: number): void {
    if (tears.count > 0) this.#tears = tears;
    this.#linesPerRow = linesPerRow;
  }

  get #turned(): boolean {
    return (this.#control & R.PLANE_ROTATE_180) !== 0;
  }

  /** Whether its rows need {@link deep}. */
  get isDeep(): boolean {
    return FORMAT_DEEP[this.#format] === true;
  }

  /** `USES_*` of its pixels, and of the black behind planes when it is off. i915: `i9xx_plane_disable_arm`. */
  get uses(): number {
    return planeUses(this.#control, R.PLANE_GAMMA, this.#format);
  }

  /**
   * Reads a row of the surface.
   *
   * @param y in the surface @param row on the screen
   * @returns index in the reader's bytes of its first byte
   */
  #read(y: number, row: number, width: number): number {
    const line = this.#top + y;
    const tears = this.#tears;
    const base =
      tears === null
        ? this.#base
        : tears.surfaceAt(Math.floor(row * this.#linesPerRow), this.#base) & ~0xfff;
    const count = width * (FORMAT_BYTES[this.#format] as number);
    return (this.#control & R.PLANE_TILED) !== 0
      ? this.#reader.tiled(base, this.#stride, line, this.#left, count, this.#swizzles)
      : this.#reader.linear((base + line * this.#stride) >>> 0, this.#left, count);
  }

  /** Draws a whole picture of 8 bits a colour. */
  flat(picture: Picture): void {
    const { width, height, pixels } = picture;
    const turned = this.#turned;
    if (this.#format === FORMAT_BGRX888 && !turned) {
      this.#plain(picture);
      return;
    }
    for (let y = 0; y < height; y++) {
      const row = turned ? height - 1 - y : y;
      const first = this.#read(y, row, width);
      const at = row * width;
      const { dw } = this.#regs;
      convertRow(this.#format, this.#reader, first, width, pixels, at, dw, this.#palette);
      if (turned) pixels.subarray(at, at + width).reverse();
    }
  }

  /** The format of nearly every picture, upright: rows are converted while they are read. */
  #plain(picture: Picture): void {
    const { width, height, pixels } = picture;
    for (let y = 0; y < height; y++) {
      this.#reader.sendTo(pixels, y * width);
      this.#read(y, y, width);
    }
    this.#reader.keep();
  }

  /** Draws one line as a row. */
  deep(line: number, row: DeepRow, width: number, height: number): void {
    const turned = this.#turned;
    const first = this.#read(turned ? height - 1 - line : line, line, width);
    deepRow(this.#format, this.#reader, first, width, row, this.#regs.dw, this.#palette);
    if (turned) row.reverse(width);
    row.uses.fill(this.uses, 0, width);
  }

  /** The black behind planes as a row. */
  blank(row: DeepRow, width: number): void {
    row.clear(width);
    row.uses.fill(this.uses, 0, width);
  }
}
