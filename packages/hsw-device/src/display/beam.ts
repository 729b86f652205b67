/** Shortest and longest frame that is believed, nanoseconds: no guest makes a timer storm. */
const FRAME_NS_MIN = 1_000_000;
const FRAME_NS_MAX = 1_000_000_000;
const DEFAULT_FRAME_NS = 16_666_667;
/** What a driver keeps clear of, nanoseconds. i915: `VBLANK_EVASION_TIME_US`. */
const EVASION_NS = 100_000;
/** How many holds an update may take that has begun to write. */
const UPDATE_HOLDS = 4;
/** How many holds may pass from vertical blank's time to an update's first write. */
const BEGIN_HOLDS = 2;
/** Part of a hold that is left to what may be an update, and may be over. */
const SHORT_HOLD = 3 / 8;

/**
 * Where a pipe's beam is, computed from time: nothing ticks. Lines count from the first active one;
 * vertical blank begins with line `vblankStart`, and so does a new frame number.
 *
 * The beam may be held just before vertical blank ({@link look}): a driver that updates planes keeps
 * clear of the last 100 us and then checks that no vblank fell into its update; a vCPU that is
 * emulated is so much slower than the display that it would often lose that race. With a hold of 0
 * the beam is exact. i915: `intel_pipe_update_start`, `VBLANK_EVASION_TIME_US`.
 */
export class Beam {
  running = false;
  /** Frames begun so far, modulo 2^32, as int32. i915: `PIPE_FRMCOUNT_G4X`. */
  frame = 0;
  /** Length of a frame and of a line, nanoseconds. */
  frameNs: number = DEFAULT_FRAME_NS;
  lineNs = 1;
  lines = 1;
  vblankStart = 0;
  /** Time of the latest start of vertical blank. */
  anchor = 0;
  /** How long the hold of a look lasts, nanoseconds. */
  readonly holdNs: number;
  #holdUntil = 0;
  /** How much later than due vertical blank may come, nanoseconds. */
  #latestNs: number;

  constructor(holdNs: number) {
    this.holdNs = holdNs;
    this.#latestNs = holdNs;
  }

  /**
   * Starts the beam at line 0.
   *
   * @param pixelKhz pixel clock; 0 when unknown, then a frame lasts 1/60 s
   * @param lines lines a frame, of one field when interlaced: then there is half a one
   * @param vblankStart first line of vertical blank
   */
  start(now: number, pixelKhz: number, pixelsPerLine: number, lines: number, vblank: number): void {
    const whole = Math.max(lines, 2);
    this.lines = Math.floor(whole);
    this.vblankStart = Math.min(Math.max(vblank, 1), this.lines - 1);
    const ns = pixelKhz > 0 ? (pixelsPerLine * whole * 1e6) / pixelKhz : DEFAULT_FRAME_NS;
    this.frameNs = Math.min(Math.max(ns, FRAME_NS_MIN), FRAME_NS_MAX);
    this.lineNs = this.frameNs / whole;
    this.anchor = now - (this.lines - this.vblankStart) * this.lineNs;
    this.release();
    this.running = true;
  }

  stop(): void {
    this.running = false;
  }

  /** Time at which the next vertical blank begins, as known now. */
  get nextVblank(): number {
    const due = this.anchor + this.frameNs;
    return this.#holdUntil > due ? Math.min(this.#holdUntil, due + this.#latestNs) : due;
  }

  /** Takes note of the time. @returns how many vertical blanks began since the last call */
  sync(now: number): number {
    if (!this.running) return 0;
    const first = this.nextVblank;
    if (now < first) return 0;
    const more = Math.floor((now - first) / this.frameNs);
    this.anchor = first + more * this.frameNs;
    this.release();
    this.frame = (this.frame + 1 + more) | 0;
    return 1 + more;
  }

  /** Line the beam is on, 0 to lines - 1; 0 when it stands. Call {@link sync} first. */
  line(now: number): number {
    if (!this.running) return 0;
    const since = Math.min(Math.floor((now - this.anchor) / this.lineNs), this.lines - 1);
    return (this.vblankStart + Math.max(since, 0)) % this.lines;
  }

  /** Time at which the beam next enters a line, at or after `now`. */
  timeOfLine(line: number, now: number): number {
    const since = ((line - this.vblankStart + this.lines) % this.lines) * this.lineNs;
    const at = this.anchor + since;
    return at >= now ? at : at + this.frameNs;
  }

  /**
   * Someone looks where the beam is, perhaps to update planes: vertical blank waits a little.
   *
   * @returns the line, which is never one that a driver keeps clear of unless the hold is 0
   */
  look(now: number): number {
    const line = this.line(now);
    if (this.holdNs === 0 || !this.running) return line;
    this.#holdUntil = Math.max(this.#holdUntil, now + this.holdNs);
    const last = this.vblankStart - Math.ceil(EVASION_NS / this.lineNs) - 3;
    return line < this.vblankStart && line > last ? Math.max(last, 0) : line;
  }

  /** Whether a look's hold lasts. */
  held(now: number): boolean {
    return this.running && this.#holdUntil > now;
  }

  /** Whether vertical blank is due and only a hold keeps it off. */
  overdue(now: number): boolean {
    return this.running && now >= this.anchor + this.frameNs;
  }

  /**
   * Whoever looked writes plane registers, and will read the frame number when that is done: vertical
   * blank waits longer than for a mere look.
   */
  extend(now: number): void {
    if (!this.held(now)) return;
    this.#latestNs = UPDATE_HOLDS * this.holdNs;
    this.#holdUntil = now + this.#latestNs;
  }

  /** The frame number is read while a look's hold lasts: an update may begin only now. */
  renew(now: number): void {
    if (!this.held(now)) return;
    this.#latestNs = Math.max(this.#latestNs, BEGIN_HOLDS * this.holdNs);
    this.#holdUntil = Math.max(this.#holdUntil, now + this.holdNs);
  }

  /** The update that looked may be over, or just begin. */
  shorten(now: number): void {
    this.#holdUntil = Math.min(this.#holdUntil, now + this.holdNs * SHORT_HOLD);
  }

  /** The update that looked is over. */
  release(): void {
    this.#holdUntil = 0;
    this.#latestNs = this.holdNs;
  }
}
