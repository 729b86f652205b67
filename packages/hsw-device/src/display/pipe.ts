import type { Clock, ClockEvent } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import { Beam } from './beam.ts';
import { pixelClockKhz, transcoderMode } from './clocks.ts';
import * as R from './display.regs.ts';
import { LineEvents } from './line-events.ts';
import { PipePlanes } from './pipe-planes.ts';
import { type PipeHooks, pipeRows } from './pipe-rows.ts';
import type { PlaneLatch } from './plane-latch.ts';
import { Tears } from './tears.ts';

/** What a pipe tells the engine that owns it. */
export interface PipeEvents {
  /** DE interrupt bits. */
  raiseDe(bits: number): void;
  /** A frame went out; its planes and colours are still the latched ones. */
  frameEnd(pipe: number): void;
  /** A vertical blank began and planes latched: frames may be looked at. */
  vblank(pipe: number): void;
  /** All of a vertical blank is done: a transcoder that was switched off is off now. */
  frameOver(pipe: number): void;
  /** The CPU wrote a plane or cursor register. */
  planeWritten(pipe: number, offset: number): void;
}

/** DE interrupt bits of pipe A; pipe B's are 5, pipe C's 10 places up. i915: `DE_PIPE_VBLANK_IVB`. */
const DE_VBLANK = 1;
const DE_PRIMARY_FLIP = 8;
const DE_SPRITE_FLIP = 16;

/** PIPEDSL 31: the second of an interlaced frame's fields. */
const EVEN_FIELD = 0x80000000;
/**
 * One pipe: its beam, its three planes and what they do at vertical blank. Nothing is scheduled
 * while the pipe stands still.
 */
export class Pipe {
  readonly index: number;
  readonly beam: Beam;
  readonly planes: PipePlanes;
  /** What asynchronous flips did to the frame that goes out. */
  readonly tears: Tears = new Tears();
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

  constructor(index: number, regs: RegSpace, clock: Clock, events: PipeEvents, holdNs: number) {
    this.index = index;
    this.#regs = regs;
    this.#clock = clock;
    this.#events = events;
    this.#at = index * R.PIPE_STRIDE;
    this.beam = new Beam(holdNs);
    this.#lines = new LineEvents(index, regs, clock, (bits) => events.raiseDe(bits));
    this.planes = new PipePlanes(index, regs);
    this.rows = pipeRows(index, this.#hooks());
  }

  #hooks(): PipeHooks {
    return {
      scanLine: () => this.#readDsl(),
      frameCount: () => this.#readFrame(),
      frameStamp: () => this.#frameStamp(),
      flipStamp: () => (this.#flipTimeNs / 1000) | 0,
      cursorControl: (offset, value) => this.#cursorControl(offset, value),
      cursorBase: (offset) => this.#armCursor(offset),
      cursorPosition: (offset) => this.#moveCursor(offset),
      primaryControl: (offset, value) => this.#planeControl(this.planes.primary, offset, value),
      primarySurface: (offset) => this.#armPrimary(offset),
      spriteControl: (offset, value) => this.#planeControl(this.planes.sprite, offset, value),
      spriteSurface: (offset) => this.#armSprite(offset),
      csc: () => this.#armCsc(),
      fitter: () => this.#armFitter(),
      plane: (offset) => this.#events.planeWritten(this.index, offset),
      live: (stored, live) => this.#live(stored, live),
    };
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
      this.planes.latch();
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
    this.planes.latch();
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = this.#clock.at(this.beam.nextVblank, () => {
      this.#timer = null;
      this.#catchUp();
      if (this.beam.running) this.#schedule();
    });
  }

  /** Does what was due at the vertical blanks that passed. */
  #catchUp(): void {
    if (this.beam.sync(this.#clock.now) === 0) return;
    this.#written = 'nothing';
    let bits = DE_VBLANK;
    if (this.planes.primary.armed) bits |= DE_PRIMARY_FLIP;
    if (this.planes.sprite.armed) bits |= DE_SPRITE_FLIP;
    this.#events.frameEnd(this.index);
    this.tears.clear();
    this.planes.latch();
    this.#events.vblank(this.index);
    this.#events.raiseDe(bits << (this.index * 5));
    this.#lines.frame(this.beam, this.transcoder, this.#interlaced ? 2 : 1);
    this.#events.frameOver(this.index);
  }

  /** Transcoder that drives the pipe now, -1 without one, after what was due is done. */
  drivenBy(): number {
    this.#catchUp();
    return this.transcoder;
  }

  #armCsc(): void {
    this.#update();
    this.planes.arm(this.planes.csc, this.beam.running);
  }

  /** WIN_SZ arms a fitter. PRM vol.2c "PF_WIN_SZ". */
  #armFitter(): void {
    this.#catchUp();
    this.planes.arm(this.planes.fitter, this.beam.running);
  }

  /** PIPESRC was written: another size from the next vertical blank on. */
  resize(): void {
    this.#catchUp();
    this.planes.arm(this.planes.source, this.beam.running);
  }

  /** The control register of a plane that is off arms by itself. i915: `ivb_sprite_update_arm`. */
  #planeControl(plane: PlaneLatch, offset: number, value: number): void {
    this.#update();
    if ((value & ~plane.control & R.PLANE_ENABLE) !== 0) this.planes.arm(plane, this.beam.running);
    this.#events.planeWritten(this.index, offset);
  }

  #cursorControl(offset: number, value: number): void {
    this.#touch();
    this.planes.cursorControl(value, this.beam.running);
    this.#events.planeWritten(this.index, offset);
  }

  #moveCursor(offset: number): void {
    this.#touch();
    this.planes.moveCursor(this.beam.running);
    this.#events.planeWritten(this.index, offset);
  }

  #armPrimary(offset: number): void {
    this.#countFlip();
    this.planes.primary.armed = true;
    const async = (this.#regs.peek(this.#at + R.DSPCNTR) & R.DISP_ASYNC_FLIP) !== 0;
    if (async || !this.beam.running) this.#flipNow(this.planes.primary, async, DE_PRIMARY_FLIP);
    this.#events.planeWritten(this.index, offset);
  }

  #armSprite(offset: number): void {
    this.#countFlip();
    this.planes.sprite.armed = true;
    if (!this.beam.running) this.#flipNow(this.planes.sprite, false, DE_SPRITE_FLIP);
    this.#events.planeWritten(this.index, offset);
  }

  #armCursor(offset: number): void {
    this.#touch();
    this.planes.arm(this.planes.cursor, this.beam.running);
    this.#events.planeWritten(this.index, offset);
  }

  #flipNow(plane: PlaneLatch, done: boolean, bit: number): void {
    const line = this.beam.line(this.#clock.now);
    const fetched = this.beam.running && line > 0 && line < this.beam.vblankStart;
    if (fetched && !this.#interlaced && plane === this.planes.primary)
      this.tears.add(line, plane.surface);
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
    const plane = onSprite ? this.planes.sprite : this.planes.primary;
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
    return onSprite ? this.planes.sprite.armed : this.planes.primary.armed;
  }

  /** PIPEDSL counts from one line before the first active one, two on HDMI. i915: `scanline_offset`. */
  #readDsl(): number {
    this.#catchUp();
    // What is left of an earlier look's hold may be too short for an update that begins now. Nothing
    // was written since: the vertical blank comes at once. Something was: this look may end an update,
    // or follow a mere move of the cursor and begin one; the hold begins again, for either.
    if (this.beam.overdue(this.#clock.now)) {
      if (this.#written === 'nothing') this.beam.release();
      else this.beam.extend(this.#clock.now);
      this.#catchUp();
    }
    if (!this.beam.running) return 0;
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
    this.planes.resume();
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
    this.planes.reset();
    this.#interlaced = false;
    this.tears.clear();
  }
}
