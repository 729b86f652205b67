import type { RegSpace } from '@xengt/hsw-device';

/** Planes of a pipe, numbered as upstream's notices do. */
export const PRIMARY = 0,
  CURSOR = 1,
  SPRITE = 2;
export type PlaneNumber = typeof PRIMARY | typeof CURSOR | typeof SPRITE;
export const PLANE_NAMES: readonly string[] = ['primary', 'cursor', 'sprite'];

/** What a plane of a VM shows, as its registers have it. */
export interface FrameBuffer {
  readonly pipe: number;
  readonly plane: PlaneNumber;
  /** DRM's name of the pixel format. */
  readonly format: string;
  /** The field of the control register that says so. */
  readonly hwFormat: number;
  readonly bitsPerPixel: number;
  readonly tiled: boolean;
  readonly width: number;
  readonly height: number;
  /** Bytes a row of the surface. */
  readonly stride: number;
  /** Graphics address of the surface, a multiple of 4 KiB, and how many pages of it are shown. */
  readonly start: number;
  readonly pages: number;
  /** Pixel of the surface at the top left of the plane. */
  readonly x: number;
  readonly y: number;
  /** Place of the plane on the screen, pixels; a cursor may begin outside. */
  readonly left: number;
  readonly top: number;
}

/** Registers of pipe A; B and C follow at 0x1000 each. */
const PIPE_STRIDE = 0x1000;
const PIPESRC = 0x6001c,
  CURCNTR = 0x70080,
  CURBASE = 0x70084,
  CURPOS = 0x70088,
  DSPCNTR = 0x70180,
  DSPSTRIDE = 0x70188,
  DSPSURF = 0x7019c,
  DSPOFFSET = 0x701a4,
  SPRCTL = 0x70280,
  SPRSTRIDE = 0x70288,
  SPRPOS = 0x7028c,
  SPRSIZE = 0x70290,
  SPRSURF = 0x7029c,
  SPROFFSET = 0x702a4;
/** Control of primary and sprite: 31 on, 10 X-tiled. */
const TILED = 0x400;
/** SPRCTL 20: red in the low bits. i915 `SPRITE_RGB_ORDER_RGBX`. */
const RED_LOW = 0x100000;
const TILE_ROWS = 8;
const PAGE = 4096;

type Format = readonly [name: string, bits: number];
/** Primary by DSPCNTR 29:26. i915 `DISP_FORMAT_*`. */
const PRIMARY_FORMATS: Readonly<Record<number, Format>> = {
  2: ['C8', 8],
  5: ['RGB565', 16],
  6: ['XRGB8888', 32],
  8: ['XBGR2101010', 32],
  10: ['XRGB2101010', 32],
  14: ['XBGR8888', 32],
};
/** Sprite by SPRCTL 27:25: as it is, and with red in the low bits. i915 `SPRITE_FORMAT_*`. */
const SPRITE_FORMATS: Readonly<Record<number, readonly [Format, Format]>> = {
  1: [
    ['XRGB2101010', 32],
    ['XBGR2101010', 32],
  ],
  2: [
    ['XRGB8888', 32],
    ['XBGR8888', 32],
  ],
  4: [
    ['AYUV', 32],
    ['AYUV', 32],
  ],
};
/** YUV 4:2:2 by SPRCTL 17:16. i915 `SPRITE_YUV_ORDER_*`. */
const YUV_ORDERS: readonly string[] = ['YUYV', 'UYVY', 'YVYU', 'VYUY'];
/** Side of the square by CURCNTR 5:0; others are not decoded. i915 `MCURSOR_MODE_*`. */
const CURSOR_SIDES: Readonly<Record<number, number>> = { 7: 64, 0x22: 128, 0x23: 256, 0x27: 64 };

/** Sign and magnitude of 16 bits. i915 `CURSOR_POS_X_SIGN`. */
function signed(field: number): number {
  return (field & 0x8000) !== 0 ? -(field & 0x7fff) : field & 0x7fff;
}

/** Pages from the surface's first to the last that is shown. */
function pagesOf(stride: number, rows: number, tiled: boolean): number {
  return Math.max(
    Math.ceil((stride * (tiled ? (rows + TILE_ROWS - 1) & -TILE_ROWS : rows)) / PAGE),
    1,
  );
}

/** What to ask for: a surface and what is read of it. */
interface Surface {
  readonly at: number;
  readonly control: number;
  readonly stride: number;
  readonly offset: number;
  readonly address: number;
}

function surface(
  s: Surface,
  shape: Pick<FrameBuffer, 'pipe' | 'plane' | 'width' | 'height' | 'left' | 'top' | 'hwFormat'>,
  [format, bitsPerPixel]: Format,
): FrameBuffer {
  const tiled = (s.control & TILED) !== 0;
  const y = (s.offset >>> 16) & 0xfff;
  return {
    ...shape,
    format,
    bitsPerPixel,
    tiled,
    stride: s.stride,
    start: s.address & ~0xfff,
    pages: pagesOf(s.stride, y + shape.height, tiled),
    x: s.offset & 0xfff,
    y,
  };
}

/**
 * Decodes a plane.
 *
 * @returns ENOENT when it is off, EINVAL when there is no such plane or its format has no name
 */
export function decodePlane(
  regs: RegSpace,
  pipe: number,
  plane: number,
): FrameBuffer | 'ENOENT' | 'EINVAL' {
  if (pipe < 0 || pipe > 2) return 'EINVAL';
  const at = pipe * PIPE_STRIDE;
  if (plane === PRIMARY) return primary(regs, pipe, at);
  if (plane === SPRITE) return sprite(regs, pipe, at);
  return plane === CURSOR ? cursor(regs, pipe, at) : 'EINVAL';
}

function primary(regs: RegSpace, pipe: number, at: number): FrameBuffer | 'ENOENT' | 'EINVAL' {
  const control = regs.peek(DSPCNTR + at);
  if (control >= 0) return 'ENOENT';
  const hwFormat = (control >>> 26) & 15;
  const format = PRIMARY_FORMATS[hwFormat];
  if (format === undefined) return 'EINVAL';
  const source = regs.peek(PIPESRC + at);
  const width = ((source >>> 16) & 0x1fff) + 1;
  const height = (source & 0x1fff) + 1;
  const stride = regs.peek(DSPSTRIDE + at) & 0xffc0;
  const offset = regs.peek(DSPOFFSET + at);
  const address = regs.peek(DSPSURF + at);
  const shape = { pipe, plane: PRIMARY, width, height, left: 0, top: 0, hwFormat } as const;
  return surface({ at, control, stride, offset, address }, shape, format);
}

function sprite(regs: RegSpace, pipe: number, at: number): FrameBuffer | 'ENOENT' | 'EINVAL' {
  const control = regs.peek(SPRCTL + at);
  if (control >= 0) return 'ENOENT';
  const hwFormat = (control >>> 25) & 7;
  const format: Format | undefined =
    hwFormat === 0
      ? [YUV_ORDERS[(control >>> 16) & 3] as string, 16]
      : SPRITE_FORMATS[hwFormat]?.[(control & RED_LOW) === 0 ? 0 : 1];
  if (format === undefined) return 'EINVAL';
  const size = regs.peek(SPRSIZE + at);
  const width = (size & 0xfff) + 1;
  const height = ((size >>> 16) & 0xfff) + 1;
  const position = regs.peek(SPRPOS + at);
  const left = position & 0xfff;
  const top = (position >>> 16) & 0xfff;
  const stride = regs.peek(SPRSTRIDE + at) & 0x7fc0;
  const offset = regs.peek(SPROFFSET + at);
  const address = regs.peek(SPRSURF + at);
  const shape = { pipe, plane: SPRITE, width, height, left, top, hwFormat } as const;
  return surface({ at, control, stride, offset, address }, shape, format);
}

function cursor(regs: RegSpace, pipe: number, at: number): FrameBuffer | 'ENOENT' | 'EINVAL' {
  const hwFormat = regs.peek(CURCNTR + at) & 0x3f;
  if ((hwFormat & 0x27) === 0) return 'ENOENT';
  const side = CURSOR_SIDES[hwFormat];
  if (side === undefined) return 'EINVAL';
  const position = regs.peek(CURPOS + at);
  const left = signed(position & 0xffff);
  const top = signed(position >>> 16);
  const address = regs.peek(CURBASE + at);
  const shape = { pipe, plane: CURSOR, width: side, height: side, left, top, hwFormat } as const;
  return surface({ at, control: 0, stride: side * 4, offset: 0, address }, shape, ['ARGB8888', 32]);
}

/** The plane that a write of a register flips; -1 when it is no surface register. */
export function flippedPlane(offset: number): number {
  const base = offset - (((offset >>> 12) & 0xf) % 3) * PIPE_STRIDE;
  if (base === DSPSURF) return PRIMARY;
  if (base === SPRSURF) return SPRITE;
  return base === CURBASE ? CURSOR : -1;
}
