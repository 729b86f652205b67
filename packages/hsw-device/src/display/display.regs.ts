/** Pipes of a Haswell; the number is the index of a pipe's registers. */
export const PIPE_COUNT = 3;
/** Distance between the registers of pipes A, B and C, bytes. */
export const PIPE_STRIDE = 0x1000;
/** Transcoders: A, B, C belong to the pipe of that name; EDP takes any pipe's pixels. */
export const TRANSCODER_BASE: readonly number[] = [0x60000, 0x61000, 0x62000, 0x6f000];
export const TRANSCODER_EDP = 3;
/** PIPECONF of each transcoder. i915: `PIPECONF`, `_PIPE_EDP`. */
export const PIPECONF: readonly number[] = [0x70008, 0x71008, 0x72008, 0x7f008];

/** Transcoder registers, bytes from {@link TRANSCODER_BASE}. PRM vol.2c "Transcoder timing". */
export const HTOTAL = 0x00;
export const HBLANK = 0x04;
export const HSYNC = 0x08;
export const VTOTAL = 0x0c;
export const VBLANK = 0x10;
export const VSYNC = 0x14;
export const PIPESRC = 0x1c;
export const PIPE_MULT = 0x2c;
export const LINK_M1 = 0x40;
export const LINK_N1 = 0x44;
export const PIPE_CRC_CTL = 0x50;
export const PIPE_CRC_RES_1 = 0x64;
export const PIPE_CRC_ENABLE = 0x80000000;
export const VIDEO_DIP_CTL = 0x200;
export const VIDEO_DIP_AVI = 0x220;
export const TRANS_MSA_MISC = 0x410;
export const TRANS_DDI_FUNC_CTL = 0x400;
/** TRANS_DDI_FUNC_CTL: 31 enable, 30:28 port, 26:24 mode, 22:20 bits per colour, 14:12 EDP input. */
export const TRANS_DDI_FUNC_ENABLE = 0x80000000;
export const TRANS_DDI_MODE_HDMI = 0;
export const TRANS_DDI_MODE_DVI = 1;
export const TRANS_DDI_MODE_DP_SST = 2;
export const TRANS_DDI_MODE_DP_MST = 3;
export const TRANS_DDI_MODE_FDI = 4;

/** PIPECONF 31 enable, 30 state (read only), 22:21 interlace: 0 none, 1 fetched whole, 3 by fields. */
export const PIPECONF_ENABLE = 0x80000000;
export const PIPECONF_INTERLACE = 0x200000;
export const PIPECONF_STATE = 0x40000000;

/** Pipe registers of pipe A; the others follow at {@link PIPE_STRIDE}. */
export const PIPEDSL = 0x70000;
export const PIPE_SLC = 0x70004;
export const PIPE_FRMCOUNT = 0x70040;
export const PIPE_FLIPCOUNT = 0x70044;
export const PIPE_FRMTMSTMP = 0x70048;
export const PIPE_FLIPTMSTMP = 0x7004c;
/** Scan line window of pipe A: 31 inclusive, 28:16 first, 12:0 last line. PRM vol.2c "DE_LOAD_SL". */
export const DE_LOAD_SL = 0x70068;
export const CURCNTR = 0x70080;
export const CURBASE = 0x70084;
export const CURPOS = 0x70088;
export const CURPALET = 0x70090;
export const CUR_FBC_CTL = 0x700a0;
export const CURSURFLIVE = 0x700ac;
export const DSPCNTR = 0x70180;
export const DSPLINOFF = 0x70184;
export const DSPSTRIDE = 0x70188;
export const DSPSURF = 0x7019c;
export const DSPOFFSET = 0x701a4;
export const DSPSURFLIVE = 0x701ac;
export const SPRCTL = 0x70280;
export const SPRLINOFF = 0x70284;
export const SPRSTRIDE = 0x70288;
export const SPRPOS = 0x7028c;
export const SPRSIZE = 0x70290;
export const SPRKEYVAL = 0x70294;
export const SPRKEYMSK = 0x70298;
export const SPRSURF = 0x7029c;
export const SPRKEYMAX = 0x702a0;
export const SPROFFSET = 0x702a4;
export const SPRSURFLIVE = 0x702ac;
export const SPRGAMC = 0x70400;
export const SPRGAMC16 = 0x70440;
export const SPRGAMC17 = 0x7044c;
/** DSPCNTR and SPRCTL 31. i915: `DISP_ENABLE`, `SPRITE_ENABLE`. */
export const PLANE_ENABLE = 0x80000000;
/** DSPCNTR and SPRCTL 30. */
export const PLANE_GAMMA = 0x40000000;
/** DSPCNTR and SPRCTL 10: X-tiled surface. */
export const PLANE_TILED = 0x400;
export const PLANE_ROTATE_180 = 0x8000;
/** DSPCNTR 9. i915: `DISP_ASYNC_FLIP`. */
export const DISP_ASYNC_FLIP = 0x200;

/** Panel fitters, one a pipe, 0x800 apart. PRM vol.2c "PF_CTRL". */
export const PF_WIN_POS = 0x68070;
export const PF_WIN_SZ = 0x68074;
export const PF_CTL = 0x68080;
export const PF_STRIDE = 0x800;

/** Palettes, 0x800 apart. i915: `LGC_PALETTE`, `PREC_PAL_INDEX`, `GAMMA_MODE`. */
export const LGC_PALETTE = 0x4a000;
export const PREC_PAL_INDEX = 0x4a400;
export const PREC_PAL_DATA = 0x4a404;
export const PREC_PAL_GC_MAX = 0x4a410;
export const PREC_PAL_EXT_GC_MAX = 0x4a420;
export const GAMMA_MODE = 0x4a480;
export const PALETTE_STRIDE = 0x800;

/** Frame buffer compression, IPS, panel self refresh. i915: `ILK_DPFC_CONTROL`, `IPS_CTL`. */
export const DPFC_CB_BASE = 0x43200;
export const DPFC_CONTROL = 0x43208;
export const DPFC_STATUS = 0x43210;
export const IPS_CTL = 0x43408;
export const MSG_FBC_REND_STATE = 0x50380;
export const SRD_CTL = 0x64800;
export const SRD_STATUS = 0x64840;

/** Colour space conversion, one a pipe, 0x100 apart. i915: `PIPE_CSC_COEFF_RY_GY`, `PIPE_CSC_MODE`. */
export const PIPE_CSC = 0x49010;
export const PIPE_CSC_MODE = 0x49028;
export const CSC_STRIDE = 0x100;

/** North display, global. */
export const CPU_VGACNTRL = 0x41000;
/** CPU_VGACNTRL 31: the VGA plane is off. */
export const VGA_DISP_DISABLE = 0x80000000;
export const FUSE_STRAP = 0x42014;
export const FPGA_DBG = 0x42300;
export const DIGITAL_PORT_HOTPLUG_CNTRL = 0x44030;
export const GEN7_ERR_INT = 0x44040;
export const DERRMR = 0x44050;
export const DE_TIMESTAMP = 0x44070;
export const DISP_ARB_CTL = 0x45000;
/** DISP_ARB_CTL 13: display reads undo bit 6 swizzling. i915: `DISP_TILE_SURFACE_SWIZZLING`. */
export const DISP_TILE_SURFACE_SWIZZLING = 0x2000;
export const HSW_PWR_WELL_CTL1 = 0x45400;
export const CDCLK_FREQ = 0x46200;
export const SPLL_CTL = 0x46020;
export const WRPLL_CTL1 = 0x46040;
export const WRPLL_CTL2 = 0x46060;
export const PORT_CLK_SEL = 0x46100;
export const TRANS_CLK_SEL = 0x46140;
export const LCPLL_CTL = 0x130040;

/** DDI ports A to E, 0x100 apart. */
export const DDI_BUF_CTL = 0x64000;
export const DP_TP_CTL = 0x64040;
export const DP_TP_STATUS = 0x64044;
export const DDI_STRIDE = 0x100;
export const DDI_BUF_ENABLE = 0x80000000;
export const DDI_BUF_IS_IDLE = 0x80;
export const DDI_A_4_LANES = 0x10;
/** DDI_BUF_CTL_A 0, read only: a display was there at power-on. */
export const DDI_INIT_DISPLAY_DETECTED = 1;
export const DP_TP_ENABLE = 0x80000000;
export const DP_TP_FDI_AUTOTRAIN = 0x8000;
export const DP_TP_STATUS_IDLE_DONE = 0x2000000;
export const DP_TP_STATUS_AUTOTRAIN_DONE = 0x1000;

/** South display (LPT-H PCH). */
export const SOUTH_CHICKEN2 = 0xc2004;
export const SFUSE_STRAP = 0xc2014;
export const SFUSE_STRAP_FUSE_LOCK = 0x2000;
export const SFUSE_STRAP_CRT_DISABLED = 0x40;
export const PCH_PORT_HOTPLUG = 0xc4030;
export const SERR_INT = 0xc4040;
export const GPIO_BASE = 0xc5010;
export const GMBUS_BASE = 0xc5100;
export const SBI_ADDR = 0xc6000;
export const SBI_DATA = 0xc6004;
export const SBI_CTL_STAT = 0xc6008;
export const PIXCLK_GATE = 0xc6020;
export const PCH_RAWCLK_FREQ = 0xc6204;
export const PP_STATUS = 0xc7200;
export const PP_CONTROL = 0xc7204;
export const PP_ON_DELAYS = 0xc7208;
export const PP_OFF_DELAYS = 0xc720c;
export const PP_DIVISOR = 0xc7210;
export const PCH_ADPA = 0xe1100;
export const LPT_TRANSCONF = 0xf0008;
export const FDI_RX_CTL = 0xf000c;
/** FDI_RX_CTL 31 enable, 13 PLL enable, 10 auto training. i915: `FDI_RX_ENABLE`, `FDI_LINK_TRAIN_AUTO`. */
export const FDI_RX_ENABLE = 0x80000000;
export const FDI_RX_PLL_ENABLE = 0x2000;
export const FDI_LINK_TRAIN_AUTO = 0x400;
