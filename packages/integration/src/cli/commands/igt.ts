import { buildCommand, type Command } from '@stricli/core';
import type { IgtOptions, XengtContext } from '../context.ts';
import { jsonFlag, wholeNumber } from '../flags.ts';

/** Its options, as flags: what may be missing is null in the options. */
interface IgtFlags extends Omit<IgtOptions, 'subset' | 'packages'> {
  readonly subset?: string;
  readonly packages?: string;
}

export const igtCommand: Command<XengtContext> = buildCommand<IgtFlags, [], XengtContext>({
  docs: {
    brief: "Run IGT's own tests of the driver in a guest",
    fullDescription: [
      "Runs the test programs of Debian's igt-gpu-tools-tests in Domain-0, which has the GPU itself or",
      'a share of it. A guest runs test after test; after a crash, a time-out, a complaint of its',
      'kernel or a wedged GPU the next test gets a fresh one. Results are kept as they come.',
      '',
      'Examples:',
      '  xengt igt --list fast-feedback                 the 166 tests of the short list',
      "  xengt igt --subset 'igt@kms_*' --on mediated   a family, on a vGPU",
      '  xengt igt --list my.testlist --resume          go on where the last run ended',
      '',
      "Waits take no time: the guest's clock leaps over them. --speed 4 is for tests that want a faster",
      'processor than an emulated one; what computes takes longer then.',
      '',
      'Exit code 1 means that a test failed and no explanation is known.',
    ].join('\n'),
  },
  parameters: {
    flags: {
      list: {
        kind: 'parsed',
        parse: String,
        brief: 'fast-feedback, all, default (our families and fast-feedback), or a list file',
        placeholder: 'list',
        default: 'default',
      },
      subset: {
        kind: 'parsed',
        parse: String,
        brief: "Only tests whose name fits, e.g. 'igt@gem_{mmap,pread}*@basic*'",
        placeholder: 'glob',
        optional: true,
      },
      on: {
        kind: 'enum',
        values: ['direct', 'mediated'],
        brief: 'The whole GPU, or a share of it',
        default: 'direct',
      },
      timeout: {
        kind: 'parsed',
        parse: wholeNumber(1, 3600),
        brief: "A test's time, seconds of the guest's clock",
        placeholder: 'seconds',
        default: '120',
      },
      speed: {
        kind: 'parsed',
        parse: wholeNumber(1, 64),
        brief: "How many times faster the guest's processor is to look, its clock going slower",
        placeholder: 'times',
        default: '1',
      },
      alone: {
        kind: 'boolean',
        brief: 'A process for each subtest, not one for all that a program is asked for',
        default: false,
      },
      resume: {
        kind: 'boolean',
        brief: 'Keep the results that are there and run the other tests',
        default: false,
      },
      retry: {
        kind: 'boolean',
        brief: 'As --resume, and run again what failed',
        default: false,
      },
      results: {
        kind: 'parsed',
        parse: String,
        brief: 'Directory for the results and the junit file',
        placeholder: 'directory',
        default: 'xengt-igt',
      },
      packages: {
        kind: 'parsed',
        parse: String,
        brief: 'Build the guest image from the .deb files in this directory',
        placeholder: 'directory',
        optional: true,
      },
      writeDocs: {
        kind: 'boolean',
        brief: 'Write docs/igt.md from the results in the directory',
        default: false,
      },
      json: jsonFlag,
    },
  },
  async func(flags) {
    const { subset = null, packages = null, ...rest } = flags;
    this.process.exitCode = await this.actions.igt({ ...rest, subset, packages }, this.io);
  },
});
