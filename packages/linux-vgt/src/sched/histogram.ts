/** Values of a unit: 1,024 ns. */
const UNIT_SHIFT = 1024;
/** Steps of each doubling: a quantile is exact to an eighth. */
const STEPS = 8;
const STEP_BITS = 3;
const BUCKETS: number = (31 - STEP_BITS + 1) * STEPS;
const VALUE_MAX = 0x7fffffff;

/**
 * How often durations of which length came, in a fixed number of buckets: for quantiles over any
 * time, without memory that grows. Up to 36 minutes; longer ones count as that.
 */
export class Histogram {
  /** Durations recorded, and the longest, nanoseconds. */
  count = 0;
  maxNs = 0;
  readonly #buckets = new Float64Array(BUCKETS);

  record(ns: number): void {
    this.count++;
    if (ns > this.maxNs) this.maxNs = ns;
    const units = ns / UNIT_SHIFT;
    this.#add(units < VALUE_MAX ? units | 0 : VALUE_MAX);
  }

  /** A duration of nothing. */
  recordZero(): void {
    this.count++;
    this.#add(0);
  }

  #add(units: number): void {
    const at = units > 0 ? bucketOf(units) : 0;
    this.#buckets[at] = (this.#buckets[at] as number) + 1;
  }

  /**
   * The duration that a part of all stays below, nanoseconds: the end of its bucket, and never
   * more than the longest; 0 without any.
   *
   * @param q 0 to 1
   */
  quantile(q: number): number {
    let left = this.count * q;
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.#buckets[i] as number;
      if (left <= 0 && this.count > 0) return Math.min(endOf(i) * UNIT_SHIFT, this.maxNs);
    }
    return this.maxNs;
  }

  reset(): void {
    this.count = 0;
    this.maxNs = 0;
    this.#buckets.fill(0);
  }
}

/** Below 8 each value has its bucket; then each doubling has eight. @param units 1 to 2^31 - 1 */
function bucketOf(units: number): number {
  const top = 31 - Math.clz32(units);
  if (top < STEP_BITS) return units;
  return (top - STEP_BITS + 1) * STEPS + ((units >>> (top - STEP_BITS)) & (STEPS - 1));
}

/** First value beyond a bucket. */
function endOf(bucket: number): number {
  if (bucket < STEPS) return bucket + 1;
  const shift = Math.floor(bucket / STEPS) - 1;
  return (STEPS + (bucket % STEPS) + 1) * 2 ** shift;
}
