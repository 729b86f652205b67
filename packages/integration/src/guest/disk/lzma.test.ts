import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lzmaCompress } from './lzma.ts';

/** A decoder as the LZMA specification has it, with GRUB's parameters: context 3, position 2. */
function decode(stream: Uint8Array, length: number): Uint8Array {
  let range = 0xffffffff;
  let code = 0;
  let at = 1;
  for (; at < 5; at++) code = code * 256 + (stream[at] as number);
  const tables = new Map<string, number>();
  const normalise = (): void => {
    if (range >= 2 ** 24) return;
    range *= 256;
    code = code * 256 + (stream[at++] ?? 0);
  };
  const bit = (name: string): number => {
    const p = tables.get(name) ?? 1024;
    const bound = (range >>> 11) * p;
    const one = code >= bound;
    if (one) {
      code -= bound;
      range -= bound;
    } else range = bound;
    tables.set(name, one ? p - (p >> 5) : p + ((2048 - p) >> 5));
    normalise();
    return one ? 1 : 0;
  };
  const tree = (name: string, bits: number): number => {
    let node = 1;
    for (let i = 0; i < bits; i++) node = node * 2 + bit(`${name}.${node}`);
    return node - 2 ** bits;
  };
  const reversed = (name: string, bits: number): number => {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const b = bit(`${name}.${node}`);
      node = node * 2 + b;
      value += b * 2 ** i;
    }
    return value;
  };
  const out = new Uint8Array(length);
  let state = 0;
  let back = 0;
  for (let n = 0; n < length; ) {
    const position = n & 3;
    if (bit(`match.${state}.${position}`) === 0) {
      const name = `literal.${(n === 0 ? 0 : (out[n - 1] as number)) >> 5}`;
      const like = out[n - back - 1] as number;
      let node = 1;
      let same = state >= 7;
      while (node < 256) {
        const guess = (like >> (7 - Math.floor(Math.log2(node)))) & 1;
        const b = bit(same ? `${name}.m${guess}.${node}` : `${name}.${node}`);
        same = same && b === guess;
        node = node * 2 + b;
      }
      out[n++] = node;
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    expect(bit(`repeat.${state}`)).toBe(0);
    state = state < 7 ? 7 : 10;
    let size = 2;
    if (bit('choice') === 0) size += tree(`low.${position}`, 3);
    else if (bit('choice2') === 0) size += 8 + tree(`mid.${position}`, 3);
    else size += 16 + tree('high', 8);
    const slot = tree(`slot.${Math.min(size - 2, 3)}`, 6);
    back = slot;
    if (slot >= 4) {
      const bits = (slot >> 1) - 1;
      back = (2 | (slot & 1)) * 2 ** bits;
      if (slot < 14) back += reversed(`special.${slot}`, bits);
      else {
        for (let i = bits - 1; i >= 4; i--) {
          range = Math.floor(range / 2);
          if (code >= range) {
            code -= range;
            back += 2 ** i;
          }
          normalise();
        }
        back += reversed('align', 4);
      }
    }
    for (; size > 0; size--, n++) out[n] = out[n - back - 1] as number;
  }
  return out;
}

test('what is compressed comes back: random bytes, runs, text with repeats near and far', () => {
  const pieces = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 700 }))
      .map(([v, n]) => new Uint8Array(n).fill(v)),
    fc.constant(new TextEncoder().encode('set gfxpayload=keep; insmod gfxterm; ')),
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const data = Uint8Array.from(parts.flatMap((p) => [...p]));
      expect(decode(lzmaCompress(data), data.length)).toEqual(data);
    }),
    { numRuns: 60 },
  );
  const far = new Uint8Array(70_000).map((_, i) => (i * 7919) >> 5);
  far.set(far.subarray(0, 5000), 60_000);
  expect(decode(lzmaCompress(far), far.length)).toEqual(far);
});

test('what repeats gets small', () => {
  expect(lzmaCompress(new Uint8Array(10_000)).length).toBeLessThan(100);
});
