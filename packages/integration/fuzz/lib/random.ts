/** Mixes integers into one: a step's seed from the run's seed, the life and the step. */
export function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}

/** A small random source that is set to a seed at each step, so that steps do not depend on others. */
export class Random {
  #state = 0;

  seed(value: number): void {
    this.#state = value | 0;
  }

  /** Any int32. */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return t ^ (t >>> 14);
  }

  /** 0 to n - 1. @param n at most 2^31 */
  below(n: number): number {
    return Math.floor(((this.u32() >>> 0) / 2 ** 32) * n);
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(from: ArrayLike<T>): T {
    return from[this.below(from.length)] as T;
  }

  /** A register's kind of value: any, few bits, a masked write, small, an edge. */
  value(): number {
    const v = this.u32();
    switch (this.below(8)) {
      case 0:
        return 1 << (v & 31);
      case 1:
        return ((v & 0xffff) << 16) | (v & 0xffff);
      case 2:
        return v & 0xff;
      case 3:
        return v & (1 << 8) ? -1 : 0;
      case 4:
        return (1 << (v & 31)) | (1 << ((v >>> 8) & 31)) | (1 << ((v >>> 16) & 31));
      case 5:
        return v & 0xffff;
      default:
        return v;
    }
  }
}
