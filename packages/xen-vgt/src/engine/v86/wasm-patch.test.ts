import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exportAs, shareJitMemory, shareMainMemory } from './wasm-patch.ts';

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

describe('exportAs', () => {
  /** Exports of functions: a name of one letter and an index. */
  const module = (
    ...exports: readonly [string, number, ...number[]][]
  ): Uint8Array<ArrayBuffer> => {
    const body = [exports.length, ...exports.flatMap(([n, ...of]) => [1, n.charCodeAt(0), ...of])];
    return Uint8Array.of(...MAGIC, 7, body.length, ...body, ...CUSTOM);
  };

  test('the name leads to what another name is of, at any length of the number', () => {
    const code = module(['a', 0, 3], ['m', 2, 0], ['b', 0, 0x99, 0x10]);
    expect(exportAs(code, 'a', 'b')).toEqual(
      module(['a', 0, 0x99, 0x10], ['m', 2, 0], ['b', 0, 0x99, 0x10]),
    );
    expect(exportAs(code, 'b', 'a')).toEqual(module(['a', 0, 3], ['m', 2, 0], ['b', 0, 3]));
  });

  test('what is not exported, or no function, is refused', () => {
    const code = module(['a', 0, 3], ['m', 2, 0]);
    for (const [name, other] of [
      ['a', 'm'],
      ['m', 'a'],
      ['a', 'x'],
      ['x', 'a'],
    ] as const)
      expect(exportAs(code, name, other)).toBeNull();
    expect(exportAs(Uint8Array.of(...MAGIC, ...CUSTOM), 'a', 'b')).toBeNull();
  });
});
