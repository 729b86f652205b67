import type { AddressSpace } from '../gtt/address-space.ts';
import type { MachineMemory } from '../port/memory.ts';
import { Surface } from '../tiling/surface.ts';
import { LINEAR, TILE_X, TILE_Y } from '../tiling/tiling.ts';
import {
  type BltRow,
  DST_LINEAR,
  DST_PIXEL,
  DST_SETUP,
  DST_XY,
  SRC_COLOR,
  SRC_LINEAR,
  SRC_MONO,
  SRC_MONO_IMMEDIATE,
  SRC_NONE,
  SRC_TEXT,
  SRC_TEXT_IMMEDIATE,
} from './commands.ts';
import { Pattern } from './pattern.ts';
import {
  ropMasks,
  ropReadsDestination,
  ropReadsPattern,
  ropReadsSource,
  ropWithoutSource,
} from './rop.ts';
import {
  type BltSetup,
  SETUP_BASE,
  SETUP_BG,
  SETUP_BR00,
  SETUP_BR01,
  SETUP_CLIP1,
  SETUP_CLIP2,
  SETUP_FG,
} from './setup.ts';

/** Longest 2D command, dwords: the length field is 8 bits and counts from 2. */
export const BLT_DWORDS_MAX = 257;

/** BCS_SWCTRL 0x22200: tiled sources (bit 0) and destinations (bit 1) are Y-tiled, not X-tiled. */
const SWCTRL_SRC_Y = 1;
const SWCTRL_DST_Y = 2;
/** BR00 bits. PRM vol.2a "BR00 - BLT Opcode and Control". */
const BR00_SRC_TILED = 1 << 15;
const BR00_DST_TILED = 1 << 11;
/** Glyph rows start on bytes, not on bits. */
const BR00_TEXT_BYTE_PACKED = 1 << 16;
/** BR13 bits. PRM vol.2a "BR13 - BLT Raster OP, Control, and Destination Pitch". */
const BR13_CLIP = 1 << 30;
const BR13_RIGHT_TO_LEFT = 1 << 30;
const BR13_SRC_TRANSPARENT = 1 << 29;
/** Bytes of a pixel as a power of two by BR13 25:24: 8, 565, 1555, 32 bits. */
const DEPTH_SHIFT: readonly number[] = [0, 1, 1, 2];

/** The operation being drawn: every operand decoded, and how far it has come. */
export class BltJob {
  readonly dst: Surface;
  readonly color: Surface;
  /** Monochrome source as a surface of one endless row. */
  readonly bits: Surface;
  readonly pattern: Pattern = new Pattern();
  /** The command as it came; immediate data is read from here. */
  readonly command: Int32Array = new Int32Array(BLT_DWORDS_MAX);
  readonly commandBytes: Uint8Array = new Uint8Array(this.command.buffer);
  readonly masks: Int32Array = new Int32Array(8);
  length = 0;
  swctrl = 0;
  /** Tiled surfaces are swizzled on bit 6. */
  swizzled = false;
  depth = 0;
  /** Bytes of a pixel as a power of two. */
  shift = 0;
  rop = 0;
  readsDst = false;
  readsSrc = false;
  readsPat = false;
  /** Bits of each destination dword that may change: BR00 21:20 at 32 bits a pixel, else all. */
  writeMask = -1;
  /** First column and row as the command says, before clipping. */
  originX = 0;
  originY = 0;
  /** What is left after clipping; right and bottom are outside. */
  left = 0;
  top = 0;
  right = 0;
  bottom = 0;
  /** One of SRC_*; SRC_NONE when the raster operation and the keys ignore it. */
  source = 0;
  /** Source column and row that land on the origin. */
  srcX = 0;
  srcY = 0;
  /** Bits from one source row to the next, and before the first. */
  bitStride = 0;
  bitFirst = 0;
  /** Byte of the command where immediate bits begin; -1 when they are in memory. */
  bitsAt = -1;
  background = 0;
  foreground = 0;
  sourceTransparent = false;
  /** BR00 19:17; bit 0 set is a colour key. */
  chroma = 0;
  chromaLow = 0;
  chromaHigh = 0;
  /** Order in which pixels and rows are written. */
  fromRight = false;
  fromBottom = false;
  /** Rows drawn so far. */
  row = 0;
  /** Size before clipping, pixels and rows: what rows of source bits are measured by. */
  #width = 0;
  #height = 0;

  constructor(memory: MachineMemory) {
    this.dst = new Surface(memory);
    this.color = new Surface(memory);
    this.bits = new Surface(memory);
  }

  /** Lets the address space go: nothing of a finished operation keeps it alive. */
  release(): void {
    this.dst.clear();
    this.color.clear();
    this.bits.clear();
  }

  get rows(): number {
    return this.bottom - this.top;
  }

  /** Bytes of a row after clipping. */
  get rowBytes(): number {
    return (this.right - this.left) << this.shift;
  }

  /** Row to draw next. */
  get y(): number {
    return this.fromBottom ? this.bottom - 1 - this.row : this.top + this.row;
  }

  /**
   * Decodes a drawing command.
   *
   * @returns whether its immediate data, if any, suffices
   */
  decode(
    row: BltRow,
    dw: Int32Array,
    length: number,
    space: AddressSpace,
    swctrl: number,
    swizzled: boolean,
    setup: BltSetup,
  ): boolean {
    const held = Math.min(length, BLT_DWORDS_MAX);
    for (let i = 0; i < held; i++) this.command[i] = dw[i] as number;
    this.length = held;
    this.swctrl = swctrl;
    this.swizzled = swizzled;
    this.row = 0;
    const cmd = this.command;
    const br00 = cmd[0] as number;
    const fromSetup = row.dst === DST_SETUP || row.dst === DST_PIXEL;
    const br13 = fromSetup ? setup.get(SETUP_BR01) : (cmd[1] as number);
    this.depth = (br13 >>> 24) & 3;
    this.shift = DEPTH_SHIFT[this.depth] as number;
    let rop = (br13 >>> 16) & 0xff;
    if (row.source === SRC_NONE) rop = ropWithoutSource(rop);
    this.#operation(rop, fromSetup ? setup.get(SETUP_BR00) : br00);
    this.#destination(row, br00, br13, space, setup);
    this.chroma = row.chromaAt === 0 ? 0 : (br00 >>> 17) & 7;
    this.chromaLow = cmd[row.chromaAt] as number;
    this.chromaHigh = cmd[row.chromaAt + 1] as number;
    this.#source(row, br00, br13, space, setup);
    const patternFits = this.pattern.decode(row, this, br00, br13, space, setup);
    return patternFits && this.#immediateFits();
  }

  #operation(rop: number, br00: number): void {
    this.rop = rop;
    ropMasks(rop, this.masks);
    this.readsDst = ropReadsDestination(rop);
    this.readsSrc = ropReadsSource(rop);
    this.readsPat = ropReadsPattern(rop);
    const rgb = (br00 & (1 << 20)) !== 0 ? 0xffffff : 0;
    const alpha = (br00 & (1 << 21)) !== 0 ? 0xff000000 : 0;
    this.writeMask = this.shift === 2 ? rgb | alpha : -1;
  }

  #destination(
    row: BltRow,
    br00: number,
    br13: number,
    space: AddressSpace,
    setup: BltSetup,
  ): void {
    const cmd = this.command;
    const pitch = (br13 << 16) >> 16;
    if (row.dst === DST_LINEAR) {
      const size = cmd[2] as number;
      this.#corners(0, 0, (size & 0xffff) >>> this.shift, size >>> 16);
      this.dst.set(space, cmd[3] as number, pitch, LINEAR);
      return;
    }
    const tiled = (br00 & BR00_DST_TILED) !== 0;
    const base = row.dst === DST_XY ? (cmd[4] as number) : setup.get(SETUP_BASE);
    const tiling = !tiled ? LINEAR : (this.swctrl & SWCTRL_DST_Y) !== 0 ? TILE_Y : TILE_X;
    this.dst.set(space, base, tiled ? pitch << 2 : pitch, tiling, this.swizzled);
    if (row.dst === DST_PIXEL) this.#pixel(cmd[1] as number);
    else if (row.dst === DST_SETUP) this.#rectangle(cmd[1] as number, cmd[2] as number);
    else this.#rectangle(cmd[2] as number, cmd[3] as number);
    if ((br13 & BR13_CLIP) !== 0) this.#clip(setup.get(SETUP_CLIP1), setup.get(SETUP_CLIP2));
  }

  /** Corners as Y in 31:16, X in 15:0, signed; the second is outside. */
  #rectangle(first: number, second: number): void {
    this.#corners((first << 16) >> 16, first >> 16, (second << 16) >> 16, second >> 16);
  }

  #pixel(at: number): void {
    const x = (at << 16) >> 16;
    const y = at >> 16;
    this.#corners(x, y, x + 1, y + 1);
  }

  #corners(left: number, top: number, right: number, bottom: number): void {
    this.originX = this.left = left;
    this.originY = this.top = top;
    this.right = right;
    this.bottom = bottom;
    this.#width = right - left;
    this.#height = bottom - top;
  }

  #clip(first: number, second: number): void {
    this.left = Math.max(this.left, (first << 16) >> 16);
    this.top = Math.max(this.top, first >> 16);
    this.right = Math.min(this.right, (second << 16) >> 16);
    this.bottom = Math.min(this.bottom, second >> 16);
  }

  #source(row: BltRow, br00: number, br13: number, space: AddressSpace, setup: BltSetup): void {
    const cmd = this.command;
    const at = row.sourceAt;
    this.source = row.source;
    this.fromRight = false;
    this.fromBottom = false;
    this.bitsAt = -1;
    this.sourceTransparent = false;
    switch (row.source) {
      case SRC_COLOR:
        this.#colorSource(br00, space, at);
        break;
      case SRC_LINEAR:
        this.#linearSource(br13, space, at);
        break;
      case SRC_MONO:
      case SRC_MONO_IMMEDIATE: {
        const colors = row.source === SRC_MONO ? at + 1 : at;
        this.background = cmd[colors] as number;
        this.foreground = cmd[colors + 1] as number;
        this.bitFirst = (br00 >>> 17) & 7;
        // Rows of a monochrome source start on 16-bit bounds; glyph rows do not.
        this.bitStride = (this.bitFirst + this.#width + 15) & ~15;
        this.sourceTransparent = (br13 & BR13_SRC_TRANSPARENT) !== 0;
        if (row.source === SRC_MONO) this.bits.set(space, cmd[at] as number, 0, LINEAR);
        else this.bitsAt = (at + 2) * 4;
        break;
      }
      case SRC_TEXT:
      case SRC_TEXT_IMMEDIATE:
        this.background = setup.get(SETUP_BG);
        this.foreground = setup.get(SETUP_FG);
        this.bitFirst = 0;
        this.bitStride =
          (br00 & BR00_TEXT_BYTE_PACKED) !== 0 ? (this.#width + 7) & ~7 : this.#width;
        this.sourceTransparent = (br13 & BR13_SRC_TRANSPARENT) !== 0;
        if (row.source === SRC_TEXT) this.bits.set(space, cmd[at] as number, 0, LINEAR);
        else this.bitsAt = at * 4;
        break;
    }
    const keyed = (this.chroma & 5) === 1;
    if (!this.readsSrc && !this.sourceTransparent && !keyed) this.source = SRC_NONE;
  }

  #colorSource(br00: number, space: AddressSpace, at: number): void {
    const cmd = this.command;
    const from = cmd[at] as number;
    const pitch = ((cmd[at + 1] as number) << 16) >> 16;
    const base = cmd[at + 2] as number;
    const tiled = (br00 & BR00_SRC_TILED) !== 0;
    const tiling = !tiled ? LINEAR : (this.swctrl & SWCTRL_SRC_Y) !== 0 ? TILE_Y : TILE_X;
    this.color.set(space, base, tiled ? pitch << 2 : pitch, tiling, this.swizzled);
    this.srcX = (from << 16) >> 16;
    this.srcY = from >> 16;
    // With one base address the engine goes away from the destination; it looks no further.
    // PRM vol.2a XY_SRC_COPY_BLT. With two, it goes right and down.
    if (this.color.base === this.dst.base) {
      this.fromRight = this.srcX < this.originX;
      this.fromBottom = this.srcY < this.originY;
    }
  }

  #linearSource(br13: number, space: AddressSpace, at: number): void {
    const cmd = this.command;
    const pitch = ((cmd[at] as number) << 16) >> 16;
    this.fromRight = (br13 & BR13_RIGHT_TO_LEFT) !== 0;
    // Right to left, the addresses are those of each row's last byte. xf86-video-intel i810_accel.
    const back = this.fromRight ? (this.right << this.shift) - 1 : 0;
    this.dst.set(space, (this.dst.base - back) | 0, this.dst.pitch, LINEAR);
    this.color.set(space, ((cmd[at + 1] as number) - back) | 0, pitch, LINEAR);
    this.srcX = 0;
    this.srcY = 0;
    this.source = SRC_COLOR;
  }

  #immediateFits(): boolean {
    if (this.bitsAt < 0 || this.source === SRC_NONE) return true;
    const rows = this.#height;
    const width = this.#width;
    if (rows <= 0 || width <= 0) return true;
    const bits = (rows - 1) * this.bitStride + this.bitFirst + width;
    return bits <= (this.length * 4 - this.bitsAt) * 8;
  }
}
