import { setTimeout } from 'node:timers/promises';
import { buildCommand, type Command } from '@stricli/core';
import type { LabClient } from '../../lab/client.ts';
import { infoText, listText, type Sample, topText, vcpuText } from '../../xl/listing.ts';
import { printJson, type XengtContext } from '../context.ts';
import { chosen, domainParameter } from '../domain.ts';
import { choiceOf, type HostFlags, hostFlags, jsonFlag, wholeNumber } from '../flags.ts';

interface ShowFlags extends HostFlags {
  readonly json: boolean;
}

const listParameters = {
  flags: { ...hostFlags, json: jsonFlag },
  positional: { kind: 'array', parameter: domainParameter },
} as const;

export const listCommand: Command<XengtContext> = buildCommand<ShowFlags, string[], XengtContext>({
  docs: {
    brief: "List a host's domains",
    fullDescription: [
      'Lists domains as xl does: name, number, memory in MiB, virtual processors, state and the seconds',
      'that its processor was executed. States: r running, b blocked, p paused, s shut down, c crashed.',
      '',
      'Examples:',
      '  xengt list',
      '  xengt list guest1 --json',
    ].join('\n'),
  },
  parameters: listParameters,
  async func(flags, ...names) {
    const host = await this.actions.findHost(choiceOf(flags));
    const domains = chosen((await host.state()).domains, names);
    if (flags.json) printJson(this.io, { domains });
    else this.io.out(listText(domains));
  },
});

export const vcpuListCommand: Command<XengtContext> = buildCommand<
  ShowFlags,
  string[],
  XengtContext
>({
  docs: {
    brief: "List the domains' virtual processors",
    fullDescription: [
      'A guest has one virtual processor, and all of them run on the one thread of the host.',
      '',
      'Examples:',
      '  xengt vcpu-list',
    ].join('\n'),
  },
  parameters: listParameters,
  async func(flags, ...names) {
    const host = await this.actions.findHost(choiceOf(flags));
    const domains = chosen((await host.state()).domains, names);
    if (flags.json) {
      const vcpus = domains.map(({ id, name, state, blocked, seconds }) => ({
        ...{ domain: id, name, vcpu: 0, state, blocked, seconds },
      }));
      printJson(this.io, { vcpus });
    } else this.io.out(vcpuText(domains));
  },
});

export const infoCommand: Command<XengtContext> = buildCommand<ShowFlags, [], XengtContext>({
  docs: {
    brief: 'Say what a host is, and what of it is free',
    fullDescription: ['Examples:', '  xengt info', '  xengt info --json'].join('\n'),
  },
  parameters: { flags: { ...hostFlags, json: jsonFlag } },
  async func(flags) {
    const info = await (await this.actions.findHost(choiceOf(flags))).info();
    if (flags.json) printJson(this.io, info);
    else this.io.out(infoText(info));
  },
});

interface DmesgFlags extends ShowFlags {
  readonly clear: boolean;
}

export const dmesgCommand: Command<XengtContext> = buildCommand<DmesgFlags, [], XengtContext>({
  docs: {
    brief: 'Show what the hypervisor has said',
    fullDescription: [
      'Shows the latest 16 KiB of what the hypervisor, the mediator and the toolstack have to say.',
      '',
      'Examples:',
      '  xengt dmesg',
      '  xengt dmesg -c       and forget it',
    ].join('\n'),
  },
  parameters: {
    flags: {
      clear: { kind: 'boolean', brief: 'Forget it afterwards', default: false },
      ...hostFlags,
      json: jsonFlag,
    },
    aliases: { c: 'clear' },
  },
  async func(flags) {
    const text = await (await this.actions.findHost(choiceOf(flags))).messages(flags.clear);
    if (flags.json) printJson(this.io, { lines: text.split('\n').slice(0, -1) });
    else this.io.out(text);
  },
});

interface TopFlags extends ShowFlags {
  readonly batch: boolean;
  readonly delay: number;
  readonly iterations?: number;
}

const DELAY_SECONDS = 3;
/** Home, and clear what is below; the other screen, and back. ECMA-48, xterm. */
const HOME = '\x1b[H',
  CLEAR_BELOW = '\x1b[J',
  OTHER_SCREEN = '\x1b[?1049h',
  FIRST_SCREEN = '\x1b[?1049l';

export const topCommand: Command<XengtContext> = buildCommand<TopFlags, [], XengtContext>({
  docs: {
    brief: 'Watch what domains take of processor and GPU',
    fullDescription: [
      'Shows, again and again, what each domain took of the processor and of the GPU. On a terminal q or ^C',
      'ends it; elsewhere, or with --batch, tables follow each other. The first has no shares yet. Of the',
      'GPU a domain took the time that its commands kept an engine at work, the busiest one if several did.',
      '',
      'Examples:',
      '  xengt top',
      '  xengt top -b -i 2 -d 1     two tables, a second apart',
    ].join('\n'),
  },
  parameters: {
    flags: {
      batch: { kind: 'boolean', brief: 'Tables one after the other', default: false },
      delay: {
        kind: 'parsed',
        parse: wholeNumber(1, 3600),
        brief: 'Seconds from one to the next',
        placeholder: 'seconds',
        default: String(DELAY_SECONDS),
      },
      iterations: {
        kind: 'parsed',
        parse: wholeNumber(1, 1_000_000),
        brief: 'How many; default: one where there is no terminal, else until it is ended',
        placeholder: 'number',
        optional: true,
      },
      ...hostFlags,
      json: jsonFlag,
    },
    aliases: { b: 'batch', d: 'delay', i: 'iterations' },
  },
  async func(flags) {
    const host = await this.actions.findHost(choiceOf(flags));
    const screen = flags.batch || flags.json ? null : (this.io.screen?.() ?? null);
    const rounds = flags.iterations ?? (screen === null ? 1 : Number.POSITIVE_INFINITY);
    const keys = new AbortController();
    const signal = AbortSignal.any([this.io.signal, keys.signal]);
    const restore = screen === null ? (): void => {} : watchKeys(this.io.input, keys);
    if (screen !== null) this.io.out(OTHER_SCREEN);
    let before: Sample | null = null;
    let text = '';
    try {
      for (let i = 0; i < rounds && !signal.aborted; i++) {
        if (i > 0) await setTimeout(flags.delay * 1000, undefined, { signal }).catch(() => {});
        if (signal.aborted) break;
        const now: Sample = await sample(host);
        text = topText(now, before, screen?.columns);
        if (flags.json) printJson(this.io, now);
        else this.io.out(screen === null ? text : `${HOME}${CLEAR_BELOW}${text}`);
        before = now;
      }
    } finally {
      restore();
      // The last table stays to be read.
      if (screen !== null) this.io.out(`${FIRST_SCREEN}${text}`);
    }
  },
});

async function sample(host: LabClient): Promise<Sample> {
  const { domains } = await host.state();
  return { at: performance.now(), domains };
}

const Q = 0x71,
  CTRL_C = 0x03;

/** Ends on q and ^C. @returns gives the terminal back */
function watchKeys(input: XengtContext['io']['input'], keys: AbortController): () => void {
  if (input?.isTTY !== true) return () => {};
  const typed = (data: Buffer): void => {
    if (data.includes(Q) || data.includes(CTRL_C)) keys.abort();
  };
  input.setRawMode?.(true);
  input.on('data', typed);
  input.resume();
  return () => {
    input.off('data', typed);
    input.setRawMode?.(false);
    input.pause();
  };
}
