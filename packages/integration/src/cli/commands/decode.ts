import { buildCommand, type Command } from '@stricli/core';
import type { XengtContext } from '../context.ts';
import { jsonFlag } from '../flags.ts';

interface DecodeFlags {
  readonly engine: 'rcs' | 'vcs' | 'bcs' | 'vecs';
  readonly address: number;
  readonly json: boolean;
}

export const decodeCommand: Command<XengtContext> = buildCommand<
  DecodeFlags,
  [string],
  XengtContext
>({
  docs: {
    brief: 'Show the GPU commands in a file with their names and fields',
    fullDescription: [
      'Reads an error state of i915 (of a real machine too), an AUB file, a dump of hexadecimal',
      'dwords, or the dwords themselves, and prints a line a dword: address, value, and what the',
      'command and its fields are called.',
      '',
      'Examples:',
      '  xengt decode error.txt                      the rings and batches of an error state',
      '  xengt decode gpu.aub                        what `xengt demo --aub gpu.aub` recorded',
      '  xengt decode batch.bin --engine bcs         a batch of the blitter',
      '  xengt ctl read debug/error_state --raw | xengt decode -',
    ].join('\n'),
  },
  parameters: {
    flags: {
      engine: {
        kind: 'enum',
        values: ['rcs', 'vcs', 'bcs', 'vecs'],
        brief: 'Engine, where the file does not say',
        default: 'rcs',
      },
      address: {
        kind: 'parsed',
        parse: addressOf,
        brief: 'Graphics address of the first dword, where the file does not say',
        placeholder: 'address',
        default: '0',
      },
      json: jsonFlag,
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'File to read; - is stdin', parse: String, placeholder: 'file' }],
    },
  },
  async func(flags, file) {
    const engine = flags.engine.toUpperCase() as Uppercase<DecodeFlags['engine']>;
    const { address, json } = flags;
    this.process.exitCode = await this.actions.decode({ file, engine, address, json }, this.io);
  },
});

function addressOf(input: string): number {
  const n = /^(0x[0-9a-f]+|\d+)$/i.test(input) ? Number(input) : Number.NaN;
  if (!(n < 2 ** 32 && n % 4 === 0)) throw new RangeError('expected a multiple of 4 below 2^32');
  return n;
}
