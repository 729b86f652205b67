import type { TrapTarget } from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { igdModeOf } from './igd-mode.ts';

function registers(low: number, high: number): TrapTarget {
  const words: Readonly<Record<number, number>> = { 0x78000: low, 0x78004: high };
  return { name: 'r', read: (offset) => words[offset] ?? 0, write: () => {} };
}

test('[S3] both dwords of the magic make it a vGPU; anything else is the GPU itself', () => {
  expect(igdModeOf(registers(0x76544776, 0x47765447))).toBe('vgt');
  expect(igdModeOf(registers(0x76544776, 0))).toBe('passthrough');
  expect(igdModeOf(registers(0, 0x47765447))).toBe('passthrough');
  expect(igdModeOf(registers(0, 0))).toBe('passthrough');
  expect(igdModeOf(registers(-1, -1))).toBe('passthrough');
});
