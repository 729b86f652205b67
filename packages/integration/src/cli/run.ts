import { ExitCode, run } from '@stricli/core';
import { xengtApplication } from './app.ts';
import {
  type Actions,
  type CommandIo,
  printJson,
  UsageError,
  type XengtContext,
  type XengtExitCode,
} from './context.ts';

/**
 * Runs one `xengt` command.
 *
 * Errors go to stderr; with `--json` they are a document `{ "error": { code, message } }` on stdout
 * instead, so that whoever asked for JSON always gets one document.
 *
 * @param inputs the arguments after the command's own name
 * @returns the process's exit code
 */
export async function runXengt(
  inputs: readonly string[],
  version: string,
  io: CommandIo,
  actions: Actions,
): Promise<XengtExitCode> {
  let complaint = '';
  let thrown: unknown = null;
  const app = xengtApplication(version, (error) => {
    thrown = error;
    return error instanceof UsageError ? 2 : 1;
  });
  const process: { exitCode?: number | string | null } & XengtContext['process'] = {
    stdout: { write: (text) => io.out(text) },
    stderr: {
      write: (text) => {
        complaint += text;
      },
    },
    env: { STRICLI_NO_COLOR: '1' },
  };
  await run(app, inputs, { process, io, actions });
  const code = exitCodeOf(process.exitCode);
  if (complaint !== '') {
    const text = complaint.trimEnd();
    report(io, inputs, thrown === null ? lowerFirst(text) : text, thrown);
  }
  return code;
}

function exitCodeOf(code: number | string | null | undefined): XengtExitCode {
  if (code === ExitCode.UnknownCommand || code === ExitCode.InvalidArgument) return 2;
  return code === 0 || code === 2 || code === 3 ? code : 1;
}

function report(io: CommandIo, inputs: readonly string[], text: string, thrown: unknown): void {
  const end = inputs.indexOf('--');
  const flags = end < 0 ? inputs : inputs.slice(0, end);
  if (flags.includes('--json')) {
    const details = thrown instanceof UsageError ? thrown.details : {};
    printJson(io, { error: { code: codeOf(thrown), message: text, ...details } });
    return;
  }
  const lines = text.split('\n').map((line) => `xengt: ${line}\n`);
  if (thrown === null) lines.push(`Try \`xengt ${[...words(inputs), '--help'].join(' ')}\`.\n`);
  io.err(lines.join(''));
}

/** The library's own messages begin with a capital; ours follow `xengt: `. */
function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

function codeOf(thrown: unknown): string {
  if (thrown === null) return 'USAGE';
  const code = (thrown as { code?: unknown }).code;
  return typeof code === 'string' ? code : 'FAILED';
}

/** The names of the command that was asked for: what stands before the first flag, two at most. */
function words(inputs: readonly string[]): readonly string[] {
  const names: readonly string[] = [
    'demo',
    'decode',
    'guest',
    'build',
    'list',
    'ctl',
    'read',
    'write',
    'screenshot',
    'igt',
    'pause',
    'unpause',
    'save',
    'restore',
    'migrate',
    'create',
    'console',
    'destroy',
    'shutdown',
    'reboot',
    'dmesg',
    'info',
    'top',
    'vcpu-list',
    'pci-assignable-add',
    'pci-assignable-remove',
    'pci-assignable-list',
  ];
  const until = inputs.findIndex((w) => !names.includes(w));
  return inputs.slice(0, until < 0 ? inputs.length : until).slice(0, 2);
}
