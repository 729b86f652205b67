import { packageVersion } from '../package-root.ts';
import type { Actions, CommandIo } from './context.ts';
import { runXengt } from './run.ts';

const interrupt = new AbortController();
process.on('SIGINT', () => {
  // The first Ctrl-C asks to end cleanly; a second one does not wait for that.
  if (interrupt.signal.aborted) process.exit(130);
  interrupt.abort();
});
process.on('SIGTERM', () => interrupt.abort());
// Whoever read our output has gone, as `| head` does: nothing is left to do.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const io: CommandIo = {
  out: (text) => void process.stdout.write(text),
  bytes: (data) => void process.stdout.write(data),
  err: (text) => void process.stderr.write(text),
  signal: interrupt.signal,
  get input() {
    return process.stdin;
  },
  screen: () => {
    const { isTTY, columns, rows } = process.stdout;
    return isTTY ? { columns, rows } : null;
  },
};

const streams = { stdout: process.stdout, stderr: process.stderr };

/** Each loads what it needs when it is used, so that `--help` is quick. */
const actions: Actions = {
  demo: async (options, to) => (await import('../host/demo.ts')).runDemo(options, to),
  igt: async (options, to) => (await import('../igt/command.ts')).runIgt(options, to),
  decode: async (options, to) => (await import('../insight/decode.ts')).runDecode(options, to),
  guestBuild: async (flags, { signal }) =>
    (await import('../guest/command.ts')).runGuestBuild(flags, { ...streams, signal }),
  guestList: async (flags, { signal }) =>
    (await import('../guest/command.ts')).runGuestList(flags, { ...streams, signal }),
  guestDisk: async (flags, { signal }) =>
    (await import('../guest/command.ts')).runGuestDisk(flags, { ...streams, signal }),
  findHost: async (choice) => (await import('../lab/client.ts')).findHost(choice),
};

process.exitCode = await runXengt(process.argv.slice(2), packageVersion(), io, actions);
