import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GuestImageError, throwIfAborted } from './error.ts';
import type { BuildMachine, BuildMachineConfig } from './machine.ts';
import type { GuestProgram } from './profile.ts';
import { COMPILER_FLAGS, PROGRAM_SOURCE_DIRECTORY } from './recipe.ts';
import type { GuestReporter } from './report.ts';
import { ConsoleError, SerialConsole } from './serial-console.ts';
import { readIfThere, sha256 } from './store.ts';

const BOOT_DEADLINE_MS = 240_000;
const COMPILE_DEADLINE_MS = 120_000;
/** A boot to the shell prints about this many bytes; only used to show how far it is. */
const BOOT_LOG_BYTES = 26_000;

/** The files of `packages/integration/guest`: `init`, `*.c`, `*.h`, by name. */
export async function readGuestFiles(): Promise<Map<string, Uint8Array>> {
  const directory = await guestDirectory();
  const files = new Map<string, Uint8Array>();
  for (const name of (await readdir(directory)).sort()) {
    if (name === 'init' || /\.[ch]$/.test(name))
      files.set(name, await readFile(join(directory, name)));
  }
  return files;
}

/** One file of `packages/integration/guest` that is no part of an image. */
export async function readGuestFile(name: string): Promise<Uint8Array> {
  return readFile(join(await guestDirectory(), name));
}

/** One hash over all of them. */
export function hashGuestFiles(files: ReadonlyMap<string, Uint8Array>): string {
  return sha256([...files].map(([name, data]) => `${name} ${sha256(data)}\n`).join(''));
}

/** `guest/` beside this package's `package.json`, from the sources and from a bundle in `dist` alike. */
async function guestDirectory(): Promise<string> {
  let at = dirname(fileURLToPath(import.meta.url));
  for (let k = 0; k < 5; k++, at = dirname(at)) {
    if (await readIfThere(join(at, 'guest', 'init')).catch(() => null)) return join(at, 'guest');
  }
  throw new GuestImageError(
    'FILE_MISSING',
    'the guest/ folder of @xengt/integration is missing: the installation is incomplete. Install it again.',
  );
}

/**
 * Boots a guest without a GPU and compiles our C programs in it with the distribution's own compiler.
 * @returns each program's executable by name
 * @throws GuestImageError COMPILE_FAILED with the compiler's messages, ABORTED
 */
export async function compilePrograms(
  machine: BuildMachine,
  config: BuildMachineConfig,
  programs: readonly GuestProgram[],
  reporter: GuestReporter,
  signal?: AbortSignal,
): Promise<Map<string, Uint8Array>> {
  throwIfAborted(signal);
  let received = 0;
  let lastLine = '';
  const running: { send: (bytes: Uint8Array) => void } = { send: () => {} };
  const console = new SerialConsole((bytes) => running.send(bytes));
  const onAbort = () => console.close('stopped');
  reporter.progress('compile', 0, BOOT_LOG_BYTES, 'booting a guest to compile in');
  const guest = await machine.boot(config, (byte) => {
    console.receive(byte);
    received++;
    if (byte === 10) {
      reporter.progress(
        'compile',
        Math.min(received, BOOT_LOG_BYTES),
        BOOT_LOG_BYTES + 1,
        lastLine === '' ? 'booting a guest to compile in' : lastLine,
      );
    }
  });
  running.send = (bytes) => guest.send(bytes);
  signal?.addEventListener('abort', onAbort);
  try {
    await console.waitForShell(BOOT_DEADLINE_MS);
    const built = new Map<string, Uint8Array>();
    for (const program of programs) {
      throwIfAborted(signal);
      lastLine = `compiling ${program.name}.c`;
      reporter.progress('compile', BOOT_LOG_BYTES, BOOT_LOG_BYTES + 1, lastLine);
      built.set(program.name, await compileOne(console, program));
    }
    const bytes = [...built.values()].reduce((sum, b) => sum + b.length, 0);
    reporter.end('compile', `${programs.length} programs, ${bytes} bytes`);
    return built;
  } catch (error) {
    throwIfAborted(signal);
    if (!(error instanceof ConsoleError)) throw error;
    throw new GuestImageError(
      'COMPILE_FAILED',
      `the guest that compiles our programs did not get there: ${error.message}`,
      error,
    );
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await guest.stop();
  }
}

async function compileOne(console: SerialConsole, program: GuestProgram): Promise<Uint8Array> {
  const source = `/${PROGRAM_SOURCE_DIRECTORY}/${program.name}.c`;
  const output = `/tmp/${program.name}`;
  const command = ['tcc', ...COMPILER_FLAGS, ...program.flags, '-o', output, source, '2>&1'].join(
    ' ',
  );
  const compiled = await console.sh(command, COMPILE_DEADLINE_MS);
  if (compiled.status !== 0)
    throw new GuestImageError(
      'COMPILE_FAILED',
      `${program.name}.c does not compile in the guest:\n${compiled.output}`,
    );
  const sum = (await console.check(`sha256sum ${output}`, COMPILE_DEADLINE_MS)).slice(0, 64);
  const data = await console.download(output, COMPILE_DEADLINE_MS);
  if (sha256(data) !== sum)
    throw new GuestImageError(
      'COMPILE_FAILED',
      `${program.name} did not come out of the guest whole. Run xengt guest build again.`,
    );
  return data;
}
