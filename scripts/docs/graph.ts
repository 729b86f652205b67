import { spawnSync } from 'node:child_process';

/** The part of dependency-cruiser's JSON that is read here. */
interface Cruised {
  readonly modules: readonly {
    readonly source: string;
    readonly dependencies: readonly {
      readonly resolved: string;
      readonly dependencyTypes: readonly string[];
    }[];
  }[];
}

/** One arrow between packages; `typesOnly` when nothing of it is left at run time. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly typesOnly: boolean;
}

const packageOf = (path: string): string | undefined => /^packages\/([^/]+)\/src\//.exec(path)?.[1];
const isTest = (path: string): boolean => /\.(test|bench)\.ts$/.test(path);

/** The arrows between packages that a cruise found, sorted. Tests are left out. */
export function arrows({ modules }: Cruised): Arrow[] {
  const found = new Map<string, Arrow>();
  for (const { source, dependencies } of modules) {
    const from = packageOf(source);
    if (from === undefined || isTest(source)) continue;
    for (const { resolved, dependencyTypes } of dependencies) {
      const to = packageOf(resolved);
      if (to === undefined || to === from) continue;
      const key = `${from} ${to}`;
      const typesOnly = dependencyTypes.includes('type-only');
      found.set(key, { from, to, typesOnly: typesOnly && (found.get(key)?.typesOnly ?? true) });
    }
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, arrow]) => arrow);
}

/** The arrows as a mermaid flow chart: solid for code, dotted for types only. */
export function mermaid(list: readonly Arrow[]): string {
  const lines = list.map(
    ({ from, to, typesOnly }) => `  ${from} ${typesOnly ? '-.->' : '-->'} ${to}`,
  );
  return ['```mermaid', 'flowchart TD', ...lines, '```'].join('\n');
}

/** Asks dependency-cruiser for the imports of all packages. */
export function cruisePackages(root: string): Cruised {
  // A broken rule is `npm run check`'s to report; the picture is drawn all the same.
  const { stdout, stderr, error } = spawnSync('depcruise', ['packages', '--output-type', 'json'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error) throw error;
  if (stdout === '') throw new Error(`dependency-cruiser said nothing: ${stderr}`);
  return JSON.parse(stdout) as Cruised;
}
