import type { Dac } from './dac.ts';
import type { Dispi } from './dispi.ts';
import { TextDrawer } from './text.ts';
import * as V from './vga.regs.ts';
import type { VgaRegs } from './vga-regs.ts';

/** What a picture is made of. */
type PictureKind = 'text' | 'planar' | 'cga' | 'packed' | 'linear';

/** The planes end there in the legacy modes, bytes. */
const LEGACY_BYTES = 0x40000;
const BLACK: number = 0xff000000 | 0;

/**
 * What the adapter sends to a monitor: size from the registers, pixels from memory. Reads only, and
 * allocates nothing for a picture.
 */
export class Picture {
  kind: PictureKind = 'text';
  /** Of the latest {@link measure}, pixels; 0 while no mode is set. */
  width = 0;
  height = 0;
  readonly #regs: VgaRegs;
  readonly #dac: Dac;
  readonly #dispi: Dispi;
  readonly #bytes: Uint8Array;
  readonly #text: TextDrawer;
  /** Pixels of the 256 colours, and of the 16 that the attribute controller chooses. */
  readonly #colours = new Int32Array(256);
  readonly #sixteen = new Int32Array(16);

  constructor(regs: VgaRegs, dac: Dac, dispi: Dispi, bytes: Uint8Array) {
    this.#regs = regs;
    this.#dac = dac;
    this.#dispi = dispi;
    this.#bytes = bytes;
    this.#text = new TextDrawer(regs, bytes);
  }

  /** Finds out what there is to show. @returns whether there is a picture at all */
  measure(): boolean {
    const { cr, sr, gr } = this.#regs;
    const dispi = this.#dispi;
    if (dispi.enabled) {
      this.kind = dispi.linear ? 'linear' : 'planar';
      this.width = dispi.width;
      this.height = dispi.height;
      return true;
    }
    // A CRT controller that counts nothing was never set up.
    if (cr[0] === 0) {
      this.width = 0;
      this.height = 0;
      return false;
    }
    const columns = (cr[V.CR_HDE] as number) + 1;
    const half = ((sr[V.SR_CLOCK] as number) & V.SR_CLOCK_HALF) !== 0;
    this.height = this.#regs.verticalEnd;
    if (((gr[V.GR_MISC] as number) & V.GR_MISC_GRAPHICS) === 0) {
      this.kind = 'text';
      this.width = columns * this.#text.charWidth;
      return true;
    }
    const shift = ((gr[V.GR_MODE] as number) >> 5) & 3;
    this.kind = shift === 0 ? 'planar' : shift === 1 ? 'cga' : 'packed';
    this.width = columns * (half && shift < 2 ? 16 : 8);
    return true;
  }

  /**
   * Draws the picture as {@link measure} found it.
   *
   * @param out at least width times height pixels: bytes R, G, B, 255 in memory
   */
  draw(out: Uint32Array): void {
    const { sr, attributeIndex } = this.#regs;
    const pixels = this.width * this.height;
    const off = ((sr[V.SR_CLOCK] as number) & V.SR_CLOCK_OFF) !== 0;
    if (off || (attributeIndex & V.AR_INDEX_ON) === 0) {
      out.fill(BLACK, 0, pixels);
      return;
    }
    this.#palettes();
    if (this.kind === 'text') this.#text.draw(out, this.width, this.height, this.#sixteen);
    else if (this.kind === 'linear') this.#linear(out);
    else this.#planes(out);
  }

  #palettes(): void {
    const { ar } = this.#regs;
    const mode = ar[V.AR_MODE] as number;
    const select = ar[V.AR_COLOUR_SELECT] as number;
    for (let i = 0; i < 256; i++) this.#colours[i] = this.#dac.pixel(i);
    for (let i = 0; i < 16; i++) {
      const entry = ar[i] as number;
      const low =
        (mode & V.AR_MODE_SELECT) !== 0 ? (entry & 0xf) | ((select & 3) << 4) : entry & 0x3f;
      this.#sixteen[i] = this.#colours[low | ((select & 0xc) << 4)] as number;
    }
  }

  /** Planes, two bits a pixel, or 256 colours, line by line. */
  #planes(out: Uint32Array): void {
    const { cr } = this.#regs;
    const { width, height, kind } = this;
    const dispi = this.#dispi;
    const vbe = dispi.enabled;
    const rowScan = cr[V.CR_ROW_SCAN] as number;
    const doubled = (rowScan & V.CR_ROW_SCAN_DOUBLE) === 0 ? 0 : 1;
    // Two bits a pixel take the row from the address; the others show each line several times.
    const rows = vbe ? 1 : (kind === 'cga' ? 1 : (rowScan & 0x1f) + 1) << doubled;
    const pitch = vbe ? dispi.pitch : (cr[V.CR_OFFSET] as number) << 3;
    const limit = vbe ? this.#bytes.length : LEGACY_BYTES;
    const compare = vbe ? height : this.#regs.lineCompare;
    let line = vbe ? dispi.start : this.#regs.start << 2;
    let row = 0;
    let memoryLine = 0;
    for (let y = 0; y < height; y++) {
      this.#row(out, y * width, this.#fold(line, memoryLine), limit);
      if (y === compare) {
        line = 0;
        row = 0;
        memoryLine = 0;
        continue;
      }
      if (++row < rows) continue;
      row = 0;
      memoryLine++;
      if (vbe || !this.#folded(memoryLine)) line += pitch;
    }
  }

  /** CR17 0 and 1: how many lines share an address before it goes on. */
  #folded(memoryLine: number): boolean {
    const mode = this.#regs.cr[V.CR_MODE] as number;
    if ((mode & V.CR_MODE_ADDRESS13) === 0 && (memoryLine & 1) !== 0) return true;
    return (mode & V.CR_MODE_ADDRESS14) === 0 && (memoryLine & 2) !== 0;
  }

  /** Address bits that the row scan gives, as hardware does for CGA's interleaved lines. */
  #fold(line: number, memoryLine: number): number {
    const mode = this.#regs.cr[V.CR_MODE] as number;
    if (this.#dispi.enabled) return line;
    // Bit 13 of the address is bit 12 of a count of words; a dword of ours is behind each count.
    const bit13 = ((mode & V.CR_MODE_BYTES) !== 0 ? 13 : 12) + 2;
    let at = line;
    if ((mode & V.CR_MODE_ADDRESS13) === 0) {
      at = (at & ~(1 << bit13)) | ((memoryLine & 1) << bit13);
    }
    if ((mode & V.CR_MODE_ADDRESS14) === 0) {
      at = (at & ~(2 << bit13)) | (((memoryLine >> 1) & 1) << (bit13 + 1));
    }
    return at;
  }

  /** @param at byte of the memory where the line begins */
  #row(out: Uint32Array, to: number, at: number, limit: number): void {
    const { kind, width } = this;
    if (kind === 'packed') this.#packedRow(out, to, at, limit);
    else if (kind === 'cga') this.#pairsRow(out, to, at, limit, width);
    else this.#planarRow(out, to, at, limit, width);
  }

  #planarRow(out: Uint32Array, to: number, at: number, limit: number, width: number): void {
    const { ar } = this.#regs;
    const bytes = this.#bytes;
    const sixteen = this.#sixteen;
    const enabled = ar[V.AR_PLANES] as number;
    const wide = this.#dispi.enabled ? 0 : this.#halfClock();
    const pan = this.#dispi.enabled ? 0 : (ar[V.AR_PANNING] as number) & 7;
    for (let x = 0; x < width; x++) {
      const dot = (x >> wide) + pan;
      const cell = (at + ((dot >> 3) << 2)) % limit;
      const bit = 7 - (dot & 7);
      const index =
        (((bytes[cell] as number) >> bit) & 1) |
        ((((bytes[cell + 1] as number) >> bit) & 1) << 1) |
        ((((bytes[cell + 2] as number) >> bit) & 1) << 2) |
        ((((bytes[cell + 3] as number) >> bit) & 1) << 3);
      out[to + x] = sixteen[index & enabled] as number;
    }
  }

  /** Eight pixels a cell: two bits each, from plane 0 and then from plane 1. */
  #pairsRow(out: Uint32Array, to: number, at: number, limit: number, width: number): void {
    const bytes = this.#bytes;
    const sixteen = this.#sixteen;
    const enabled = this.#regs.ar[V.AR_PLANES] as number;
    const wide = this.#halfClock();
    for (let x = 0; x < width; x++) {
      const dot = x >> wide;
      const cell = (at + ((dot >> 3) << 2) + ((dot >> 2) & 1)) % limit;
      const index = ((bytes[cell] as number) >> (6 - ((dot & 3) << 1))) & 3;
      out[to + x] = sixteen[index & enabled] as number;
    }
  }

  #halfClock(): number {
    return ((this.#regs.sr[V.SR_CLOCK] as number) & V.SR_CLOCK_HALF) === 0 ? 0 : 1;
  }

  /** A byte a pixel, each shown twice as wide: 256 colours at 320. */
  #packedRow(out: Uint32Array, to: number, at: number, limit: number): void {
    const bytes = this.#bytes;
    const colours = this.#colours;
    for (let x = 0; x < this.width; x++) {
      out[to + x] = colours[bytes[(at + (x >> 1)) % limit] as number] as number;
    }
  }

  #linear(out: Uint32Array): void {
    const { width, height } = this;
    const dispi = this.#dispi;
    const { bpp, pitch, start } = dispi;
    const bytes = this.#bytes;
    for (let y = 0; y < height; y++) {
      const from = start + y * pitch;
      const to = y * width;
      if (bpp === 32) this.#deep(out, to, from, 4);
      else if (bpp === 24) this.#deep(out, to, from, 3);
      else if (bpp === 8) {
        for (let x = 0; x < width; x++) {
          out[to + x] = this.#colours[bytes[from + x] as number] as number;
        }
      } else this.#high(out, to, from, bpp === 16 ? 6 : 5);
    }
  }

  /** Blue, green, red bytes. */
  #deep(out: Uint32Array, to: number, from: number, step: number): void {
    const bytes = this.#bytes;
    for (let x = 0, at = from; x < this.width; x++, at += step) {
      out[to + x] =
        (bytes[at + 2] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at] as number) << 16) |
        BLACK;
    }
  }

  /** @param greenBits 5 or 6, between 5 of red above and 5 of blue below */
  #high(out: Uint32Array, to: number, from: number, greenBits: number): void {
    const bytes = this.#bytes;
    for (let x = 0; x < this.width; x++) {
      const at = from + (x << 1);
      const v = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
      const red = (v >> (5 + greenBits)) & 0x1f;
      const green = (v >> 5) & ((1 << greenBits) - 1);
      const blue = v & 0x1f;
      const g = greenBits === 6 ? (green << 2) | (green >> 4) : (green << 3) | (green >> 2);
      out[to + x] =
        (red << 3) | (red >> 2) | (g << 8) | (((blue << 3) | (blue >> 2)) << 16) | BLACK;
    }
  }
}
