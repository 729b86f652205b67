import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { run, StepError } from './child.mjs';
import { workspaceNode } from './node.mjs';
import { ROOT } from './paths.mjs';
import { ensurePnpm } from './pnpm.mjs';
import { step } from './say.mjs';

/** What the last successful install was made from. */
const STAMP = join(ROOT, 'node_modules', '.xengt-installed');

/** @typedef {{ node: string, env: NodeJS.ProcessEnv, pnpm: string }} Workspace */

/** A hash of everything that decides what an install puts in place. */
function installKey() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  const manifests = readdirSync(join(ROOT, 'packages'))
    .map((name) => join('packages', name, 'package.json'))
    .filter((path) => existsSync(join(ROOT, path)));
  for (const path of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests]) {
    hash.update(`${path}\n`).update(readFileSync(join(ROOT, path)));
  }
  return hash.digest('hex');
}

/** Whether node_modules is what the lock file asks for. @param {string} key */
function isInstalled(key) {
  return (
    existsSync(join(ROOT, 'node_modules', '.modules.yaml')) &&
    existsSync(STAMP) &&
    readFileSync(STAMP, 'utf8') === key
  );
}

/** @param {string} pnpmDir */
async function install(pnpmDir) {
  const key = installKey();
  if (isInstalled(key)) return;
  await step('install dependencies', async (detail) => {
    const { code, output } = await run(
      join(pnpmDir, 'pnpm'),
      ['install', '--frozen-lockfile', '--reporter=append-only'],
      // CI: never ask before replacing a node_modules of another make.
      { env: { ...process.env, CI: 'true' }, output: 'capture', onLine: detail },
    );
    if (code !== 0) {
      const said = output.split('\n').filter((line) => !/Unsupported engine/.test(line));
      throw new StepError(`pnpm install failed:\n${said.join('\n').trim()}`);
    }
    writeFileSync(STAMP, key);
  });
}

/**
 * Makes a fresh clone ready: pnpm, dependencies, Node. Quick when nothing changed.
 * @returns {Promise<Workspace>} the Node to use, and an environment in which `node`, `pnpm` and
 *   the workspace's tools are found first
 */
export async function setup() {
  const pnpm = await ensurePnpm();
  await install(pnpm);
  const node = workspaceNode();
  const tools = join(ROOT, 'node_modules', '.bin');
  /** @type {NodeJS.ProcessEnv} */
  const env = {
    ...process.env,
    PATH: [dirname(node), tools, pnpm, process.env['PATH'] ?? ''].join(delimiter),
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    DO_NOT_TRACK: '1',
  };
  return { node, env, pnpm };
}

/** Builds every package; turbo skips those whose inputs did not change. @param {Workspace} ws */
export async function build(ws) {
  await step('build packages', async (detail) => {
    const { code, output } = await run(
      'turbo',
      ['run', 'build', '--ui=stream', '--log-order=grouped'],
      { env: ws.env, output: 'capture', onLine: detail },
    );
    if (code !== 0) throw new StepError(`the build failed:\n${output.trim()}`);
  });
}
