import { buildCommand, buildRouteMap, type Command, type RouteMap } from '@stricli/core';
import type { XengtContext } from '../context.ts';
import { jsonFlag, wholeNumber } from '../flags.ts';

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

interface DiskFlags {
  readonly gfxmode: string;
  readonly timeout: number;
  readonly extra: string;
  readonly packages?: string;
  readonly mirror?: string;
  readonly json: boolean;
}

const disk: Command<XengtContext> = buildCommand<DiskFlags, [], XengtContext>({
  docs: {
    brief: 'Make a disk that boots through GRUB in graphics mode, and print its path',
    fullDescription: [
      "Puts Debian's own GRUB, a kernel and an initramfs on a disk image, with a menu in graphics mode.",
      'Needs no root rights. The kernel keeps the mode that the menu had, until i915 takes over.',
      '',
      'Examples:',
      '  xengt guest disk                        for a domain file: disk = [ "file:PATH,hda,w" ]',
      '  xengt guest disk --gfxmode 1920x1080    the menu as large as the monitor',
    ].join('\n'),
  },
  parameters: {
    flags: {
      gfxmode: {
        kind: 'parsed',
        parse: String,
        brief: 'Size of the menu, WIDTHxHEIGHT or auto',
        placeholder: 'size',
        default: '1024x768',
      },
      timeout: {
        kind: 'parsed',
        parse: wholeNumber(-1, 3600),
        brief: 'Seconds until the kernel starts by itself; -1 waits for a key',
        placeholder: 'seconds',
        default: '10',
      },
      extra: {
        kind: 'parsed',
        parse: String,
        brief: "More words for the kernel's command line",
        placeholder: 'words',
        default: '',
      },
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
      json: jsonFlag,
    },
  },
  async func(flags) {
    this.process.exitCode = await this.actions.guestDisk(flags, this.io);
  },
});

export const guestRoutes: RouteMap<XengtContext> = buildRouteMap({
  routes: { build, list, disk },
  docs: { brief: 'Build and list guest images, and make disks of them' },
});
