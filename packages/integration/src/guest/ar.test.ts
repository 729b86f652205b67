import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readAr, writeAr } from './ar.ts';
import { FormatError } from './error.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,14}$/);
const members = fc.array(fc.record({ name, data: fc.uint8Array({ maxLength: 40 }) }), {
  maxLength: 6,
});

describe('ar', () => {
  test('what is written is read again, odd sizes padded', () => {
    fc.assert(
      fc.property(members, (list) => {
        const bytes = writeAr(list);
        expect(bytes.length % 2).toBe(0);
        expect(readAr(bytes).map((m) => ({ name: m.name, data: [...m.data] }))).toEqual(
          list.map((m) => ({ name: m.name, data: [...m.data] })),
        );
      }),
    );
  });

  test('a header is laid out as ar(5) says', () => {
    const text = Buffer.from(
      writeAr([{ name: 'debian-binary', data: Buffer.from('2.0\n') }]),
    ).toString('latin1');
    expect(text).toBe(
      `!<arch>\n${'debian-binary   '}${'0           '}${'0     '}${'0     '}${'100644  '}${'4         '}\`\n2.0\n`,
    );
  });

  test('a wrong magic, a cut header, a cut member and a bad size are told apart', () => {
    const good = writeAr([{ name: 'a', data: new Uint8Array(10) }]);
    expect(readAr(good)).toHaveLength(1);
    expect(() => readAr(Buffer.from('PK\x03\x04 no ar'))).toThrow(/ar magic.*found 504b0304/);
    expect(() => readAr(new Uint8Array(0))).toThrow(/an empty file/);
    expect(() => readAr(good.subarray(0, 40))).toThrow(/cut off in a member header at byte 8/);
    expect(() => readAr(good.subarray(0, 70))).toThrow(
      /truncated: member "a" should end at byte 78, the file ends at 70/,
    );
    const bad = Uint8Array.from(good);
    bad[8 + 48] = 'x'.charCodeAt(0);
    expect(() => readAr(bad)).toThrow(/broken member header/);
  });

  test('any bytes are read or refused with a FormatError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (tail) => {
        try {
          readAr(Buffer.concat([Buffer.from('!<arch>\n'), tail]));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
    );
  });
});
