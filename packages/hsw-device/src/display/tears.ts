/** More flips within one frame than these are shown as if the last of them came later. */
const TEARS_MAX = 16;

/**
 * Where the picture of a frame tears: an asynchronous flip takes effect with the next line that is
 * fetched, so that lines above come from the surface before. PRM vol.2c "PRI_SURF", "PRI_CTL" bit 9.
 */
export class Tears {
  /** Tears of this frame, topmost first. */
  count = 0;
  readonly #lines = new Int32Array(TEARS_MAX);
  readonly #surfaces = new Int32Array(TEARS_MAX);

  /**
   * A flip happens.
   *
   * @param line the beam's, from the first active one
   * @param surface shown until now
   */
  add(line: number, surface: number): void {
    if (this.count === TEARS_MAX) return;
    this.#lines[this.count] = line;
    this.#surfaces[this.count] = surface;
    this.count++;
  }

  /** The surface that a line shows. @param now the one shown at the end of the frame */
  surfaceAt(line: number, now: number): number {
    for (let i = 0; i < this.count; i++) {
      if (line < (this.#lines[i] as number)) return this.#surfaces[i] as number;
    }
    return now;
  }

  /** A new frame begins. */
  clear(): void {
    this.count = 0;
  }
}
