import { describe, expect, test } from 'vitest';
import { type ConformanceRow, GROUPS, ROWS } from '../../packages/integration/conformance/rows.ts';
import { betterIds, renderConformance, unknownIds } from './conformance.ts';
import { arrows, mermaid } from './graph.ts';
import { between } from './markers.ts';
import { idsIn, namedTests } from './titles.ts';

const FILE = 'packages/x/src/x.test.ts';

describe('titles', () => {
  test('every way to write ids is read', () => {
    expect(idsIn('[L4] one')).toEqual(['L4']);
    expect(idsIn('[L4, L5] two')).toEqual(['L4', 'L5']);
    expect(idsIn('[L4] [M17] two')).toEqual(['L4', 'M17']);
    expect(idsIn('[4] [l4] L4 none')).toEqual([]);
  });

  test('tests, each, templates and groups are found; skipped ones are not', () => {
    const source = [
      "test('[A1] plain', () => {});",
      "it.each([1, 2])('[A2] case %d', () => {});",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a test's source
      'test(`[A3] template ${x}`, () => {});',
      "test.each([['[A11] low', 1], ['high', 2], ['[A12] fences', 3]])('%s: too much', () => {});",
      "const list = [['[A13] here', 1]]; test.each(list)('%s', () => {});",
      "describe('[A4] group', () => { test('inside', () => {}); });",
      "test.skip('[A5] skipped', () => {});",
      "describe.todo('[A6] later', () => { test('[A7] inside', () => {}); });",
      "// test('[A8] in a comment', () => {});",
      "call('[A9] not a test');",
      "test.runIf(kvm)('[A10] conditional', () => {});",
    ].join('\n');
    const found = namedTests(FILE, source);
    expect(found.flatMap(({ ids }) => ids)).toEqual([
      ...['A1', 'A2', 'A3', 'A11', 'A12', 'A13', 'A4', 'A10'],
    ]);
    expect(found[2]?.title).toBe('[A3] template …');
    expect(found[3]?.title).toBe('[A11] low: too much');
  });
});

describe('conformance page', () => {
  const rows: ConformanceRow[] = [
    ['A1', 'Create', 'A|B appears.', 'K/sysfs.c, K/instance.c'],
    ['A2', 'Destroy', 'It goes.', 'K/sysfs.c'],
  ];
  const tests = namedTests(FILE, "test('[A1] makes one', () => {});");

  test('a row has its tests, or "not yet"', () => {
    const page = renderConformance(rows, tests, new Set());
    expect(page).toContain('**1 of 2 rows proved by tests, 0 done better, 1 not yet.**');
    expect(page).toContain(
      '| A1 | Create | A\\|B appears. | `K/sysfs.c`, `K/instance.c` | [makes one](../packages/x/src/x.test.ts) |',
    );
    expect(page).toContain('| A2 | Destroy | It goes. | `K/sysfs.c` | not yet |');
  });

  test('a row that is done better is marked, with or without a test', () => {
    const page =
      '| Row | Upstream | Here |\n| --- | --- | --- |\n| A1, A2  | so | thus |\n| GTT | |\n';
    expect([...betterIds(page)]).toEqual(['A1', 'A2']);
    const text = renderConformance(rows, tests, betterIds(page));
    expect(text).toContain('**1 of 2 rows proved by tests, 2 done better, 0 not yet.**');
    expect(text).toContain(
      '| [better](differences.md); [makes one](../packages/x/src/x.test.ts) |',
    );
    expect(text).toContain('| A2 | Destroy | It goes. | `K/sysfs.c` | [better](differences.md) |');
  });

  test('an id without a row is reported', () => {
    expect(unknownIds(rows, tests)).toEqual([]);
    const stray = namedTests(FILE, "test('[A3] stray', () => {});");
    expect(unknownIds(rows, stray)).toEqual([`${FILE}: no row A3 (test "[A3] stray")`]);
  });

  test('there are 357 rows, numbered without gaps within their groups', () => {
    expect(ROWS).toHaveLength(357);
    const groups = Map.groupBy(ROWS, ([id]) => id.charAt(0));
    expect([...groups.keys()]).toEqual(Object.keys(GROUPS));
    for (const [letter, group] of groups) {
      expect(group.map(([id]) => id)).toEqual(group.map((_, i) => `${letter}${i + 1}`));
    }
  });
});

describe('import graph', () => {
  const to = (name: string, ...types: string[]) => ({
    resolved: `packages/${name}/src/index.ts`,
    dependencyTypes: types,
  });

  test('arrows join packages once; types alone are dotted; tests do not count', () => {
    const list = arrows({
      modules: [
        {
          source: 'packages/a/src/x.ts',
          dependencies: [to('b', 'type-only'), to('c', 'type-only')],
        },
        { source: 'packages/a/src/y.ts', dependencies: [to('b', 'npm'), to('a', 'local')] },
        { source: 'packages/b/src/y.test.ts', dependencies: [to('a', 'npm')] },
      ],
    });
    expect(mermaid(list)).toBe('```mermaid\nflowchart TD\n  a --> b\n  a -.-> c\n```');
  });

  test('generated text replaces what stood between the markers', () => {
    const page = 'x\n<!-- g: generated -->\nold\n<!-- g: end -->\ny\n';
    const next = between(page, 'g', 'new');
    expect(next).toBe('x\n<!-- g: generated -->\nnew\n<!-- g: end -->\ny\n');
    expect(between(next, 'g', 'new')).toBe(next);
    expect(() => between('x', 'g', 'new')).toThrow('no "<!-- g: generated -->"');
  });
});
