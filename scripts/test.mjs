// `npm test`: makes everything ready, runs the turbo pipeline (types, build, unit tests, guest
// tests), and ends with the line `N passed, N failed`.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run, runMain } from './lib/child.mjs';
import { countsOf } from './lib/counts.mjs';
import { RESULTS } from './lib/paths.mjs';
import { say } from './lib/say.mjs';
import { setup } from './lib/setup.mjs';

/** The vitest projects, by the name of the file each leaves its counts in. */
const PROJECTS = ['unit', 'guest'];

/** The counts one project left behind; null when it did not get that far. @param {string} name */
function countsLeftBy(name) {
  const path = join(RESULTS, `${name}.json`);
  return existsSync(path) ? countsOf(JSON.parse(readFileSync(path, 'utf8'))) : null;
}

await runMain(async () => {
  const ws = await setup();
  rmSync(RESULTS, { recursive: true, force: true });
  mkdirSync(RESULTS, { recursive: true });
  const { code } = await run(
    'turbo',
    [
      ...['run', 'build', 'check-types', 'test:unit', 'guest'],
      ...['--continue=always', '--ui=stream'],
      ...process.argv.slice(2),
    ],
    { env: ws.env },
  );
  let passed = 0;
  let failed = 0;
  for (const name of PROJECTS) {
    const count = countsLeftBy(name);
    if (!count) say(`${name} tests did not run to their end`);
    passed += count?.passed ?? 0;
    failed += count?.failed ?? 1;
  }
  if (code !== 0 && failed === 0) {
    say('every test passed, but a build or a type check failed (see above)');
    failed = 1;
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
});
