import { setTimeout } from 'node:timers/promises';
import { buildCommand, type Command } from '@stricli/core';
import type { LabClient } from '../../lab/client.ts';
import type { DomainArrived } from '../../lab/domain-life.ts';
import { printJson, UsageError, type XengtContext } from '../context.ts';
import { chosen, domainParameter } from '../domain.ts';
import { choiceOf, type HostFlags, hostFlags, jsonFlag } from '../flags.ts';

interface EndFlags extends HostFlags {
  readonly all: boolean;
  readonly wait: boolean;
  readonly force: boolean;
  readonly json: boolean;
}

const POLL_MS = 200;
const flag = (brief: string) => ({ kind: 'boolean', brief, default: false }) as const;

/** A command that does something with one domain, several, or all but Domain-0. */
function ender(o: {
  readonly brief: string;
  readonly text: readonly string[];
  readonly examples: readonly string[];
  readonly run: (host: LabClient, domain: number, force: boolean) => Promise<DomainArrived>;
}): Command<XengtContext> {
  return buildCommand<EndFlags, string[], XengtContext>({
    docs: {
      brief: o.brief,
      fullDescription: [...o.text, '', 'Examples:', ...o.examples.map((e) => `  ${e}`)].join('\n'),
    },
    parameters: {
      flags: {
        all: flag('Every domain but Domain-0'),
        wait: flag('Wait until it has happened'),
        force: flag('Do not ask its system: for reboot, press the reset button'),
        ...hostFlags,
        json: jsonFlag,
      },
      aliases: { a: 'all', w: 'wait', F: 'force' },
      positional: { kind: 'array', parameter: domainParameter },
    },
    async func(flags, ...names) {
      if (flags.all === names.length > 0) {
        throw new UsageError('NO_DOMAIN', 'name domains, or give --all');
      }
      const host = await this.actions.findHost(choiceOf(flags));
      const { domains } = await host.state();
      const wanted = chosen(domains, names).filter((d) => !flags.all || d.id !== 0);
      const done: DomainArrived[] = [];
      for (const { id } of wanted) done.push(await o.run(host, id, flags.force));
      if (flags.wait) await gone(host, done, this.io.signal);
      if (flags.json) printJson(this.io, { domains: done });
    },
  });
}

/** Waits until domains have ended, or others have come in their places. */
async function gone(
  host: LabClient,
  done: readonly DomainArrived[],
  signal: AbortSignal,
): Promise<void> {
  const isLive = (state: string): boolean => state === 'running' || state === 'paused';
  for (;;) {
    const { domains } = await host.state();
    const left = domains.filter(
      (d) => isLive(d.state) && done.some((e) => e.domain === d.id && d.name === e.name),
    );
    if (left.length === 0 || signal.aborted) return;
    await setTimeout(POLL_MS);
  }
}

export const destroyCommand: Command<XengtContext> = ender({
  brief: 'End a domain at once',
  text: [
    'Ends a domain as if its power were cut. Its memory, its part of the GPU and its console are gone',
    'when the command returns; other domains go on.',
  ],
  examples: ['xengt destroy guest1', 'xengt destroy --all'],
  run: (host, domain) => host.destroy(domain),
});

export const shutdownCommand: Command<XengtContext> = ender({
  brief: "Press a domain's power button",
  text: [
    'Presses the power button of a domain; its system shuts down, and on_poweroff of its file says what',
    'becomes of the domain. A system that does not listen to the button is told.',
  ],
  examples: ['xengt shutdown -w guest1', 'xengt shutdown --all'],
  run: (host, domain) => host.shutdown(domain),
});

export const rebootCommand: Command<XengtContext> = ender({
  brief: "Press Ctrl-Alt-Del on a domain's keyboard",
  text: [
    'Has a domain reboot: Linux does so on Ctrl-Alt-Del. on_reboot of its file says what becomes of the',
    'domain: as a rule it starts again, with another number.',
  ],
  examples: ['xengt reboot guest1', 'xengt reboot -F guest1     press the reset button instead'],
  run: (host, domain, force) => host.reboot(domain, { force }),
});
