import { DE_IRQ, IRQ_IMR } from '../irq/interrupt.regs.ts';
import type { Clock, ClockEvent } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { Beam } from './beam.ts';
import * as R from './display.regs.ts';

/** DE interrupt bits of pipe A; pipe B's are 5, pipe C's 10 places up. PRM vol.12 "DE interrupts". */
const DE_VSYNC = 2;
const DE_LINE = 4;

/**
 * The interrupts of a pipe that come with a certain line: vertical sync, and the first line of
 * PIPE_SLC. Nothing is scheduled for a frame whose interrupts are masked when it begins.
 */
export class LineEvents {
  readonly #regs: RegSpace;
  readonly #clock: Clock;
  readonly #index: number;
  readonly #raise: (bits: number) => void;
  #sync: ClockEvent | null = null;
  #line: ClockEvent | null = null;

  /** @param raise raises DE interrupts */
  constructor(index: number, regs: RegSpace, clock: Clock, raise: (bits: number) => void) {
    this.#index = index;
    this.#regs = regs;
    this.#clock = clock;
    this.#raise = raise;
  }

  /** A vertical blank begins. @param transcoder whose timings the pipe has @param fields a frame */
  frame(beam: Beam, transcoder: number, fields: number): void {
    this.cancel();
    const shift = this.#index * 5;
    const open = ~this.#regs.peek(DE_IRQ + IRQ_IMR) >>> shift;
    if ((open & DE_VSYNC) !== 0 && transcoder >= 0) {
      const base = R.TRANSCODER_BASE[transcoder] as number;
      const line = Math.floor(((this.#regs.peek(base + R.VSYNC) & 0x1fff) + 1) / fields);
      this.#sync = this.#at(beam, line, DE_VSYNC << shift);
    }
    if ((open & DE_LINE) !== 0) {
      const window = this.#regs.peek(R.PIPE_SLC + this.#index * R.PIPE_STRIDE);
      this.#line = this.#at(beam, (window >>> 16) & 0x1fff, DE_LINE << shift);
    }
  }

  #at(beam: Beam, line: number, bits: number): ClockEvent | null {
    if (line >= beam.lines) return null;
    return this.#clock.at(beam.timeOfLine(line, this.#clock.now), () => this.#raise(bits));
  }

  cancel(): void {
    this.#sync?.cancel();
    this.#line?.cancel();
    this.#sync = null;
    this.#line = null;
  }
}
