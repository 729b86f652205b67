import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, DATA_GFN, type TestGuest } from '../testing/bench.ts';
import { light, plane } from '../testing/light.ts';
import type { BufferAnswer } from './indirect.ts';

const FB = 0x200000;
const MS = 1_000_000;
let b: Bench;
let g: TestGuest;
beforeEach(() => {
  b = new Bench();
  g = b.hvm(1);
  light(g, 0, 1024, 768);
  // One page of the guest's memory behind each row of the frame buffer.
  for (let row = 0; row < 768; row++) g.map(g.low + FB + row * 4096, DATA_GFN + row);
  plane(g, 0, g.low + FB, 4096);
});

const ask = (request: { pipe?: number; plane?: number; flags?: number; domid?: number } = {}) =>
  b.vgt.indirect.request(0, { domid: 1, pipe: 0, plane: 1, ...request });
const asked = (plane: number, pipe = 0): BufferAnswer => ask({ plane, pipe }) as BufferAnswer;

describe('what a plane is decoded as', () => {
  test.each([
    [2, 'C8', 8],
    [5, 'RGB565', 16],
    [6, 'XRGB8888', 32],
    [8, 'XBGR2101010', 32],
    [10, 'XRGB2101010', 32],
    [14, 'XBGR8888', 32],
  ])('[O6] primary format %i is %s, %i bits a pixel', (code, format, bits) => {
    g.write(0x70180, 0x80000400 | (code << 26));
    g.write(0x70188, 8192);
    g.write(0x701a4, (3 << 16) | 16);
    g.write(0x7019c, g.low + FB);
    expect(asked(1).info).toEqual({
      pipe: 0,
      plane: 0,
      format,
      hwFormat: code,
      bitsPerPixel: bits,
      tiled: true,
      width: 1024,
      height: 768,
      stride: 8192,
      start: g.low + FB,
      pages: (8192 * 776) / 4096,
      x: 16,
      y: 3,
      left: 0,
      top: 0,
    });
  });

  test.each([
    [0x27, 64],
    [0x07, 64],
    [0x22, 128],
    [0x23, 256],
  ])('[O7] cursor mode %i is a square of %i pixels of ARGB', (mode, side) => {
    g.write(0x70080, mode);
    g.write(0x70088, (0x8005 << 16) | 40);
    g.write(0x70084, g.low + FB);
    const { info } = asked(3);
    expect([info?.format, info?.width, info?.height, info?.stride]).toEqual([
      'ARGB8888',
      side,
      side,
      side * 4,
    ]);
    expect([info?.left, info?.top, info?.pages]).toEqual([40, -5, (side * side * 4) / 4096]);
  });

  test.each([
    [0, 0, 'YUYV'],
    [0, 1 << 16, 'UYVY'],
    [0, 2 << 16, 'YVYU'],
    [0, 3 << 16, 'VYUY'],
    [1, 0, 'XRGB2101010'],
    [1, 1 << 20, 'XBGR2101010'],
    [2, 0, 'XRGB8888'],
    [2, 1 << 20, 'XBGR8888'],
    [4, 0, 'AYUV'],
  ])('[O8] sprite format %i with order %i is %s', (code, order, format) => {
    g.write(0x70288, 2048);
    g.write(0x7028c, (20 << 16) | 30);
    g.write(0x70290, (99 << 16) | 199);
    g.write(0x70280, 0x80000000 | (code << 25) | order);
    g.write(0x7029c, g.low + FB);
    const { info } = asked(2);
    expect([info?.format, info?.width, info?.height]).toEqual([format, 200, 100]);
    expect([info?.left, info?.top, info?.stride]).toEqual([30, 20, 2048]);
  });

  test('[O13] off planes and pipes are ENOENT', () => {
    expect([ask({ plane: 2 }), ask({ plane: 3 }), ask({ pipe: 1 })]).toEqual([
      'ENOENT',
      'ENOENT',
      'ENOENT',
    ]);
    expect(asked(1).info?.width).toBe(1024);
    g.write(0x70008, 0);
    b.clock.advance(100 * MS);
    expect(ask()).toBe('ENOENT');
  });

  test('[O14] what has no name, or is not all in the VM’s memory, is EINVAL', () => {
    g.write(0x70180, 0x80000000 | (9 << 26));
    expect(ask()).toBe('EINVAL');
    plane(g, 0, g.low + 16 * 2 ** 20 - 4096, 4096);
    expect(ask()).toBe('EINVAL');
    plane(g, 0, 0x100000, 4096);
    expect(ask()).toBe('EINVAL');
    expect([ask({ plane: 0 }), ask({ plane: 4 }), ask({ pipe: 3 })]).toEqual([
      'EINVAL',
      'EINVAL',
      'EINVAL',
    ]);
    expect(ask({ domid: 7 })).toBe('ENODEV');
  });
});

describe('buffers', () => {
  test('[O10] a query tells the geometry and makes no buffer; a check of the capability neither', () => {
    const { info, handle } = ask({ flags: 2 }) as BufferAnswer;
    expect([info?.format, handle, b.vgt.indirect.open]).toEqual(['XRGB8888', 0, 0]);
    expect(ask({ flags: 4, domid: 99 })).toEqual({ info: null, handle: 0 });
  });

  test('[O11] a buffer’s pages are those behind the VM’s GTT entries at the surface', () => {
    const { handle, info } = asked(1);
    const buffer = b.vgt.indirect.buffer(handle);
    expect(info?.pages).toBe(768);
    const entries = Array.from({ length: 768 }, (_, i) =>
      b.device.ggtt.read(((g.low + FB) >>> 12) + i),
    );
    expect([...(buffer?.entries ?? [])]).toEqual(entries);
    expect(b.vgt.indirect.close(handle)).toBe(true);
    expect([b.vgt.indirect.close(handle), b.vgt.indirect.open]).toEqual([false, 0]);
  });

  test('[O12] only dom0 may ask', () => {
    for (const flags of [0, 2, 4]) {
      expect(b.vgt.indirect.request(1, { domid: 1, pipe: 0, plane: 1, flags })).toBe('EPERM');
    }
  });

  test('pixels are those of the VM’s memory, in the background too; what it draws later is seen', () => {
    const pixels = new Uint32Array(1024 * 768);
    const buffer = b.vgt.indirect.buffer(asked(1).handle);
    g.poke(DATA_GFN, [0x00112233, 0x00445566]);
    g.poke(DATA_GFN + 767, [0x00778899], 1023);
    expect(buffer?.rgba(pixels)).toBe(true);
    const at = (i: number): string => (pixels[i] as number).toString(16);
    expect([at(0), at(1), at(1024 * 768 - 1)]).toEqual(['ff332211', 'ff665544', 'ff998877']);
    g.poke(DATA_GFN, [0x00ffffff]);
    buffer?.rgba(pixels);
    expect(at(0)).toBe('ffffffff');
    expect(buffer?.rgba(new Uint32Array(16))).toBe(false);
    b.vgt.destroyVgpu(1);
    expect([buffer?.rgba(pixels), b.vgt.indirect.open]).toEqual([false, 0]);
  });

  test('tiled, 16 bits, a palette, YUV and a cursor', () => {
    const pixels = new Uint32Array(1024 * 768);
    const first = (which: number): string => {
      const buffer = b.vgt.indirect.buffer(asked(which).handle);
      expect(buffer?.rgba(pixels)).toBe(true);
      return (pixels[0] as number).toString(16);
    };
    // X tiles: row 1 of the surface lies 512 bytes on.
    g.poke(DATA_GFN, [0x00010203], 128);
    g.write(0x70180, 0x98000400 | 0);
    g.write(0x701a4, 1 << 16);
    expect(first(1)).toBe('ff030201');
    g.write(0x701a4, 0);
    g.poke(DATA_GFN, [0xf81f]);
    g.write(0x70180, 0x94000000 | 0);
    expect(first(1)).toBe('ffff00ff');
    g.write(0x4a000 + 0x1f * 4, 0x00a1b2c3);
    g.write(0x70180, 0x88000000 | 0);
    expect(first(1)).toBe('ffc3b2a1');
    g.poke(DATA_GFN, [0x80eb80eb | 0]);
    g.write(0x70288, 4096);
    g.write(0x70290, (9 << 16) | 9);
    g.write(0x70280, 0x80000000 | 0);
    g.write(0x7029c, g.low + FB);
    expect(first(2)).toBe('ffffffff');
    g.write(0x70080, 0x27);
    g.write(0x70084, g.low + FB);
    g.poke(DATA_GFN, [0x40302010]);
    expect(first(3)).toBe('40102030');
  });

  test('handles are bounded', () => {
    let answer = ask();
    for (let i = 0; i < 400 && typeof answer !== 'string'; i++) answer = ask();
    expect(answer).toBe('ENOSPC');
    expect(b.vgt.indirect.open).toBeLessThanOrEqual(256);
  });

  test('frame_buffer_format and dpyinfo tell it in words', () => {
    const read = (path: string): unknown => {
      const got = b.vgt.control.read(path);
      return got.ok ? got.data : got.errno;
    };
    g.write(0x70080, 0x27);
    g.write(0x70084, g.low + FB);
    const start = (g.low + FB).toString(16);
    expect(read('debug/vm1/frame_buffer_format')).toBe(
      `pipe A primary: XRGB8888 (6) 32 bpp linear 1024x768 stride 4096 at 0x${start} + (0, 0), 768 pages, on (0, 0)\n` +
        `pipe A cursor: ARGB8888 (39) 32 bpp linear 64x64 stride 256 at 0x${start} + (0, 0), 4 pages, on (0, 0)\n`,
    );
    expect(read('debug/vm1/dpyinfo')).toContain('pipe A on PORT_E: 1024x768\n');
  });
});

test('[O9] each flip and mode set sends one notice with VM, pipe and plane', () => {
  const notices: number[][] = [];
  b.onFrameBuffer = (...notice) => notices.push(notice);
  const taken = (): number[][] => notices.splice(0);
  g.write(0x7019c, g.low + FB);
  g.write(0x7129c, g.low + FB);
  g.write(0x72084, g.low + FB);
  g.write(0x70188, 4096);
  expect(taken()).toEqual([
    [1, 3, 0, 0],
    [1, 3, 1, 2],
    [1, 3, 2, 1],
  ]);
  const zero = b.guest0();
  light(zero, 0, 1024, 768);
  expect(taken().at(-1)).toEqual([0, 2, 0, 0]);
  zero.write(0x7019c, 0x100000);
  expect(taken()).toEqual([[0, 3, 0, 0]]);
  g.write(0x78804, 1);
  b.vgt.setForeground(1);
  taken();
  zero.write(0x7019c, 0x200000);
  g.write(0x7019c, g.low + FB);
  expect(taken()).toEqual([
    [0, 3, 0, 0],
    [1, 3, 0, 0],
  ]);
  g.write(0x70008, 0);
  b.clock.advance(100 * MS);
  expect(taken()).toEqual([[1, 1, 0, 0]]);
});
