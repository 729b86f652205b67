import type { RegRow } from '../reg/row.ts';

/** How the machine's DIMMs lie: two alike on two channels, or one on one channel. */
export type MemoryChannels = 'dual' | 'single';

/** What the registers tell of the machine around the GPU. */
export interface Board {
  readonly channels: MemoryChannels;
  /** 128 MiB of eLLC: Crystal Well parts have it. */
  readonly edram: boolean;
}

// MAD_DIMM, HSW:  22 enhanced interleave | 21 rank interleave | 18:17 dual rank B, A | 15:8 size of DIMM B | 7:0 of A, 256 MiB
const INTERLEAVED = 0x620000;
/** 4 GiB on each of two channels, or 8 GiB on one. */
const DIMMS: Readonly<Record<MemoryChannels, readonly [number, number]>> = {
  dual: [INTERLEAVED | 0x10, INTERLEAVED | 0x10],
  single: [INTERLEAVED | 0x20, 0],
};

/**
 * Channels alike make i915 swizzle tiles on bit 6: `detect_bit_6_swizzle`; eLLC makes it choose other
 * cacheability bits: `iris_pte_encode`, `intel_uncore_edram_detect`.
 */
export function boardRows(board: Board): RegRow[] {
  const mch = 'HSW datasheet vol.2 MCHBAR; i915 intel_mchbar_regs.h, mirrored at 0x140000';
  const [c0, c1] = DIMMS[board.channels];
  // biome-ignore format: one register a line
  return [
    { name: 'MAD_DIMM_C0',   offset: 0x145004, rw: 0, reset: c0, src: mch },
    { name: 'MAD_DIMM_C1',   offset: 0x145008, rw: 0, reset: c1, src: mch },
    { name: 'MAD_DIMM_C2',   offset: 0x14500c, rw: 0, src: mch },
    // Bit 0 clear: firmware keeps no part of stolen memory for itself.
    { name: 'GEN6_STOLEN_RESERVED', offset: 0x1082c0, count: 2, rw: 0, src: 'i915 gen7_get_stolen_reserved' },
    { name: 'HSW_EDRAM_CAP', offset: 0x120010, rw: 0, reset: board.edram ? 1 : 0, src: 'i915 HSW_EDRAM_CAP, EDRAM_ENABLED' },
  ];
}
