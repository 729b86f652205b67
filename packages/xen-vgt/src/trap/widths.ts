/** The widest access that is emulated, bytes: one AVX register. Upstream: `hvmemul` up to 32. */
const WIDE_MAX = 32;
/** What a target sees at most. */
export const DWORD_BYTES = 4;
/** What one request carries at most. Xen: `ioreq_t`'s data. */
export const REQUEST_BYTES = 8;

/** Whether an access of this width is emulated: powers of two from 8 to 32 bytes. */
export function isWide(bytes: number): boolean {
  return bytes === 8 || bytes === 16 || bytes === WIDE_MAX;
}
