import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { run, StepError } from './child.mjs';
import { cacheDir, ROOT } from './paths.mjs';
import { step } from './say.mjs';

/** The version that package.json pins. */
function pinnedVersion() {
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return String(packageManager)
    .replace(/^pnpm@/, '')
    .replace(/\+.*$/, '');
}

/**
 * Whether this pnpm is the pinned one and works.
 * @param {string} path
 * @param {string} version
 */
function isPinned(path, version) {
  try {
    // Corepack's stand-in would go and download; it is passed over.
    if (realpathSync(path).includes('corepack')) return false;
    return String(execFileSync(path, ['--version'], { stdio: 'pipe' })).trim() === version;
  } catch {
    return false;
  }
}

/** How to call npm: the one that started us, else the one beside this Node, else PATH's. */
function npmCommand() {
  const { npm_execpath: started } = process.env;
  if (started && /npm-cli\.c?js$/.test(started) && existsSync(started)) {
    return { command: process.execPath, args: [started] };
  }
  const beside = join(dirname(process.execPath), '..', 'lib/node_modules/npm/bin/npm-cli.js');
  if (existsSync(beside)) return { command: process.execPath, args: [beside] };
  return { command: 'npm', args: [] };
}

/**
 * Finds the pinned pnpm on PATH or in the user's cache; fetches it with npm when it is in neither.
 * Nothing is installed globally.
 * @returns {Promise<string>} the directory that holds the `pnpm` command
 */
export async function ensurePnpm() {
  const version = pinnedVersion();
  const home = join(cacheDir(), `pnpm-${version}`);
  const cached = join(home, 'node_modules', '.bin');
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((dir) => dir !== '');
  for (const dir of [cached, ...onPath]) {
    const path = join(dir, 'pnpm');
    if (existsSync(path) && isPinned(path, version)) return dir;
  }
  return step(`fetch pnpm ${version}`, async (detail) => {
    const fresh = `${home}.${process.pid}`;
    mkdirSync(fresh, { recursive: true });
    try {
      const npm = npmCommand();
      const { code, output } = await run(
        npm.command,
        // biome-ignore format: one flag a line says less
        [...npm.args, 'install', '--prefix', fresh, '--no-audit', '--no-fund', '--no-save', `pnpm@${version}`],
        { output: 'capture', onLine: detail, cwd: fresh },
      );
      if (code !== 0) {
        throw new StepError(
          `npm could not fetch pnpm ${version} (is the network there?):\n${output.trim()}`,
        );
      }
      // Another run may have put it there meanwhile; either copy will do.
      if (!existsSync(home)) renameSync(fresh, home);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
    if (!isPinned(join(cached, 'pnpm'), version)) {
      rmSync(home, { recursive: true, force: true });
      throw new StepError(`pnpm ${version} was fetched into ${home} but does not run there`);
    }
    return cached;
  });
}
