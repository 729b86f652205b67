/**
 * A set of ranges that do not overlap, each with a value, found by any address inside it. Addresses
 * are unsigned, up to 2^53. A look-up allocates nothing; the range found is left in {@link first}.
 */
export class RangeMap<T> {
  /** First address of the range that {@link find} found last. */
  first = 0;
  readonly #firsts: number[] = [];
  readonly #ends: number[] = [];
  readonly #values: T[] = [];

  get size(): number {
    return this.#firsts.length;
  }

  /** @returns false when the range is empty or touches one that is there */
  add(first: number, length: number, value: T): boolean {
    const i = this.#after(first);
    if (length <= 0) return false;
    if (i > 0 && (this.#ends[i - 1] as number) > first) return false;
    if (i < this.#firsts.length && (this.#firsts[i] as number) < first + length) return false;
    this.#firsts.splice(i, 0, first);
    this.#ends.splice(i, 0, first + length);
    this.#values.splice(i, 0, value);
    return true;
  }

  /** Removes an address range: ranges that reach beyond it keep what lies outside. */
  remove(first: number, length: number): void {
    const end = first + length;
    for (let i = this.#firsts.length - 1; i >= 0; i--) {
      const a = this.#firsts[i] as number;
      const b = this.#ends[i] as number;
      if (b <= first || a >= end) continue;
      const value = this.#values[i] as T;
      this.#firsts.splice(i, 1);
      this.#ends.splice(i, 1);
      this.#values.splice(i, 1);
      if (end < b) this.add(end, b - end, value);
      if (a < first) this.add(a, first - a, value);
    }
  }

  /** The value of the range that holds an address; undefined when none does. */
  find(address: number): T | undefined {
    const i = this.#after(address) - 1;
    if (i < 0 || address >= (this.#ends[i] as number)) return undefined;
    this.first = this.#firsts[i] as number;
    return this.#values[i];
  }

  /** Whether any range touches the given one. */
  touches(first: number, length: number): boolean {
    const i = this.#after(first);
    if (i > 0 && (this.#ends[i - 1] as number) > first) return true;
    return i < this.#firsts.length && (this.#firsts[i] as number) < first + length;
  }

  /** Calls `visit` for each range in order of addresses. */
  forEach(visit: (first: number, length: number, value: T) => void): void {
    for (let i = 0; i < this.#firsts.length; i++) {
      const first = this.#firsts[i] as number;
      visit(first, (this.#ends[i] as number) - first, this.#values[i] as T);
    }
  }

  clear(): void {
    this.#firsts.length = 0;
    this.#ends.length = 0;
    this.#values.length = 0;
  }

  /** Index of the first range that begins above an address. */
  #after(address: number): number {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if ((this.#firsts[mid] as number) <= address) low = mid + 1;
      else high = mid;
    }
    return low;
  }
}
