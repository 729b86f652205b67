import { buildCommand, type Command } from '@stricli/core';
import type { AssignableDone } from '../../lab/domain-life.ts';
import { BDF_FORM, parseBdf } from '../../xl/bdf.ts';
import { printJson, UsageError, type XengtContext } from '../context.ts';
import { choiceOf, type HostFlags, hostFlags, jsonFlag } from '../flags.ts';

interface PciFlags extends HostFlags {
  readonly json: boolean;
}
interface RemoveFlags extends PciFlags {
  readonly rebind: boolean;
}

const flags = { ...hostFlags, json: jsonFlag };
const positional = {
  kind: 'tuple',
  parameters: [{ brief: 'PCI function, as 00:02.0', parse: String, placeholder: 'BDF' }],
} as const;

/** @throws UsageError when it is none */
function deviceOf(verb: string, text: string): string {
  const device = parseBdf(text);
  if (device !== null) return device;
  const found = JSON.stringify(text);
  throw new UsageError(
    'BAD_BDF',
    `${verb}: malformed BDF specification ${found}; allowed: ${BDF_FORM}`,
  );
}

function tell({ io }: XengtContext, { json }: PciFlags, done: AssignableDone): void {
  if (json) printJson(io, done);
  else if (done.warning !== null) io.err(`xengt: ${done.warning}\n`);
}

export const assignableAddCommand: Command<XengtContext> = buildCommand<
  PciFlags,
  [string],
  XengtContext
>({
  docs: {
    brief: 'Make the GPU assignable to a domain',
    fullDescription: [
      'Takes a device of the machine from Domain-0, so that a domain may be given it. It is the GPU,',
      "00:02.0: no guest may have a vGPU, and Domain-0's driver is unloaded if it is there. A domain whose",
      'file says gfx_passthru=1 gets the whole GPU then, behind VT-d; meanwhile Domain-0 has no display and',
      'nobody gets a vGPU. One that is assignable already stays so, with a word.',
      '',
      'Examples:',
      '  xengt pci-assignable-add 00:02.0',
      "  xengt create guest1.cfg 'gfx_passthru=1; vgt=0'",
    ].join('\n'),
  },
  parameters: { flags, positional },
  async func(given, bdf) {
    const device = deviceOf('pci-assignable-add', bdf);
    const host = await this.actions.findHost(choiceOf(given));
    tell(this, given, await host.addAssignable(device));
  },
});

export const assignableRemoveCommand: Command<XengtContext> = buildCommand<
  RemoveFlags,
  [string],
  XengtContext
>({
  docs: {
    brief: 'Give the GPU back to Domain-0',
    fullDescription: [
      'Gives a device that is assignable back to Domain-0 and its mediator: guests may have vGPUs again. The',
      'domain that has it must be gone. With --rebind the driver that was unloaded for it is loaded again.',
      '',
      'Examples:',
      '  xengt pci-assignable-remove 00:02.0',
      '  xengt pci-assignable-remove -r 0000:00:02.0',
    ].join('\n'),
  },
  parameters: {
    flags: {
      rebind: { kind: 'boolean', brief: "Load Domain-0's driver again", default: false },
      ...flags,
    },
    aliases: { r: 'rebind' },
    positional,
  },
  async func(given, bdf) {
    const device = deviceOf('pci-assignable-remove', bdf);
    const host = await this.actions.findHost(choiceOf(given));
    tell(this, given, await host.removeAssignable(device, { rebind: given.rebind }));
  },
});

export const assignableListCommand: Command<XengtContext> = buildCommand<
  PciFlags,
  [],
  XengtContext
>({
  docs: {
    brief: 'List devices that wait for a domain',
    fullDescription: [
      'Lists devices that are assignable and that no domain has, a line each.',
      '',
      'Examples:',
      '  xengt pci-assignable-list',
    ].join('\n'),
  },
  parameters: { flags },
  async func(given) {
    const devices = await (await this.actions.findHost(choiceOf(given))).assignable();
    if (given.json) printJson(this.io, { devices });
    else for (const device of devices) this.io.out(`${device}\n`);
  },
});
