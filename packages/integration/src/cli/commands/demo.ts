import { readFile } from 'node:fs/promises';
import { buildCommand, type Command } from '@stricli/core';
import { type PartitionMode, POLICY_NAMES, type PolicyName } from '@xengt/linux-vgt';
import type { Dom0Access } from '@xengt/xen-vgt';
import {
  type ConfigIssue,
  formatIssues,
  type GuestConfig,
  parseGuestConfig,
} from '../../config/guest-config.ts';
import { MAX_MEMORY_MIB } from '../../config/guest-keys.ts';
import { DEFAULT_MEMORY } from '../../host/domain-plan.ts';
import { traceFilterOf } from '../../insight/trace-filter.ts';
import { DEFAULT_LAB_PORT } from '../../lab/server.ts';
import { type DemoOptions, UsageError, type XengtContext } from '../context.ts';
import { jsonFlag, wholeNumber } from '../flags.ts';

/** Domain-0 and fifteen guests; the mediator takes 32, a processor core fewer. */
const MAX_DOMAINS = 16;

interface DemoFlags {
  readonly domains?: number;
  readonly config?: readonly string[];
  readonly headless: boolean;
  readonly exit: boolean;
  readonly port: number;
  readonly screens: string;
  readonly packages?: string;
  readonly partition: PartitionMode;
  readonly memory: number;
  readonly boot: 'state' | 'grub';
  readonly scheduler: PolicyName;
  readonly dom0: Dom0Access;
  readonly trace?: string;
  readonly traceFilter?: string;
  readonly aub?: string;
  readonly json: boolean;
}

export const demoCommand: Command<XengtContext> = buildCommand<DemoFlags, [], XengtContext>({
  docs: {
    brief: 'Boot a host: Domain-0 and guests that share one GPU',
    fullDescription: [
      'Boots Domain-0 and, by default, one guest. Both run an unmodified Debian kernel with its own',
      'i915 driver on one modelled Haswell GPU, which the mediator shares between them.',
      '',
      'The lab page shows their screens and consoles; its address is printed. Ctrl-C ends the host.',
      '',
      'Examples:',
      '  xengt demo                                          boot two domains, open the page to look',
      '  xengt demo --domains 3                              two guests',
      '  xengt demo --domains 16 --partition shared          fifteen, with graphics memory in turn',
      '  xengt demo --dom0 hooks                             Domain-0 reaches the mediator untrapped',
      '  xengt demo --config guest1.cfg --config guest2.cfg  guests from domain files (as for xl)',
      '  xengt demo --boot grub                              the guest starts at its firmware; see its page',
      '  xengt demo --headless --json --exit                 boot, report what happened, leave',
      '  xengt demo --trace gpu.txt --trace-filter commands,interrupts',
      '                                                      what the GPU did, a line an event',
      '',
      'A domain file says, for example:',
      '  name = "guest1"',
      '  memory = 512',
      '  vgt_low_gm_sz = 64      # MiB of graphics memory the CPU sees',
      '  vgt_high_gm_sz = 448    # MiB beyond it',
      '  vgt_fence_sz = 4',
      '  vgt_weight = 512        # share of the GPU against the other domains (--scheduler fair)',
      '  vgt_cap = 20            # most percent of the GPU',
      '  monitors = [ "B:1920x1080", "E:1024x768" ]',
    ].join('\n'),
  },
  parameters: {
    flags: {
      domains: {
        kind: 'parsed',
        parse: wholeNumber(1, MAX_DOMAINS),
        brief: 'Domains in all, Domain-0 counted (default: 2, or Domain-0 and the files given)',
        placeholder: 'number',
        optional: true,
      },
      config: {
        kind: 'parsed',
        parse: String,
        brief: 'Domain file of a guest, in the format of xl; may be repeated',
        placeholder: 'file',
        optional: true,
        variadic: true,
      },
      headless: { kind: 'boolean', brief: 'No lab page', default: false },
      exit: { kind: 'boolean', brief: 'End once every domain has reported', default: false },
      port: {
        kind: 'parsed',
        parse: wholeNumber(0, 65535),
        brief: 'Port of the lab page on 127.0.0.1; 0 takes a free one',
        placeholder: 'number',
        default: String(DEFAULT_LAB_PORT),
      },
      screens: {
        kind: 'parsed',
        parse: String,
        brief: "Directory for the screens' PNG files",
        placeholder: 'directory',
        default: 'xengt-screens',
      },
      partition: {
        kind: 'enum',
        values: ['static', 'shared'],
        brief: "Graphics memory: a part of each guest's own, or the same addresses in turn",
        default: 'static',
      },
      memory: {
        kind: 'parsed',
        parse: wholeNumber(128, MAX_MEMORY_MIB),
        brief: 'RAM of Domain-0 and of guests without a file, MiB',
        placeholder: 'MiB',
        default: String(DEFAULT_MEMORY),
      },
      boot: {
        kind: 'enum',
        values: ['state', 'grub'],
        brief:
          'Guests without a file: kernel booted already, or from a disk through firmware and GRUB',
        default: 'state',
      },
      scheduler: {
        kind: 'enum',
        values: POLICY_NAMES,
        brief: "How the GPU's time is shared: in turn, by weight, or by who waits",
        default: 'timer',
      },
      dom0: {
        kind: 'enum',
        values: ['deprivileged', 'hooks'],
        brief: "Domain-0's accesses to the GPU: each traps, or its driver calls the mediator",
        default: 'deprivileged',
      },
      packages: {
        kind: 'parsed',
        parse: String,
        brief: 'Build the guest image from the .deb files in this directory',
        placeholder: 'directory',
        optional: true,
      },
      trace: {
        kind: 'parsed',
        parse: String,
        brief: 'Write what the GPU does into this file; lines of JSON when it ends in .jsonl',
        placeholder: 'file',
        optional: true,
      },
      traceFilter: {
        kind: 'parsed',
        parse: String,
        brief: 'Only these events: kinds, groups, engines, registers as 0x2000-0x2fff, with commas',
        placeholder: 'filter',
        optional: true,
      },
      aub: {
        kind: 'parsed',
        parse: String,
        brief: "Record what the render engine and the blitter are given, for Mesa's aubinator",
        placeholder: 'file',
        optional: true,
      },
      json: jsonFlag,
    },
    aliases: { c: 'config' },
  },
  async func(flags) {
    const configs = await readConfigs(flags.config ?? []);
    const domains = flags.domains ?? (configs.length > 0 ? configs.length + 1 : 2);
    if (domains < configs.length + 1) {
      throw new UsageError(
        'TOO_FEW_DOMAINS',
        `--domains ${domains} leaves no room for ${configs.length} guests beside Domain-0`,
      );
    }
    this.process.exitCode = await this.actions.demo(
      {
        domains,
        configs,
        headless: flags.headless,
        exit: flags.exit,
        json: flags.json,
        port: flags.port,
        screens: flags.screens,
        partition: flags.partition,
        memoryMiB: flags.memory,
        boot: flags.boot,
        scheduler: flags.scheduler,
        dom0: flags.dom0,
        packages: flags.packages ?? null,
        trace: traceOf(flags),
        aub: flags.aub ?? null,
      },
      this.io,
    );
  },
});

/** @throws UsageError when the filter is wrong, or there is one and no file */
function traceOf(flags: DemoFlags): DemoOptions['trace'] {
  const filter = traceFilterOf(flags.traceFilter ?? '');
  if (flags.trace !== undefined) return { path: flags.trace, filter };
  if (flags.traceFilter === undefined) return null;
  throw new UsageError('NO_FILE', '--trace-filter needs --trace FILE');
}

/** @throws UsageError with everything that is wrong in all files */
async function readConfigs(files: readonly string[]): Promise<GuestConfig[]> {
  const configs: GuestConfig[] = [];
  const issues: ConfigIssue[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      throw new UsageError('NO_CONFIG', `${file}: cannot be read (${cause.code})`);
    });
    const got = parseGuestConfig(text, file);
    if (got.ok) configs.push(got.config);
    else issues.push(...got.issues);
  }
  if (issues.length > 0) throw new UsageError('BAD_CONFIG', formatIssues(issues), { issues });
  const names = new Set<string>();
  for (const { name } of configs) {
    if (names.has(name)) throw new UsageError('BAD_CONFIG', `two domain files are named ${name}`);
    names.add(name);
  }
  return configs;
}
