import { BLT_COMMANDS } from '../blt/commands.ts';
import { CS_COMMANDS } from './commands.ts';
import { type CommandRow, ON_ALL, ON_BCS, ON_RCS, ON_VCS, ON_VECS } from './row.ts';

/** Every command of the four engines. */
export const COMMANDS: readonly CommandRow[] = [...CS_COMMANDS, ...BLT_COMMANDS];

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
/** The fewest dwords that hold a command's fields, by row. */
export const COMMAND_DWORDS: Int32Array = Int32Array.from(COMMANDS, (row) => row.dwords);
/** 1 where a command is always that long, by row. */
export const COMMAND_EXACT: Uint8Array = Uint8Array.from(COMMANDS, (row) =>
  Number(row.exact === true),
);

/**
 * Row id + 1 by the top 16 bits of DWord 0, for the engines of `on`; 0 is "no such command". 16 bits
 * identify every command of Haswell, so one load finds the row. A command of another engine is in
 * the table too, where none of these engines has one of that encoding.
 *
 * @throws Error naming both rows when two of one engine share an encoding: a mistake of ours
 */
export function buildTable(rows: readonly CommandRow[], on: number): Uint16Array {
  const lut = new Uint16Array(0x10000);
  rows.forEach((row, k) => {
    const free = 16 - row.bits;
    const first = (row.opcode >>> 16) & ~((1 << free) - 1);
    for (let x = 0; x < 1 << free; x++) {
      const prev = lut[first | x] as number;
      const other = prev === 0 ? undefined : (rows[prev - 1] as CommandRow);
      if (other !== undefined && (other.on & row.on) !== 0) {
        throw new Error(`${row.name} and ${other.name} share an encoding`);
      }
      if (other === undefined || (row.on & on) !== 0) lut[first | x] = k + 1;
    }
  });
  return lut;
}

/** One table per engine; undefined where `on` is not one engine. */
const TABLES: readonly Uint16Array[] = [ON_RCS, ON_VCS, ON_BCS, ON_VECS].map((on) =>
  buildTable(COMMANDS, on),
);

/** The look-up table of an engine, for {@link rowOf}. @param on one of ON_RCS to ON_VECS */
export function commandTable(on: number): Uint16Array {
  return TABLES[31 - Math.clz32(on & ON_ALL)] as Uint16Array;
}

/** Row of {@link COMMANDS} that a header names in an engine's table; -1 when none does. */
export function rowOf(table: Uint16Array, header: number): number {
  return (table[header >>> 16] as number) - 1;
}

/**
 * Row of {@link COMMANDS} that a header names; -1 when none does. A row of another engine is given
 * only where that engine has none: the caller compares COMMAND_ENGINES.
 *
 * @param on engine, one of ON_RCS to ON_VECS; the render engine when it is left out
 */
export function commandIndex(header: number, on: number = ON_RCS): number {
  return rowOf(commandTable(on), header);
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
