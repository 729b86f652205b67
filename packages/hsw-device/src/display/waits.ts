import type { Clock } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import { DE_LOAD_SL, PIPE_STRIDE } from './display.regs.ts';
import type { Pipe } from './pipe.ts';

/** MI_WAIT_FOR_EVENT bits by pipe. PRM vol.2a. */
const WAIT_LINE: readonly number[] = [0x1, 0x100, 0x4000];
const WAIT_PRIMARY: readonly number[] = [0x2, 0x200, 0x8000];
const WAIT_SPRITE: readonly number[] = [0x4, 0x400, 0x100000];
const WAIT_VBLANK: readonly number[] = [0x8, 0x800, 0x200000];
/** Not a frame number: those are int32. */
const NOBODY_WAITS = 0x100000000;

/** What command streamers wait for. */
export class Waits {
  readonly #regs: RegSpace;
  readonly #clock: Clock;
  readonly #pipes: readonly Pipe[];
  /** Frame in which a wait for vertical blank began, by pipe. */
  readonly #vblankFrom: number[] = [NOBODY_WAITS, NOBODY_WAITS, NOBODY_WAITS];

  constructor(regs: RegSpace, clock: Clock, pipes: readonly Pipe[]) {
    this.#regs = regs;
    this.#clock = clock;
    this.#pipes = pipes;
  }

  /** See `DisplayEngine.eventPending`. */
  pending(header: number): boolean {
    let pending = false;
    for (const pipe of this.#pipes) {
      const i = pipe.index;
      if (!pipe.beam.running) {
        this.#vblankFrom[i] = NOBODY_WAITS;
        continue;
      }
      if ((header & (WAIT_PRIMARY[i] as number)) !== 0 && pipe.flipPending(false)) pending = true;
      if ((header & (WAIT_SPRITE[i] as number)) !== 0 && pipe.flipPending(true)) pending = true;
      if ((header & (WAIT_LINE[i] as number)) !== 0 && this.line(i) !== 0) pending = true;
      if ((header & (WAIT_VBLANK[i] as number)) !== 0 && this.#vblank(pipe)) pending = true;
    }
    return pending;
  }

  /** The wait begins when it is first asked about, and ends with the next frame. */
  #vblank(pipe: Pipe): boolean {
    const frame = pipe.frame();
    const from = this.#vblankFrom[pipe.index] as number;
    const over = from !== NOBODY_WAITS && from !== frame;
    if (over) this.#vblankFrom[pipe.index] = NOBODY_WAITS;
    else if (from === NOBODY_WAITS) this.#vblankFrom[pipe.index] = frame;
    return !over;
  }

  /** See `DisplayEngine.lineEvent`. */
  line(index: number): number {
    const pipe = this.#pipes[index] as Pipe;
    const window = this.#regs.peek(DE_LOAD_SL + index * PIPE_STRIDE);
    const first = (window >>> 16) & 0x1fff;
    const last = window & 0x1fff;
    const inclusive = (window & 0x80000000) !== 0;
    const line = pipe.scanline();
    const inside = line >= first && line <= last;
    if (inside === inclusive || first >= pipe.beam.lines) return 0;
    return pipe.beam.timeOfLine(inclusive ? first : last + 1, this.#clock.now);
  }

  reset(): void {
    this.#vblankFrom.fill(NOBODY_WAITS);
  }
}
