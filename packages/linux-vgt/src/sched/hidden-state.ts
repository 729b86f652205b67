import { BLT_SETUP_WORDS, type Engine, type HaswellDevice } from '@xengt/hsw-device';

const RCS_BIT = 1;
const BCS_BIT = 4;

/**
 * What a VM leaves in the engines that is in no register and no context image: the set-up that
 * blits of pixels, scan lines and text go by, the URB's data, whether rings may be preempted.
 * Zeros, and rings that may, are the state after a reset.
 */
export class HiddenState {
  readonly #blits = new Int32Array(BLT_SETUP_WORDS);
  readonly #urb: Int32Array;
  readonly #arbitration: boolean[];

  constructor({ gt }: HaswellDevice) {
    this.#urb = new Int32Array((gt.engines[0] as Engine).urb.length);
    this.#arbitration = gt.engines.map(() => true);
  }

  save({ gt, blitter }: HaswellDevice): void {
    blitter.setup.save(this.#blits);
    this.#urb.set((gt.engines[0] as Engine).urb);
    for (let i = 0; i < gt.engines.length; i++) {
      this.#arbitration[i] = (gt.engines[i] as Engine).arbitration;
    }
  }

  restore({ gt, blitter }: HaswellDevice): void {
    blitter.setup.restore(this.#blits);
    (gt.engines[0] as Engine).urb.set(this.#urb);
    for (let i = 0; i < gt.engines.length; i++) {
      (gt.engines[i] as Engine).arbitration = this.#arbitration[i] as boolean;
    }
  }

  /** Words of all of it: the blitter's set-up, the URB, a word per engine. */
  exportState(): Int32Array {
    return Int32Array.of(...this.#blits, ...this.#urb, ...this.#arbitration.map(Number));
  }

  /** @returns false when it is not as long as ours: nothing changed */
  importState(words: Int32Array): boolean {
    const blits = this.#blits.length;
    const urb = blits + this.#urb.length;
    if (words.length !== urb + this.#arbitration.length) return false;
    this.#blits.set(words.subarray(0, blits));
    this.#urb.set(words.subarray(blits, urb));
    for (let i = 0; i < this.#arbitration.length; i++) this.#arbitration[i] = words[urb + i] !== 0;
    return true;
  }

  /** The VM resets engines that it does not have now. @param mask bit per engine */
  reset(mask: number): void {
    if ((mask & BCS_BIT) !== 0) this.#blits.fill(0);
    if ((mask & RCS_BIT) !== 0) this.#urb.fill(0);
    for (let i = 0; i < this.#arbitration.length; i++) {
      if ((mask & (1 << i)) !== 0) this.#arbitration[i] = true;
    }
  }
}
