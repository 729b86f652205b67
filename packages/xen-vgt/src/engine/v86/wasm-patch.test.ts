import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shareJitMemory, shareMainMemory } from './wasm-patch.ts';

const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
/** A custom section, to be left as it is. */
const CUSTOM = [0, 5, 1, 0x78, 1, 2, 3];

describe('shareMainMemory', () => {
  test('the memory gets the shared flag and a maximum, everything else stays', () => {
    const code = Uint8Array.of(...MAGIC, ...CUSTOM, 5, 4, 1, 0, 0x92, 0x01, ...CUSTOM);
    const out = shareMainMemory(code, 12288);
    expect([...(out ?? [])]).toEqual([
      ...MAGIC,
      ...CUSTOM,
      5,
      6,
      1,
      3,
      0x92,
      0x01,
      0x80,
      0x60,
      ...CUSTOM,
    ]);
  });

  test('no memory, a shared one and two of them are not v86', () => {
    expect(shareMainMemory(Uint8Array.of(...MAGIC, ...CUSTOM), 64)).toBeNull();
    expect(shareMainMemory(Uint8Array.of(...MAGIC, 5, 4, 1, 3, 1, 2), 64)).toBeNull();
    expect(shareMainMemory(Uint8Array.of(...MAGIC, 5, 5, 2, 0, 1, 0, 1), 64)).toBeNull();
  });
});

describe('shareJitMemory', () => {
  test('the import of e.m is rewritten among the others', () => {
    const before = [1, 0x65, 1, 0x61, 0, 0];
    const after = [1, 0x65, 1, 0x62, 0, 1];
    const memory = [1, 0x65, 1, 0x6d, 2, 0, 0x40];
    const body = [3, ...before, ...memory, ...after];
    const code = Uint8Array.of(...MAGIC, 2, body.length, ...body, ...CUSTOM);
    const want = [3, ...before, 1, 0x65, 1, 0x6d, 2, 3, 0x40, 0x80, 0x60, ...after];
    expect([...(shareJitMemory(code, 12288) ?? [])]).toEqual([
      ...MAGIC,
      2,
      want.length,
      ...want,
      ...CUSTOM,
    ]);
  });

  test('any bytes at all end in a module or in null', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => {
        const code = Uint8Array.of(...MAGIC, ...tail);
        shareMainMemory(code, 64);
        shareJitMemory(code, 64);
      }),
    );
  });
});
