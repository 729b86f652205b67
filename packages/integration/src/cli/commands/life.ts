import { resolve } from 'node:path';
import { buildCommand, type Command } from '@stricli/core';
import type { LabClient } from '../../lab/client.ts';
import { printJson, UsageError, type XengtContext } from '../context.ts';
import { hostPortFlag, jsonFlag, wholeNumber } from '../flags.ts';

interface HostFlags {
  readonly port?: number;
  readonly json: boolean;
}
interface SaveFlags extends HostFlags {
  readonly checkpoint: boolean;
  readonly pause: boolean;
  readonly force: boolean;
}
interface RestoreFlags extends HostFlags {
  readonly pause: boolean;
}
interface MigrateFlags extends HostFlags {
  readonly to: number;
  readonly force: boolean;
}

const domainParameter = {
  brief: 'Domain, by its number or its name',
  parse: String,
  placeholder: 'domain',
} as const;
const fileParameter = { brief: 'File', parse: String, placeholder: 'file' } as const;
const forceFlag = {
  kind: 'boolean',
  brief: 'Reset engines that are not done after 200 ms; its driver sees a hang',
  default: false,
} as const;

/** A domain's number. @throws UsageError when there is none of that name, or several */
async function domainOf(host: LabClient, domain: string): Promise<number> {
  const { domains } = await host.state();
  const found = domains.filter((d) => String(d.id) === domain || d.name === domain);
  if (found.length === 1) return (found[0] as { id: number }).id;
  const list = domains.map((d) => `${d.id} (${d.name})`).join(', ');
  throw new UsageError(
    found.length === 0 ? 'NO_DOMAIN' : 'MANY_DOMAINS',
    `${found.length === 0 ? 'there is no' : 'more than one'} domain ${domain}; there are ${list}`,
  );
}

function turn(verb: 'pause' | 'unpause', brief: string): Command<XengtContext> {
  return buildCommand<HostFlags, [string], XengtContext>({
    docs: { brief, fullDescription: [`${brief}.`, '', `Example: xengt ${verb} guest1`].join('\n') },
    parameters: {
      flags: { port: hostPortFlag, json: jsonFlag },
      positional: { kind: 'tuple', parameters: [domainParameter] },
    },
    async func(flags, name) {
      const host = await this.actions.findHost(flags.port ?? null);
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
      port: hostPortFlag,
      json: jsonFlag,
    },
    aliases: { c: 'checkpoint', p: 'pause' },
    positional: { kind: 'tuple', parameters: [domainParameter, fileParameter] },
  },
  async func(flags, name, file) {
    if (flags.checkpoint && flags.pause) {
      throw new UsageError('BOTH', 'give --checkpoint or --pause, not both');
    }
    const host = await this.actions.findHost(flags.port ?? null);
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
      port: hostPortFlag,
      json: jsonFlag,
    },
    aliases: { p: 'pause' },
    positional: { kind: 'tuple', parameters: [fileParameter] },
  },
  async func(flags, file) {
    const host = await this.actions.findHost(flags.port ?? null);
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
      port: hostPortFlag,
      json: jsonFlag,
    },
    positional: { kind: 'tuple', parameters: [domainParameter] },
  },
  async func(flags, name) {
    const target = await this.actions.findHost(flags.to);
    const host = await this.actions.findHost(flags.port ?? null);
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
