import {
  type BltRow,
  DST_LINEAR,
  DST_PIXEL,
  DST_SETUP,
  DST_XY,
  PAT_COLOR,
  PAT_FIXED,
  PAT_MONO,
  PAT_SOLID,
  SETUP,
  SETUP_CLIP,
  SRC_COLOR,
  SRC_LINEAR,
  SRC_MONO,
  SRC_MONO_IMMEDIATE,
} from '../../blt/commands.ts';

/** DWord 0 of the forms with coordinates. HSW PRM vol.2a "Blitter commands", BR00. */
const HEADER =
  '0: Write Alpha 21, Write RGB 20, Source Tiled 15, Pattern X Seed 14:12, Destination Tiled 11, Pattern Y Seed 10:8';
/** DWord 1: BR13. */
const BR13 =
  '1: Solid Pattern 31, Clipping 30, Mono Source Transparent 29, Mono Pattern Transparent 28, Color Depth 25:24, Raster Operation 23:16 x, Destination Pitch 15:0 i';
const XY: readonly string[] = ['2: Y1 31:16 i, X1 15:0 i', '3: Y2 31:16 i, X2 15:0 i'];
const CLIP: readonly string[] = [
  '1: Clip Y1 31:16, Clip X1 15:0',
  '2: Clip Y2 31:16, Clip X2 15:0',
];

/** The fields of a 2D command, from the operands in its row: the row is the one statement of them. */
export function bltFields(row: BltRow): readonly string[] {
  return [HEADER, ...destination(row), ...source(row), ...pattern(row), ...chroma(row)];
}

function destination(row: BltRow): readonly string[] {
  switch (row.dst) {
    case DST_XY:
      return [BR13, ...XY, '4: Destination 31:0 a'];
    case SETUP:
      return [BR13, ...XY, '4: Destination 31:0 a', ...setupColors(row)];
    case SETUP_CLIP:
      return CLIP;
    case DST_LINEAR:
      return [BR13, '2: Height 31:16, Bytes 15:0', '3: Destination 31:0 a'];
    case DST_SETUP:
      return ['1: Y1 31:16 i, X1 15:0 i', '2: Y2 31:16 i, X2 15:0 i'];
    case DST_PIXEL:
      return ['1: Y 31:16 i, X 15:0 i'];
    default:
      return [];
  }
}

/** XY_SETUP_BLT has its colours before the pattern; the mono form's are the pattern's own. */
function setupColors(row: BltRow): readonly string[] {
  return row.pattern === PAT_COLOR ? ['5: Background 31:0 x', '6: Foreground 31:0 x'] : [];
}

function source(row: BltRow): readonly string[] {
  const at = row.sourceAt;
  switch (row.source) {
    case SRC_COLOR:
      return [
        `${at}: Source Y1 31:16 i, Source X1 15:0 i`,
        `${at + 1}: Source Pitch 15:0 i`,
        `${at + 2}: Source 31:0 a`,
      ];
    case SRC_MONO:
      return [
        `${at}: Source 31:0 a`,
        `${at + 1}: Background 31:0 x`,
        `${at + 2}: Foreground 31:0 x`,
      ];
    case SRC_MONO_IMMEDIATE:
      return [
        `${at}: Background 31:0 x`,
        `${at + 1}: Foreground 31:0 x`,
        `${at + 2}%1: Bits 31:0 x`,
      ];
    case SRC_LINEAR:
      return [`${at}: Source Pitch 15:0 i`, `${at + 1}: Source 31:0 a`];
    default:
      if (at === 0) return [];
      return [row.addressDwords.includes(at) ? `${at}: Source 31:0 a` : `${at}%1: Bits 31:0 x`];
  }
}

function pattern(row: BltRow): readonly string[] {
  const at = row.patternAt;
  switch (row.pattern) {
    case PAT_SOLID:
      return [`${at}: Color 31:0 x`];
    case PAT_COLOR:
      return [`${at}: Pattern 31:6 a`];
    case PAT_MONO:
      return [
        `${at}: Pattern Background 31:0 x`,
        `${at + 1}: Pattern Foreground 31:0 x`,
        `${at + 2}: Pattern Rows 0 To 3 31:0 x`,
        `${at + 3}: Pattern Rows 4 To 7 31:0 x`,
      ];
    case PAT_FIXED:
      return [`${at}: Pattern Background 31:0 x`, `${at + 1}: Pattern Foreground 31:0 x`];
    default:
      return at === 0 ? [] : [`${at}%1: Pattern 31:0 x`];
  }
}

function chroma(row: BltRow): readonly string[] {
  const at = row.chromaAt;
  return at === 0 ? [] : [`${at}: Key Low 31:0 x`, `${at + 1}: Key High 31:0 x`];
}
