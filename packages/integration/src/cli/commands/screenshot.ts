import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildCommand, type Command } from '@stricli/core';
import { printJson, UsageError, type XengtContext } from '../context.ts';
import { choiceOf, type HostFlags, hostFlags, jsonFlag, wholeNumber } from '../flags.ts';

interface ScreenshotFlags extends HostFlags {
  readonly domain?: number;
  readonly screen?: 'A' | 'B' | 'C' | 'D' | 'E';
  readonly directory: string;
  readonly json: boolean;
}

export const screenshotCommand: Command<XengtContext> = buildCommand<
  ScreenshotFlags,
  [],
  XengtContext
>({
  docs: {
    brief: "Save a running host's screens as PNG files",
    fullDescription: [
      'Saves what the domains show now, one PNG file a screen, named domN-PORT.png.',
      '',
      'Examples:',
      '  xengt screenshot                          every screen of every domain',
      '  xengt screenshot --domain 1               the screens of domain 1',
      '  xengt screenshot --domain 1 --screen B    one of them',
    ].join('\n'),
  },
  parameters: {
    flags: {
      domain: {
        kind: 'parsed',
        parse: wholeNumber(0, 65535),
        brief: 'Only this domain',
        placeholder: 'id',
        optional: true,
      },
      screen: {
        kind: 'enum',
        values: ['A', 'B', 'C', 'D', 'E'],
        brief: 'Only what is on this port',
        optional: true,
      },
      directory: {
        kind: 'parsed',
        parse: String,
        brief: 'Where to put the files',
        placeholder: 'directory',
        default: '.',
      },
      ...hostFlags,
      json: jsonFlag,
    },
    aliases: { d: 'domain', o: 'directory' },
  },
  async func(flags) {
    const host = await this.actions.findHost(choiceOf(flags));
    const { domains } = await host.state();
    if (flags.domain !== undefined && !domains.some((d) => d.id === flags.domain)) {
      const ids = domains.map((d) => d.id).join(', ');
      throw new UsageError('NO_DOMAIN', `there is no domain ${flags.domain}; there are ${ids}`);
    }
    const wanted = domains
      .filter((d) => flags.domain === undefined || d.id === flags.domain)
      .flatMap((d) => d.screens.map((s) => ({ domain: d.id, ...s })))
      .filter((s) => flags.screen === undefined || s.port === flags.screen);
    if (wanted.length === 0) {
      throw new UsageError('NO_SCREEN', 'nothing that was asked for shows a picture now');
    }
    await mkdir(flags.directory, { recursive: true });
    const files = [];
    for (const { domain, port, width, height } of wanted) {
      const path = join(flags.directory, `dom${domain}-${port}.png`);
      await writeFile(path, await host.screenshot(domain, port));
      files.push({ domain, port, width, height, path });
      if (!flags.json) this.io.out(`${path}  ${width}x${height}\n`);
    }
    if (flags.json) printJson(this.io, { files });
  },
});
