import type { RegSpace } from '../reg/reg-space.ts';

/**
 * What a plane shows: copies of its registers, taken at vertical blank when its surface register
 * has been written since. PRM vol.2c "DSPCNTR": double buffered, armed by the surface write. A pipe's
 * CSC works alike, armed by CSC_MODE.
 */
export class PlaneLatch {
  /** The arming register was written and vertical blank has not come yet. */
  armed = false;
  /** Latched values in the order of the registers given; the arming one is the last. */
  readonly live: Int32Array;
  readonly #regs: RegSpace;
  readonly #offsets: readonly number[];
  readonly #surface: number;
  readonly #surfaceLive: number;

  /**
   * @param at added to every offset, bytes
   * @param surface the register that arms
   * @param surfaceLive shows the latched surface; -1 when there is no such register
   */
  constructor(
    regs: RegSpace,
    at: number,
    offsets: readonly number[],
    surface: number,
    surfaceLive: number,
  ) {
    this.#regs = regs;
    this.#offsets = [...offsets, surface].map((offset) => offset + at);
    this.#surface = surface + at;
    this.#surfaceLive = surfaceLive < 0 ? -1 : surfaceLive + at;
    this.live = new Int32Array(this.#offsets.length);
  }

  /** Takes the registers over if the plane is armed. */
  latch(): void {
    if (!this.armed) return;
    this.armed = false;
    this.take();
  }

  /** Takes the registers over whether armed or not. */
  take(): void {
    for (let i = 0; i < this.#offsets.length; i++) {
      this.live[i] = this.#regs.peek(this.#offsets[i] as number);
    }
    if (this.#surfaceLive >= 0) {
      this.#regs.poke(this.#surfaceLive, this.#regs.peek(this.#surface));
    }
  }

  /** Takes one register over. @param index in the order of the registers given */
  takeOne(index: number): void {
    this.live[index] = this.#regs.peek(this.#offsets[index] as number);
  }

  /** Latched control register: the first of those given. */
  get control(): number {
    return this.live[0] as number;
  }

  /** Latched value of the arming register. */
  get arming(): number {
    return this.live[this.live.length - 1] as number;
  }

  /** Latched surface address, bytes. */
  get surface(): number {
    return this.arming;
  }

  reset(): void {
    this.armed = false;
    this.live.fill(0);
  }
}
