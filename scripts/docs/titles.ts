import ts from 'typescript';

/** A test that names conformance rows in its title, or in the title of a group around it. */
export interface NamedTest {
  /** Row ids, as `L4`. */
  readonly ids: readonly string[];
  readonly title: string;
  /** Path from the repository's top, with forward slashes. */
  readonly file: string;
}

const RUNS = new Set(['test', 'it', 'describe']);
/** A test under one of these is not run, so it proves nothing. */
const NOT_RUN = new Set(['skip', 'todo', 'fails']);
const IDS = /\[([A-Z]\d+(?:\s*,\s*[A-Z]\d+)*)\]/g;

/** The row ids that a title names: `[L4]`, `[L4, L5]` and `[L4] [L5]` alike. */
export function idsIn(title: string): string[] {
  return [...title.matchAll(IDS)].flatMap(([, list = '']) => list.split(/\s*,\s*/));
}

/** The `test`, `it` or `describe` at the root of a callee such as `test.each(rows)`, and its parts. */
function runner(callee: ts.Expression): { name: string; parts: string[] } | undefined {
  const parts: string[] = [];
  let node = callee;
  for (;;) {
    if (ts.isIdentifier(node)) return { name: node.text, parts };
    if (ts.isPropertyAccessExpression(node)) {
      parts.push(node.name.text);
      node = node.expression;
    } else if (ts.isCallExpression(node)) node = node.expression;
    else if (ts.isTaggedTemplateExpression(node)) node = node.tag;
    else return undefined;
  }
}

function titleOf(node: ts.Expression | undefined): string | undefined {
  if (!node) return undefined;
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join('');
}

/** The lists that a file gives a name: `const attacks = [...]`. */
function namedLists(source: ts.SourceFile): Map<string, ts.ArrayLiteralExpression> {
  const lists = new Map<string, ts.ArrayLiteralExpression>();
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name)) {
      const { initializer } = node;
      if (initializer && ts.isArrayLiteralExpression(initializer)) {
        lists.set(node.name.text, initializer);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return lists;
}

/**
 * Titles of a table's rows: `test.each([['[B7] low', 1]])('%s stops it')` names its rows in the
 * table. Only the first text of each row is looked at.
 */
function titlesOf(
  callee: ts.Expression,
  title: string,
  lists: ReadonlyMap<string, ts.ArrayLiteralExpression>,
): string[] {
  const given = ts.isCallExpression(callee) ? callee.arguments[0] : undefined;
  const table = given && ts.isIdentifier(given) ? lists.get(given.text) : given;
  if (!table || !ts.isArrayLiteralExpression(table) || !title.includes('%s')) return [title];
  const named = table.elements.flatMap((row) => {
    const first = ts.isArrayLiteralExpression(row) ? row.elements[0] : row;
    const text = titleOf(first);
    return text !== undefined && idsIn(text).length > 0 ? [title.replace('%s', text)] : [];
  });
  return named.length > 0 ? named : [title];
}

/** The tests of one file that name rows. A `describe` passes its ids on to the tests inside it. */
export function namedTests(file: string, text: string): NamedTest[] {
  const found: NamedTest[] = [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lists = namedLists(source);
  const visit = (node: ts.Node, outer: readonly string[]): void => {
    let ids = outer;
    if (ts.isCallExpression(node)) {
      const called = runner(node.expression);
      const title = called && RUNS.has(called.name) ? titleOf(node.arguments[0]) : undefined;
      if (called && title !== undefined) {
        if (called.parts.some((part) => NOT_RUN.has(part))) return;
        ids = [...new Set([...outer, ...idsIn(title)])];
        if (called.name !== 'describe') {
          for (const one of titlesOf(node.expression, title, lists)) {
            const all = [...new Set([...ids, ...idsIn(one)])];
            if (all.length > 0) found.push({ ids: all, title: one, file });
          }
        }
      }
    }
    ts.forEachChild(node, (child) => visit(child, ids));
  };
  visit(source, []);
  return found;
}
