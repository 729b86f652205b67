import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareVersions, parseRelations, parseStanza, parseStanzas, satisfies } from './deb822.ts';

describe('control files', () => {
  test('fields, continuation lines and comments', () => {
    const s = parseStanza(
      'Package: tcc\n# note\nDescription: small\n a compiler\n .\nSHA256: ab\n',
    );
    expect([...s]).toEqual([
      ['package', 'tcc'],
      ['description', 'small\na compiler\n.'],
      ['sha256', 'ab'],
    ]);
  });

  test('paragraphs are separated by empty lines', () => {
    expect(parseStanzas('A: 1\n\n\nA: 2\n \nA: 3\n').map((s) => s.get('a'))).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  test('relations: alternatives, versions, architecture qualifiers, obsolete operators', () => {
    expect(parseRelations('libc6 (>= 2.34), a:any | b (<< 1~), c [i386] <!x>, d(<1)')).toEqual([
      [{ name: 'libc6', operator: '>=', version: '2.34' }],
      [
        { name: 'a', operator: '', version: '' },
        { name: 'b', operator: '<<', version: '1~' },
      ],
      [{ name: 'c', operator: '', version: '' }],
      [{ name: 'd', operator: '<=', version: '1' }],
    ]);
    expect(parseRelations(undefined)).toEqual([]);
  });
});

describe('versions', () => {
  // Each is older than the next. From deb-version(7) and from real bookworm packages.
  const ordered = [
    ['0', '0.1~~', '0.1~~a', '0.1~', '0.1', '0.1a', '0.1+b1', '0.1.1'],
    ['6.1.99-1', '6.1.170-1~deb12u1', '6.1.170-1', '6.1.176-1', '6.10-1', '1:0.1-1'],
    ['1.0-1', '1.0-1+b1', '1.0-1+deb12u1', '1.0-1.1', '1.0-2', '1.0-10', '1.0.0-1'],
  ];
  test.each(ordered.map((list) => [list]))('%j is in order', (list) => {
    for (const [i, a] of list.entries()) {
      for (const [j, b] of list.entries()) {
        expect(Math.sign(compareVersions(a, b)), `${a} ? ${b}`).toBe(Math.sign(i - j));
      }
    }
  });

  test('leading zeros and an absent revision or epoch do not count', () => {
    expect(compareVersions('1.01-1', '1.1-1')).toBe(0);
    expect(compareVersions('0:1.0', '1.0')).toBe(0);
    expect(compareVersions('1.0', '1.0-0')).toBe(0);
  });

  test('it is an order: antisymmetric and transitive', () => {
    const version = fc.stringMatching(/^[0-9][0-9a-z.~+-]{0,6}$/);
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test.each([
    ['1.0', '=', '1.0', true],
    ['1.0', '=', '1.0-1', false],
    ['1.0', '>=', '1.0', true],
    ['1.0', '>>', '1.0', false],
    ['1.0', '<<', '1.1', true],
    ['1.1', '<=', '1.0', false],
  ] as const)('%s satisfies (%s %s): %s', (version, operator, bound, want) => {
    expect(satisfies(version, { name: 'x', operator, version: bound })).toBe(want);
  });
});
