/** GRUB's decompressor has these fixed: literal context of 3 bits, no literal position, position of 2. */
const LITERAL_CONTEXT_BITS = 3,
  POSITION_BITS = 2;
/** Distances that matches may have, as GRUB's own tools limit them. */
const WINDOW = 1 << 16;
const MATCH_LEAST = 3,
  MATCH_MOST = 273;
/** Places with the same three bytes that are tried for a match. */
const TRIES = 24;
const HASH_BITS = 14;

const PROBABILITY_BITS = 11,
  PROBABILITY_HALF = 1024,
  ADAPT_SHIFT = 5;
const TOP = 2 ** 24;
/** States of the coder after a literal are 0 to 6. */
const STATES = 12,
  STATE_LITERAL_END = 7;
const END_SLOT = 14,
  ALIGN_BITS = 4;

const probabilities = (count: number): Uint16Array => new Uint16Array(count).fill(PROBABILITY_HALF);

/** The arithmetic coder: bits with adaptive probabilities. LZMA specification, "range coder". */
class RangeCoder {
  readonly out: number[] = [];
  #low = 0;
  #range = 0xffffffff;
  #cache = 0;
  #pending = 1;

  bit(table: Uint16Array, index: number, bit: number): void {
    const p = table[index] as number;
    const bound = (this.#range >>> PROBABILITY_BITS) * p;
    if (bit === 0) {
      this.#range = bound;
      table[index] = p + ((2 * PROBABILITY_HALF - p) >> ADAPT_SHIFT);
    } else {
      this.#low += bound;
      this.#range -= bound;
      table[index] = p - (p >> ADAPT_SHIFT);
    }
    this.#normalise();
  }

  /** Bits without a probability, highest first. */
  direct(value: number, count: number): void {
    for (let i = count - 1; i >= 0; i--) {
      this.#range = Math.floor(this.#range / 2);
      if (((value >>> i) & 1) !== 0) this.#low += this.#range;
      this.#normalise();
    }
  }

  /** A number through a tree of probabilities, highest bit first. */
  tree(table: Uint16Array, base: number, bits: number, value: number): void {
    let node = 1;
    for (let i = bits - 1; i >= 0; i--) {
      const bit = (value >>> i) & 1;
      this.bit(table, base + node, bit);
      node = (node << 1) | bit;
    }
  }

  /** The same, lowest bit first. */
  reverseTree(table: Uint16Array, base: number, bits: number, value: number): void {
    let node = 1;
    for (let i = 0; i < bits; i++) {
      const bit = (value >>> i) & 1;
      this.bit(table, base + node, bit);
      node = (node << 1) | bit;
    }
  }

  finish(): Uint8Array {
    for (let i = 0; i < 5; i++) this.#shift();
    return Uint8Array.from(this.out);
  }

  #normalise(): void {
    while (this.#range < TOP) {
      this.#range *= 256;
      this.#shift();
    }
  }

  #shift(): void {
    if (this.#low < 0xff000000 || this.#low >= 2 ** 32) {
      const carry = this.#low >= 2 ** 32 ? 1 : 0;
      let byte = this.#cache;
      for (; this.#pending > 0; this.#pending--) {
        this.out.push((byte + carry) & 0xff);
        byte = 0xff;
      }
      this.#cache = Math.floor(this.#low / TOP) & 0xff;
    }
    this.#pending++;
    this.#low = (this.#low % TOP) * 256;
  }
}

/** Finds the longest earlier occurrence of what comes next. */
class MatchFinder {
  length = 0;
  /** Bytes back. */
  distance = 0;
  readonly #data: Uint8Array;
  readonly #head = new Int32Array(1 << HASH_BITS).fill(-1);
  readonly #before: Int32Array;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#before = new Int32Array(data.length);
  }

  #hash(at: number): number {
    const d = this.#data;
    const word = (d[at] as number) | ((d[at + 1] as number) << 8) | ((d[at + 2] as number) << 16);
    return Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
  }

  find(at: number): void {
    this.length = 0;
    const data = this.#data;
    const most = Math.min(MATCH_MOST, data.length - at);
    if (most < MATCH_LEAST) return;
    let from = this.#head[this.#hash(at)] as number;
    for (let tries = TRIES; tries > 0 && from >= 0 && at - from <= WINDOW; tries--) {
      let n = 0;
      while (n < most && data[from + n] === data[at + n]) n++;
      if (n > this.length) {
        this.length = n;
        this.distance = at - from;
      }
      from = this.#before[from] as number;
    }
  }

  add(at: number): void {
    if (at + MATCH_LEAST > this.#data.length) return;
    const slot = this.#hash(at);
    this.#before[at] = this.#head[slot] as number;
    this.#head[slot] = at;
  }
}

/** Lengths 2 to 273, in three ranges. */
class LengthCoder {
  readonly #choice = probabilities(2);
  readonly #low = probabilities(16 << POSITION_BITS);
  readonly #mid = probabilities(16 << POSITION_BITS);
  readonly #high = probabilities(256);

  write(coder: RangeCoder, length: number, position: number): void {
    const n = length - 2;
    coder.bit(this.#choice, 0, n < 8 ? 0 : 1);
    if (n < 8) {
      coder.tree(this.#low, position << 3, 3, n);
      return;
    }
    coder.bit(this.#choice, 1, n < 16 ? 0 : 1);
    if (n < 16) coder.tree(this.#mid, position << 3, 3, n - 8);
    else coder.tree(this.#high, 0, 8, n - 16);
  }
}

/**
 * Compresses as GRUB's `lzma_decompress.img` expects it: an LZMA stream without header and end mark.
 * Literals and matches only, taken as they come.
 */
export function lzmaCompress(data: Uint8Array): Uint8Array {
  const coder = new RangeCoder();
  const finder = new MatchFinder(data);
  const lengths = new LengthCoder();
  const isMatch = probabilities(STATES << POSITION_BITS);
  const isRepeat = probabilities(STATES);
  const literals = probabilities(0x300 << LITERAL_CONTEXT_BITS);
  const slots = probabilities(64 * 4);
  const special = probabilities(128);
  const align = probabilities(1 << ALIGN_BITS);
  let state = 0;
  let distance = 1;
  for (let at = 0; at < data.length; ) {
    const position = at & ((1 << POSITION_BITS) - 1);
    finder.find(at);
    const length = finder.length >= MATCH_LEAST ? finder.length : 0;
    coder.bit(isMatch, (state << POSITION_BITS) | position, length === 0 ? 0 : 1);
    if (length === 0) {
      const before = at === 0 ? 0 : (data[at - 1] as number);
      const base = (before >> (8 - LITERAL_CONTEXT_BITS)) * 0x300;
      const expected = state < STATE_LITERAL_END ? -1 : (data[at - distance] as number);
      writeLiteral(coder, literals, base, data[at] as number, expected);
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      finder.add(at);
      at++;
      continue;
    }
    distance = finder.distance;
    coder.bit(isRepeat, state, 0);
    state = state < STATE_LITERAL_END ? 7 : 10;
    lengths.write(coder, length, position);
    writeDistance(coder, { slots, special, align }, Math.min(length - 2, 3), distance - 1);
    for (let i = 0; i < length; i++) finder.add(at + i);
    at += length;
  }
  return coder.finish();
}

/** @param expected byte at the latest distance, after a match; -1 else */
function writeLiteral(
  coder: RangeCoder,
  table: Uint16Array,
  base: number,
  byte: number,
  expected: number,
): void {
  let node = 1;
  let same = expected >= 0;
  for (let i = 7; i >= 0; i--) {
    const bit = (byte >> i) & 1;
    const guess = (expected >> i) & 1;
    coder.bit(table, base + node + (same ? (1 + guess) << 8 : 0), bit);
    node = (node << 1) | bit;
    same = same && guess === bit;
  }
}

function writeDistance(
  coder: RangeCoder,
  tables: { slots: Uint16Array; special: Uint16Array; align: Uint16Array },
  lengthState: number,
  distance: number,
): void {
  const top = 31 - Math.clz32(distance);
  const slot = distance < 4 ? distance : top * 2 + ((distance >>> (top - 1)) & 1);
  coder.tree(tables.slots, lengthState << 6, 6, slot);
  if (slot < 4) return;
  const bits = (slot >> 1) - 1;
  const base = (2 | (slot & 1)) << bits;
  const rest = distance - base;
  if (slot < END_SLOT) coder.reverseTree(tables.special, base - slot - 1, bits, rest);
  else {
    coder.direct(rest >>> ALIGN_BITS, bits - ALIGN_BITS);
    coder.reverseTree(tables.align, 0, ALIGN_BITS, rest & ((1 << ALIGN_BITS) - 1));
  }
}
