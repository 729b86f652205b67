import type { ReadHook, RegRow, WriteHook } from '../reg/row.ts';

/** Engines in i915's order of classes: render, video, blitter, video enhancement. */
export type EngineId = 'RCS' | 'VCS' | 'BCS' | 'VECS';
export const ENGINE_IDS: readonly EngineId[] = ['RCS', 'VCS', 'BCS', 'VECS'];

/** Where an engine's registers start. i915: `RENDER_RING_BASE` and siblings. */
export const RING_BASE = { RCS: 0x2000, VCS: 0x12000, BCS: 0x22000, VECS: 0x1a000 } as const;
/** Hardware status page address registers of gen7. i915: `RENDER_HWS_PGA_GEN7` and siblings. */
export const HWS_PGA = { RCS: 0x4080, VCS: 0x4180, BCS: 0x4280, VECS: 0x4380 } as const;
/** GDRST bit that resets the engine alone. i915: `GEN6_GRDOM_RENDER` and siblings. */
export const GRDOM = { RCS: 0x2, VCS: 0x4, BCS: 0x8, VECS: 0x10 } as const;

/** Register offsets from an engine's base, bytes. i915: intel_engine_regs.h. */
export const RING_EXCC = 0x28;
export const RING_TAIL = 0x30;
export const RING_HEAD = 0x34;
export const RING_START = 0x38;
export const RING_CTL = 0x3c;
export const RING_SYNC_0 = 0x40;
export const RING_PSMI_CTL = 0x50;
export const RING_IPEIR = 0x64;
export const RING_IPEHR = 0x68;
export const RING_INSTDONE = 0x6c;
export const RING_ACTHD = 0x74;
export const RING_DMA_FADD = 0x78;
export const RING_NOPID = 0x94;
export const RING_HWSTAM = 0x98;
export const RING_MI_MODE = 0x9c;
export const RING_IMR = 0xa8;
export const RING_EIR = 0xb0;
export const RING_EMR = 0xb4;
export const RING_ESR = 0xb8;
export const RING_INSTPM = 0xc0;
export const RING_BBSTATE = 0x110;
export const RING_SBBADDR = 0x114;
export const RING_UHPTR = 0x134;
export const RING_BBADDR = 0x140;
export const RING_BB_OFFSET = 0x158;
export const RING_CCID = 0x180;
export const RING_CTX_SIZE = 0x1a8;
export const RING_PP_DIR_DCLV = 0x220;
export const RING_PP_DIR_BASE = 0x228;
export const RING_GFX_MODE = 0x29c;
export const RING_PP_DIR_BASE_READ = 0x518;
export const RING_TIMESTAMP = 0x358;
export const RING_CTX_TIMESTAMP = 0x3a8;
export const BCS_SWCTRL = 0x22200;

/** RING_CTL 20:12, pages less one; 11, waiting (w1c); 0, enable. */
export const RING_NR_PAGES_MASK = 0x001ff000;
export const RING_WAIT = 0x800;
export const RING_VALID = 0x1;
/** RING_HEAD 20:2 offset, 31:21 wrap count. RING_TAIL 20:3 offset. */
export const HEAD_ADDR = 0x001ffffc;
export const HEAD_WRAP_ONE = 0x00200000;
export const TAIL_ADDR = 0x001ffff8;
/** UHPTR 20:3 head that MI_ARB_CHECK goes on at, 0 valid. */
export const UHPTR_VALID = 0x1;
/** MI_MODE 9 idle (read only), 8 stop. i915: `MODE_IDLE`, `STOP_RING`. */
export const MODE_IDLE = 0x200;
export const STOP_RING = 0x100;
/** INSTPM 9 TLB invalidate, 5 sync flush enable. i915: `INSTPM_TLB_INVALIDATE`, `INSTPM_SYNC_FLUSH`. */
export const INSTPM_TLB_INVALIDATE = 0x200;
export const INSTPM_SYNC_FLUSH = 0x20;
/** GFX_MODE 9. i915: `GFX_PPGTT_ENABLE`. */
export const GFX_PPGTT_ENABLE = 0x200;
/** GFX_MODE 13: a change of context keeps the TLB. i915: `GFX_TLB_INVALIDATE_EXPLICIT`. */
export const GFX_TLB_EXPLICIT = 0x2000;
/** CCID 0: a context is active. */
export const CCID_VALID = 1;

/** Bytes in the ring that a RING_CTL value describes: 4 KiB to 2 MiB. */
export function ringBytes(ctl: number): number {
  return (((ctl & RING_NR_PAGES_MASK) >>> 12) + 1) << 12;
}

/** Consequences of ring register accesses. */
export interface RingHooks {
  readonly doorbell: WriteHook;
  readonly modeRead: ReadHook;
  readonly instpm: WriteHook;
  readonly mm: WriteHook;
  readonly timestamp: ReadHook;
  readonly timestampHigh: ReadHook;
  readonly contextTime: ReadHook;
  readonly setContextTime: WriteHook;
  readonly acthd: ReadHook;
  /** Where the engine fetches. */
  readonly fetch: ReadHook;
  readonly batch: ReadHook;
  readonly secondBatch: ReadHook;
  readonly instdone: ReadHook;
  /** Another context was named. */
  readonly context: WriteHook;
}

/** The registers that every engine has. @param id engine; @param h what its command streamer does */
export function ringRows(id: EngineId, h: RingHooks): RegRow[] {
  const b = RING_BASE[id];
  const src = 'HSW PRM vol.2c command streamer registers; i915 intel_engine_regs.h';
  // biome-ignore format: one register a line
  return [
    { name: `${id}_RING_EXCC`,        offset: b + RING_EXCC, masked: true, rw: 0xffff, onWrite: h.doorbell, src },
    { name: `${id}_RING_TAIL`,        offset: b + RING_TAIL, rw: TAIL_ADDR, onWrite: h.doorbell, src },
    { name: `${id}_RING_HEAD`,        offset: b + RING_HEAD, rw: ~3, onWrite: h.doorbell, src },
    { name: `${id}_RING_START`,       offset: b + RING_START, rw: ~0xfff, src },
    { name: `${id}_RING_CTL`,         offset: b + RING_CTL, rw: RING_NR_PAGES_MASK | RING_VALID | 0x6, w1c: RING_WAIT, onWrite: h.doorbell, src },
    { name: `${id}_RING_SYNC`,        offset: b + RING_SYNC_0, count: 3, onWrite: h.doorbell, src },
    { name: `${id}_RING_PSMI_CTL`,    offset: b + RING_PSMI_CTL, masked: true, rw: 0xffff, src },
    { name: `${id}_RING_MAX_IDLE`,    offset: b + 0x54, src },
    { name: `${id}_RING_IPEIR`,       offset: b + RING_IPEIR, rw: 0, src },
    { name: `${id}_RING_IPEHR`,       offset: b + RING_IPEHR, rw: 0, src },
    { name: `${id}_RING_INSTDONE`,    offset: b + RING_INSTDONE, rw: 0, onRead: h.instdone, src },
    { name: `${id}_RING_INSTPS`,      offset: b + 0x70, rw: 0, src },
    { name: `${id}_RING_ACTHD`,       offset: b + RING_ACTHD, rw: 0, onRead: h.acthd, src },
    { name: `${id}_RING_DMA_FADD`,    offset: b + RING_DMA_FADD, rw: 0, onRead: h.fetch, src },
    { name: `${id}_RING_NOPID`,       offset: b + RING_NOPID, rw: 0, src },
    { name: `${id}_RING_HWSTAM`,      offset: b + RING_HWSTAM, reset: -1, src },
    { name: `${id}_RING_MI_MODE`,     offset: b + RING_MI_MODE, masked: true, rw: 0xfdff, onWrite: h.doorbell, onRead: h.modeRead, src },
    { name: `${id}_RING_IMR`,         offset: b + RING_IMR, reset: -1, src },
    { name: `${id}_RING_EIR`,         offset: b + RING_EIR, rw: 0, w1c: -1, src },
    { name: `${id}_RING_EMR`,         offset: b + RING_EMR, reset: -1, src },
    { name: `${id}_RING_ESR`,         offset: b + RING_ESR, rw: 0, src },
    { name: `${id}_RING_INSTPM`,      offset: b + RING_INSTPM, masked: true, rw: 0xffff, onWrite: h.instpm, src },
    { name: `${id}_RING_RESET_CTL`,   offset: b + 0xd0, masked: true, rw: 0xffff, src },
    { name: `${id}_RING_BBSTATE`,     offset: b + RING_BBSTATE, rw: 0, src },
    { name: `${id}_RING_SBBADDR`,     offset: b + RING_SBBADDR, rw: 0, onRead: h.secondBatch, src },
    { name: `${id}_RING_UHPTR`,       offset: b + RING_UHPTR, rw: TAIL_ADDR | UHPTR_VALID, src },
    { name: `${id}_RING_BBADDR`,      offset: b + RING_BBADDR, rw: 0, onRead: h.batch, src },
    { name: `${id}_RING_BB_OFFSET`,   offset: b + RING_BB_OFFSET, rw: ~3, src },
    { name: `${id}_BB_PREEMPT`,       offset: b + 0x148, src },
    { name: `${id}_RING_CCID`,        offset: b + RING_CCID, onWrite: h.context, src },
    { name: `${id}_RING_CTX_SIZE`,    offset: b + 0x1a0, count: 3, src },
    { name: `${id}_ECOSKPD`,          offset: b + 0x1d0, src },
    { name: `${id}_RING_PP_DIR_DCLV`, offset: b + RING_PP_DIR_DCLV, onWrite: h.mm, src },
    { name: `${id}_RING_PP_DIR_BASE`, offset: b + RING_PP_DIR_BASE, onWrite: h.mm, src },
    { name: `${id}_RING_PP_DIR_BASE_READ`, offset: b + RING_PP_DIR_BASE_READ, rw: 0, src: 'i915 RING_PP_DIR_BASE_READ: the base in use' },
    { name: `${id}_RING_GFX_MODE`,    offset: b + RING_GFX_MODE, masked: true, rw: 0xffff, onWrite: h.mm, src },
    { name: `${id}_RING_TIMESTAMP`,   offset: b + RING_TIMESTAMP, rw: 0, onRead: h.timestamp, src },
    { name: `${id}_RING_TIMESTAMP_UDW`, offset: b + RING_TIMESTAMP + 4, rw: 0, onRead: h.timestampHigh, src },
    { name: `${id}_RING_CTX_TIMESTAMP`, offset: b + RING_CTX_TIMESTAMP, onRead: h.contextTime, onWrite: h.setContextTime, src },
    { name: `${id}_HWS_PGA`,          offset: HWS_PGA[id], rw: ~0xfff, src: 'i915 RENDER_HWS_PGA_GEN7 and siblings' },
  ];
}

/** Statistics of the 3D pipeline, 64 bits each, in the order of their offsets. i915 `HS_INVOCATION_COUNT` and on. */
// biome-ignore format: one line
const STATISTICS: readonly string[] = [
  'HS_INVOCATION_COUNT', 'DS_INVOCATION_COUNT', 'IA_VERTICES_COUNT', 'IA_PRIMITIVES_COUNT', 'VS_INVOCATION_COUNT', 'GS_INVOCATION_COUNT',
  'GS_PRIMITIVES_COUNT', 'CL_INVOCATION_COUNT', 'CL_PRIMITIVES_COUNT', 'PS_INVOCATION_COUNT', 'PS_DEPTH_COUNT',
];
export const STATISTICS_FIRST = 0x2300;

/** What the render engine has besides: pipeline statistics. They count what runs in the pipeline: nothing. */
export function renderRows(): RegRow[] {
  const src = 'HSW PRM vol.2c; i915 intel_gt_regs.h HS_INVOCATION_COUNT to PS_DEPTH_COUNT';
  return STATISTICS.map((name, i) => ({ name, offset: STATISTICS_FIRST + i * 8, count: 2, src }));
}

/** What the blitter has besides: whether its tiled sources (bit 0) and destinations (bit 1) are Y-tiled. */
export const BLITTER_ROWS: readonly RegRow[] = [
  {
    name: 'BCS_SWCTRL',
    offset: BCS_SWCTRL,
    masked: true,
    rw: 3,
    src: 'HSW PRM vol.2c; i915 intel_gt_regs.h',
  },
];
