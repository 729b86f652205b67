import { buildCommand, type Command } from '@stricli/core';
import { type LabClient, LabClientError } from '../../lab/client.ts';
import { consoleSession } from '../../xl/console-session.ts';
import { UsageError, type XengtContext } from '../context.ts';
import { domainOf, domainParameter } from '../domain.ts';
import { choiceOf, type HostFlags, hostFlags, wholeNumber } from '../flags.ts';

interface ConsoleFlags extends HostFlags {
  readonly lines: number;
  readonly quiet: number;
  readonly timeout?: number;
}

const HISTORY_LINES = 24;
const QUIET_SECONDS = 2;

export const consoleCommand: Command<XengtContext> = buildCommand<
  ConsoleFlags,
  [string],
  XengtContext
>({
  docs: {
    brief: "Attach to a domain's serial console",
    fullDescription: [
      "Shows what a domain's serial console says and types what you type. ^] leaves.",
      '',
      'Without a terminal the input is typed as fast as a guest reads. Once the input is over, the command',
      'ends when the guest has said nothing, and its processor had nothing to do, for --quiet seconds; when',
      'the domain ends; or, with exit code 1, after --timeout seconds. A guest that waits for something, as',
      '`sleep 5; date` does, needs a --quiet that is longer than the wait.',
      '',
      'Examples:',
      '  xengt console guest1',
      '  echo uname -a | xengt console --lines 0 guest1     type a command, show what it says',
      '  xengt console --lines 5000 guest1 </dev/null       what the guest has said lately',
    ].join('\n'),
  },
  parameters: {
    flags: {
      lines: {
        kind: 'parsed',
        parse: wholeNumber(0, 100_000),
        brief: 'Lines that were said before, at most; the host keeps 64 KiB',
        placeholder: 'number',
        default: String(HISTORY_LINES),
      },
      quiet: {
        kind: 'parsed',
        parse: wholeNumber(0, 3600),
        brief: 'Seconds of silence and idleness that end it without a terminal',
        placeholder: 'seconds',
        default: String(QUIET_SECONDS),
      },
      timeout: {
        kind: 'parsed',
        parse: wholeNumber(1, 1_000_000),
        brief:
          'Seconds after the end of the input that end it without a terminal; default: no limit',
        placeholder: 'seconds',
        optional: true,
      },
      ...hostFlags,
    },
    positional: { kind: 'tuple', parameters: [domainParameter] },
  },
  async func(flags, name) {
    const host = await this.actions.findHost(choiceOf(flags));
    await attach(this, host, await domainOf(host, name), flags);
  },
});

/**
 * Attaches to a console until the person leaves, the input is over, or the domain ends.
 *
 * @throws UsageError when there is no input, LabClientError TIMEOUT
 */
export async function attach(
  { io }: XengtContext,
  host: LabClient,
  domain: number,
  o: { readonly lines?: number; readonly quiet?: number; readonly timeout?: number },
): Promise<void> {
  const { input } = io;
  if (input === undefined) throw new UsageError('NO_INPUT', 'there is no standard input');
  const quiet = o.quiet ?? QUIET_SECONDS;
  const { timeout = Number.POSITIVE_INFINITY } = o;
  const ended = await consoleSession(host.console(domain), {
    input,
    out: (bytes) => io.bytes(bytes),
    signal: io.signal,
    quietMs: quiet * 1000,
    timeoutMs: timeout * 1000,
    idle: async () => {
      const now = (await host.state()).domains.find((d) => d.id === domain);
      return now === undefined || now.state !== 'running' || now.blocked;
    },
    lines: o.lines ?? HISTORY_LINES,
  });
  if (input.isTTY === true) io.err('\n');
  if (ended.kind === 'timeout') {
    const wanted = `silent and idle for ${quiet} s`;
    throw new LabClientError('TIMEOUT', `the guest was not ${wanted} within ${timeout} s`);
  }
  if (ended.kind === 'closed') io.err(`xengt: ${ended.reason || 'the host has gone'}\n`);
}
