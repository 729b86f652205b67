import type { RegSpace } from '../reg/reg-space.ts';
import * as R from './display.regs.ts';
import { PlaneLatch } from './plane-latch.ts';
import { CSC_REGISTERS } from './scan/csc.ts';

/** CURCNTR 5:0: what kind of cursor; 0 is none. */
const CURSOR_MODE = 0x3f;
/** Place of the position among what a cursor latches. */
const CURSOR_POSITION = 1;

/** Registers a plane shows from the next vertical blank on, once its surface register is written. */
const PRIMARY = [R.DSPCNTR, R.DSPLINOFF, R.DSPSTRIDE, R.DSPOFFSET] as const;
const SPRITE = [
  R.SPRCTL,
  R.SPRLINOFF,
  R.SPRSTRIDE,
  R.SPROFFSET,
  R.SPRPOS,
  R.SPRSIZE,
  R.SPRKEYVAL,
  R.SPRKEYMSK,
  R.SPRKEYMAX,
] as const;
const CURSOR = [R.CURCNTR, R.CURPOS, R.CUR_FBC_CTL] as const;

/** What a pipe shows as of its latest vertical blank, and what it takes over at the next. */
export class PipePlanes {
  readonly primary: PlaneLatch;
  readonly sprite: PlaneLatch;
  readonly cursor: PlaneLatch;
  /** Colour space conversion: coefficients and offsets, then CSC_MODE. */
  readonly csc: PlaneLatch;
  /** Size of the picture, PIPESRC. */
  readonly source: PlaneLatch;
  /** The fitter of the pipe's number, which may serve another: PF_CTL, WIN_POS, WIN_SZ. */
  readonly fitter: PlaneLatch;
  /** GAMMA_MODE as of the latest vertical blank. */
  gammaMode = 0;
  readonly #regs: RegSpace;
  readonly #index: number;
  readonly #all: readonly PlaneLatch[];
  /** CURPOS was written by itself: the position alone is taken at vertical blank. */
  #moved = false;

  constructor(index: number, regs: RegSpace) {
    this.#index = index;
    this.#regs = regs;
    const at = index * R.PIPE_STRIDE;
    this.primary = new PlaneLatch(regs, at, PRIMARY, R.DSPSURF, R.DSPSURFLIVE);
    this.sprite = new PlaneLatch(regs, at, SPRITE, R.SPRSURF, R.SPRSURFLIVE);
    this.cursor = new PlaneLatch(regs, at, CURSOR, R.CURBASE, R.CURSURFLIVE);
    const coefficients = CSC_REGISTERS.map((offset) => R.PIPE_CSC + offset);
    this.csc = new PlaneLatch(regs, index * R.CSC_STRIDE, coefficients, R.PIPE_CSC_MODE, -1);
    this.source = new PlaneLatch(regs, at, [], (R.TRANSCODER_BASE[0] as number) + R.PIPESRC, -1);
    const window = [R.PF_CTL, R.PF_WIN_POS];
    this.fitter = new PlaneLatch(regs, index * R.PF_STRIDE, window, R.PF_WIN_SZ, -1);
    this.#all = [this.primary, this.sprite, this.cursor, this.csc, this.source, this.fitter];
  }

  /** A plane takes over what was written: at vertical blank, or at once when no beam runs. */
  arm(plane: PlaneLatch, running: boolean): void {
    plane.armed = true;
    if (!running) plane.latch();
  }

  /** CURCNTR was written. A cursor that was off arms by itself. */
  cursorControl(value: number, running: boolean): void {
    this.#moved = false;
    const on = (value & CURSOR_MODE) !== 0;
    if (on && (this.cursor.control & CURSOR_MODE) === 0) this.arm(this.cursor, running);
  }

  /**
   * CURPOS was written. A move arms by itself, unless CURCNTR was written before.
   * i915: `i9xx_cursor_update_arm`.
   */
  moveCursor(running: boolean): void {
    const control = this.#regs.peek(this.#index * R.PIPE_STRIDE + R.CURCNTR);
    this.#moved = control === this.cursor.control;
    if (this.#moved && !running) this.cursor.takeOne(CURSOR_POSITION);
  }

  /** Every armed plane begins to show what was written. Without arming nothing changes. */
  latch(): void {
    this.primary.latch();
    this.sprite.latch();
    if (this.#moved) this.cursor.takeOne(CURSOR_POSITION);
    this.#moved = false;
    this.cursor.latch();
    this.csc.latch();
    this.source.latch();
    this.fitter.latch();
    this.gammaMode = this.#regs.peek(R.GAMMA_MODE + this.#index * R.PALETTE_STRIDE);
  }

  /** Takes what is no plane's from restored registers. */
  resume(): void {
    this.csc.take();
    this.source.take();
    this.fitter.take();
  }

  /** The registers have their reset values already. */
  reset(): void {
    for (const plane of this.#all) plane.reset();
    this.gammaMode = 0;
    this.#moved = false;
  }
}
