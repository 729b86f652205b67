import type { RegRow } from '../reg/row.ts';
import * as R from './display.regs.ts';
import { linearSpriteGamma } from './scan/sprite-gamma.ts';

type Written = (offset: number, value: number) => void;

/** What a pipe does when its registers are read and written. */
export interface PipeHooks {
  /** PIPEDSL. */
  readonly scanLine: () => number;
  /** PIPE_FRMCOUNT. */
  readonly frameCount: () => number;
  /** PIPE_FRMTMSTMP, microseconds. */
  readonly frameStamp: () => number;
  /** PIPE_FLIPTMSTMP, microseconds. */
  readonly flipStamp: () => number;
  readonly cursorControl: Written;
  readonly cursorBase: Written;
  readonly cursorPosition: Written;
  readonly primaryControl: Written;
  readonly primarySurface: Written;
  readonly spriteControl: Written;
  readonly spriteSurface: Written;
  readonly csc: Written;
  readonly fitter: Written;
  /** Another register of a plane. */
  readonly plane: Written;
  /** A live surface register. @param stored what it holds @param live its offset on pipe A */
  readonly live: (stored: number, live: number) => number;
}

/** Register rows of a pipe and its planes. @param index 0 to 2 */
export function pipeRows(index: number, on: PipeHooks): RegRow[] {
  const at = index * R.PIPE_STRIDE;
  const x = 'ABC'[index] as string;
  const onWrite = on.plane;
  const src = 'HSW PRM vol.2c planes; i915_reg.h';
  // biome-ignore format: one register a line
  return [
    { name: `PIPEDSL_${x}`, offset: at + R.PIPEDSL, rw: 0, onRead: on.scanLine, src },
    { name: `PIPE_FRMCOUNT_${x}`, offset: at + R.PIPE_FRMCOUNT, rw: 0, onRead: on.frameCount, src },
    { name: `PIPE_FLIPCOUNT_${x}`, offset: at + R.PIPE_FLIPCOUNT, src },
    { name: `PIPE_FRMTMSTMP_${x}`, offset: at + R.PIPE_FRMTMSTMP, rw: 0, onRead: on.frameStamp, src },
    { name: `PIPE_FLIPTMSTMP_${x}`, offset: at + R.PIPE_FLIPTMSTMP, rw: 0, onRead: on.flipStamp, src },
    { name: `CURCNTR_${x}`, offset: at + R.CURCNTR, onWrite: on.cursorControl, src },
    { name: `CURBASE_${x}`, offset: at + R.CURBASE, onWrite: on.cursorBase, src },
    { name: `CURPOS_${x}`, offset: at + R.CURPOS, onWrite: on.cursorPosition, src },
    { name: `CURPALET_${x}`, offset: at + R.CURPALET, count: 4, src },
    { name: `CUR_FBC_CTL_${x}`, offset: at + R.CUR_FBC_CTL, onWrite, src },
    { name: `CURSURFLIVE_${x}`, offset: at + R.CURSURFLIVE, rw: 0, onRead: (_o, v) => on.live(v, R.CURSURFLIVE), src },
    { name: `DSPCNTR_${x}`, offset: at + R.DSPCNTR, onWrite: on.primaryControl, src },
    { name: `DSPLINOFF_${x}`, offset: at + R.DSPLINOFF, onWrite, src },
    { name: `DSPSTRIDE_${x}`, offset: at + R.DSPSTRIDE, onWrite, src },
    { name: `DSPPOS_${x}`, offset: at + 0x7018c, count: 4, onWrite, src },
    { name: `DSPSURF_${x}`, offset: at + R.DSPSURF, onWrite: on.primarySurface, src },
    { name: `DSPRES_${x}`, offset: at + 0x701a0, src },
    { name: `DSPOFFSET_${x}`, offset: at + R.DSPOFFSET, onWrite, src },
    { name: `DSPSURFLIVE_${x}`, offset: at + R.DSPSURFLIVE, rw: 0, onRead: (_o, v) => on.live(v, R.DSPSURFLIVE), src },
    { name: `DSPLEFTSURF_${x}`, offset: at + 0x701b0, onWrite, src },
    { name: `DSPGAMC_${x}`, offset: at + 0x701e0, count: 6, src },
    { name: `SPRCTL_${x}`, offset: at + R.SPRCTL, onWrite: on.spriteControl, src },
    { name: `SPRLINOFF_${x}`, offset: at + R.SPRLINOFF, count: 6, onWrite, src },
    { name: `SPRSURF_${x}`, offset: at + R.SPRSURF, onWrite: on.spriteSurface, src },
    { name: `SPRKEYMAX_${x}`, offset: at + R.SPRKEYMAX, count: 2, onWrite, src },
    { name: `SPRSURFLIVE_${x}`, offset: at + R.SPRSURFLIVE, rw: 0, onRead: (_o, v) => on.live(v, R.SPRSURFLIVE), src },
    { name: `SPRLEFTSURF_${x}`, offset: at + 0x702b0, onWrite, src },
    { name: `SPRGAMC16_${x}`, offset: at + R.SPRGAMC16, count: 3, reset: 0x400, src },
    { name: `SPRGAMC17_${x}`, offset: at + R.SPRGAMC17, count: 3, reset: 0xc00, src },
    { name: `GAMMA_MODE_${x}`, offset: R.GAMMA_MODE + index * R.PALETTE_STRIDE, src },
    { name: `PF_WIN_SZ_${x}`, offset: R.PF_WIN_SZ + index * R.PF_STRIDE, onWrite: on.fitter, src },
    { name: `PIPE_CSC_MODE_${x}`, offset: R.PIPE_CSC_MODE + index * R.CSC_STRIDE, onWrite: on.csc, src },
    ...Array.from({ length: 16 }, (_, i) => ({ name: `SPRGAMC_${x}[${i}]`, offset: at + R.SPRGAMC + i * 4, reset: linearSpriteGamma(i), src })),
  ];
}
