import { crc32 } from 'node:zlib';

/** A number that looks random, 32 bits as int32. The same as `xg_mix` in guest/xg.h. */
export function mix32(value: number): number {
  let x = value | 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return x ^ (x >>> 16);
}

/**
 * The colour that guest/fbpattern.c draws at a place: gradients that a person can recognise with a white grid every 64
 * pixels. No colour away from the grid comes twice in 4096x4096 pixels of one seed, so a misplaced tile always shows.
 * @returns 0x00RRGGBB
 */
export function patternPixel(x: number, y: number, seed: number): number {
  if (x % 64 === 0 || y % 64 === 0) return 0xffffff;
  const red = (x + seed * 7) & 255;
  const green = (y * 3 + seed * 5) & 255;
  const blue = ((x ^ y) + (x >>> 8) * 16 + (y >>> 8) + seed * 13) & 255;
  return (red << 16) | (green << 8) | blue;
}

/** CRC-32 of a whole pattern, as fbpattern prints it: little-endian pixels 00RRGGBB, row by row. */
export function patternCrc(width: number, height: number, seed: number): number {
  const row = new DataView(new ArrayBuffer(width * 4));
  let crc = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) row.setUint32(x * 4, patternPixel(x, y, seed), true);
    crc = crc32(new Uint8Array(row.buffer), crc);
  }
  return crc;
}

/** How a scanned-out picture differs from the pattern. */
export interface PatternDifference {
  /** Pixels that differ. */
  readonly pixels: number;
  /** The first of them, null when there is none. Colours are 0x00RRGGBB. */
  readonly first: {
    readonly x: number;
    readonly y: number;
    readonly want: number;
    readonly got: number;
  } | null;
}

/**
 * Compares a picture with the pattern.
 * @param rgba four bytes a pixel, red first, rows without gaps; alpha is not looked at
 */
export function comparePattern(
  rgba: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
  seed: number,
): PatternDifference {
  if (rgba.length < width * height * 4)
    throw new RangeError(
      `a ${width}x${height} picture has ${width * height * 4} bytes, not ${rgba.length}`,
    );
  let pixels = 0;
  let first: PatternDifference['first'] = null;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const want = patternPixel(x, y, seed);
      const got =
        ((rgba[at] as number) << 16) | ((rgba[at + 1] as number) << 8) | (rgba[at + 2] as number);
      if (got === want) continue;
      pixels++;
      first ??= { x, y, want, got };
    }
  }
  return { pixels, first };
}

/** What fbpattern printed. */
export interface FbPatternReport {
  readonly width: number;
  readonly height: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
  readonly seed: number;
  readonly crc: number;
  readonly readback: number;
  /** Name of the frame buffer driver, e.g. "i915drmfb". */
  readonly driver: string;
}

/** Finds fbpattern's line in a command's output, or null. */
export function parseFbPattern(output: string): FbPatternReport | null {
  const m =
    /^fbpattern: (\d+)x(\d+) stride=(\d+) bpp=32 seed=(\d+) crc=([0-9a-f]{8}) readback=([0-9a-f]{8}) driver=(.*)$/m.exec(
      output,
    );
  if (!m) return null;
  const [, width, height, stride, seed, crc, readback, driver] = m as unknown as string[];
  return {
    width: Number(width),
    height: Number(height),
    stride: Number(stride),
    seed: Number(seed),
    crc: Number.parseInt(crc as string, 16),
    readback: Number.parseInt(readback as string, 16),
    driver: driver as string,
  };
}
