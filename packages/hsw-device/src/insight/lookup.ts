import { BLT_COMMANDS } from '../blt/commands.ts';
import { COMMAND_ENGINES, COMMANDS, commandIndex } from '../cs/decode.ts';
import { ENGINE_TABLE } from '../cs/engine-table.ts';
import type { EngineId } from '../gt/engine.regs.ts';
import { bltFields } from './fields/blt-fields.ts';
import { type DwordRow, parseDword, parseTable } from './fields/field.ts';
import { MI_FIELDS } from './fields/mi-fields.ts';
import { SHADER_FIELDS } from './fields/shader-fields.ts';
import { STATE_FIELDS } from './fields/state-fields.ts';

const TABLE: ReadonlyMap<string, readonly DwordRow[]> = new Map([
  ...parseTable({ ...MI_FIELDS, ...STATE_FIELDS, ...SHADER_FIELDS }),
  ...BLT_COMMANDS.map((row): [string, DwordRow[]] => [row.name, bltFields(row).map(parseDword)]),
]);
const NO_FIELDS: readonly DwordRow[] = [];
/** Rows of COMMANDS by index. */
const FIELDS: readonly (readonly DwordRow[])[] = COMMANDS.map(
  (row) => TABLE.get(row.name) ?? NO_FIELDS,
);

/** Row of COMMANDS that a header names on an engine; -1 when none does. */
export function rowOfHeader(header: number, engine: EngineId): number {
  const { on } = ENGINE_TABLE[engine];
  const index = commandIndex(header, on);
  return index >= 0 && ((COMMAND_ENGINES[index] as number) & on) !== 0 ? index : -1;
}

/** What the dwords of a command hold. @param index row of COMMANDS */
export function fieldsOf(index: number): readonly DwordRow[] {
  return FIELDS[index] as readonly DwordRow[];
}

/** Commands that the tables describe; what else there is has no fields here. */
export const DESCRIBED: ReadonlySet<string> = new Set(TABLE.keys());
