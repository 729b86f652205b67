import type { RegSpace } from '../reg/reg-space.ts';

// Each part that addresses tiles has its own switch for bit 6 swizzling (see `swizzleBit6`); the
// display's is DISP_ARB_CTL 13. i915 sets all of them where MAD_DIMM_C0 and C1 hold the same sizes:
// `detect_bit_6_swizzle`, `intel_gt_init_swizzling`.

/** Arbiter mode of the engines' memory interface. Bit 5. i915: `ARB_MODE_SWIZZLE_IVB`. */
export const ARB_MODE = 0x4030;
export const ARB_MODE_SWIZZLE = 0x20;
/** Tiling of the CPU's accesses through fences. Bit 0. i915: `TILECTL_SWZCTL`. */
export const TILECTL = 0x101000;
export const TILECTL_SWZCTL = 0x1;

/** Whether engines swizzle what they read and write in tiles. */
export function enginesSwizzle(regs: RegSpace): boolean {
  return (regs.peek(ARB_MODE) & ARB_MODE_SWIZZLE) !== 0;
}

/** Whether the CPU's accesses under a fence are swizzled. */
export function fencesSwizzle(regs: RegSpace): boolean {
  return (regs.peek(TILECTL) & TILECTL_SWZCTL) !== 0;
}
