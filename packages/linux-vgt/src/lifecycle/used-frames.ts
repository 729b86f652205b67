import { PTE_VALID, pteMfn } from '@xengt/hsw-device';
import { directoryEntry } from '../gtt/shadow-ppgtt.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { Vgt } from '../vgt.ts';

const PDES = 512;
const PTES = 1024;
/** Bytes of the largest bitmap: a bit for each frame of 32 GiB. */
export const BITMAP_BYTES_MAX: number = 1 << 20;

/**
 * Clears the bits of frames that a VM's GPU cannot have written: those that neither its global GTT
 * nor the page tables in use name. Upstream: logdirty.c.
 *
 * @param bitmap one bit a guest frame, bit 0 of byte 0 first
 */
export function keepUsedFrames(vgt: Vgt, vgpu: Vgpu, bitmap: Uint8Array): void {
  const used = new Uint8Array(bitmap.length);
  const mark = (entry: number): void => {
    if ((entry & PTE_VALID) === 0) return;
    const gfn = pteMfn(entry);
    const at = gfn >>> 3;
    if (at < used.length) used[at] = (used[at] as number) | (1 << (gfn & 7));
  };
  const { entries } = vgpu.ggtt;
  const { lowBase, lowBytes, highBase, highBytes } = vgpu.slice;
  for (let i = lowBase >>> 12; i < (lowBase + lowBytes) >>> 12; i++) mark(entries[i] as number);
  for (let i = highBase >>> 12; i < (highBase + highBytes) >>> 12; i++) mark(entries[i] as number);
  for (const base of new Set(vgpu.ppgtt.base)) {
    if (base !== null) markTables(vgt, vgpu, directoryEntry(base), mark);
  }
  for (let i = 0; i < bitmap.length; i++) bitmap[i] = (bitmap[i] as number) & (used[i] as number);
}

/** Every page that the tables of one directory name. */
function markTables(vgt: Vgt, vgpu: Vgpu, first: number, mark: (entry: number) => void): void {
  const { memory } = vgt.device;
  for (let pde = 0; pde < PDES; pde++) {
    const entry = vgpu.ggtt.entries[first + pde] ?? 0;
    if ((entry & PTE_VALID) === 0) continue;
    const mfn = vgpu.ggtt.mfn(pteMfn(entry));
    const region = mfn < 0 ? 0 : memory.regionOf(mfn);
    if (region === 0) continue;
    const words = memory.words[region] as Int32Array;
    const at = memory.wordOf(mfn, region);
    for (let i = 0; i < PTES; i++) mark(words[at + i] as number);
  }
}
