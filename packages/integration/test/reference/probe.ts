import { GTT_WINDOW, type HaswellDevice } from '@xengt/hsw-device';
import type { Vgpu } from '@xengt/linux-vgt';
import type { Gpu } from './gpu.ts';

const PALETTE_ENTRIES = 1024;

/** The page of machine memory behind a frame. */
function frameOf({ memory }: HaswellDevice, frame: number): Int32Array | null {
  const region = memory.regionOf(frame);
  if (region === 0) return null;
  const at = memory.wordOf(frame, region);
  return (memory.words[region] as Int32Array).subarray(at, at + 1024);
}

/** The hardware as the reference sees it. */
export function gpuOf(device: HaswellDevice): Gpu {
  return {
    register: (offset) => device.regs.peek(offset),
    precisionPalette: (pipe, i) =>
      device.display.palettes.entries[pipe * PALETTE_ENTRIES + i] as number,
    gtt: (page) => device.mmio.read(GTT_WINDOW + page * 4, 4),
    frame: (frame) => frameOf(device, frame),
  };
}

/** A virtual GPU: its own registers, and graphics addresses that are those of hardware. */
export function virtualGpuOf(device: HaswellDevice, { vreg, display }: Vgpu): Gpu {
  const { palettes } = display ?? device.display;
  return {
    ...gpuOf(device),
    register: (offset) => vreg.peek(offset),
    precisionPalette: (pipe, i) => palettes.entries[pipe * PALETTE_ENTRIES + i] as number,
  };
}
