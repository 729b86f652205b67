// `npm run check`: everything that is not a test, cheapest first. All steps run; each failure is shown.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, runMain, StepError } from './lib/child.mjs';
import { ROOT } from './lib/paths.mjs';
import { say, step } from './lib/say.mjs';
import { build, setup } from './lib/setup.mjs';

/** @typedef {{ title: string, command: string, args: string[], cwd?: string }} Check */

/** @type {Check[]} */
const BEFORE_BUILD = [
  { title: 'format and lint', command: 'biome', args: ['ci', '--colors=off'] },
  { title: 'workspace consistency', command: 'sherif', args: [] },
  { title: 'types', command: 'tsc', args: ['-b'] },
  { title: 'import arrows', command: 'depcruise', args: ['packages', 'scripts'] },
  { title: 'nothing unused', command: 'knip', args: ['--no-progress'] },
  { title: 'generated docs', command: 'node', args: ['scripts/docs/main.ts', '--check'] },
];

/** The form each published package takes, judged on its build. @returns {Check[]} */
function packageChecks() {
  return readdirSync(join(ROOT, 'packages')).flatMap((name) => {
    const cwd = join(ROOT, 'packages', name);
    return [
      { title: `publint ${name}`, command: 'publint', args: ['--strict'], cwd },
      // biome-ignore format: one command a line
      { title: `types as published ${name}`, command: 'attw', args: ['--pack', '.', '--profile', 'esm-only'], cwd },
    ];
  });
}

await runMain(async () => {
  const ws = await setup();
  const env = { ...ws.env, NO_COLOR: '1' };
  /** @type {string[]} */
  const failed = [];
  const attempt = async (/** @type {Check} */ check) => {
    const { title, command, args, cwd = ROOT } = check;
    try {
      await step(title, async (detail) => {
        const { code, output } = await run(command, args, {
          env,
          cwd,
          output: 'capture',
          onLine: detail,
        });
        if (code !== 0) throw new StepError(output.trim(), code);
      });
    } catch (error) {
      if (!(error instanceof StepError) || error.exitCode > 128) throw error;
      process.stdout.write(`${error.message}\n`);
      failed.push(title);
    }
  };
  for (const check of BEFORE_BUILD) await attempt(check);
  try {
    await build(ws);
    for (const check of packageChecks()) await attempt(check);
  } catch (error) {
    if (!(error instanceof StepError) || error.exitCode > 128) throw error;
    process.stdout.write(`${error.message}\n`);
    failed.push('build');
  }
  say(failed.length === 0 ? 'all checks passed' : `failed: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
});
