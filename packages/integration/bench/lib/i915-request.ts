import { engineRegs as R } from '@xengt/hsw-device';

const MI_FLUSH_DW = (0x26 << 23) | 2;
/** Of MI_FLUSH_DW: TLB invalidate, store to the status page, write an immediate. */
const FLUSH_STORE = 0x40000 | 0x200000 | 0x4000;
const MI_STORE_REGISTER_MEM: number = (0x24 << 23) | 0x400000 | 1;
const MI_STORE_DATA_INDEX: number = (0x21 << 23) | 1;
const MI_USER_INTERRUPT: number = 0x02 << 23;
const MI_BATCH_BUFFER_START: number = (0x31 << 23) | 0x2100;
const TLB_INVALIDATE: number = (R.INSTPM_TLB_INVALIDATE << 16) | R.INSTPM_TLB_INVALIDATE;
/** Where flushes store, in the status page. */
const SCRATCH = 0x100;
/** How often the seqno is stored. i915 `GEN7_XCS_WA`. */
const STORES = 32;

/** A request in a ring. */
export interface RingRequest {
  /** Its dwords, an even number of them. */
  readonly dw: number[];
  /** Indices of those that are its seqno. */
  readonly stamps: readonly number[];
  /** Requests in a ring at once. */
  readonly depth: number;
}

/**
 * What i915 6.1 has in the blitter's ring for one request: the page directory loaded anew between
 * flushes, the batch, and the seqno stored many times. i915 `switch_mm`, `load_pd_dir`,
 * `hsw_emit_bb_start`, `gen7_emit_breadcrumb_xcs`.
 *
 * @param base of the engine's registers @param ppDirBase what PP_DIR_BASE is loaded with
 * @param scratch GGTT address that a register may be stored at @param batch PPGTT address
 * @param seqno byte offset in the status page
 */
export function i915Request(
  base: number,
  ppDirBase: number,
  scratch: number,
  batch: number,
  seqno: number,
): RingRequest {
  const flush = [MI_FLUSH_DW | FLUSH_STORE, SCRATCH, 0, 0];
  const lri = (offset: number, value: number): number[] => [(0x22 << 23) | 1, base + offset, value];
  const dw = [
    ...flush,
    ...lri(R.RING_PP_DIR_DCLV, -1),
    ...lri(R.RING_PP_DIR_BASE, ppDirBase),
    ...[MI_STORE_REGISTER_MEM, base + R.RING_PP_DIR_BASE, scratch],
    ...lri(R.RING_INSTPM, TLB_INVALIDATE),
    ...flush,
    ...flush,
    ...[MI_BATCH_BUFFER_START, batch],
    ...flush,
  ];
  const stamps: number[] = [];
  for (let i = 0; i < STORES; i++) {
    dw.push(MI_STORE_DATA_INDEX, seqno, 0);
    stamps.push(dw.length - 1);
  }
  dw.push(...flush, MI_USER_INTERRUPT);
  if (dw.length % 2 !== 0) dw.push(0);
  // As many as a guest submits between two slices of the device.
  return { dw, stamps, depth: 7 };
}
