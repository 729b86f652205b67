import type { Engine } from '../cs/engine.ts';
import type { HaswellDevice } from '../device.ts';
import { PTE_VALID, pteMfn } from '../gtt/address-space.ts';
import { type DmaPort, UNTRANSLATED } from '../port/dma.ts';
import type { MachineMemory } from '../port/memory.ts';

/** Reads a dword at a graphics address, a multiple of 4; null where nothing is mapped. */
export type PeekDword = (gma: number) => number | null;

/**
 * Reads graphics memory as it is mapped now, and leaves no mark: no fault is counted, no page is
 * asked for, no translation is kept. Where an engine's TLB holds an older mapping it sees that one.
 */
export function peekThrough(
  memory: MachineMemory,
  pteOf: (page: number) => number,
  dma: DmaPort = UNTRANSLATED,
): PeekDword {
  return (gma) => {
    const pte = pteOf(gma >>> 12);
    if ((pte & PTE_VALID) === 0) return null;
    const mfn = dma.peek(pteMfn(pte));
    const region = mfn < 0 ? 0 : memory.regionOf(mfn);
    if (region === 0) return null;
    const words = memory.words[region] as Int32Array;
    return words[memory.wordOf(mfn, region) + ((gma & 0xfff) >>> 2)] as number;
  };
}

/** Memory behind the global GTT. */
export function peekGgtt(device: HaswellDevice): PeekDword {
  return peekThrough(device.memory, (page) => device.ggtt.read(page), device.ggtt.dma);
}

/** Memory that an engine's batches and data lie in: behind its PPGTT when it uses one. */
export function peekData(device: HaswellDevice, engine: Engine): PeekDword {
  if (!engine.usesPpgtt) return peekGgtt(device);
  return peekThrough(device.memory, (page) => engine.ppgtt.walk(page, true), device.ggtt.dma);
}

/** Dwords from an address on; unmapped ones are 0. */
export function peekRun(peek: PeekDword, gma: number, dwords: number): Int32Array {
  const out = new Int32Array(dwords);
  for (let i = 0; i < dwords; i++) out[i] = peek((gma + i * 4) >>> 0) ?? 0;
  return out;
}
