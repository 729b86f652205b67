import { readFile } from 'node:fs/promises';
import { buildCommand, type Command } from '@stricli/core';
import { formatIssues, parseGuestConfig } from '../../config/guest-config.ts';
import { LabClientError } from '../../lab/client.ts';
import { printJson, UsageError, type XengtContext } from '../context.ts';
import { choiceOf, type HostFlags, hostFlags, jsonFlag } from '../flags.ts';
import { attach } from './xl-console.ts';

interface CreateFlags extends HostFlags {
  readonly pause: boolean;
  readonly console: boolean;
  readonly quiet: boolean;
  readonly dryrun: boolean;
  readonly json: boolean;
}

export const createCommand: Command<XengtContext> = buildCommand<
  CreateFlags,
  string[],
  XengtContext
>({
  docs: {
    brief: 'Make a domain from its file, as xl does',
    fullDescription: [
      'Makes a domain of a running host from a file as xl reads them, with the keys of XenGT. What a file',
      'says and means nothing here is left out, with a word. Assignments after the file replace its own.',
      '',
      'A file that names neither kernel, ramdisk nor disk gives the built Debian guest, which starts from',
      'its booted state and loads i915; the command returns once it has. A kernel of your own starts from',
      'the beginning, with the ramdisk and the extra that its file gives.',
      '',
      'Examples:',
      '  xengt create guest1.cfg',
      '  xengt create guest1.cfg memory=256 \'name="guest2"\'   the same with other values',
      '  xengt create -c guest1.cfg                          and its console at once',
      '  xengt create -n guest1.cfg                          only say what is wrong with the file',
    ].join('\n'),
  },
  parameters: {
    flags: {
      pause: { kind: 'boolean', brief: 'Leave it paused, before it has run', default: false },
      console: { kind: 'boolean', brief: 'Attach to its console', default: false },
      quiet: { kind: 'boolean', brief: 'Say nothing of what is left out', default: false },
      dryrun: { kind: 'boolean', brief: 'Check the file, make nothing', default: false },
      ...hostFlags,
      json: jsonFlag,
    },
    aliases: { p: 'pause', c: 'console', q: 'quiet', n: 'dryrun' },
    positional: {
      kind: 'array',
      minimum: 1,
      parameter: {
        brief: 'Domain file, then assignments that replace what it says',
        parse: String,
        placeholder: 'file',
      },
    },
  },
  async func(flags, ...words) {
    const [file, ...more] = words as [string, ...string[]];
    const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      throw new UsageError('NO_CONFIG', `${file}: cannot be read (${cause.code})`);
    });
    const got = parseGuestConfig(text, file, more);
    if (!got.ok) {
      throw new UsageError('BAD_CONFIG', formatIssues(got.issues), { issues: got.issues });
    }
    const { notes, config } = got;
    if (!flags.quiet && !flags.json && notes.length > 0) this.io.err(`${formatIssues(notes)}\n`);
    if (flags.dryrun) {
      const { places: _, ...read } = config;
      if (flags.json) printJson(this.io, { config: read, notes });
      return;
    }
    const host = await this.actions.findHost(choiceOf(flags));
    const request = { text, file, more, directory: process.cwd() };
    const made = await host.create(request, { paused: flags.pause }).catch((error: unknown) => {
      const wrong = error instanceof LabClientError && error.code === 'BAD_CONFIG';
      throw wrong ? new UsageError(error.code, error.message, error.details) : error;
    });
    if (flags.json) printJson(this.io, { ...made, notes });
    else this.io.out(`${made.name} is domain ${made.domain}\n`);
    if (made.warning !== null) this.io.err(`xengt: ${made.name}: ${made.warning}\n`);
    if (flags.console && !flags.json) await attach(this, host, made.domain, {});
  },
});
