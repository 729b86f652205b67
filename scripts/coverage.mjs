// `npm run coverage [-- FILTER...]`: runs the unit tests, the short fuzz among them, and prints what
// part of the branches they reach, by directory. Filters are vitest's: parts of test files' paths.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run, runMain } from './lib/child.mjs';
import { branchTable } from './lib/coverage.mjs';
import { ROOT } from './lib/paths.mjs';
import { say } from './lib/say.mjs';
import { setup } from './lib/setup.mjs';

const SUMMARY = join(ROOT, 'coverage', 'coverage-summary.json');
/** The package whose branches have a goal, and the goal, percent. */
const GOAL = { directory: 'packages/hsw-device/src', percent: 90 };

await runMain(async () => {
  const ws = await setup();
  rmSync(SUMMARY, { force: true });
  const { code } = await run(
    'vitest',
    [
      ...['run', '--project', 'unit', '--coverage', '--reporter=dot'],
      ...['--coverage.reporter=json-summary', '--coverage.reporter=html'],
      // Counting makes everything slower.
      ...['--coverage.reportOnFailure', '--testTimeout=120000'],
      ...process.argv.slice(2),
    ],
    { env: ws.env },
  );
  if (!existsSync(SUMMARY)) {
    say('the tests left no coverage');
    return code === 0 ? 1 : code;
  }
  const table = branchTable(JSON.parse(readFileSync(SUMMARY, 'utf8')), ROOT, GOAL);
  process.stdout.write(`${table.join('\n')}\n`);
  return code;
});
