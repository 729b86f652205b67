import type { RegSpace } from '../reg/reg-space.ts';
import {
  LINK_M1,
  LINK_N1,
  PIPE_MULT,
  PIPECONF,
  PIPECONF_STATE,
  PORT_CLK_SEL,
  SPLL_CTL,
  TRANS_DDI_FUNC_CTL,
  TRANS_DDI_FUNC_ENABLE,
  TRANS_DDI_MODE_DP_MST,
  TRANS_DDI_MODE_DP_SST,
  TRANS_DDI_MODE_FDI,
  TRANSCODER_BASE,
  TRANSCODER_EDP,
  WRPLL_CTL1,
  WRPLL_CTL2,
} from './display.regs.ts';

/** PLL enable, bit 31 of SPLL_CTL and WRPLL_CTL. */
const PLL_ENABLE = 0x80000000;
/** LCPLL's clock as WRPLL reference, kHz. i915: `LC_FREQ`. */
const LCPLL_KHZ = 2700000;
/** Spread-spectrum and, on a non-ULT Haswell, non-spread reference, kHz. */
const SSC_KHZ = 135000;

/** Reference of a WRPLL by WRPLL_CTL 29:28, kHz; 0 is a reference this part has not. */
const WRPLL_REF_KHZ: readonly number[] = [0, SSC_KHZ, SSC_KHZ, LCPLL_KHZ];
/** Symbol clock of the SPLL by SPLL_CTL 27:26, kHz. */
const SPLL_KHZ: readonly number[] = [162000, 270000, 540000, 0];
/** Symbol clock of an LCPLL tap by PORT_CLK_SEL 31:29, kHz. */
const LCPLL_TAP_KHZ: readonly number[] = [540000, 270000, 162000];

/**
 * Port clock a WRPLL makes, kHz; 0 when it is off or its dividers are.
 *
 * `ref * n / (p * r) * 2 / 10`, with n, p, r in the halves the register holds.
 * PRM vol.2c "WRPLL_CTL"; i915 `hsw_ddi_wrpll_get_freq`.
 */
export function wrpllKhz(ctl: number): number {
  if ((ctl & PLL_ENABLE) === 0) return 0;
  const r = ctl & 0xff;
  const p = (ctl >>> 8) & 0x3f;
  const n = (ctl >>> 16) & 0xff;
  const ref = WRPLL_REF_KHZ[(ctl >>> 28) & 3] as number;
  if (r === 0 || p === 0) return 0;
  return Math.floor((ref * n) / 10 / (p * r)) * 2;
}

/** Symbol clock the SPLL makes, kHz; 0 when it is off. */
export function spllKhz(ctl: number): number {
  return (ctl & PLL_ENABLE) === 0 ? 0 : (SPLL_KHZ[(ctl >>> 26) & 3] as number);
}

/** Clock of a port by its PORT_CLK_SEL, kHz; 0 when it has none. @param port 0 (A) to 4 (E) */
export function portClockKhz(regs: RegSpace, port: number): number {
  const select = regs.peek(PORT_CLK_SEL + port * 4) >>> 29;
  if (select < 3) return LCPLL_TAP_KHZ[select] as number;
  if (select === 3) return spllKhz(regs.peek(SPLL_CTL));
  if (select === 4) return wrpllKhz(regs.peek(WRPLL_CTL1));
  if (select === 5) return wrpllKhz(regs.peek(WRPLL_CTL2));
  return 0;
}

/** Port a transcoder feeds, 0 (A) to 4 (E); -1 when it feeds none. */
export function transcoderPort(regs: RegSpace, transcoder: number): number {
  const ctl = regs.peek((TRANSCODER_BASE[transcoder] as number) + TRANS_DDI_FUNC_CTL);
  if ((ctl & TRANS_DDI_FUNC_ENABLE) === 0) return -1;
  if (transcoder === TRANSCODER_EDP) return 0;
  const port = (ctl >>> 28) & 7;
  return port >= 1 && port <= 4 ? port : -1;
}

/** TRANS_DDI_FUNC_CTL 26:24 of a transcoder. */
export function transcoderMode(regs: RegSpace, transcoder: number): number {
  const base = TRANSCODER_BASE[transcoder] as number;
  return (regs.peek(base + TRANS_DDI_FUNC_CTL) >>> 24) & 7;
}

/**
 * Pixel clock of a transcoder from the dividers the driver programmed, kHz; 0 when nothing drives
 * it. DP and FDI: link clock * M / N. HDMI and DVI: port clock, of which deep colour takes a part.
 * i915: `ddi_dotclock_get`.
 */
export function pixelClockKhz(regs: RegSpace, transcoder: number): number {
  const base = TRANSCODER_BASE[transcoder] as number;
  const port = transcoderPort(regs, transcoder);
  if (port < 0) return 0;
  const clock = portClockKhz(regs, port);
  const mode = transcoderMode(regs, transcoder);
  if (
    mode === TRANS_DDI_MODE_DP_SST ||
    mode === TRANS_DDI_MODE_DP_MST ||
    mode === TRANS_DDI_MODE_FDI
  ) {
    const m = regs.peek(base + LINK_M1) & 0xffffff;
    const n = regs.peek(base + LINK_N1) & 0xffffff;
    return n === 0 ? 0 : Math.floor((clock * m) / n);
  }
  const deep = ((regs.peek(base + TRANS_DDI_FUNC_CTL) >>> 20) & 7) === 3;
  const multiplier = (regs.peek(base + PIPE_MULT) & 3) + 1;
  return Math.floor((deep ? (clock * 2) / 3 : clock) / multiplier);
}

/** Pipe that the EDP transcoder takes by TRANS_DDI_FUNC_CTL 14:12; others mean pipe A. */
const EDP_INPUT_B = 5;
const EDP_INPUT_C = 6;

/** Whether a transcoder is on, or goes on to the end of its frame. */
function on(regs: RegSpace, transcoder: number): boolean {
  return (regs.peek(PIPECONF[transcoder] as number) & PIPECONF_STATE) !== 0;
}

/** Which transcoder drives a pipe; -1 when none does. The EDP one may take any pipe. */
export function drivingTranscoder(regs: RegSpace, pipe: number): number {
  if (on(regs, TRANSCODER_EDP)) {
    const ctl = regs.peek((TRANSCODER_BASE[TRANSCODER_EDP] as number) + TRANS_DDI_FUNC_CTL);
    const input = (ctl >>> 12) & 7;
    const from = input === EDP_INPUT_B ? 1 : input === EDP_INPUT_C ? 2 : 0;
    if ((ctl & TRANS_DDI_FUNC_ENABLE) !== 0 && from === pipe) return TRANSCODER_EDP;
  }
  return on(regs, pipe) ? pipe : -1;
}
