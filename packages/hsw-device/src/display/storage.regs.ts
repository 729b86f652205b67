import type { RegRow } from '../reg/row.ts';
import {
  DERRMR,
  FUSE_STRAP,
  GEN7_ERR_INT,
  PCH_RAWCLK_FREQ,
  PORT_CLK_SEL,
  SERR_INT,
  TRANSCODER_BASE,
} from './display.regs.ts';

const NORTH = 'HSW PRM vol.2c north display; i915_reg.h';
const SOUTH = 'HSW PRM vol.2c south display; i915_reg.h';
const AUDIO = 'HSW PRM vol.2c audio; i915 intel_audio_regs.h';

/** FUSE_STRAP: desktop part (23), CPU spread spectrum present (21), no CDCLK limit, three pipes. */
const FUSE_STRAP_DESKTOP = 0xa00000;
/** PORT_CLK_SEL 31:29 = 7: no clock. i915: `PORT_CLK_SEL_NONE`. */
const PORT_CLK_SEL_NONE = 0xe0000000;
/** PCH_RAWCLK_FREQ 9:0: 125 MHz on LPT-H. */
const RAWCLK_125 = 0x7d;

/** North registers that only remember, or whose masks say all they do. */
// biome-ignore format: one register a line
const GLOBAL_ROWS: readonly RegRow[] = [
  { name: 'ILK_DISPLAY_CHICKEN', offset: 0x42000, count: 5, src: NORTH },
  { name: 'FUSE_STRAP', offset: FUSE_STRAP, reset: FUSE_STRAP_DESKTOP, rw: 0, src: NORTH },
  { name: 'FUSE_STRAP2', offset: 0x42018, count: 2, rw: 0, src: NORTH },
  { name: 'FUSE_STRAP3', offset: 0x42020, src: 'i915 FUSE_STRAP3, ILK_DSPCLK_GATE_D: one register' },
  { name: 'DSPCLK_GATE', offset: 0x42024, count: 7, src: NORTH },
  { name: 'CHICKEN_PAR1_1', offset: 0x42080, count: 5, src: NORTH },
  { name: 'CHICKEN_PIPESL_1', offset: 0x420b0, count: 3, src: NORTH },
  { name: 'CHICKEN_TRANS', offset: 0x420c0, count: 4, src: NORTH },
  { name: 'IPS_STATUS', offset: 0x4340c, rw: 0, src: NORTH },
  { name: 'GEN7_ERR_INT', offset: GEN7_ERR_INT, rw: 0, w1c: -1, src: 'i915 ivb_err_int_handler' },
  { name: 'DERRMR', offset: DERRMR, reset: -1, src: 'HSW PRM vol.2c DE_RRMR' },
  { name: 'DISP_ARB_CTL', offset: 0x45000, count: 8, src: NORTH },
  { name: 'DISP_ARB_EXT', offset: 0x45020, count: 24, src: NORTH },
  { name: 'WM0_PIPE', offset: 0x45100, count: 2, src: 'i915 ilk_write_wm_values' },
  { name: 'WM_LP', offset: 0x45108, count: 3, src: 'i915 ilk_write_wm_values' },
  { name: 'WMS_LP', offset: 0x45120, count: 3, src: 'i915 ilk_write_wm_values' },
  { name: 'WM0_PIPEC', offset: 0x45200, src: 'i915 ilk_write_wm_values' },
  { name: 'WM_MISC', offset: 0x45260, src: NORTH },
  { name: 'WM_LINETIME', offset: 0x45270, count: 3, src: NORTH },
  { name: 'WM_DBG', offset: 0x45280, src: NORTH },
  { name: 'RR_HW_CTL', offset: 0x45300, src: NORTH },
  { name: 'DPLL_BIOS', offset: 0x46000, count: 6, src: NORTH },
  { name: 'PORT_CLK_SEL', offset: PORT_CLK_SEL, count: 5, reset: PORT_CLK_SEL_NONE, src: NORTH },
  { name: 'TRANS_CLK_SEL', offset: 0x46140, count: 3, src: NORTH },
  { name: 'CDCLK_FREQ', offset: 0x46200, src: NORTH },
  { name: 'NDE_RSTWRN_OPT', offset: 0x46408, src: NORTH },
  { name: 'CLKGATE_DIS', offset: 0x46500, count: 16, src: NORTH },
  { name: 'BLC_PWM_CPU_CTL2', offset: 0x48250, count: 2, src: 'i915 BLC_PWM_CPU_CTL2, BLC_PWM_CPU_CTL' },
  { name: 'HISTOGRAM', offset: 0x48260, count: 4, src: NORTH },
  { name: 'BLC_PWM2_CTL', offset: 0x48350, count: 2, src: NORTH },
  { name: 'HISTOGRAM2', offset: 0x48360, count: 4, src: NORTH },
  { name: 'UTIL_PIN_CTL', offset: 0x48400, src: NORTH },
  { name: 'DPST', offset: 0x48800, count: 8, src: NORTH },
  { name: 'LSTRIP', offset: 0x4f000, count: 64, src: NORTH },
  { name: 'EDP_PSR_IMR', offset: 0x64834, reset: -1, src: 'i915 EDP_PSR_IMR' },
  { name: 'EDP_PSR_IIR', offset: 0x64838, rw: 0, w1c: -1, src: 'i915 EDP_PSR_IIR' },
  { name: 'SRD_MISC', offset: 0x6483c, src: NORTH },
  { name: 'HSW_PSR_STATUS', offset: 0x64848, count: 13, src: 'i915 EDP_PSR_STATUS, EDP_PSR_DEBUG' },
  { name: 'DDI_BUF_TRANS_A', offset: 0x64e00, count: 24, src: 'i915 hsw_prepare_dp_ddi_buffers' },
  { name: 'DDI_BUF_TRANS_B', offset: 0x64e60, count: 24, src: 'i915 hsw_prepare_dp_ddi_buffers' },
  { name: 'DDI_BUF_TRANS_C', offset: 0x64ec0, count: 24, src: 'i915 hsw_prepare_dp_ddi_buffers' },
  { name: 'DDI_BUF_TRANS_D', offset: 0x64f20, count: 24, src: 'i915 hsw_prepare_dp_ddi_buffers' },
  { name: 'DDI_BUF_TRANS_E', offset: 0x64f80, count: 24, src: 'i915 hsw_prepare_dp_ddi_buffers' },
  { name: 'SNB_DPFC_CTL_SA', offset: 0x100100, count: 2, src: 'i915 SNB_DPFC_CTL_SA' },
];

/** South registers that only remember. */
// biome-ignore format: one register a line
const SOUTH_ROWS: readonly RegRow[] = [
  { name: 'SOUTH_CHICKEN1', offset: 0xc2000, src: SOUTH },
  { name: 'SOUTH_CHICKEN3', offset: 0xc2008, count: 3, src: SOUTH },
  { name: 'SOUTH_FUSES', offset: 0xc2018, count: 2, rw: 0, src: SOUTH },
  { name: 'SOUTH_DSPCLK_GATE_D', offset: 0xc2020, count: 4, src: SOUTH },
  { name: 'SHPD_FILTER_CNT', offset: 0xc4038, src: SOUTH },
  { name: 'SERR_INT', offset: SERR_INT, rw: 0, w1c: -1, src: 'i915 cpt_serr_int_handler' },
  { name: 'PCH_DREF_CONTROL', offset: 0xc6200, src: SOUTH },
  { name: 'PCH_RAWCLK_FREQ', offset: PCH_RAWCLK_FREQ, reset: RAWCLK_125, src: 'i915 pch_rawclk' },
  { name: 'PCH_DPLL_TMR_CFG', offset: 0xc6208, count: 4, src: SOUTH },
  { name: 'PCH_DPLL_SEL', offset: 0xc7000, src: SOUTH },
  { name: 'BLC_PWM_PCH_CTL', offset: 0xc8250, count: 2, src: SOUTH },
  { name: 'SOUTH_UTIL', offset: 0xc8400, src: SOUTH },
  { name: 'PCH_TRANS_TIMING', offset: 0xe0000, count: 6, src: SOUTH },
  { name: 'PCH_TRANS_VSYNCSHIFT', offset: 0xe0028, src: SOUTH },
  { name: 'PCH_TRANS_M_N', offset: 0xe0030, count: 8, src: SOUTH },
  { name: 'PCH_VIDEO_DIP', offset: 0xe0200, count: 5, src: SOUTH },
  { name: 'TRANS_DP_CTL', offset: 0xe0300, src: SOUTH },
  { name: 'PCH_GTC_CTL', offset: 0xe7000, count: 4, src: SOUTH },
  { name: 'FDI_RX_MISC', offset: 0xf0010, src: 'i915 hsw_fdi_link_train' },
  { name: 'FDI_RX_IIR', offset: 0xf0014, rw: 0, w1c: -1, src: SOUTH },
  { name: 'FDI_RX_IMR', offset: 0xf0018, reset: -1, src: SOUTH },
  { name: 'FDI_RX_TUSIZE1', offset: 0xf0030, src: SOUTH },
  { name: 'FDI_RX_TUSIZE2', offset: 0xf0038, src: SOUTH },
  { name: 'TRANS_CHICKEN', offset: 0xf0060, count: 2, src: SOUTH },
  { name: 'FDI_PLL_CTL', offset: 0xfe000, count: 2, src: SOUTH },
];

/** PHY registers of the PCH that no manual names; the driver for Windows touches them. */
const PHY = 'XenGT vgt/render.c and vgt/handlers.c: known by offset and constant only';
// biome-ignore format: one register a line
const PHY_ROWS: readonly RegRow[] = [
  { name: 'PCH_PHY_CE044', offset: 0xce044, src: PHY },
  { name: 'PCH_PHY_E6500', offset: 0xe6500, count: 4, stride: 0x100, src: PHY },
  { name: 'PCH_PHY_E6504', offset: 0xe6504, count: 4, stride: 0x100, src: PHY },
  { name: 'PCH_PHY_E651C', offset: 0xe651c, count: 4, stride: 0x100, reset: 0x20000, rw: 0, src: PHY },
  { name: 'PCH_PHY_E6C04', offset: 0xe6c04, reset: 3, rw: 0, src: PHY },
  { name: 'PCH_PHY_E6E1C', offset: 0xe6e1c, reset: 0x2f0000, rw: 0, src: PHY },
];

/** Audio: one block a transcoder A to C, 0x100 apart, and shared registers. */
// biome-ignore format: one register a line
const AUDIO_ROWS: readonly RegRow[] = [
  { name: 'AUD_CONFIG', offset: 0x65000, count: 3, stride: 0x100, src: AUDIO },
  { name: 'AUD_MISC_CTRL', offset: 0x65010, count: 3, stride: 0x100, reset: 0x44, src: AUDIO },
  { name: 'AUD_VID_DID', offset: 0x65020, reset: 0x80862807, rw: 0, src: 'HSW PRM vol.2c AUD_VID_DID' },
  { name: 'AUD_RID', offset: 0x65024, reset: 0x100000, rw: 0, src: AUDIO },
  { name: 'AUD_M_CTS_ENABLE', offset: 0x65028, count: 3, stride: 0x100, src: AUDIO },
  { name: 'AUD_PWRST', offset: 0x6504c, rw: 0, src: AUDIO },
  { name: 'AUD_INFOFR', offset: 0x65054, count: 3, stride: 0x100, src: AUDIO },
  { name: 'AUD_PIPE_CONV_CFG', offset: 0x6507c, src: AUDIO },
  { name: 'AUD_DIG_CNVT', offset: 0x65080, count: 3, stride: 0x100, src: AUDIO },
  { name: 'AUD_STR_DESC', offset: 0x65084, count: 3, stride: 0x100, src: AUDIO },
  { name: 'AUD_OUT_CHAN_MAP', offset: 0x65088, count: 3, stride: 0x100, src: AUDIO },
  { name: 'AUD_PIPE_CONN_SEL_CTRL', offset: 0x650a8, src: AUDIO },
  { name: 'AUD_PINW_CONNLNG_LIST', offset: 0x650ac, src: AUDIO },
  { name: 'AUD_CHICKENBIT', offset: 0x65f10, src: AUDIO },
];

/** Registers of one transcoder, bytes from its base, that only remember. */
// biome-ignore format: one register a line
const TRANSCODER_ROWS: readonly { name: string; at: number; count: number; notEdp?: boolean }[] = [
  { name: 'BCLRPAT', at: 0x20, count: 2 },
  { name: 'VSYNCSHIFT', at: 0x28, count: 1 },
  { name: 'PIPE_MULT', at: 0x2c, count: 1 },
  { name: 'PIPE_M_N', at: 0x30, count: 8 },
  { name: 'PIPE_CRC_EXP', at: 0x54, count: 4, notEdp: true },
  { name: 'PIPE_CRC_RES_2', at: 0x68, count: 4, notEdp: true },
  { name: 'TRANS_CONTEXT_LATENCY', at: 0x7c, count: 1 },
  { name: 'FDI_TX', at: 0x100, count: 1 },
  { name: 'FDI_TX_MISC', at: 0x110, count: 1 },
  { name: 'VIDEO_DIP_CTL', at: 0x200, count: 1 },
  { name: 'VIDEO_DIP_GCP', at: 0x210, count: 1 },
  { name: 'VIDEO_DIP_DATA', at: 0x220, count: 80 },
  { name: 'TRANS_MSA_MISC', at: 0x410, count: 1 },
  { name: 'DDI_DP_COMP_CTL', at: 0x5f0, count: 8 },
];

/** Registers of one pipe, bytes from 0x70000 + pipe * 0x1000, that only remember. */
// biome-ignore format: one register a line
const PIPE_ROWS: readonly { name: string; at: number; count: number }[] = [
  { name: 'PIPE_SLC', at: 0x04, count: 1 },
  { name: 'PIPEGCMAX', at: 0x10, count: 3 },
  { name: 'STEREO_3D_CTL', at: 0x20, count: 1 },
  { name: 'PIPESTAT', at: 0x24, count: 1 },
  { name: 'PIPE_ARB_CTL', at: 0x28, count: 1 },
  { name: 'PIPE_MISC', at: 0x2c, count: 5 },
  { name: 'PIPE_M_N_G4X', at: 0x50, count: 6 },
  { name: 'DE_LOAD_SL', at: 0x68, count: 2 },
];

/** Rows of one pipe's CSC and palette extras: A at 0x49000, 0x100 apart. */
function colourRows(pipe: number): RegRow[] {
  const letter = 'ABC'[pipe] as string;
  const csc = 0x49000 + pipe * 0x100;
  const pal = 0x4a000 + pipe * 0x800;
  // biome-ignore format: one register a line
  return [
    { name: `PIPE_CSC_COEFF_${letter}`, offset: csc + 0x10, count: 6, src: 'i915 ilk_update_pipe_csc' },
    { name: `PIPE_CSC_OFFSETS_${letter}`, offset: csc + 0x2c, count: 8, src: 'i915 ilk_update_pipe_csc' },
    { name: `PIPE_CSC_MISC_${letter}`, offset: csc + 0x80, count: 9, src: NORTH },
    { name: `LGC_PALETTE_${letter}`, offset: pal, count: 256, rw: 0xffffff, src: 'PRM vol.2c "LGC_PALETTE": 31:24 reserved; i915 ilk_load_lut_8' },
    { name: `PREC_PAL_GC_MAX_${letter}`, offset: pal + 0x410, count: 8, src: 'i915 ivb_load_lut_ext_max' },
    { name: `PF_WIN_${letter}`, offset: 0x68060 + pipe * 0x800, count: 5, src: 'i915 ilk_pfit_enable' },
    { name: `PF_CTL_${letter}`, offset: 0x68078 + pipe * 0x800, count: 8, src: 'i915 ilk_pfit_enable' },
    { name: `PF_COEFFICIENTS_${letter}`, offset: 0x68100 + pipe * 0x800, count: 64, src: NORTH },
  ];
}

/** Every display register that only remembers what was written, or whose masks say all it does. */
export function storageRows(): RegRow[] {
  const rows: RegRow[] = [...GLOBAL_ROWS, ...SOUTH_ROWS, ...PHY_ROWS, ...AUDIO_ROWS];
  TRANSCODER_BASE.forEach((base, t) => {
    const letter = ['A', 'B', 'C', 'EDP'][t] as string;
    for (const row of TRANSCODER_ROWS) {
      if (row.notEdp === true && t === 3) continue;
      const { name, at, count } = row;
      rows.push({ name: `${name}_${letter}`, offset: base + at, count, src: NORTH });
    }
  });
  for (let pipe = 0; pipe < 3; pipe++) {
    rows.push(...colourRows(pipe));
    for (const { name, at, count } of PIPE_ROWS) {
      const offset = 0x70000 + pipe * 0x1000 + at;
      rows.push({ name: `${name}_${'ABC'[pipe]}`, offset, count, src: NORTH });
    }
  }
  return rows;
}
