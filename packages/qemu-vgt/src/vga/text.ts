import * as V from './vga.regs.ts';
import type { VgaRegs } from './vga-regs.ts';

const LEGACY_BYTES = 0x40000;
/** Bytes of a character in a font, and of the plane that fonts are in. */
const CHAR_BYTES = 32;
/** Characters whose ninth dot may repeat the eighth: line drawing. */
const LINES_FIRST = 0xc0,
  LINES_LAST = 0xdf;

/** Draws the text modes: character in plane 0, attribute in plane 1, fonts in plane 2. */
export class TextDrawer {
  readonly #regs: VgaRegs;
  readonly #bytes: Uint8Array;

  constructor(regs: VgaRegs, bytes: Uint8Array) {
    this.#regs = regs;
    this.#bytes = bytes;
  }

  /** Dots of a character: 8 or 9, twice as many with half the clock. */
  get charWidth(): number {
    const clock = this.#regs.sr[V.SR_CLOCK] as number;
    const dots = (clock & V.SR_CLOCK_8DOT) !== 0 ? 8 : 9;
    return (clock & V.SR_CLOCK_HALF) === 0 ? dots : dots * 2;
  }

  /** The cursor is always shown: nothing here has a clock to blink by. */
  draw(out: Uint32Array, width: number, height: number, sixteen: Int32Array): void {
    const { cr, sr } = this.#regs;
    const rowScan = cr[V.CR_ROW_SCAN] as number;
    const doubled = (rowScan & V.CR_ROW_SCAN_DOUBLE) === 0 ? 0 : 1;
    const charHeight = (rowScan & 0x1f) + 1;
    const { charWidth } = this;
    const columns = width / charWidth;
    const pitch = (cr[V.CR_OFFSET] as number) << 1;
    const fonts = sr[V.SR_FONTS] as number;
    const fontB = fontBase((fonts & 3) | ((fonts >> 2) & 4));
    const fontA = fontBase(((fonts >> 2) & 3) | ((fonts >> 3) & 4));
    const compare = this.#regs.lineCompare;
    let cell = this.#regs.start;
    let line = 0;
    for (let y = 0; y < height; y++) {
      const scan = line >> doubled;
      for (let column = 0; column < columns; column++) {
        const to = y * width + column * charWidth;
        this.#char(out, to, cell + column, scan, charWidth, fontA, fontB, sixteen);
      }
      if (y === compare) {
        cell = 0;
        line = 0;
      } else if (++line >= charHeight << doubled) {
        line = 0;
        cell += pitch;
      }
    }
  }

  /** One line of one character. */
  #char(
    out: Uint32Array,
    to: number,
    cell: number,
    scan: number,
    width: number,
    fontA: number,
    fontB: number,
    sixteen: Int32Array,
  ): void {
    const { ar, cr } = this.#regs;
    const bytes = this.#bytes;
    const at = (cell << 2) % LEGACY_BYTES;
    const char = bytes[at] as number;
    const attribute = bytes[at + 1] as number;
    const mode = ar[V.AR_MODE] as number;
    // Bit 3 of the colour chooses the font where there are two.
    const font = (attribute & 8) === 0 ? fontB : fontA;
    let dots = bytes[((font + char * CHAR_BYTES + scan) * 4 + 2) % LEGACY_BYTES] as number;
    const underlined =
      (mode & V.AR_MODE_MONO) !== 0 &&
      (attribute & 7) === 1 &&
      scan === ((cr[V.CR_UNDERLINE] as number) & 0x1f);
    if (underlined || this.#cursorOn(cell, scan)) dots = 0xff;
    const front = sixteen[attribute & 0xf] as number;
    const blink = (mode & V.AR_MODE_BLINK) !== 0;
    const back = sixteen[(attribute >> 4) & (blink ? 7 : 0xf)] as number;
    const lines = char >= LINES_FIRST && char <= LINES_LAST && (mode & V.AR_MODE_NINTH_DOT) !== 0;
    const shift = width > 9 ? 1 : 0;
    for (let x = 0; x < width; x++) {
      const dot = x >> shift;
      const on = dot < 8 ? (dots >> (7 - dot)) & 1 : lines || dots === 0xff ? dots & 1 : 0;
      out[to + x] = on === 0 ? back : front;
    }
  }

  #cursorOn(cell: number, scan: number): boolean {
    const { cr } = this.#regs;
    const first = cr[V.CR_CURSOR_START] as number;
    if (cell !== this.#regs.cursor || (first & V.CR_CURSOR_OFF) !== 0) return false;
    return scan >= (first & 0x1f) && scan <= ((cr[V.CR_CURSOR_END] as number) & 0x1f);
  }
}

/** Where a font begins in plane 2: the eight are interleaved, as they grew. IBM VGA, character map select. */
function fontBase(select: number): number {
  return ((select & 3) * 2 + ((select >> 2) & 1)) * 0x2000;
}
