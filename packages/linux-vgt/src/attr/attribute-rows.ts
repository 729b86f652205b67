import {
  type AttributeRow,
  DISPLAY,
  F_CMD_READ,
  F_CMD_WRITE,
  F_CONTEXT,
  F_SAVED,
  F_STATUS,
  LIVE,
  RENDER,
  RENDER_ADDRESS,
  RENDER_MODE,
  VIRTUAL,
} from './attribute.ts';

const SAVED = F_SAVED;
/** Commands may load and store it. */
const CMD: number = F_SAVED | F_CMD_WRITE | F_CMD_READ;
/** The same, and part of the render context. */
const CONTEXT: number = CMD | F_CONTEXT;

/** Bases of the four engines' registers: RCS, VCS, BCS, VECS. i915 `RENDER_RING_BASE` and siblings. */
const ENGINE_BASES: readonly number[] = [0x2000, 0x12000, 0x22000, 0x1a000];
const HWS_PGA: readonly number[] = [0x4080, 0x4180, 0x4280, 0x4380];

/** What each engine has. TAIL, HEAD, START, CTL and the page table registers are virtual: ring/. */
function engineRows(base: number): AttributeRow[] {
  // biome-ignore format: one register a line
  return [
    { name: 'RING',            offset: base + 0x30, count: 4, policy: VIRTUAL },
    { name: 'EXCC',            offset: base + 0x28, policy: RENDER_MODE, flags: SAVED },
    { name: 'RING_SYNC',       offset: base + 0x40, count: 3, policy: RENDER, flags: SAVED },
    { name: 'RING_PSMI_CTL',   offset: base + 0x50, policy: RENDER_MODE, flags: CMD },
    { name: 'RING_MAX_IDLE',   offset: base + 0x54, policy: RENDER, flags: SAVED },
    { name: 'RING_IPEIR',      offset: base + 0x64, count: 2, policy: RENDER, flags: F_STATUS },
    { name: 'RING_INSTDONE',   offset: base + 0x6c, count: 2, policy: RENDER, flags: F_STATUS },
    { name: 'RING_ACTHD',      offset: base + 0x74, policy: VIRTUAL },
    { name: 'RING_DMA_FADD',   offset: base + 0x78, policy: RENDER, flags: F_STATUS },
    { name: 'RING_NOPID',      offset: base + 0x94, policy: RENDER, flags: F_STATUS },
    { name: 'RING_HWSTAM',     offset: base + 0x98, policy: RENDER, flags: SAVED },
    { name: 'RING_MI_MODE',    offset: base + 0x9c, policy: VIRTUAL },
    { name: 'RING_IMR',        offset: base + 0xa8, policy: VIRTUAL },
    { name: 'RING_EIR',        offset: base + 0xb0, policy: RENDER, flags: F_STATUS },
    { name: 'RING_EMR',        offset: base + 0xb4, policy: RENDER, flags: SAVED },
    { name: 'RING_ESR',        offset: base + 0xb8, policy: RENDER, flags: F_STATUS },
    { name: 'RING_INSTPM',     offset: base + 0xc0, policy: VIRTUAL, flags: F_CMD_WRITE },
    { name: 'RING_RESET_CTL',  offset: base + 0xd0, policy: RENDER_MODE },
    { name: 'RING_BBSTATE',    offset: base + 0x110, count: 2, policy: RENDER, flags: F_STATUS },
    { name: 'RING_UHPTR',      offset: base + 0x134, policy: VIRTUAL },
    { name: 'RING_BBADDR',     offset: base + 0x140, policy: RENDER, flags: F_STATUS },
    { name: 'BB_PREEMPT',      offset: base + 0x148, policy: RENDER_ADDRESS, flags: SAVED },
    { name: 'RING_CCID',       offset: base + 0x180, policy: VIRTUAL },
    { name: 'RING_CTX_SIZE',   offset: base + 0x1a0, count: 3, policy: LIVE },
    { name: 'ECOSKPD',         offset: base + 0x1d0, policy: RENDER, flags: SAVED },
    { name: 'RING_PP_DIR',     offset: base + 0x220, count: 2, stride: 8, policy: VIRTUAL, flags: F_CMD_READ },
    { name: 'RING_PP_DIR_BASE_READ', offset: base + 0x518, policy: VIRTUAL },
    { name: 'RING_GFX_MODE',   offset: base + 0x29c, policy: VIRTUAL },
    { name: 'RING_TIMESTAMP',  offset: base + 0x358, count: 2, policy: LIVE, flags: F_CMD_READ },
    { name: 'RING_CTX_TIMESTAMP', offset: base + 0x3a8, policy: LIVE, flags: F_CMD_READ },
  ];
}

/**
 * What to do with each register that is not one of the display's (those are taken from the display
 * engine's own rows) and not dom0's (the rest of what the device has). Upstream: handlers.c's
 * table; the list saved at a switch is render.c's; what commands may write is what i915's own
 * command parser lets through (`gen7_render_regs`, `hsw_render_regs`, `gen7_blt_regs`).
 */
// biome-ignore format: one register a line
export const ATTRIBUTE_ROWS: readonly AttributeRow[] = [
  ...ENGINE_BASES.flatMap(engineRows),
  ...HWS_PGA.map((offset) => ({ name: 'HWS_PGA', offset, policy: RENDER_ADDRESS, bytes: 0x1000, flags: SAVED })),
  { name: 'BCS_SWCTRL',           offset: 0x22200, policy: RENDER, flags: CMD },
  { name: '_3D_CHICKEN',          offset: 0x02084, policy: RENDER_MODE, flags: SAVED },
  { name: 'FF_SLICE_CHICKEN',     offset: 0x02088, policy: RENDER_MODE, flags: SAVED },
  { name: '_3D_CHICKEN2',         offset: 0x0208c, policy: RENDER, flags: SAVED },
  { name: '_3D_CHICKEN3',         offset: 0x02090, policy: RENDER_MODE, flags: SAVED },
  { name: 'GEN7_FF_THREAD_MODE',  offset: 0x020a0, policy: RENDER, flags: SAVED },
  { name: 'GEN6_3D_CHICKEN',      offset: 0x020d4, policy: RENDER_MODE, flags: SAVED },
  { name: 'ERROR_CHICKEN',        offset: 0x020dc, policy: RENDER_MODE, flags: SAVED },
  { name: 'GEN7_FF_SLICE_CS_CHICKEN1', offset: 0x020e0, count: 2, policy: RENDER_MODE, flags: SAVED },
  { name: 'CS_DEBUG_MODE',        offset: 0x020e8, count: 2, policy: RENDER_MODE, flags: SAVED },
  { name: 'CACHE_MODE_LEGACY',    offset: 0x02120, count: 2, policy: RENDER_MODE, flags: SAVED },
  { name: 'MI_PREDICATE_RESULT_2', offset: 0x02214, policy: RENDER, flags: SAVED | F_CMD_READ },
  { name: 'GPGPU_THREADS_DISPATCHED', offset: 0x02290, count: 2, policy: RENDER, flags: CMD },
  { name: 'PR_CTR',               offset: 0x02178, count: 2, policy: RENDER, flags: CONTEXT },
  { name: 'VCS_PR_CTR',           offset: 0x12178, count: 2, policy: RENDER, flags: CMD },
  { name: 'PIPELINE_STATISTICS',  offset: 0x02300, count: 22, policy: RENDER, flags: CONTEXT },
  { name: 'OA_CONTEXT',           offset: 0x023bc, policy: RENDER, flags: SAVED },
  { name: 'MI_PREDICATE',         offset: 0x02400, count: 8, policy: RENDER, flags: CONTEXT },
  { name: 'GEN7_3DPRIM',          offset: 0x02420, count: 8, policy: RENDER, flags: CONTEXT },
  { name: 'GEN7_SO_MISC',         offset: 0x02440, count: 8, policy: RENDER, flags: CMD },
  { name: 'FF_MODE_2470',         offset: 0x02470, policy: RENDER_MODE, flags: SAVED },
  { name: 'GPGPU_DISPATCHDIM',    offset: 0x02500, count: 3, policy: RENDER, flags: CONTEXT },
  { name: 'CS_GPR',               offset: 0x02600, count: 32, policy: RENDER, flags: CONTEXT },
  { name: 'ARB_MODE',             offset: 0x04030, policy: RENDER_MODE, flags: SAVED },
  { name: 'GFX_PEND_TLB',         offset: 0x04034, count: 2, policy: RENDER, flags: SAVED },
  { name: 'GAM_ECOCHK_HIGH',      offset: 0x04040, policy: RENDER, flags: SAVED },
  { name: 'GAM_ECOCHK',           offset: 0x04090, policy: RENDER, flags: SAVED },
  { name: 'RING_FAULT',           offset: 0x04094, count: 4, stride: 0x100, policy: RENDER, flags: SAVED },
  { name: 'ERROR_GEN6',           offset: 0x040a0, policy: RENDER, flags: F_STATUS },
  { name: 'DONE_REG',             offset: 0x040b0, policy: RENDER, flags: F_STATUS },
  { name: 'SO_STATISTICS',        offset: 0x05200, count: 32, policy: RENDER, flags: CONTEXT },
  { name: 'SO_WRITE_OFFSET',      offset: 0x05280, count: 4, policy: RENDER, flags: CONTEXT },
  { name: 'CACHE_MODE_0_GEN7',    offset: 0x07000, count: 2, policy: RENDER_MODE, flags: CONTEXT },
  { name: 'GEN7_GT_MODE',         offset: 0x07008, policy: RENDER_MODE, flags: SAVED | F_CMD_WRITE | F_CONTEXT },
  { name: 'COMMON_SLICE_CHICKEN1', offset: 0x07010, count: 3, policy: RENDER_MODE, flags: SAVED | F_CMD_WRITE },
  { name: 'SARB_9030',            offset: 0x09030, policy: RENDER, flags: SAVED },
  { name: 'GEN7_L3SQCREG1',       offset: 0x0b010, count: 3, policy: RENDER, flags: CMD },
  { name: 'GEN7_L3CNTLREG1',      offset: 0x0b01c, count: 3, policy: RENDER, flags: CMD },
  { name: 'GEN7_L3_CHICKEN_MODE', offset: 0x0b030, count: 2, policy: RENDER, flags: SAVED },
  { name: 'HSW_SCRATCH1',         offset: 0x0b038, policy: RENDER, flags: CMD },
  { name: 'GEN7_L3LOG_SLICE0',    offset: 0x0b070, count: 32, policy: RENDER, flags: CMD },
  { name: 'GEN7_L3LOG_SLICE1',    offset: 0x0b270, count: 32, policy: RENDER, flags: CMD },
  { name: 'HALF_SLICE_CHICKEN1',  offset: 0x0e100, policy: RENDER_MODE, flags: SAVED },
  { name: 'HALF_SLICE_CHICKEN2',  offset: 0x0e180, count: 2, policy: RENDER_MODE, flags: SAVED | F_CMD_WRITE },
  { name: 'HALF_SLICE_CHICKEN7',  offset: 0x0e194, policy: RENDER_MODE, flags: SAVED },
  { name: 'HSW_ROW_CHICKEN3',     offset: 0x0e49c, policy: RENDER_MODE, flags: CMD },
  { name: 'ROW_CHICKEN',          offset: 0x0e4f0, count: 2, policy: RENDER_MODE, flags: SAVED },
  { name: 'GAC_ECO_BITS',         offset: 0x14090, policy: RENDER, flags: SAVED },
  { name: 'GFX_FLSH_CNTL_GEN6',   offset: 0x101008, policy: LIVE },
  { name: 'GEN6_GDRST',           offset: 0x0941c, policy: VIRTUAL },
  { name: 'FENCE',                offset: 0x100000, count: 64, policy: VIRTUAL },
  { name: 'PVINFO',               offset: 0x78000, count: 0x400, policy: VIRTUAL },
  { name: 'DEISR',                offset: 0x44000, policy: DISPLAY },
  { name: 'INTERRUPTS',           offset: 0x44004, count: 11, policy: VIRTUAL },
  { name: 'SDEISR',               offset: 0xc4000, policy: DISPLAY },
  { name: 'SDE_INTERRUPTS',       offset: 0xc4004, count: 3, policy: VIRTUAL },
  { name: 'ECOBUS',               offset: 0xa180, policy: VIRTUAL },
  { name: 'FORCEWAKE',            offset: 0xa188, count: 2, policy: VIRTUAL },
  { name: 'FORCEWAKE_ACK',        offset: 0x130044, policy: VIRTUAL },
  { name: 'FORCEWAKE_ACK_OLD',    offset: 0x130090, policy: VIRTUAL },
  { name: 'GEN6_GT_THREAD_STATUS', offset: 0x13805c, count: 2, policy: VIRTUAL },
  { name: 'DPFC',                 offset: 0x43200, count: 8, policy: VIRTUAL },
  { name: 'DPFC_CPU_FENCE',       offset: 0x100100, count: 2, policy: VIRTUAL },
];
