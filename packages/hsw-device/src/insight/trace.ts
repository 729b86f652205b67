import type { Clock } from '../port/clock.ts';

/** Numbers of one record: kind, source, then the kind's fields. */
const WORDS = 8;
/** Where a record's fields begin. */
const FIELDS = 2;

/**
 * A ring of fixed-size records. Recording stores a few numbers and allocates nothing; when the ring
 * is full the oldest record is overwritten. Names and text are made when somebody reads.
 */
export class Trace {
  readonly capacity: number;
  /** Records ever made. */
  count = 0;
  readonly #clock: Clock;
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #mask: number;
  readonly #names: string[] = [];

  /** @param capacity records kept; rounded up to a power of two, 16 at least */
  constructor(clock: Clock, capacity: number = 1 << 16) {
    this.capacity = 2 ** Math.ceil(Math.log2(Math.max(capacity, 16)));
    this.#mask = this.capacity - 1;
    this.#clock = clock;
    this.#words = new Int32Array(this.capacity * WORDS);
    this.#times = new Float64Array(this.capacity);
  }

  /** A number for a name that records carry: a source, an address space, a reason. */
  nameId(name: string): number {
    const known = this.#names.indexOf(name);
    return known >= 0 ? known : this.#names.push(name) - 1;
  }

  nameOf(id: number): string {
    return this.#names[id] ?? `?${id}`;
  }

  /** Adds a record. @param kind number in TRACE_KINDS; @param a first field, and so on */
  add(kind: number, source: number, a: number, b = 0, c = 0, d = 0, e = 0): void {
    const slot = this.count & this.#mask;
    const words = this.#words;
    const at = slot * WORDS;
    words[at] = kind;
    words[at + 1] = source;
    words[at + FIELDS] = a;
    words[at + 3] = b;
    words[at + 4] = c;
    words[at + 5] = d;
    words[at + 6] = e;
    this.#times[slot] = this.#clock.now;
    this.count++;
  }

  /** The oldest record that is still there. */
  get first(): number {
    return Math.max(0, this.count - this.capacity);
  }

  /** @param seq from {@link first} to `count - 1` */
  timeOf(seq: number): number {
    return this.#times[seq & this.#mask] as number;
  }
  kindOf(seq: number): number {
    return this.#words[(seq & this.#mask) * WORDS] as number;
  }
  sourceOf(seq: number): number {
    return this.#words[(seq & this.#mask) * WORDS + 1] as number;
  }
  /** @param field its place in the kind's row */
  field(seq: number, field: number): number {
    return this.#words[(seq & this.#mask) * WORDS + FIELDS + field] as number;
  }
}
