import { packedYuv, SurfaceReader, vyuOf, yuvToRgb } from '@xengt/hsw-device';
import type { Vgpu } from '../vgpu/vgpu.ts';
import { type FrameBuffer, SPRITE } from './frame-buffer.ts';

/** DISP_ARB_CTL 13: memory is swizzled. i915 `DISP_TILE_SURFACE_SWIZZLING`. */
const DISP_ARB_CTL = 0x45000;
const SWIZZLED = 0x2000;
const LGC_PALETTE = 0x4a000;
const PALETTE_STRIDE = 0x800;
const SPRCTL = 0x70280;
const PIPE_STRIDE = 0x1000;
const OPAQUE = 0xff000000;

type Convert = (
  buffer: VgtBuffer,
  reader: SurfaceReader,
  first: number,
  out: Uint32Array,
  at: number,
) => void;

function swap(p: number): number {
  return ((p & 0xff) << 16) | (p & 0xff00) | ((p >>> 16) & 0xff);
}

/** Eight bits of each of three colours of ten, the lowest first. */
function ofTen(p: number): number {
  return ((p >>> 2) & 0xff) | (((p >>> 12) & 0xff) << 8) | (((p >>> 22) & 0xff) << 16);
}

const words =
  (of: (p: number) => number): Convert =>
  ({ info }, reader, first, out, at) => {
    for (let i = 0; i < info.width; i++)
      out[at + i] = of(reader.words[(first >>> 2) + i] as number);
  };

const packed: Convert = (buffer, reader, first, out, at) => {
  const { control, info } = buffer;
  const odd = info.x & 1;
  for (let i = 0; i < info.width; i++) {
    const k = i + odd;
    const pair = reader.words[(first >>> 2) + (k >>> 1)] as number;
    out[at + i] = yuvToRgb(packedYuv(pair, (k & 1) !== 0, (control >>> 16) & 3), control);
  }
};

/** Rows of each format as RGBA, red in the low byte. */
const CONVERT: Readonly<Record<string, Convert>> = {
  C8: ({ palette, info }, reader, first, out, at) => {
    for (let i = 0; i < info.width; i++) {
      out[at + i] = swap(palette(reader.bytes[first + i] as number)) | OPAQUE;
    }
  },
  RGB565: ({ info }, reader, first, out, at) => {
    for (let i = 0; i < info.width; i++) {
      const p = reader.halves[(first >>> 1) + i] as number;
      const r = ((p >>> 8) & 0xf8) | (p >>> 13);
      const g = ((p >>> 3) & 0xfc) | ((p >>> 9) & 3);
      const b = ((p << 3) & 0xf8) | ((p >>> 2) & 7);
      out[at + i] = r | (g << 8) | (b << 16) | OPAQUE;
    }
  },
  XRGB8888: words((p) => swap(p) | OPAQUE),
  XBGR8888: words((p) => p | OPAQUE),
  ARGB8888: words((p) => swap(p) | (p & OPAQUE)),
  XRGB2101010: words((p) => swap(ofTen(p)) | OPAQUE),
  XBGR2101010: words((p) => ofTen(p) | OPAQUE),
  AYUV: (buffer, reader, first, out, at) => {
    for (let i = 0; i < buffer.info.width; i++) {
      const word = reader.words[(first >>> 2) + i] as number;
      out[at + i] = yuvToRgb(vyuOf(word), buffer.control);
    }
  },
  YUYV: packed,
  UYVY: packed,
  YVYU: packed,
  VYUY: packed,
};

/**
 * What a plane of a VM showed when it was asked for, readable without owning any display: the pages
 * are the VM's own, so that what it draws later is seen too. Upstream: a `vgtbuffer` object.
 */
export class VgtBuffer {
  readonly vm: Vgpu;
  readonly info: FrameBuffer;
  /** GTT entries of its pages, with machine frames. */
  readonly entries: Int32Array;
  /** The sprite's control register: its colours. */
  readonly control: number;
  readonly #reader: SurfaceReader;
  readonly #swizzled: boolean;

  constructor(vm: Vgpu, info: FrameBuffer, swizzled: boolean) {
    this.vm = vm;
    this.info = info;
    this.#swizzled = swizzled;
    const first = info.start >>> 12;
    this.entries = vm.ggtt.machine.slice(first, first + info.pages);
    this.control = info.plane === SPRITE ? vm.shownRegs.peek(SPRCTL + info.pipe * PIPE_STRIDE) : 0;
    this.#reader = new SurfaceReader(vm.ggtt.space);
  }

  /** A colour of the VM's palette, 0xRRGGBB. */
  readonly palette = (index: number): number =>
    this.vm.shownRegs.peek(LGC_PALETTE + this.info.pipe * PALETTE_STRIDE + index * 4);

  /**
   * Its pixels as RGBA, red in the low byte, without gamma; a cursor's colours as they lie, times alpha.
   *
   * @param out at least width * height
   * @returns false when `out` is too small or the VM is gone
   */
  rgba(out: Uint32Array): boolean {
    const { info } = this;
    const convert = CONVERT[info.format];
    if (convert === undefined || out.length < info.width * info.height || !this.vm.alive) {
      return false;
    }
    const bytes = info.bitsPerPixel >>> 3;
    // Pairs of YUV pixels are read whole.
    const from = (info.x * bytes) & ~(bytes === 2 && info.plane === SPRITE ? 3 : 0);
    const count = info.width * bytes + 4;
    for (let row = 0; row < info.height; row++) {
      const y = info.y + row;
      const first = info.tiled
        ? this.#reader.tiled(info.start, info.stride, y, from, count, this.#swizzled)
        : this.#reader.linear((info.start + y * info.stride) >>> 0, from, count);
      convert(this, this.#reader, first, out, row * info.width);
    }
    return true;
  }
}

/** Whether a display reads swizzled memory. */
export function swizzles(vm: Vgpu): boolean {
  return (vm.hw.peek(DISP_ARB_CTL) & SWIZZLED) !== 0;
}
