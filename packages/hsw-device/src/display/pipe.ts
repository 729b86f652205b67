import type { Clock, ClockEvent } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import { Beam } from './beam.ts';
import { pixelClockKhz, transcoderMode } from './clocks.ts';
import * as R from './display.regs.ts';
import { LineEvents } from './line-events.ts';
import { PlaneLatch } from './plane-latch.ts';
import { CSC_REGISTERS } from './scan/csc.ts';
import { linearSpriteGamma } from './scan/sprite-gamma.ts';
import { Tears } from './tears.ts';

/** What a pipe tells the engine that owns it. */
export interface PipeEvents {
  /** DE interrupt bits. */
  raiseDe(bits: number): void;
  /** A frame went out; its planes and colours are still the latched ones. */
  frameEnd(pipe: number): void;
  /** A vertical blank began and planes latched: frames may be looked at. */
  vblank(pipe: number): void;
  /** The CPU wrote a plane or cursor register. */
  planeWritten(pipe: number, offset: number): void;
}

/** DE interrupt bits of pipe A; pipe B's are 5, pipe C's 10 places up. i915: `DE_PIPE_VBLANK_IVB`. */
const DE_VBLANK = 1;
const DE_PRIMARY_FLIP = 8;
const DE_SPRITE_FLIP = 16;

/** PIPEDSL 31: the second of an interlaced frame's fields. */
const EVEN_FIELD = 0x80000000;
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

/**
 * One pipe: its beam, its three planes and what they do at vertical blank. Nothing is scheduled
 * while the pipe stands still.
 */
export class Pipe {
  readonly index: number;
  readonly beam: Beam;
  readonly primary: PlaneLatch;
  readonly sprite: PlaneLatch;
  readonly cursor: PlaneLatch;
  /** Colour space conversion: coefficients and offsets, then CSC_MODE. */
  readonly csc: PlaneLatch;
  /** Size of the picture, PIPESRC. */
  readonly source: PlaneLatch;
  /** The fitter of the pipe's number, which may serve another: PF_CTL, WIN_POS, WIN_SZ. */
  readonly fitter: PlaneLatch;
  /** What asynchronous flips did to the frame that goes out. */
  readonly tears: Tears = new Tears();
  /** GAMMA_MODE as of the latest vertical blank. */
  gammaMode = 0;
  readonly rows: readonly RegRow[];
  /** Transcoder that drives the pipe now; -1 when none does. */
  transcoder = -1;
  readonly #regs: RegSpace;
  readonly #clock: Clock;
  readonly #events: PipeEvents;
  readonly #at: number;
  readonly #lines: LineEvents;
  #timer: ClockEvent | null = null;
  /** What was written since the frame number was last read, which is how an update ends. */
  #written: 'nothing' | 'cursor' | 'plane' = 'nothing';
  #flipTimeNs = 0;
  #interlaced = false;
  /** CURPOS was written by itself: the position alone is taken at vertical blank. */
  #moved = false;

  constructor(index: number, regs: RegSpace, clock: Clock, events: PipeEvents, holdNs: number) {
    this.index = index;
    this.#regs = regs;
    this.#clock = clock;
    this.#events = events;
    this.#at = index * R.PIPE_STRIDE;
    this.beam = new Beam(holdNs);
    this.#lines = new LineEvents(index, regs, clock, (bits) => events.raiseDe(bits));
    const at = this.#at;
    this.primary = new PlaneLatch(regs, at, PRIMARY, R.DSPSURF, R.DSPSURFLIVE);
    this.sprite = new PlaneLatch(regs, at, SPRITE, R.SPRSURF, R.SPRSURFLIVE);
    this.cursor = new PlaneLatch(regs, at, CURSOR, R.CURBASE, R.CURSURFLIVE);
    const coefficients = CSC_REGISTERS.map((offset) => R.PIPE_CSC + offset);
    this.csc = new PlaneLatch(regs, index * R.CSC_STRIDE, coefficients, R.PIPE_CSC_MODE, -1);
    this.source = new PlaneLatch(regs, at, [], (R.TRANSCODER_BASE[0] as number) + R.PIPESRC, -1);
    const window = [R.PF_CTL, R.PF_WIN_POS];
    this.fitter = new PlaneLatch(regs, index * R.PF_STRIDE, window, R.PF_WIN_SZ, -1);
    this.rows = this.#makeRows();
  }

  #makeRows(): RegRow[] {
    const at = this.#at;
    const x = 'ABC'[this.index] as string;
    const onWrite = (offset: number): void => this.#events.planeWritten(this.index, offset);
    const src = 'HSW PRM vol.2c planes; i915_reg.h';
    // biome-ignore format: one register a line
    return [
      { name: `PIPEDSL_${x}`, offset: at + R.PIPEDSL, rw: 0, onRead: () => this.#readDsl(), src },
      { name: `PIPE_FRMCOUNT_${x}`, offset: at + R.PIPE_FRMCOUNT, rw: 0, onRead: () => this.#readFrame(), src },
      { name: `PIPE_FLIPCOUNT_${x}`, offset: at + R.PIPE_FLIPCOUNT, src },
      { name: `PIPE_FRMTMSTMP_${x}`, offset: at + R.PIPE_FRMTMSTMP, rw: 0, onRead: () => this.#frameStamp(), src },
      { name: `PIPE_FLIPTMSTMP_${x}`, offset: at + R.PIPE_FLIPTMSTMP, rw: 0, onRead: () => (this.#flipTimeNs / 1000) | 0, src },
      { name: `CURCNTR_${x}`, offset: at + R.CURCNTR, onWrite: (o, v) => this.#cursorControl(o, v), src },
      { name: `CURBASE_${x}`, offset: at + R.CURBASE, onWrite: (o) => this.#armCursor(o), src },
      { name: `CURPOS_${x}`, offset: at + R.CURPOS, onWrite: (o) => this.#moveCursor(o), src },
      { name: `CURPALET_${x}`, offset: at + R.CURPALET, count: 4, src },
      { name: `CUR_FBC_CTL_${x}`, offset: at + R.CUR_FBC_CTL, onWrite, src },
      { name: `CURSURFLIVE_${x}`, offset: at + R.CURSURFLIVE, rw: 0, onRead: (_o, v) => this.#live(v, R.CURSURFLIVE), src },
      { name: `DSPCNTR_${x}`, offset: at + R.DSPCNTR, onWrite: (o, v) => this.#planeControl(this.primary, o, v), src },
      { name: `DSPLINOFF_${x}`, offset: at + R.DSPLINOFF, onWrite, src },
      { name: `DSPSTRIDE_${x}`, offset: at + R.DSPSTRIDE, onWrite, src },
      { name: `DSPPOS_${x}`, offset: at + 0x7018c, count: 4, onWrite, src },
      { name: `DSPSURF_${x}`, offset: at + R.DSPSURF, onWrite: (o) => this.#armPrimary(o), src },
      { name: `DSPRES_${x}`, offset: at + 0x701a0, src },
      { name: `DSPOFFSET_${x}`, offset: at + R.DSPOFFSET, onWrite, src },
      { name: `DSPSURFLIVE_${x}`, offset: at + R.DSPSURFLIVE, rw: 0, onRead: (_o, v) => this.#live(v, R.DSPSURFLIVE), src },
      { name: `DSPLEFTSURF_${x}`, offset: at + 0x701b0, onWrite, src },
      { name: `DSPGAMC_${x}`, offset: at + 0x701e0, count: 6, src },
      { name: `SPRCTL_${x}`, offset: at + R.SPRCTL, onWrite: (o, v) => this.#planeControl(this.sprite, o, v), src },
      { name: `SPRLINOFF_${x}`, offset: at + R.SPRLINOFF, count: 6, onWrite, src },
      { name: `SPRSURF_${x}`, offset: at + R.SPRSURF, onWrite: (o) => this.#armSprite(o), src },
      { name: `SPRKEYMAX_${x}`, offset: at + R.SPRKEYMAX, count: 2, onWrite, src },
      { name: `SPRSURFLIVE_${x}`, offset: at + R.SPRSURFLIVE, rw: 0, onRead: (_o, v) => this.#live(v, R.SPRSURFLIVE), src },
      { name: `SPRLEFTSURF_${x}`, offset: at + 0x702b0, onWrite, src },
      { name: `SPRGAMC16_${x}`, offset: at + R.SPRGAMC16, count: 3, reset: 0x400, src },
      { name: `SPRGAMC17_${x}`, offset: at + R.SPRGAMC17, count: 3, reset: 0xc00, src },
      { name: `GAMMA_MODE_${x}`, offset: R.GAMMA_MODE + this.index * R.PALETTE_STRIDE, src },
      { name: `PF_WIN_SZ_${x}`, offset: R.PF_WIN_SZ + this.index * R.PF_STRIDE, onWrite: () => this.#armFitter(), src },
      { name: `PIPE_CSC_MODE_${x}`, offset: R.PIPE_CSC_MODE + this.index * R.CSC_STRIDE, onWrite: () => this.#armCsc(), src },
      ...Array.from({ length: 16 }, (_, i) => ({ name: `SPRGAMC_${x}[${i}]`, offset: at + R.SPRGAMC + i * 4, reset: linearSpriteGamma(i), src })),
    ];
  }

  /** The transcoder's enable or timing changed. @param transcoder -1 stops the pipe */
  drive(transcoder: number): void {
    this.#catchUp();
    this.#timer?.cancel();
    this.#timer = null;
    this.#written = 'nothing';
    this.tears.clear();
    this.transcoder = transcoder;
    if (transcoder < 0) {
      this.beam.stop();
      this.#lines.cancel();
      this.#latch();
      return;
    }
    const regs = this.#regs;
    const base = R.TRANSCODER_BASE[transcoder] as number;
    const conf = regs.peek(R.PIPECONF[transcoder] as number);
    this.#interlaced = (conf & R.PIPECONF_INTERLACE) !== 0;
    const pixels = (regs.peek(base + R.HTOTAL) >>> 16) + 1;
    const total = (regs.peek(base + R.VTOTAL) >>> 16) + 1;
    const vblank = (regs.peek(base + R.VBLANK) & 0xffff) + 1;
    const khz = pixelClockKhz(regs, transcoder);
    // Interlaced, each of two fields gets half a line more. i915: `intel_set_transcoder_timings`.
    const lines = this.#interlaced ? (total + 1) / 2 : total;
    const start = this.#interlaced ? vblank >>> 1 : vblank;
    this.beam.start(this.#clock.now, khz, pixels, lines, start);
    this.#latch();
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = this.#clock.at(this.beam.nextVblank, () => {
      this.#timer = null;
      if (!this.beam.running) return;
      this.#catchUp();
      this.#schedule();
    });
  }

  /** Does what was due at the vertical blanks that passed. */
  #catchUp(): void {
    if (this.beam.sync(this.#clock.now) === 0) return;
    this.#written = 'nothing';
    let bits = DE_VBLANK;
    if (this.primary.armed) bits |= DE_PRIMARY_FLIP;
    if (this.sprite.armed) bits |= DE_SPRITE_FLIP;
    this.#events.frameEnd(this.index);
    this.tears.clear();
    this.#latch();
    this.#events.vblank(this.index);
    this.#events.raiseDe(bits << (this.index * 5));
    this.#lines.frame(this.beam, this.transcoder, this.#interlaced ? 2 : 1);
  }

  /** Every armed plane begins to show what was written. Without arming nothing changes. */
  #latch(): void {
    this.primary.latch();
    this.sprite.latch();
    if (this.#moved) this.cursor.takeOne(CURSOR_POSITION);
    this.#moved = false;
    this.cursor.latch();
    this.csc.latch();
    this.source.latch();
    this.fitter.latch();
    this.#latchGammaMode();
  }

  #latchGammaMode(): void {
    this.gammaMode = this.#regs.peek(R.GAMMA_MODE + this.index * R.PALETTE_STRIDE);
  }

  #armCsc(): void {
    this.#update();
    this.#arm(this.csc);
  }

  /** WIN_SZ arms a fitter. PRM vol.2c "PF_WIN_SZ". */
  #armFitter(): void {
    this.#catchUp();
    this.#arm(this.fitter);
  }

  /** PIPESRC was written: another size from the next vertical blank on. */
  resize(): void {
    this.#catchUp();
    this.#arm(this.source);
  }

  /** The control register of a plane that is off arms by itself. i915: `ivb_sprite_update_arm`. */
  #planeControl(plane: PlaneLatch, offset: number, value: number): void {
    this.#update();
    if ((value & ~plane.control & R.PLANE_ENABLE) !== 0) this.#arm(plane);
    this.#events.planeWritten(this.index, offset);
  }

  #arm(plane: PlaneLatch): void {
    plane.armed = true;
    if (!this.beam.running) plane.latch();
  }

  #cursorControl(offset: number, value: number): void {
    this.#touch();
    this.#moved = false;
    const on = (value & CURSOR_MODE) !== 0;
    if (on && (this.cursor.control & CURSOR_MODE) === 0) this.#arm(this.cursor);
    this.#events.planeWritten(this.index, offset);
  }

  /** A move arms by itself, unless CURCNTR was written before. i915: `i9xx_cursor_update_arm`. */
  #moveCursor(offset: number): void {
    this.#touch();
    const control = this.#regs.peek(this.#at + R.CURCNTR);
    this.#moved = control === this.cursor.control;
    if (this.#moved && !this.beam.running) this.cursor.takeOne(CURSOR_POSITION);
    this.#events.planeWritten(this.index, offset);
  }

  #armPrimary(offset: number): void {
    this.#countFlip();
    this.primary.armed = true;
    const async = (this.#regs.peek(this.#at + R.DSPCNTR) & R.DISP_ASYNC_FLIP) !== 0;
    if (async || !this.beam.running) this.#flipNow(this.primary, async, DE_PRIMARY_FLIP);
    this.#events.planeWritten(this.index, offset);
  }

  #armSprite(offset: number): void {
    this.#countFlip();
    this.sprite.armed = true;
    if (!this.beam.running) this.#flipNow(this.sprite, false, DE_SPRITE_FLIP);
    this.#events.planeWritten(this.index, offset);
  }

  #armCursor(offset: number): void {
    this.#touch();
    this.#arm(this.cursor);
    this.#events.planeWritten(this.index, offset);
  }

  #flipNow(plane: PlaneLatch, done: boolean, bit: number): void {
    const line = this.beam.line(this.#clock.now);
    const fetched = this.beam.running && line > 0 && line < this.beam.vblankStart;
    if (fetched && !this.#interlaced && plane === this.primary) this.tears.add(line, plane.surface);
    plane.latch();
    if (done) this.#events.raiseDe(bit << (this.index * 5));
  }

  /**
   * What arms a plane or the colours was written: an update is under way until the frame is read. Not
   * so when nobody looked before: planes of a pipe that stands, and asynchronous flips.
   */
  #update(): void {
    this.#catchUp();
    if (!this.beam.held(this.#clock.now)) return;
    this.#written = 'plane';
    this.beam.extend(this.#clock.now);
  }

  /** A cursor was written, which may be all, without a look before and a frame number after. */
  #touch(): void {
    this.#catchUp();
    if (this.#written === 'nothing' && this.beam.held(this.#clock.now)) this.#written = 'cursor';
  }

  #countFlip(): void {
    this.#update();
    this.#flipTimeNs = this.#clock.now;
    const at = this.#at + R.PIPE_FLIPCOUNT;
    this.#regs.poke(at, (this.#regs.peek(at) + 1) | 0);
  }

  /**
   * A flip by command. PRM vol.2a "MI_DISPLAY_FLIP": dword 1 holds stride and tiling, dword 2 the
   * surface and, in bits 1:0, the kind: 1 is asynchronous.
   */
  flip(onSprite: boolean, strideDw: number, surfaceDw: number): void {
    const regs = this.#regs;
    const at = this.#at;
    const ctl = at + (onSprite ? R.SPRCTL : R.DSPCNTR);
    const async = (surfaceDw & 3) === 1;
    if (!async) {
      regs.poke(at + (onSprite ? R.SPRSTRIDE : R.DSPSTRIDE), strideDw & 0xffc0);
      const tiled = (strideDw & 1) !== 0 ? R.PLANE_TILED : 0;
      regs.poke(ctl, (regs.peek(ctl) & ~R.PLANE_TILED) | tiled);
    }
    regs.poke(at + (onSprite ? R.SPRSURF : R.DSPSURF), surfaceDw & ~0xfff);
    this.#countFlip();
    const plane = onSprite ? this.sprite : this.primary;
    plane.armed = true;
    if (async || !this.beam.running) {
      this.#flipNow(plane, true, onSprite ? DE_SPRITE_FLIP : DE_PRIMARY_FLIP);
    }
    this.#events.planeWritten(this.index, at + (onSprite ? R.SPRSURF : R.DSPSURF));
  }

  /** Line the beam is on now, from the first active one. */
  scanline(): number {
    this.#catchUp();
    return this.beam.line(this.#clock.now);
  }

  /** Number of the frame now. */
  frame(): number {
    this.#catchUp();
    return this.beam.frame;
  }

  /** Does what is due and says whether a plane still waits for vertical blank. */
  flipPending(onSprite: boolean): boolean {
    this.#catchUp();
    return onSprite ? this.sprite.armed : this.primary.armed;
  }

  /** PIPEDSL counts from one line before the first active one, two on HDMI. i915: `scanline_offset`. */
  #readDsl(): number {
    if (!this.beam.running) return 0;
    this.#catchUp();
    // What is left of an earlier look's hold may be too short for an update that begins now. Nothing
    // was written since: the vertical blank comes at once. Something was: this look may end an update,
    // or follow a mere move of the cursor and begin one; the hold begins again, for either.
    if (this.beam.overdue(this.#clock.now)) {
      if (this.#written === 'nothing') this.beam.release();
      else this.beam.extend(this.#clock.now);
      this.#catchUp();
    }
    const line = this.beam.look(this.#clock.now);
    const hdmi = transcoderMode(this.#regs, Math.max(this.transcoder, 0)) < 2;
    const count = (line - (hdmi ? 2 : 1) + this.beam.lines) % this.beam.lines;
    return this.#interlaced && (this.beam.frame & 1) !== 0 ? count | EVEN_FIELD : count;
  }

  #readFrame(): number {
    this.#catchUp();
    // The frame number ends an update. It may also be what begins the next, after a cursor's or after
    // planes written beside any update. i915: `intel_crtc_async_flip_disable_wa`.
    if (this.#written !== 'nothing') this.beam.shorten(this.#clock.now);
    else this.beam.renew(this.#clock.now);
    this.#written = 'nothing';
    return this.beam.frame;
  }

  #frameStamp(): number {
    this.#catchUp();
    return (this.beam.anchor / 1000) | 0;
  }

  #live(value: number, live: number): number {
    this.#catchUp();
    return this.beam.running ? this.#regs.peek(this.#at + live) : value;
  }

  /** When vertical blank last began, nanoseconds of the clock; 0 while the pipe stands. */
  vblankAt(): number {
    this.#catchUp();
    return this.beam.running ? this.beam.anchor : 0;
  }

  /** Goes on where a saved pipe was. The registers drive it already. */
  resume(frame: number, vblankAt: number): void {
    this.csc.take();
    this.source.take();
    this.fitter.take();
    this.beam.frame = frame | 0;
    if (!this.beam.running) return;
    const { now } = this.#clock;
    this.beam.anchor = Math.min(Math.max(vblankAt, now - this.beam.frameNs + 1), now);
    this.#timer?.cancel();
    this.#schedule();
  }

  /** Stops and forgets; the registers have their reset values already. */
  reset(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.transcoder = -1;
    this.#lines.cancel();
    this.beam.stop();
    this.beam.frame = 0;
    this.primary.reset();
    this.sprite.reset();
    this.cursor.reset();
    this.csc.reset();
    this.source.reset();
    this.fitter.reset();
    this.gammaMode = 0;
    this.#moved = false;
    this.#interlaced = false;
    this.tears.clear();
  }
}
