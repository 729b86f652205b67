/** One test by IGT's naming: `igt@PROGRAM[@SUBTEST[@DYNAMIC]]`. */
export interface IgtTest {
  readonly name: string;
  readonly program: string;
  /** '' runs all of the program's subtests. */
  readonly subtest: string;
  readonly dynamic: string;
}

/** Nothing in a name means something to a shell. */
const NAME = /^igt@([\w.+-]+)(?:@([\w.+:-]+))?(?:@([\w.+:-]+))?$/;

/** @returns null when it is no test's name */
export function parseTestName(text: string): IgtTest | null {
  const m = NAME.exec(text);
  if (m === null) return null;
  return { name: text, program: m[1] as string, subtest: m[2] ?? '', dynamic: m[3] ?? '' };
}

/** A test list: one name a line, `#` begins a comment. A name that comes twice counts once. */
export function parseTestList(text: string): {
  readonly tests: readonly IgtTest[];
  /** Lines that are no test names, with their numbers from 1. */
  readonly issues: readonly string[];
} {
  const tests = new Map<string, IgtTest>();
  const issues: string[] = [];
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.replace(/#.*/, '').trim();
    if (line === '') continue;
    const test = parseTestName(line);
    if (test === null) issues.push(`line ${i + 1}: "${line}" is no name of a test`);
    else tests.set(test.name, test);
  }
  return { tests: [...tests.values()], issues };
}

/** Whether a name fits a glob: `*` is any text, `?` one character, `{a,b}` one of them. */
export function globPattern(glob: string): RegExp {
  let depth = 0;
  const body = [...glob].map((c) => {
    if (c === '*') return '.*';
    if (c === '?') return '.';
    if (c === '{') {
      depth++;
      return '(?:';
    }
    if (c === '}' && depth > 0) {
      depth--;
      return ')';
    }
    if (c === ',' && depth > 0) return '|';
    return c.replace(/[\\^$.|+()[\]{}]/, '\\$&');
  });
  return new RegExp(`^${body.join('')}${')'.repeat(depth)}$`);
}

/** The families of programs that can say something of a Haswell's kernel side. */
const FAMILIES = /^(core|drm|gem|gen7|i915|kms|prime|sysfs|perf)(_|$)/;

/** What a program's results are counted under: the word before the first `_`. */
export function familyOf(test: Pick<IgtTest, 'program'>): string {
  return test.program.replace(/_.*/, '');
}

/** What runs when no list is asked for: our families of the full list, and all of fast-feedback. */
export function defaultTests(
  full: readonly IgtTest[],
  fastFeedback: readonly IgtTest[],
): readonly IgtTest[] {
  const fast = new Set(fastFeedback.map((t) => t.name));
  return [...fastFeedback, ...full.filter((t) => FAMILIES.test(t.program) && !fast.has(t.name))];
}
