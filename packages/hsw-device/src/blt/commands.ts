import { type CommandRow, ON_BCS } from '../cs/row.ts';

/** What a 2D command draws from. */
export const SRC_NONE = 0;
/** Colour pixels: `source` is the dword of X/Y; pitch and base follow. */
export const SRC_COLOR = 1;
/** Bits in memory, rows on 16-bit bounds: `source` is the address; background and foreground follow. */
export const SRC_MONO = 2;
/** Bits in the command: `source` is the background; foreground and the bits follow. */
export const SRC_MONO_IMMEDIATE = 3;
/** Glyph bits in memory, packed by bit or by byte; colours come from the set-up. */
export const SRC_TEXT = 4;
/** Glyph bits in the command from dword `source` on. */
export const SRC_TEXT_IMMEDIATE = 5;
/** Colour pixels of the forms without XY: `source` is the pitch; the address follows. */
export const SRC_LINEAR = 6;

export const PAT_NONE = 0;
/** One colour: `pattern` is its dword. */
export const PAT_SOLID = 1;
/** 8 x 8 bits: `pattern` is the background; foreground and two dwords of bits follow. */
export const PAT_MONO = 2;
/** One of the built-in hatches, DWord 0 18:15: `pattern` is the background; foreground follows. */
export const PAT_FIXED = 3;
/** 8 x 8 pixels in memory: `pattern` is the address. */
export const PAT_COLOR = 4;
/** 8 x 8 pixels in the command from dword `pattern` on. */
export const PAT_IMMEDIATE = 5;
/** What the latest set-up command gave. */
export const PAT_SETUP = 6;
/** The set-up's background colour. */
export const PAT_SETUP_PIXEL = 7;

/** Where the destination comes from. */
export const DST_XY = 0;
/** Size in bytes and rows, then an address: COLOR_BLT and SRC_COPY_BLT. */
export const DST_LINEAR = 1;
/** Coordinates in the command, surface of the set-up. */
export const DST_SETUP = 2;
/** One pixel at the coordinates in DWord 1. */
export const DST_PIXEL = 3;
/** Nothing is drawn: the command stores the set-up. */
export const SETUP = 4;
/** Nothing is drawn: the command stores the clip rectangle only. */
export const SETUP_CLIP = 5;

/** One 2D command, as data: what the blitter decodes by and what a scanner must check. */
export interface BltRow extends CommandRow {
  /** Dwords before immediate data; a shorter command is refused. */
  readonly dwords: number;
  /** One of DST_*, SETUP, SETUP_CLIP. */
  readonly dst: number;
  /** One of SRC_*. */
  readonly source: number;
  /** First dword of the source's operands. */
  readonly sourceAt: number;
  /** One of PAT_*. */
  readonly pattern: number;
  /** First dword of the pattern's operands. */
  readonly patternAt: number;
  /** Dword of the colour key's low bound, high follows; 0 is no key. */
  readonly chromaAt: number;
  /** Dwords that hold graphics addresses. */
  readonly addressDwords: readonly number[];
}

interface Operands {
  readonly dst?: number;
  readonly source?: readonly [kind: number, at: number];
  readonly pattern?: readonly [kind: number, at: number];
  readonly chromaAt?: number;
  readonly addr?: readonly number[];
}

function blt(op: number, name: string, dwords: number, o: Operands): BltRow {
  return {
    name,
    opcode: (2 << 29) | (op << 22),
    bits: 10,
    on: ON_BCS,
    length: { mask: 0xff },
    dwords,
    dst: o.dst ?? DST_XY,
    source: o.source?.[0] ?? SRC_NONE,
    sourceAt: o.source?.[1] ?? 0,
    pattern: o.pattern?.[0] ?? PAT_NONE,
    patternAt: o.pattern?.[1] ?? 0,
    chromaAt: o.chromaAt ?? 0,
    addressDwords: o.addr ?? [],
    src: 'HSW PRM vol.2a/2d Blitter commands; opcode map "2D Command Map"',
  };
}

/**
 * Every 2D command of gen7.5. The second argument of an operand is the dword where it begins.
 * Opcode is DWord 0 28:22; length is its low byte plus 2.
 */
// biome-ignore format: one command a line
export const BLT_COMMANDS: readonly BltRow[] = [
  blt(0x01, 'XY_SETUP_BLT',                            8, { dst: SETUP, pattern: [PAT_COLOR, 7], addr: [4, 7] }),
  blt(0x03, 'XY_SETUP_CLIP_BLT',                       3, { dst: SETUP_CLIP }),
  blt(0x11, 'XY_SETUP_MONO_PATTERN_SL_BLT',            9, { dst: SETUP, pattern: [PAT_MONO, 5], addr: [4] }),
  blt(0x24, 'XY_PIXEL_BLT',                            2, { dst: DST_PIXEL, pattern: [PAT_SETUP_PIXEL, 0] }),
  blt(0x25, 'XY_SCANLINES_BLT',                        3, { dst: DST_SETUP, pattern: [PAT_SETUP, 0] }),
  blt(0x26, 'XY_TEXT_BLT',                             4, { dst: DST_SETUP, source: [SRC_TEXT, 3], addr: [3] }),
  blt(0x31, 'XY_TEXT_IMMEDIATE_BLT',                   3, { dst: DST_SETUP, source: [SRC_TEXT_IMMEDIATE, 3] }),
  blt(0x40, 'COLOR_BLT',                               5, { dst: DST_LINEAR, pattern: [PAT_SOLID, 4], addr: [3] }),
  blt(0x43, 'SRC_COPY_BLT',                            6, { dst: DST_LINEAR, source: [SRC_LINEAR, 4], addr: [3, 5] }),
  blt(0x50, 'XY_COLOR_BLT',                            6, { pattern: [PAT_SOLID, 5], addr: [4] }),
  blt(0x51, 'XY_PAT_BLT',                              6, { pattern: [PAT_COLOR, 5], addr: [4, 5] }),
  blt(0x52, 'XY_MONO_PAT_BLT',                         9, { pattern: [PAT_MONO, 5], addr: [4] }),
  blt(0x53, 'XY_SRC_COPY_BLT',                         8, { source: [SRC_COLOR, 5], addr: [4, 7] }),
  blt(0x54, 'XY_MONO_SRC_COPY_BLT',                    8, { source: [SRC_MONO, 5], addr: [4, 5] }),
  blt(0x55, 'XY_FULL_BLT',                             9, { source: [SRC_COLOR, 5], pattern: [PAT_COLOR, 8], addr: [4, 7, 8] }),
  blt(0x56, 'XY_FULL_MONO_SRC_BLT',                    9, { source: [SRC_MONO, 5], pattern: [PAT_COLOR, 8], addr: [4, 5, 8] }),
  blt(0x57, 'XY_FULL_MONO_PATTERN_BLT',               12, { source: [SRC_COLOR, 5], pattern: [PAT_MONO, 8], addr: [4, 7] }),
  blt(0x58, 'XY_FULL_MONO_PATTERN_MONO_SRC_BLT',      12, { source: [SRC_MONO, 5], pattern: [PAT_MONO, 8], addr: [4, 5] }),
  blt(0x59, 'XY_MONO_PAT_FIXED_BLT',                   7, { pattern: [PAT_FIXED, 5], addr: [4] }),
  blt(0x71, 'XY_MONO_SRC_COPY_IMMEDIATE_BLT',          7, { source: [SRC_MONO_IMMEDIATE, 5], addr: [4] }),
  blt(0x72, 'XY_PAT_BLT_IMMEDIATE',                    5, { pattern: [PAT_IMMEDIATE, 5], addr: [4] }),
  blt(0x73, 'XY_SRC_COPY_CHROMA_BLT',                 10, { source: [SRC_COLOR, 5], chromaAt: 8, addr: [4, 7] }),
  blt(0x74, 'XY_FULL_IMMEDIATE_PATTERN_BLT',           8, { source: [SRC_COLOR, 5], pattern: [PAT_IMMEDIATE, 8], addr: [4, 7] }),
  blt(0x75, 'XY_FULL_MONO_SRC_IMMEDIATE_PATTERN_BLT',  8, { source: [SRC_MONO, 5], pattern: [PAT_IMMEDIATE, 8], addr: [4, 5] }),
  blt(0x76, 'XY_PAT_CHROMA_BLT',                       8, { pattern: [PAT_COLOR, 5], chromaAt: 6, addr: [4, 5] }),
  blt(0x77, 'XY_PAT_CHROMA_BLT_IMMEDIATE',             7, { pattern: [PAT_IMMEDIATE, 7], chromaAt: 5, addr: [4] }),
];

/** Row by opcode (DWord 0 28:22); undefined entries are no 2D command. */
export const BLT_BY_OPCODE: readonly (BltRow | undefined)[] = Array.from({ length: 128 }, (_, op) =>
  BLT_COMMANDS.find((row) => ((row.opcode >>> 22) & 0x7f) === op),
);
