import { buildCommand, buildRouteMap, type Command, type RouteMap } from '@stricli/core';
import type { XengtContext } from '../context.ts';
import { jsonFlag } from '../flags.ts';

interface BuildFlags {
  readonly packages?: string;
  readonly mirror?: string;
  readonly kernel: '686' | '686-pae';
  readonly profile: 'base' | 'igt';
  readonly refresh: boolean;
  readonly force: boolean;
  readonly json: boolean;
}

const build: Command<XengtContext> = buildCommand<BuildFlags, [], XengtContext>({
  docs: {
    brief: 'Build the guest image from Debian packages',
    fullDescription: [
      'Fetches the Debian packages of a guest (kernel, busybox, firmware), checks their checksums,',
      'and makes a kernel and an initramfs of them. Needs no root rights. Finished images are kept',
      'and found again, so a second build takes no time.',
      '',
      'Examples:',
      '  xengt guest build                        from the Debian mirror this machine uses',
      '  xengt guest build --packages ~/debs      from .deb files, without a network',
      '  xengt guest build --refresh              look for newer packages',
      "  xengt guest build --profile igt          with IGT's tests, as xengt igt uses it",
    ].join('\n'),
  },
  parameters: {
    flags: {
      packages: {
        kind: 'parsed',
        parse: String,
        brief: 'Directory of .deb files to use; nothing is fetched',
        placeholder: 'directory',
        optional: true,
      },
      mirror: {
        kind: 'parsed',
        parse: String,
        brief: 'Root of a Debian mirror',
        placeholder: 'url',
        optional: true,
      },
      kernel: {
        kind: 'enum',
        values: ['686', '686-pae'],
        brief: 'Kernel flavour',
        default: '686',
      },
      profile: {
        kind: 'enum',
        values: ['base', 'igt'],
        brief: "User space: base, or igt with IGT's own tests",
        default: 'base',
      },
      refresh: { kind: 'boolean', brief: 'Ask the mirror for newer packages', default: false },
      force: { kind: 'boolean', brief: 'Build even if the image is there', default: false },
      json: jsonFlag,
    },
  },
  async func(flags) {
    this.process.exitCode = await this.actions.guestBuild(flags, this.io);
  },
});

const list: Command<XengtContext> = buildCommand<{ readonly json: boolean }, [], XengtContext>({
  docs: {
    brief: 'List the guest images that have been built',
    fullDescription: 'Lists the finished guest images in the cache, the oldest first.',
  },
  parameters: { flags: { json: jsonFlag } },
  async func(flags) {
    this.process.exitCode = await this.actions.guestList(flags, this.io);
  },
});

export const guestRoutes: RouteMap<XengtContext> = buildRouteMap({
  routes: { build, list },
  docs: { brief: 'Build and list guest images' },
});
