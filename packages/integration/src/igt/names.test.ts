import { describe, expect, test } from 'vitest';
import { defaultTests, familyOf, globPattern, parseTestList, parseTestName } from './names.ts';

const named = (...names: string[]) => parseTestList(names.join('\n')).tests;

describe('names', () => {
  test('program, subtest and dynamic subtest', () => {
    expect(parseTestName('igt@core_auth')).toMatchObject({ program: 'core_auth', subtest: '' });
    expect(parseTestName('igt@gem_busy@busy@all-engines')).toEqual({
      name: 'igt@gem_busy@busy@all-engines',
      program: 'gem_busy',
      subtest: 'busy',
      dynamic: 'all-engines',
    });
  });

  test('what could mean something to a shell is no name', () => {
    for (const bad of [
      'core_auth',
      'igt@',
      'igt@a@b@c@d',
      'igt@a b',
      "igt@a@b'",
      'igt@a@$(b)',
      'igt@a/b',
      'igt@a@b;c',
    ])
      expect(parseTestName(bad)).toBeNull();
  });

  test('a family is the word before the first underscore', () => {
    expect(named('igt@gem_exec_store', 'igt@fbdev', 'igt@perf_pmu').map(familyOf)).toEqual([
      'gem',
      'fbdev',
      'perf',
    ]);
  });
});

describe('lists', () => {
  test('comments and blank lines are nothing, a name counts once', () => {
    const { tests, issues } = parseTestList('# all\n\nigt@a@b # why\n  igt@a@c\nigt@a@b\r\n');
    expect(tests.map((t) => t.name)).toEqual(['igt@a@b', 'igt@a@c']);
    expect(issues).toEqual([]);
  });

  test('lines that are no names are told with their numbers', () => {
    expect(parseTestList('igt@a@b\nxgt@a\n').issues).toEqual([
      'line 2: "xgt@a" is no name of a test',
    ]);
  });

  test('without a list: fast-feedback first, then our families of the full list', () => {
    const full = named('igt@kms_flip@b', 'igt@kms_flip@a', 'igt@syncobj_wait@x', 'igt@perf@y');
    const fast = named('igt@kms_flip@a', 'igt@vgem_basic@z');
    expect(defaultTests(full, fast).map((t) => t.name)).toEqual([
      'igt@kms_flip@a',
      'igt@vgem_basic@z',
      'igt@kms_flip@b',
      'igt@perf@y',
    ]);
  });
});

describe('globs', () => {
  const fits = (glob: string, name: string) => globPattern(glob).test(name);
  test('the whole name has to fit', () => {
    expect(fits('igt@gem_*', 'igt@gem_exec@basic')).toBe(true);
    expect(fits('igt@gem_*', 'igt@kms_gem_')).toBe(false);
    expect(fits('*@basic', 'igt@gem_exec@basic-2')).toBe(false);
    expect(fits('igt@a?b', 'igt@a-b')).toBe(true);
  });
  test('alternatives, also an empty one', () => {
    for (const name of ['igt@gem_huc_copy', 'igt@gem_huc_copy@x', 'igt@drm_mm'])
      expect(fits('igt@{gem_huc_copy,drm_mm}{,@*}', name)).toBe(true);
    expect(fits('igt@{gem_huc_copy,drm_mm}{,@*}', 'igt@drm_mmx')).toBe(false);
  });
  test('nothing else is special, and no glob is a broken pattern', () => {
    expect(fits('igt@a.b', 'igt@axb')).toBe(false);
    for (const glob of ['{', '}', '{a,b', '[a', '(', '\\', 'a,b', '{a{b,c}}', '+', '^$|'])
      expect(globPattern(glob)).toBeInstanceOf(RegExp);
    expect(fits('(a|b)', '(a|b)')).toBe(true);
  });
});
