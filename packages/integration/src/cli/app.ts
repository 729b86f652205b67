import {
  type Application,
  ArgumentScannerError,
  buildApplication,
  buildRouteMap,
  formatMessageForArgumentScannerError,
  text_en,
} from '@stricli/core';
import { ctlRoutes } from './commands/ctl.ts';
import { decodeCommand } from './commands/decode.ts';
import { demoCommand } from './commands/demo.ts';
import { guestRoutes } from './commands/guest.ts';
import { igtCommand } from './commands/igt.ts';
import {
  migrateCommand,
  pauseCommand,
  restoreCommand,
  saveCommand,
  unpauseCommand,
} from './commands/life.ts';
import { screenshotCommand } from './commands/screenshot.ts';
import { consoleCommand } from './commands/xl-console.ts';
import { createCommand } from './commands/xl-create.ts';
import { destroyCommand, rebootCommand, shutdownCommand } from './commands/xl-domains.ts';
import {
  assignableAddCommand,
  assignableListCommand,
  assignableRemoveCommand,
} from './commands/xl-pci.ts';
import {
  dmesgCommand,
  infoCommand,
  listCommand,
  topCommand,
  vcpuListCommand,
} from './commands/xl-show.ts';
import type { XengtContext, XengtExitCode } from './context.ts';

/**
 * The `xengt` command: its routes and how it words its errors.
 *
 * @param onThrown hears what a command threw; its answer is the exit code
 */
export function xengtApplication(
  version: string,
  onThrown: (error: unknown) => XengtExitCode,
): Application<XengtContext> {
  const root = buildRouteMap({
    routes: {
      demo: demoCommand,
      guest: guestRoutes,
      ctl: ctlRoutes,
      decode: decodeCommand,
      screenshot: screenshotCommand,
      igt: igtCommand,
      pause: pauseCommand,
      unpause: unpauseCommand,
      save: saveCommand,
      restore: restoreCommand,
      migrate: migrateCommand,
      create: createCommand,
      list: listCommand,
      console: consoleCommand,
      destroy: destroyCommand,
      shutdown: shutdownCommand,
      reboot: rebootCommand,
      dmesg: dmesgCommand,
      info: infoCommand,
      top: topCommand,
      'vcpu-list': vcpuListCommand,
      'pci-assignable-add': assignableAddCommand,
      'pci-assignable-remove': assignableRemoveCommand,
      'pci-assignable-list': assignableListCommand,
    },
    docs: {
      brief: 'One modelled Haswell GPU, shared by several virtual machines',
      fullDescription: [
        'XenGT shares one Intel Haswell GPU among virtual machines. Here the GPU, the hypervisor and',
        'the mediator are software; the guests are real: an unmodified Debian kernel with its i915.',
        '',
        'Start with:',
        '  xengt demo                 boot Domain-0 and a guest, and look at them in a browser',
        '  xengt screenshot           save what their screens show',
        '  xengt ctl read control     see how the GPU is shared',
        '  xengt decode FILE          what the commands in an error state or a batch are',
        '  xengt create guest.cfg     make a further guest from a file as for xl; list, console, destroy',
        '  xengt save guest1 FILE     keep a domain in a file; restore, migrate, pause, unpause',
        "  xengt igt                  run IGT's tests of the driver in a guest",
        '',
        'Every command takes --json, and --help says what it does.',
        'Exit codes: 0 done, 1 it failed, 2 wrong use or configuration, 3 a guest fault was reported.',
      ].join('\n'),
    },
  });
  return buildApplication(root, {
    name: 'xengt',
    versionInfo: { currentVersion: version },
    scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
    documentation: { disableAnsiColor: true },
    determineExitCode: onThrown,
    localization: {
      text: {
        ...text_en,
        exceptionWhileParsingArguments: (error) =>
          error instanceof ArgumentScannerError
            ? formatMessageForArgumentScannerError(error, {
                FlagNotFoundError: (e) =>
                  `there is no flag --${e.input}${didYouMean(e.corrections.map((c) => `--${c}`))}`,
                ArgumentParseError: (e) =>
                  `${e.externalFlagNameOrPlaceholder} ${JSON.stringify(e.input)}: ${messageOf(e.exception)}`,
              })
            : messageOf(error),
        exceptionWhileRunningCommand: messageOf,
        noCommandRegisteredForInput: ({ input, corrections }) =>
          `there is no command ${JSON.stringify(input)}${didYouMean(corrections)}`,
      },
    },
  });
}

function didYouMean(corrections: readonly string[]): string {
  if (corrections.length === 0) return '';
  return `; did you mean ${corrections.map((c) => c.replaceAll('`', '')).join(' or ')}?`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
