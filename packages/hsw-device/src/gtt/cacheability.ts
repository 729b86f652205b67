// Cacheability of a gen7.5 GGTT or PPGTT entry: entry bit 11 is its bit 3, entry bits 3:1 are its bits
// 2:0. Memory of this model is coherent, so it changes nothing; it is kept and can be read.

/** What each value means; those not here are reserved. i915: `HSW_WB_LLC_AGE3` and siblings. */
export const CACHEABILITY: Readonly<Record<number, string>> = {
  0: 'uncached',
  2: 'write-back in LLC, age 3',
  3: 'write-back in LLC, age 0',
  6: 'write-through in eLLC and LLC, age 0',
  7: 'write-through in eLLC and LLC, age 3',
  8: 'write-back in eLLC and LLC, age 3',
  11: 'write-back in eLLC and LLC, age 0',
};

/** @returns 0 to 15, see {@link CACHEABILITY} */
export function pteCacheability(pte: number): number {
  return ((pte >>> 1) & 7) | ((pte >>> 8) & 8);
}

/** The bits of an entry with that cacheability. i915: `HSW_CACHEABILITY_CONTROL`. */
export function cacheabilityBits(cacheability: number): number {
  return ((cacheability & 7) << 1) | ((cacheability & 8) << 8);
}
