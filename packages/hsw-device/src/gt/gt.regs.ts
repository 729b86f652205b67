import type { RegRow } from '../reg/row.ts';

const GT = 'HSW PRM vol.2c; i915 gt/intel_gt_regs.h';
const WA = 'HSW PRM vol.2c chicken registers; i915 intel_workarounds.c hsw_gt_workarounds_init';
const CS = 'HSW PRM vol.2c; i915 gt/intel_engine_regs.h, intel_gt_regs.h';
const RPS = 'HSW PRM vol.2c power management; i915 intel_rps.c, intel_rc6.c';
const MCH = 'HSW datasheet vol.2 MCHBAR; i915 intel_mchbar_regs.h, mirrored at 0x140000';

/** GT registers that hold what is written: modes, work-arounds, clock gating, limits, statistics. */
// biome-ignore format: one register a line
export const GT_STORED_ROWS: readonly RegRow[] = [
  { name: 'PGTBL_ER',                 offset: 0x02024, rw: 0, w1c: -1, src: GT },
  { name: 'FF_SLICE_CS_CHICKEN',      offset: 0x02080, src: CS },
  { name: '_3D_CHICKEN',              offset: 0x02084, masked: true, rw: 0xffff, src: WA },
  { name: '_3D_CHICKEN2',             offset: 0x0208c, src: WA },
  { name: '_3D_CHICKEN3',             offset: 0x02090, masked: true, rw: 0xffff, src: WA },
  { name: 'GEN7_FF_THREAD_MODE',      offset: 0x020a0, src: WA },
  { name: 'GEN6_3D_CHICKEN',          offset: 0x020d4, masked: true, rw: 0xffff, src: WA },
  { name: 'FF_SLICE_CHICKEN',         offset: 0x02088, masked: true, rw: 0xffff, src: WA },
  { name: 'ERROR_CHICKEN',            offset: 0x020dc, masked: true, rw: 0xffff, src: WA },
  { name: 'GEN7_FF_SLICE_CS_CHICKEN1', offset: 0x020e0, masked: true, rw: 0xffff, src: WA },
  { name: 'GEN9_CS_DEBUG_MODE1',      offset: 0x020ec, masked: true, rw: 0xffff, src: WA },
  { name: 'CACHE_MODE_LEGACY',        offset: 0x02120, count: 2, masked: true, rw: 0xffff, src: CS },
  { name: 'GEN6_RC_SLEEP_PSMI',       offset: 0x020f0, src: CS },
  { name: 'MI_PREDICATE_RESULT_2',    offset: 0x02214, src: CS },
  { name: 'GPGPU_THREADS_DISPATCHED', offset: 0x02290, count: 2, src: CS },
  { name: 'MI_PREDICATE',             offset: 0x02400, count: 8, src: CS },
  { name: 'GEN7_3DPRIM',              offset: 0x02420, count: 8, src: CS },
  { name: 'GEN7_SO_MISC',             offset: 0x02440, count: 8, src: CS },
  { name: 'FF_MODE_2470',             offset: 0x02470, masked: true, rw: 0xffff, src: WA },
  { name: 'GPGPU_DISPATCHDIM',        offset: 0x02500, count: 3, src: CS },
  { name: 'CS_GPR',                   offset: 0x02600, count: 32, src: CS },
  { name: 'ARB_MODE',                 offset: 0x04030, masked: true, rw: 0xffff, src: GT },
  { name: 'GFX_PEND_TLB',             offset: 0x04034, count: 2, src: GT },
  { name: 'GAM_ECOCHK_HIGH',          offset: 0x04040, src: GT },
  { name: 'GAM_ECOCHK',               offset: 0x04090, src: GT },
  { name: 'RING_FAULT_RCS',           offset: 0x04094, src: GT },
  { name: 'RING_FAULT_VCS',           offset: 0x04194, src: GT },
  { name: 'RING_FAULT_BCS',           offset: 0x04294, src: GT },
  { name: 'RING_FAULT_VECS',          offset: 0x04394, src: GT },
  { name: 'ERROR_GEN6',               offset: 0x040a0, rw: 0, w1c: -1, src: GT },
  { name: 'DONE_REG',                 offset: 0x040b0, rw: 0, reset: -1, src: 'i915 DONE_REG: units that are done' },
  { name: 'SO_NUM_PRIMS_WRITTEN',     offset: 0x05200, count: 16, src: CS },
  { name: 'SO_PRIM_STORAGE_NEEDED',   offset: 0x05240, count: 16, src: CS },
  { name: 'SO_WRITE_OFFSET',          offset: 0x05280, count: 4, src: CS },
  { name: 'CACHE_MODE_0_GEN7',        offset: 0x07000, masked: true, rw: 0xffff, src: WA },
  { name: 'CACHE_MODE_1',             offset: 0x07004, masked: true, rw: 0xffff, src: WA },
  { name: 'GEN7_GT_MODE',             offset: 0x07008, masked: true, rw: 0xffff, src: WA },
  { name: 'COMMON_SLICE_CHICKEN1',    offset: 0x07010, masked: true, rw: 0xffff, src: WA },
  { name: 'COMMON_SLICE_CHICKEN2',    offset: 0x07014, masked: true, rw: 0xffff, src: WA },
  { name: 'COMMON_SLICE_CHICKEN4',    offset: 0x07018, masked: true, rw: 0xffff, src: WA },
  { name: 'GEN7_SC_INSTDONE',         offset: 0x07100, rw: 0, reset: -1, src: 'i915 intel_engine_get_instdone: all units done' },
  { name: 'RC_POWER_STATE',           offset: 0x08000, count: 4, src: GT },
  { name: 'GEN7_MISCCPCTL',           offset: 0x09424, src: GT },
  { name: 'HSW_IDICR',                offset: 0x09008, reset: 0x02f80000, src: GT },
  { name: 'GEN6_MBC_SNPCR',           offset: 0x0900c, src: GT },
  { name: 'SARB',                     offset: 0x0902c, count: 2, src: GT },
  { name: 'GEN6_MBCTL',               offset: 0x0907c, src: GT },
  // EUs of a subslice that are fused off: none, 10 are left. i915 hsw_sseu_info_init.
  { name: 'HSW_PAVP_FUSE1',           offset: 0x0911c, rw: 0, src: GT },
  { name: 'GEN6_UCGCTL',              offset: 0x09400, count: 6, src: GT },
  { name: 'GEN6_RSTCTL',              offset: 0x09420, src: GT },
  { name: 'GEN6_RP_MISC',             offset: 0x0a074, count: 3, src: RPS },
  { name: 'GEN6_RPDEUHWTC',           offset: 0x0a080, count: 4, src: RPS },
  { name: 'GEN6_RC_MISC',             offset: 0x0a0c4, count: 15, src: RPS },
  { name: 'GEN7_L3CDERRST1',          offset: 0x0b008, src: GT },
  { name: 'GEN7_L3SQCREG1',           offset: 0x0b010, count: 3, src: WA },
  { name: 'GEN7_L3CNTLREG1',          offset: 0x0b01c, src: WA },
  { name: 'GEN7_L3CNTLREG2',          offset: 0x0b020, count: 2, src: WA },
  { name: 'GEN7_L3_CHICKEN_MODE',     offset: 0x0b030, src: WA },
  { name: 'GEN7_L3SQCREG4',           offset: 0x0b034, src: WA },
  { name: 'HSW_SCRATCH1',             offset: 0x0b038, src: WA },
  { name: 'GEN7_L3LOG_SLICE0',        offset: 0x0b070, count: 32, src: GT },
  { name: 'GEN7_L3CDERRST1_SLICE1',   offset: 0x0b208, src: GT },
  { name: 'GEN7_L3LOG_SLICE1',        offset: 0x0b270, count: 32, src: GT },
  { name: 'GAC_ECO_BITS',             offset: 0x14090, src: GT },
  { name: 'HALF_SLICE_CHICKEN1',      offset: 0x0e100, masked: true, rw: 0xffff, src: WA },
  { name: 'GEN7_SAMPLER_INSTDONE',    offset: 0x0e160, rw: 0, reset: -1, src: 'i915 intel_engine_get_instdone' },
  { name: 'GEN7_ROW_INSTDONE',        offset: 0x0e164, rw: 0, reset: -1, src: 'i915 intel_engine_get_instdone' },
  { name: 'HALF_SLICE_CHICKEN2',      offset: 0x0e180, masked: true, rw: 0xffff, src: WA },
  { name: 'HALF_SLICE_CHICKEN3',      offset: 0x0e184, masked: true, rw: 0xffff, src: WA },
  { name: 'HALF_SLICE_CHICKEN7',      offset: 0x0e194, masked: true, rw: 0xffff, src: WA },
  { name: 'TD_CTL',                   offset: 0x0e400, count: 2, src: WA },
  { name: 'HSW_ROW_CHICKEN3',         offset: 0x0e49c, masked: true, rw: 0xffff, src: WA },
  { name: 'GEN8_ROW_CHICKEN',         offset: 0x0e4f0, masked: true, rw: 0xffff, src: WA },
  { name: 'GEN7_ROW_CHICKEN2',        offset: 0x0e4f4, masked: true, rw: 0xffff, src: WA },
  { name: 'VGT_PVINFO',               offset: 0x78000, count: 2, rw: 0, src: 'i915 intel_vgpu_detect: no magic number, so no virtual GPU' },
  { name: 'TILECTL',                  offset: 0x101000, src: GT },
  { name: 'GTFIFODBG',                offset: 0x120000, rw: 0, w1c: -1, src: GT },
  { name: 'GTFIFOCTL',                offset: 0x120008, reset: 0x3f, rw: 0, src: 'i915 GT_FIFO_FREE_ENTRIES_MASK: all 63 entries are free' },
  { name: 'GEN6_GT_PM_STATUS',        offset: 0x138064, rw: 0, src: GT },
];

/** Memory controller registers the driver reads through the mirror; their values describe one board. */
// biome-ignore format: one register a line
export const MCHBAR_ROWS: readonly RegRow[] = [
  // DDR3-1600 in units of 133 MHz. i915 DCLK.
  { name: 'DCLK',          offset: 0x145e04, rw: 0, reset: 0x6, src: MCH },
  // RP0 1150 MHz, RP1 350 MHz, RPn 200 MHz in units of 50 MHz. i915 gen6_rps_get_freq_caps.
  { name: 'GEN6_RP_STATE_CAP', offset: 0x145998, rw: 0, reset: 0x00040717, src: MCH },
  { name: 'GEN6_RP_STATE_LIMITS', offset: 0x145994, rw: 0, reset: 0xff, src: MCH },
  // Watermark latencies: WM0 2.0 us, WM1 4.0, WM2 8.0, WM3 16.0, WM4 32.0 (0.1 us and 0.5 us units). i915 hsw_read_wm_latency.
  { name: 'MCH_SSKPD',     offset: 0x145d10, rw: 0, reset: 0x02010040, src: MCH },
  { name: 'MCH_SSKPD_UDW', offset: 0x145d14, rw: 0, reset: 0x14000040, src: MCH },
  { name: 'TSC1',          offset: 0x141000, rw: 0, src: MCH },
  { name: 'CSHRDDR3CTL',   offset: 0x1401a8, rw: 0, src: MCH },
];
