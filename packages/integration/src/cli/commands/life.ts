import { resolve } from 'node:path';
import { buildCommand, type Command } from '@stricli/core';
import { printJson, UsageError, type XengtContext } from '../context.ts';
import { domainOf, domainParameter } from '../domain.ts';
import { choiceOf, type HostFlags, hostFlags, jsonFlag, wholeNumber } from '../flags.ts';

interface DomainFlags extends HostFlags {
  readonly json: boolean;
}
interface SaveFlags extends DomainFlags {
  readonly checkpoint: boolean;
  readonly pause: boolean;
  readonly force: boolean;
}
interface RestoreFlags extends DomainFlags {
  readonly pause: boolean;
}
interface MigrateFlags extends DomainFlags {
  readonly to: number;
  readonly force: boolean;
}

const fileParameter = { brief: 'File', parse: String, placeholder: 'file' } as const;
const forceFlag = {
  kind: 'boolean',
  brief: 'Reset engines that are not done after 200 ms; its driver sees a hang',
  default: false,
} as const;

function turn(verb: 'pause' | 'unpause', brief: string): Command<XengtContext> {
  return buildCommand<DomainFlags, [string], XengtContext>({
    docs: { brief, fullDescription: [`${brief}.`, '', `Example: xengt ${verb} guest1`].join('\n') },
    parameters: {
      flags: { ...hostFlags, json: jsonFlag },
      positional: { kind: 'tuple', parameters: [domainParameter] },
    },
    async func(flags, name) {
      const host = await this.actions.findHost(choiceOf(flags));
      const done = await host[verb](await domainOf(host, name));
      if (flags.json) printJson(this.io, done);
    },
  });
}

export const pauseCommand: Command<XengtContext> = turn('pause', 'Let a domain stand still');
export const unpauseCommand: Command<XengtContext> = turn('unpause', 'Let a paused domain go on');

export const saveCommand: Command<XengtContext> = buildCommand<
  SaveFlags,
  [string, string],
  XengtContext
>({
  docs: {
    brief: 'Save a domain to a file',
    fullDescription: [
      'Writes a domain, its memory and the state of its virtual GPU to a file, and ends it.',
      '',
      'Examples:',
      '  xengt save guest1 guest1.xengt',
      '  xengt save --checkpoint guest1 before.xengt   it goes on afterwards',
    ].join('\n'),
  },
  parameters: {
    flags: {
      checkpoint: { kind: 'boolean', brief: 'The domain goes on afterwards', default: false },
      pause: { kind: 'boolean', brief: 'The domain is paused afterwards', default: false },
      force: forceFlag,
      ...hostFlags,
      json: jsonFlag,
    },
    aliases: { c: 'checkpoint', p: 'pause' },
    positional: { kind: 'tuple', parameters: [domainParameter, fileParameter] },
  },
  async func(flags, name, file) {
    if (flags.checkpoint && flags.pause) {
      throw new UsageError('BOTH', 'give --checkpoint or --pause, not both');
    }
    const host = await this.actions.findHost(choiceOf(flags));
    const after = flags.checkpoint ? 'continue' : flags.pause ? 'pause' : 'destroy';
    const domain = await domainOf(host, name);
    const saved = await host.save(domain, resolve(file), { after, force: flags.force });
    if (flags.json) printJson(this.io, saved);
    else this.io.out(`${saved.name} saved to ${saved.path}, ${mib(saved.bytes)} MiB\n`);
  },
});

export const restoreCommand: Command<XengtContext> = buildCommand<
  RestoreFlags,
  [string],
  XengtContext
>({
  docs: {
    brief: 'Make a domain of a saved one',
    fullDescription: [
      'Makes a domain of a file that xengt save wrote. Its graphics memory must be free at the same',
      'addresses, unless the host shares graphics memory among its domains.',
      '',
      'Example: xengt restore guest1.xengt',
    ].join('\n'),
  },
  parameters: {
    flags: {
      pause: { kind: 'boolean', brief: 'Leave it paused', default: false },
      ...hostFlags,
      json: jsonFlag,
    },
    aliases: { p: 'pause' },
    positional: { kind: 'tuple', parameters: [fileParameter] },
  },
  async func(flags, file) {
    const host = await this.actions.findHost(choiceOf(flags));
    const made = await host.restore(resolve(file), { paused: flags.pause });
    if (flags.json) printJson(this.io, made);
    else this.io.out(`${made.name} restored as domain ${made.domain}\n`);
  },
});

export const migrateCommand: Command<XengtContext> = buildCommand<
  MigrateFlags,
  [string],
  XengtContext
>({
  docs: {
    brief: 'Move a domain to another running host',
    fullDescription: [
      'Moves a domain to another xengt process on this machine while it works. Its memory goes over in',
      'rounds; it stands still for the last one only.',
      '',
      'Example: xengt migrate guest1 --port 8412 --to 8413',
    ].join('\n'),
  },
  parameters: {
    flags: {
      to: {
        kind: 'parsed',
        parse: wholeNumber(1, 65535),
        brief: "Lab page's port of the host that takes it",
        placeholder: 'number',
      },
      force: forceFlag,
      ...hostFlags,
      json: jsonFlag,
    },
    positional: { kind: 'tuple', parameters: [domainParameter] },
  },
  async func(flags, name) {
    const target = await this.actions.findHost(flags.to);
    const host = await this.actions.findHost(choiceOf(flags));
    const domain = await domainOf(host, name);
    const moved = await host.migrate(domain, target, { force: flags.force });
    if (flags.json) printJson(this.io, moved);
    else {
      this.io.out(
        `${moved.name} is domain ${moved.domain} there; its GPU stood still for ` +
          `${moved.gpuStallMs.toFixed(0)} ms, ${mib(moved.bytes)} MiB in ${moved.rounds} rounds\n`,
      );
    }
  },
});

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
