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
  const { entries } = vgpu.ggtt;
  const { lowBase, lowBytes, highBase, highBytes } = vgpu.slice;
  markFrames(used, entries, lowBase >>> 12, lowBytes >>> 12);
  markFrames(used, entries, highBase >>> 12, highBytes >>> 12);
  for (const base of new Set(vgpu.ppgtt.base)) {
    if (base !== null) markTables(vgt, vgpu, directoryEntry(base), used);
  }
  for (let i = 0; i < bitmap.length; i++) bitmap[i] = (bitmap[i] as number) & (used[i] as number);
}

/** Sets the bit of each frame that entries name. Drivers fill what is free with one entry. */
function markFrames(used: Uint8Array, entries: Int32Array, first: number, count: number): void {
  let last = 0;
  for (let i = first; i < first + count; i++) {
    const entry = entries[i] as number;
    if (entry === last || (entry & PTE_VALID) === 0) continue;
    last = entry;
    const gfn = pteMfn(entry);
    const at = gfn >>> 3;
    if (at < used.length) used[at] = (used[at] as number) | (1 << (gfn & 7));
  }
}

/** Every page that the tables of one directory name. */
function markTables(vgt: Vgt, vgpu: Vgpu, first: number, used: Uint8Array): void {
  const { memory } = vgt.device;
  let last = 0;
  for (let pde = 0; pde < PDES; pde++) {
    const entry = vgpu.ggtt.entries[first + pde] ?? 0;
    if (entry === last || (entry & PTE_VALID) === 0) continue;
    last = entry;
    const mfn = vgpu.ggtt.mfn(pteMfn(entry));
    const region = mfn < 0 ? 0 : memory.regionOf(mfn);
    if (region === 0) continue;
    markFrames(used, memory.words[region] as Int32Array, memory.wordOf(mfn, region), PTES);
  }
}
