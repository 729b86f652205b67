// Writes the generated parts of docs/; with --check it only says whether they are up to date.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROWS } from '../../packages/integration/conformance/rows.ts';
import { betterIds, renderConformance, unknownIds } from './conformance.ts';
import { arrows, cruisePackages, mermaid } from './graph.ts';
import { between } from './markers.ts';
import { namedTests } from './titles.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const TESTS = 'packages/*/{src,test,conformance,fuzz}/**/*.{test,guest}.ts';

const tests = globSync(TESTS, { cwd: ROOT })
  .map((path) => path.replaceAll('\\', '/'))
  .sort()
  .flatMap((file) => namedTests(file, readFileSync(join(ROOT, file), 'utf8')));

const better = betterIds(readFileSync(join(ROOT, 'docs/differences.md'), 'utf8'));
const unknown = unknownIds(ROWS, [
  ...tests,
  { ids: [...better], title: 'the table of rows', file: 'docs/differences.md' },
]);
const architecture = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
const generated = {
  'docs/conformance.md': renderConformance(ROWS, tests, better),
  'docs/architecture.md': between(
    architecture,
    'import graph',
    mermaid(arrows(cruisePackages(ROOT))),
  ),
};

const stale = Object.entries(generated).filter(([path, text]) => {
  const full = join(ROOT, path);
  return !existsSync(full) || readFileSync(full, 'utf8') !== text;
});
const check = process.argv.includes('--check');
for (const [path, text] of stale) {
  if (!check) writeFileSync(join(ROOT, path), text);
  process.stderr.write(
    check ? `${path} is out of date: run \`npm run docs\`\n` : `wrote ${path}\n`,
  );
}
for (const line of unknown) process.stderr.write(`${line}\n`);
process.exitCode = unknown.length > 0 || (check && stale.length > 0) ? 1 : 0;
