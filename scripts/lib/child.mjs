import { spawn } from 'node:child_process';
import { ROOT } from './paths.mjs';

/** A second Ctrl-C within this time is the same key press, seen by npm and by us. Milliseconds. */
const SAME_PRESS_MS = 500;
/** How long children may take to stop after the first signal. Milliseconds. */
const GRACE_MS = 15_000;

/** How often we look whether our parent is still there. Milliseconds. */
const PARENT_POLL_MS = 1000;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
/** @type {NodeJS.Signals | null} */
let stopping = null;
let stoppedAt = 0;

/** A step that cannot go on; its message is for the person, no stack is shown. */
export class StepError extends Error {
  /**
   * @param {string} message
   * @param {number} [exitCode]
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Sends a signal to every child's process group. @param {NodeJS.Signals} signal */
function signalAll(signal) {
  for (const child of running) {
    if (child.pid === undefined) continue;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** @param {NodeJS.Signals} signal */
function onSignal(signal) {
  const now = performance.now();
  if (stopping && now - stoppedAt < SAME_PRESS_MS) return;
  const again = stopping !== null;
  stopping = signal;
  stoppedAt = now;
  if (running.size === 0) process.exit(signalExit(signal));
  signalAll(again ? 'SIGKILL' : signal);
  setTimeout(() => signalAll('SIGKILL'), GRACE_MS).unref();
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => onSignal(signal));
}
process.on('exit', () => signalAll('SIGKILL'));

// npm passes a SIGTERM to the shell between us and it, and no further: when that shell is gone,
// so are we.
const parent = process.ppid;
if (process.env['npm_lifecycle_event']) {
  setInterval(() => {
    if (process.ppid !== parent && !stopping) onSignal('SIGTERM');
  }, PARENT_POLL_MS).unref();
}

/** The shell's exit code for an end by signal. @param {NodeJS.Signals | null} signal */
function signalExit(signal) {
  return signal === 'SIGINT' ? 130 : signal === 'SIGHUP' ? 129 : 143;
}

/**
 * Runs a command to its end. Children get a process group of their own, and every signal that
 * ends us is passed on to that group exactly once.
 * @param {string} command
 * @param {string[]} args
 * @param {{
 *   env?: NodeJS.ProcessEnv,
 *   cwd?: string,
 *   output?: 'inherit' | 'stderr' | 'capture',
 *   onLine?: (line: string) => void,
 * }} [options] `capture` keeps stdout and stderr together in the result
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(command, args, options = {}) {
  const { env = process.env, cwd = ROOT, output = 'inherit', onLine } = options;
  if (stopping) return Promise.reject(new StepError('stopped', signalExit(stopping)));
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio:
        output === 'inherit'
          ? 'inherit'
          : output === 'stderr'
            ? ['ignore', process.stderr, process.stderr]
            : ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let text = '';
    const take = (/** @type {string} */ chunk) => {
      text += chunk;
      const lines = chunk.split(/[\r\n]+/).filter((line) => line.trim() !== '');
      const last = lines.at(-1);
      if (last !== undefined) onLine?.(last.trim());
    };
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    child.on('error', (cause) => {
      running.delete(child);
      reject(new StepError(`cannot run ${command}: ${cause.message}`));
    });
    child.on('close', (code, signal) => {
      running.delete(child);
      if (stopping) reject(new StepError('stopped', signalExit(stopping)));
      else resolve({ code: code ?? signalExit(signal), output: text });
    });
  });
}

/** Runs a script's main function; turns errors into a message and an exit code.
 * @param {() => Promise<number>} main
 */
export async function runMain(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    process.stderr.write(`xengt: ${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}
