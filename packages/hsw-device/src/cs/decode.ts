import { BLT_COMMANDS } from '../blt/commands.ts';
import { type CommandRow, CS_COMMANDS } from './commands.ts';

/** Every command of the four engines. */
export const COMMANDS: readonly CommandRow[] = [...CS_COMMANDS, ...BLT_COMMANDS];

/**
 * Row id + 1 by the top 16 bits of DWord 0; 0 is "no such command". 16 bits identify every command
 * of Haswell, so one load finds the row.
 */
const ROW_BY_TOP16: Uint16Array = buildTable(COMMANDS);
const LENGTH_FIXED: Int32Array = Int32Array.from(COMMANDS, (row) =>
  'fixed' in row.length ? row.length.fixed : 0,
);
const LENGTH_MASK: Int32Array = Int32Array.from(COMMANDS, (row) =>
  'mask' in row.length ? row.length.mask : 0,
);
/** Engines (ON_* bits) by row. */
export const COMMAND_ENGINES: Uint8Array = Uint8Array.from(COMMANDS, (row) => row.on);
/** Flags by row. */
export const COMMAND_FLAGS: Uint8Array = Uint8Array.from(COMMANDS, (row) => row.flags ?? 0);

/** @throws Error naming both rows when two share an encoding: a mistake of ours */
export function buildTable(rows: readonly CommandRow[]): Uint16Array {
  const lut = new Uint16Array(0x10000);
  rows.forEach((row, k) => {
    const free = 16 - row.bits;
    const first = (row.opcode >>> 16) & ~((1 << free) - 1);
    for (let x = 0; x < 1 << free; x++) {
      const prev = lut[first | x] as number;
      if (prev !== 0) {
        throw new Error(`${row.name} and ${(rows[prev - 1] as CommandRow).name} share an encoding`);
      }
      lut[first | x] = k + 1;
    }
  });
  return lut;
}

/** Row of {@link COMMANDS} that a header names; -1 when none does. */
export function commandIndex(header: number): number {
  return (ROW_BY_TOP16[header >>> 16] as number) - 1;
}

/** Dwords of the command, header included. @param index row, 0 or more */
export function commandLength(index: number, header: number): number {
  const fixed = LENGTH_FIXED[index] as number;
  return fixed !== 0 ? fixed : (header & (LENGTH_MASK[index] as number)) + 2;
}

/** Row by name. @throws Error when there is none: a mistake of ours */
export function commandByName(name: string): number {
  const index = COMMANDS.findIndex((row) => row.name === name);
  if (index < 0) throw new Error(`no command ${name}`);
  return index;
}
