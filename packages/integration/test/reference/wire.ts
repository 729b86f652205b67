import { PipeColour } from './colour.ts';
import { type Gpu, GraphicsMemory } from './gpu.ts';
import { CursorPlane, type Plane, PrimaryPlane, SpritePlane } from './planes.ts';
import { Row } from './row.ts';

/** Transcoders A, B, C and eDP: their timings and their TRANSCONF. */
const TRANSCODERS: readonly (readonly [number, number])[] = [
  [0x60000, 0x70008],
  [0x61000, 0x71008],
  [0x62000, 0x72008],
  [0x6f000, 0x7f008],
];
const EDP = 3;
const ENABLE = 1 << 31;
/** eDP's pipe by TRANS_DDI_FUNC_CTL 14:12. */
const EDP_PIPE: Readonly<Record<number, number>> = { 0: 0, 4: 0, 5: 1, 6: 2 };
const OPAQUE = 0xff000000;

/**
 * What must be on the wire: the active pixels of a frame, RGBA with red in the low byte, eight bits a
 * colour. Where the PRM does not tell a pixel to the bit, `low` and `high` enclose it.
 */
export interface Wire {
  readonly width: number;
  readonly height: number;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

/** The transcoder that takes a pipe's pixels; -1 when none does. */
export function transcoderOf(gpu: Gpu, pipe: number): number {
  const [base, conf] = TRANSCODERS[EDP] as readonly [number, number];
  if ((gpu.register(conf) & ENABLE) !== 0) {
    const input = (gpu.register(base + 0x400) >>> 12) & 7;
    if (EDP_PIPE[input] === pipe) return EDP;
  }
  const own = TRANSCODERS[pipe] as readonly [number, number];
  return (gpu.register(own[1]) & ENABLE) !== 0 ? pipe : -1;
}

/** Active and total size of a transcoder's frames. */
export function timingsOf(gpu: Gpu, transcoder: number): Record<'h' | 'v' | 'ht' | 'vt', number> {
  const [base] = TRANSCODERS[transcoder] as readonly [number, number];
  const horizontal = gpu.register(base);
  const vertical = gpu.register(base + 0xc);
  return {
    h: (horizontal & 0x1fff) + 1,
    v: (vertical & 0x1fff) + 1,
    ht: ((horizontal >>> 16) & 0x1fff) + 1,
    vt: ((vertical >>> 16) & 0x1fff) + 1,
  };
}

/** What a pipe puts on the wire; null when it stands. */
export function wireOf(gpu: Gpu, pipe: number): Wire | null {
  const transcoder = transcoderOf(gpu, pipe);
  if (transcoder < 0) return null;
  const { h, v } = timingsOf(gpu, transcoder);
  const source = compose(gpu, pipe);
  return fitted(gpu, pipe, source, h, v);
}

/** Planes blended and coloured: as large as PIPESRC says. */
function compose(gpu: Gpu, pipe: number): Wire {
  const size = gpu.register(0x6001c + pipe * 0x1000);
  const width = ((size >>> 16) & 0xfff) + 1;
  const height = (size & 0xfff) + 1;
  const memory = new GraphicsMemory(gpu);
  const colour = new PipeColour(gpu, pipe);
  const primary = new PrimaryPlane(gpu, memory, colour, pipe, height);
  const planes: readonly Plane[] = [
    primary,
    new SpritePlane(gpu, memory, pipe),
    new CursorPlane(gpu, memory, pipe),
  ];
  const low = new Uint32Array(width * height);
  const high = new Uint32Array(width * height);
  const row = new Row(width);
  for (let y = 0; y < height; y++) {
    row.clear(primary.flags);
    for (const plane of planes) plane.draw(row, y);
    colour.apply(row);
    for (let x = 0; x < width; x++) {
      low[y * width + x] = eightBits(row.low, x);
      high[y * width + x] = eightBits(row.high, x);
    }
  }
  return { width, height, low, high };
}

/** The upper eight bits of each colour: the transcoder cuts the rest off. */
function eightBits(colours: Int32Array, x: number): number {
  const r = (colours[x * 3] as number) >>> 8;
  const g = (colours[x * 3 + 1] as number) >>> 8;
  const b = (colours[x * 3 + 2] as number) >>> 8;
  return (r | (g << 8) | (b << 16) | OPAQUE) >>> 0;
}

/** The fitter that a pipe uses: PF_CTL 31 enable, 30:29 pipe; 0x800 between fitters. */
function fitterOf(gpu: Gpu, pipe: number): number {
  return [0, 1, 2].findIndex((i) => {
    const control = gpu.register(0x68080 + i * 0x800);
    return (control & ENABLE) !== 0 && ((control >>> 29) & 3) === pipe;
  });
}

/**
 * Puts the source on the wire: as it is, or through the panel fitter into its window, black around.
 * The fitter's filters are not documented: a scaled pixel lies between the least and the greatest of
 * the source pixels that a 3 by 3 filter around its place can reach.
 */
function fitted(gpu: Gpu, pipe: number, source: Wire, width: number, height: number): Wire {
  const fitter = fitterOf(gpu, pipe);
  if (fitter < 0 && source.width === width && source.height === height) return source;
  const low = new Uint32Array(width * height).fill(OPAQUE);
  const high = new Uint32Array(width * height).fill(OPAQUE);
  const at = fitter * 0x800;
  const position = fitter < 0 ? 0 : gpu.register(0x68070 + at);
  const size = fitter < 0 ? (source.width << 16) | source.height : gpu.register(0x68074 + at);
  const [left, top] = [(position >>> 16) & 0x1fff, position & 0xfff];
  const [w, h] = [(size >>> 16) & 0x1fff, size & 0x1fff];
  const reach = w === source.width && h === source.height ? 0 : 1;
  for (let y = 0; y < h && top + y < height; y++) {
    for (let x = 0; x < w && left + x < width; x++) {
      const sx = Math.floor(((x + 0.5) * source.width) / w);
      const sy = Math.floor(((y + 0.5) * source.height) / h);
      const to = (top + y) * width + left + x;
      low[to] = extreme(source, source.low, sx, sy, reach, Math.min);
      high[to] = extreme(source, source.high, sx, sy, reach, Math.max);
    }
  }
  return { width, height, low, high };
}

/** Least or greatest of each colour among the pixels around a place. */
function extreme(
  { width, height }: Wire,
  pixels: Uint32Array,
  x: number,
  y: number,
  reach: number,
  which: (a: number, b: number) => number,
): number {
  let out = pixels[y * width + x] as number;
  if (reach === 0) return out;
  for (let j = Math.max(y - reach, 0); j <= Math.min(y + reach, height - 1); j++) {
    for (let i = Math.max(x - reach, 0); i <= Math.min(x + reach, width - 1); i++) {
      const p = pixels[j * width + i] as number;
      const r = which(out & 255, p & 255);
      const g = which((out >>> 8) & 255, (p >>> 8) & 255);
      const b = which((out >>> 16) & 255, (p >>> 16) & 255);
      out = (r | (g << 8) | (b << 16) | OPAQUE) >>> 0;
    }
  }
  return out;
}

/** How a picture differs from the wire. */
export interface Difference {
  readonly pixels: number;
  /** First pixel that does, as text: its place, what it is and what it has to be. */
  readonly first: string | null;
}

/** Compares a picture with what must be on the wire. @param rgba red in the low byte */
export function differenceOf(
  wire: Wire,
  width: number,
  height: number,
  rgba: Uint32Array,
): Difference {
  if (width !== wire.width || height !== wire.height) {
    const first = `${width}x${height} pixels, expected ${wire.width}x${wire.height}`;
    return { pixels: wire.width * wire.height, first };
  }
  let pixels = 0;
  let first: string | null = null;
  for (let i = 0; i < width * height; i++) {
    const got = rgba[i] as number;
    const low = wire.low[i] as number;
    if (got === low || within(got, low, wire.high[i] as number)) continue;
    pixels++;
    const hex = (p: number): string => `#${(p >>> 0).toString(16).padStart(8, '0')}`;
    first ??= `(${i % width}, ${Math.floor(i / width)}) is ${hex(got)}, expected ${hex(low)} to ${hex(wire.high[i] as number)}`;
  }
  return { pixels, first };
}

function within(got: number, low: number, high: number): boolean {
  for (let shift = 0; shift < 32; shift += 8) {
    const c = (got >>> shift) & 255;
    if (c < ((low >>> shift) & 255) || c > ((high >>> shift) & 255)) return false;
  }
  return true;
}
