import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gpuWorkChecksum, gpuWorkValue, parseGpuWork } from './gpuwork.ts';
import { comparePattern, mix32, parseFbPattern, patternCrc, patternPixel } from './pattern.ts';

const rgbaOf = (width: number, height: number, seed: number) => {
  const out = new Uint8Array(width * height * 4);
  for (let k = 0; k < width * height; k++) {
    const p = patternPixel(k % width, Math.floor(k / width), seed);
    out.set([p >> 16, (p >> 8) & 255, p & 255, 255], k * 4);
  }
  return out;
};

describe('the test pattern', () => {
  test('has the checksums that fbpattern, compiled by tcc, printed in a real guest', () => {
    expect(patternCrc(1024, 768, 1)).toBe(0x03dd3d2e);
    expect(patternCrc(1024, 768, 77)).toBe(0x7537b617);
  });

  test('the checksum is that of little-endian 00RRGGBB pixels', () => {
    const bytes = Buffer.alloc(70 * 3 * 4);
    for (let k = 0; k < 210; k++)
      bytes.writeUInt32LE(patternPixel(k % 70, Math.floor(k / 70), 5), k * 4);
    expect(patternCrc(70, 3, 5)).toBe(crc32(bytes));
  });

  test('its own picture agrees; one changed, shifted or swapped pixel does not', () => {
    const rgba = rgbaOf(130, 70, 3);
    expect(comparePattern(rgba, 130, 70, 3)).toEqual({ pixels: 0, first: null });
    const at = (33 * 130 + 17) * 4;
    rgba[at + 2] = (rgba[at + 2] as number) ^ 1;
    expect(comparePattern(rgba, 130, 70, 3)).toMatchObject({ pixels: 1, first: { x: 17, y: 33 } });
    expect(comparePattern(rgbaOf(130, 70, 4), 130, 70, 3).pixels).toBeGreaterThan(8000);
    expect(() => comparePattern(rgba, 131, 70, 3)).toThrow(RangeError);
  });

  test('no two blocks of 16x16 pixels of a screen are alike, so a swapped tile shows', () => {
    const seen = new Set<string>();
    for (let y = 0; y < 768; y += 16) {
      for (let x = 0; x < 1024; x += 16) {
        const block: number[] = [];
        for (let k = 0; k < 256; k++) block.push(patternPixel(x + (k & 15), y + (k >> 4), 1));
        seen.add(block.join());
      }
    }
    expect(seen.size).toBe((768 / 16) * (1024 / 16));
  });

  test("fbpattern's line is read; other text is not", () => {
    const line =
      'fbpattern: 1024x768 stride=4096 bpp=32 seed=77 crc=01255d76 readback=01255d76 driver=i915drmfb';
    expect(parseFbPattern(`x\n${line}\n`)).toEqual({
      width: 1024,
      height: 768,
      stride: 4096,
      seed: 77,
      crc: 0x01255d76,
      readback: 0x01255d76,
      driver: 'i915drmfb',
    });
    expect(parseFbPattern('fbpattern: 16 bits a pixel; only 32 is known')).toBeNull();
  });
});

describe('gpuwork', () => {
  test('mix32 is a permutation of 32-bit numbers in small, and int32', () => {
    const seen = new Set(Array.from({ length: 5000 }, (_, k) => mix32(k)));
    expect(seen.size).toBe(5000);
    fc.assert(fc.property(fc.integer(), (x) => mix32(x) === (mix32(x) | 0)));
    // By hand in C: xg_mix(1).
    expect(mix32(1) >>> 0).toBe(referenceMix(1n));
  });

  test('values and checksums depend on engine, seed, batch and dword', () => {
    const values = new Set<number>();
    for (const engine of ['rcs', 'bcs'] as const)
      for (const seed of [0, 1])
        for (const batch of [0, 1])
          for (const k of [0, 63]) values.add(gpuWorkValue(engine, seed, batch, k));
    expect(values.size).toBe(16);
    expect(
      new Set([
        gpuWorkChecksum('bcs', 100, 1),
        gpuWorkChecksum('rcs', 100, 1),
        gpuWorkChecksum('bcs', 101, 1),
        gpuWorkChecksum('bcs', 100, 2),
      ]).size,
    ).toBe(4);
  });

  test('has the checksums that real guests printed whose stock i915 drove the modelled GPU', () => {
    expect(gpuWorkChecksum('bcs', 3000, 5)).toBe(0xf2460d36);
    expect(gpuWorkChecksum('rcs', 3000, 5)).toBe(0x330b1649);
    expect(gpuWorkChecksum('vecs', 30, 0)).toBe(0xccf33676);
  });

  test('its report is read, with the pages', () => {
    const output =
      'gpuwork: engine=bcs batches=10000 ok errors=0 checksum=89abcdef gma=00123000 seconds=5.10 rate=1960\ngpuwork: page 0 gpa=1a2b3000\ngpuwork: page 1 gpa=00004000';
    expect(parseGpuWork(output)).toEqual({
      engine: 'bcs',
      batches: 10000,
      ok: true,
      errors: 0,
      checksum: 0x89abcdef,
      gma: 0x123000,
      seconds: 5.1,
      rate: 1960,
      pages: [0x1a2b3000, 0x4000],
    });
    expect(parseGpuWork('gpuwork: no i915 node in /dev/dri: No such device')).toBeNull();
  });
});

/** The C function in arithmetic of unbounded integers. */
function referenceMix(x: bigint): number {
  const m = 0xffffffffn;
  let v = x & m;
  v ^= v >> 16n;
  v = (v * 0x7feb352dn) & m;
  v ^= v >> 15n;
  v = (v * 0x846ca68bn) & m;
  v ^= v >> 16n;
  return Number(v);
}
