import * as R from '../display.regs.ts';
import type { PlaneLatch } from '../plane-latch.ts';
import {
  convertRow,
  FORMAT_BGRX888,
  FORMAT_BGRX101010,
  FORMAT_BYTES,
  FORMAT_NONE,
  FORMAT_RGBX888,
  FORMAT_RGBX101010,
  FORMAT_RGBX161616F,
  yuvPixel,
} from './formats.ts';
import type { Gamma } from './gamma.ts';
import type { Picture } from './scanner.ts';
import type { SurfaceReader } from './surface.ts';

/** SPRCTL: 27:25 format, 22 source key, 20 red first, 18 BT.709, 17:16 YUV order, 2 destination key. */
const SOURCE_KEY = 0x400000;
const RED_FIRST = 0x100000;
const BT709 = 0x40000;
const DEST_KEY = 4;
const FORMAT_YUV422 = 0;

/** Order of what a sprite latches; see pipe.ts. */
const STRIDE = 2;
const OFFSET = 3;
const POSITION = 4;
const SIZE = 5;
const SCALE = 6;
const KEY_VALUE = 7;
const KEY_MASK = 8;
const KEY_MAX = 9;

function rgbFormat(control: number): number {
  const redFirst = (control & RED_FIRST) !== 0;
  switch ((control >>> 25) & 7) {
    case 1:
      return redFirst ? FORMAT_RGBX101010 : FORMAT_BGRX101010;
    case 2:
      return redFirst ? FORMAT_RGBX888 : FORMAT_BGRX888;
    case 3:
      return FORMAT_RGBX161616F;
    default:
      return FORMAT_NONE;
  }
}

/** Draws a sprite plane over a picture: scaled to its size, keyed, opaque. PRM vol.2c "SPR_CTL". */
export function drawSprite(
  sprite: PlaneLatch,
  picture: Picture,
  reader: SurfaceReader,
  gamma: Gamma,
  swizzles: boolean,
): void {
  const control = sprite.control;
  if ((control & R.PLANE_ENABLE) === 0) return;
  const live = sprite.live;
  const size = live[SIZE] as number;
  const width = (size & 0xfff) + 1;
  const height = ((size >>> 16) & 0xfff) + 1;
  const scale = live[SCALE] as number;
  const scaled = (scale & 0x80000000) !== 0;
  const fromWidth = scaled ? ((scale >>> 16) & 0x7ff) + 1 : width;
  const fromHeight = scaled ? (scale & 0x7ff) + 1 : height;
  const position = live[POSITION] as number;
  const left = position & 0xfff;
  const top = (position >>> 16) & 0xfff;
  const turned = (control & R.PLANE_ROTATE_180) !== 0;
  const right = Math.min(width, picture.width - left);
  const bottom = Math.min(height, picture.height - top);
  let loaded = -1;
  for (let y = 0; y < bottom; y++) {
    let row = Math.floor((y * fromHeight) / height);
    if (turned) row = fromHeight - 1 - row;
    if (row !== loaded) {
      loadRow(sprite, reader, row, fromWidth, swizzles);
      if ((control & R.PLANE_GAMMA) !== 0) gamma.apply(reader.pixels, 0, fromWidth);
      loaded = row;
    }
    const at = (top + y) * picture.width + left;
    for (let x = 0; x < right; x++) {
      let column = scaled ? Math.floor((x * fromWidth) / width) : x;
      if (turned) column = fromWidth - 1 - column;
      const p = reader.pixels[column] as number;
      if (shown(control, live, p, picture.pixels[at + x] as number)) picture.pixels[at + x] = p;
    }
  }
}

function loadRow(
  sprite: PlaneLatch,
  reader: SurfaceReader,
  row: number,
  count: number,
  swizzles: boolean,
): void {
  const { control, live } = sprite;
  const yuv = ((control >>> 25) & 7) === FORMAT_YUV422;
  const format = yuv ? FORMAT_NONE : rgbFormat(control);
  const bytes = yuv ? 2 : (FORMAT_BYTES[format] as number);
  const offset = live[OFFSET] as number;
  const from = (offset & 0x1fff) * bytes;
  const y = ((offset >>> 16) & 0x1fff) + row;
  const base = sprite.surface & ~0xfff;
  const stride = (live[STRIDE] as number) & 0xffc0;
  const first =
    (control & R.PLANE_TILED) !== 0
      ? reader.tiled(base, stride, y, from & ~3, count * bytes + 4, swizzles)
      : reader.linear((base + y * stride) >>> 0, from & ~3, count * bytes + 4);
  if (!yuv) {
    convertRow(format, reader, first, count, reader.pixels, 0, reader.words, 0);
    return;
  }
  const odd = (from >>> 1) & 1;
  const order = (control >>> 16) & 3;
  const bt709 = (control & BT709) !== 0;
  for (let i = 0; i < count; i++) {
    const pair = reader.words[(i + odd) >>> 1] as number;
    reader.pixels[i] = yuvPixel(pair, ((i + odd) & 1) !== 0, order, bt709);
  }
}

/** Whether keys let a sprite's pixel through. Keys are 0xRRGGBB with a mask. */
function shown(control: number, live: Int32Array, p: number, under: number): boolean {
  const mask = (live[KEY_MASK] as number) & 0xffffff;
  const value = live[KEY_VALUE] as number;
  if ((control & DEST_KEY) !== 0) return ((swap(under) ^ value) & mask) === 0;
  if ((control & SOURCE_KEY) !== 0) return !within(swap(p), value, live[KEY_MAX] as number);
  return true;
}

function swap(p: number): number {
  return ((p & 255) << 16) | (p & 0xff00) | ((p >>> 16) & 255);
}

/** Whether every colour of a pixel lies in the key's range. */
function within(p: number, low: number, high: number): boolean {
  for (let shift = 0; shift <= 16; shift += 8) {
    const c = (p >>> shift) & 255;
    if (c < ((low >>> shift) & 255) || c > ((high >>> shift) & 255)) return false;
  }
  return true;
}
