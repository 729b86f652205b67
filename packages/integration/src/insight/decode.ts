import { readFile } from 'node:fs/promises';
import {
  decodeCommands,
  decodedText,
  type EngineId,
  HaswellDevice,
  MachineMemory,
  ManualClock,
  type PeekDword,
} from '@xengt/hsw-device';
import { type CommandIo, printJson, UsageError, type XengtExitCode } from '../cli/context.ts';
import { type CommandBuffer, commandBuffers } from './dumps.ts';

/** What `xengt decode` is asked to show. */
export interface DecodeFileOptions {
  /** `-` is stdin. */
  readonly file: string;
  readonly engine: EngineId;
  readonly address: number;
  readonly json: boolean;
}

/** Prints the commands in a file, a line a dword. */
export async function runDecode(o: DecodeFileOptions, io: CommandIo): Promise<XengtExitCode> {
  const bytes = await readFile(o.file === '-' ? '/dev/stdin' : o.file).catch(
    (cause: NodeJS.ErrnoException) => {
      throw new UsageError('NO_FILE', `${o.file}: cannot be read (${cause.code})`);
    },
  );
  const buffers = commandBuffers(new Uint8Array(bytes), o);
  if (buffers.length === 0) throw new UsageError('NO_COMMANDS', `${o.file}: no commands in it`);
  const { regs } = new HaswellDevice({ memory: new MachineMemory(), clock: new ManualClock() });
  const decoded = buffers.map((buffer) => {
    const peek = peekOf(buffer);
    const commands = decodeCommands(peek, buffer.address, {
      engine: buffer.engine,
      dwords: buffer.dwords.length,
      level: buffer.level,
      regs,
      follow: () => buffer.memory,
    });
    return { buffer, commands };
  });
  if (o.json) {
    printJson(io, {
      buffers: decoded.map(({ buffer: { title, engine, address }, commands }) => ({
        title,
        engine,
        address,
        commands: [...commands],
      })),
    });
    return 0;
  }
  for (const { buffer, commands } of decoded) {
    io.out(`${buffer.title} at 0x${buffer.address.toString(16)}\n`);
    for (const command of commands) io.out(decodedText(command));
  }
  return 0;
}

function peekOf({ address, dwords, memory }: CommandBuffer): PeekDword {
  return (gma) => dwords[(gma - address) >>> 2] ?? memory?.(gma) ?? null;
}
