import { readFile } from 'node:fs/promises';
import { buildCommand, buildRouteMap, type Command, type RouteMap } from '@stricli/core';
import { printJson, UsageError, type XengtContext } from '../context.ts';
import { choiceOf, type HostFlags, hostFlags, jsonFlag } from '../flags.ts';

interface ReadFlags extends HostFlags {
  readonly raw: boolean;
  readonly json: boolean;
}
interface WriteFlags extends HostFlags {
  readonly from?: string;
  readonly json: boolean;
}

const TREE = [
  'The tree is that of XenGT in /sys/kernel/vgt: control/ for the whole GPU, vmN/ for each domain.',
];

const read: Command<XengtContext> = buildCommand<ReadFlags, [string], XengtContext>({
  docs: {
    brief: "Read a node of a running host's control tree, or list a directory",
    fullDescription: [
      ...TREE,
      '',
      'Examples:',
      '  xengt ctl read control                        list what there is',
      '  xengt ctl read control/available_resource     what of the GPU is free',
      '  xengt ctl read vm1/PORT_B/edid --raw > edid   the bytes themselves',
    ].join('\n'),
  },
  parameters: {
    flags: {
      ...hostFlags,
      raw: {
        kind: 'boolean',
        brief: 'Print bytes as they are, not in hexadecimal',
        default: false,
      },
      json: jsonFlag,
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Node, e.g. control/foreground_vm', parse: String, placeholder: 'path' },
      ],
    },
  },
  async func(flags, path) {
    const host = await this.actions.findHost(choiceOf(flags));
    const node = await host.ctlRead(path);
    if (flags.json) {
      if (node.kind === 'file' && typeof node.data !== 'string') {
        const base64 = Buffer.from(node.data).toString('base64');
        printJson(this.io, { path: node.path, kind: 'file', base64 });
      } else if (node.kind === 'file') {
        printJson(this.io, { path: node.path, kind: 'file', text: node.data });
      } else printJson(this.io, node);
    } else if (node.kind === 'directory') {
      this.io.out(node.entries.map((e) => `${e}\n`).join(''));
    } else if (typeof node.data === 'string') {
      this.io.out(node.data.endsWith('\n') || flags.raw ? node.data : `${node.data}\n`);
    } else if (flags.raw) this.io.bytes(node.data);
    else this.io.out(hexLines(node.data));
  },
});

const write: Command<XengtContext> = buildCommand<WriteFlags, [string, string?], XengtContext>({
  docs: {
    brief: "Write a node of a running host's control tree",
    fullDescription: [
      ...TREE,
      '',
      'Examples:',
      '  xengt ctl write control/foreground_vm 1              show domain 1 on the physical display',
      '  xengt ctl write vm1/PORT_B/edid --from monitor.edid  the bytes of a file',
      '  xengt ctl write vm1/PORT_B/connection connect        plug the monitor in',
    ].join('\n'),
  },
  parameters: {
    flags: {
      ...hostFlags,
      from: {
        kind: 'parsed',
        parse: String,
        brief: 'Write the bytes of this file',
        placeholder: 'file',
        optional: true,
      },
      json: jsonFlag,
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Node, e.g. control/foreground_vm', parse: String, placeholder: 'path' },
        { brief: 'Text to write', parse: String, placeholder: 'value', optional: true },
      ],
    },
  },
  async func(flags, path, value) {
    if ((value === undefined) === (flags.from === undefined)) {
      throw new UsageError('NO_VALUE', 'give either a value or --from FILE');
    }
    const data = flags.from === undefined ? (value as string) : await bytesOf(flags.from);
    const host = await this.actions.findHost(choiceOf(flags));
    await host.ctlWrite(path, data);
    if (flags.json) printJson(this.io, { path, written: data.length });
  },
});

async function bytesOf(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UsageError('NO_FILE', `${file}: cannot be read (${code})`);
  }
}

/** Sixteen bytes a line, with the offset in front. */
export function hexLines(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)].map((b) => b.toString(16).padStart(2, '0'));
    lines.push(`${at.toString(16).padStart(4, '0')}  ${row.join(' ')}\n`);
  }
  return lines.join('');
}

export const ctlRoutes: RouteMap<XengtContext> = buildRouteMap({
  routes: { read, write },
  docs: { brief: 'Read and write the control tree of a running host' },
});
