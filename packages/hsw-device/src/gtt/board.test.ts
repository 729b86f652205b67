import { describe, expect, test } from 'vitest';
import { FENCE_BASE, FENCE_VALID } from '../aperture/fences.ts';
import { GTT_WINDOW, HaswellDevice } from '../device.ts';
import { RING_BASE, RING_CTL, RING_START, RING_TAIL, RING_VALID } from '../gt/engine.regs.ts';
import { HASWELL_MODELS } from '../pci/igd.ts';
import { ManualClock } from '../port/clock.ts';
import { MachineMemory } from '../port/memory.ts';
import type { MemoryChannels } from './board.regs.ts';

const MAD_DIMM_C0 = 0x145004;
const MAD_DIMM_C1 = 0x145008;
const HSW_EDRAM_CAP = 0x120010;
/** Sizes of both DIMMs of a channel. i915 `MAD_DIMM_A_SIZE_MASK`, `MAD_DIMM_B_SIZE_MASK`. */
const SIZES = 0xffff;
const FORCEWAKE_MT = 0xa188;

function device(deviceId: number, memoryChannels?: MemoryChannels): HaswellDevice {
  const memory = new MachineMemory();
  memory.addRegion(0, new Int32Array((4 << 20) / 4));
  const clock = new ManualClock();
  const gpu = new HaswellDevice({
    memory,
    clock,
    deviceId,
    ...(memoryChannels === undefined ? {} : { memoryChannels }),
  });
  gpu.mmio.write(FORCEWAKE_MT, 4, 0x10001);
  return gpu;
}

test('eLLC is there on Crystal Well parts with GT3, and only there', () => {
  for (const { deviceId, part, gt } of HASWELL_MODELS) {
    const has = device(deviceId).regs.read32(HSW_EDRAM_CAP) & 1;
    expect([deviceId, has]).toEqual([deviceId, part === 'crw' && gt === 3 ? 1 : 0]);
  }
});

test('neither option is lost when the device is reset', () => {
  const { regs } = device(0x0d22, 'dual');
  const before = [MAD_DIMM_C0, MAD_DIMM_C1, HSW_EDRAM_CAP].map((offset) => regs.read32(offset));
  regs.reset();
  for (const offset of [MAD_DIMM_C0, MAD_DIMM_C1]) regs.write32(offset, -1);
  expect([MAD_DIMM_C0, MAD_DIMM_C1, HSW_EDRAM_CAP].map((o) => regs.read32(o))).toEqual(before);
});

// What i915 does: it compares the channels' sizes, and where they are alike it sets all switches.
describe.each(['single', 'dual'] as const)('memory channels: %s', (channels) => {
  const swizzles = channels === 'dual';
  const PITCH = 1024;
  const SURFACE = 0x100000;

  /** Fills an X-tiled surface with one pixel of another colour, by the blitter. */
  function drawn(): HaswellDevice {
    const gpu = device(0x0412, channels);
    const write = (offset: number, value: number): void => gpu.mmio.write(offset, 4, value);
    const sizes = [MAD_DIMM_C0, MAD_DIMM_C1].map((offset) => gpu.mmio.read(offset, 4) & SIZES);
    if (sizes[0] === sizes[1]) {
      write(0x101000, gpu.mmio.read(0x101000, 4) | 1);
      write(0x4030, (0x20 << 16) | 0x20);
    }
    for (let page = 0; page < 1024; page++) write(GTT_WINDOW + page * 4, (page << 12) | 1);
    const fill = (x: number, y: number, w: number, h: number, color: number): number[] => {
      const br13 = (3 << 24) | (0xf0 << 16) | (PITCH / 4);
      return [0x54300804, br13, (y << 16) | x, ((y + h) << 16) | (x + w), SURFACE, color];
    };
    const ring = [...fill(0, 0, 256, 16, 0x111111), ...fill(5, 1, 1, 1, 0x222222)];
    gpu.memory.words[1]?.set(ring, 0x10000 / 4);
    const { BCS } = RING_BASE;
    write(BCS + RING_START, 0x10000);
    write(BCS + RING_CTL, RING_VALID);
    write(BCS + RING_TAIL, ring.length * 4);
    while (gpu.step(1 << 20));
    return gpu;
  }

  test('the sizes in the registers are alike exactly when there are two', () => {
    const { regs } = device(0x0412, channels);
    const alike = (regs.read32(MAD_DIMM_C0) & SIZES) === (regs.read32(MAD_DIMM_C1) & SIZES);
    expect(alike).toBe(swizzles);
  });

  test('what the blitter drew shows through a fence where it was drawn', () => {
    const gpu = drawn();
    gpu.mmio.write(FENCE_BASE + 4, 4, (SURFACE + 0x3000) | (PITCH / 128 - 1));
    gpu.mmio.write(FENCE_BASE, 4, SURFACE | FENCE_VALID);
    for (let y = 0; y < 16; y++) {
      for (let x = 0; x < 256; x++) {
        const pixel = gpu.aperture.read(SURFACE + y * PITCH + x * 4, 4);
        if (pixel !== (x === 5 && y === 1 ? 0x222222 : 0x111111)) expect([x, y, pixel]).toBe(0);
      }
    }
  });

  test('in memory the pixel lies where bit 6 of its address says', () => {
    const words = drawn().memory.words[1] as Int32Array;
    // Row 1 of a tile: bit 9 is set, bit 10 is not.
    const at = SURFACE + 512 + 5 * 4;
    expect(words.indexOf(0x222222, SURFACE / 4)).toBe((swizzles ? at ^ 64 : at) / 4);
  });
});
