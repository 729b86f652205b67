/** How a field's bits are shown. */
export type FieldKind = 'number' | 'hex' | 'address' | 'signed' | 'float' | 'register';

/** A field of a command, as data. */
export interface FieldRow {
  readonly name: string;
  readonly high: number;
  readonly low: number;
  readonly kind: FieldKind;
}

/** What a dword of a command holds. */
export interface DwordRow {
  /** Its place in the command; the first of a run. */
  readonly dword: number;
  /** Distance to the next dword of the same form; 0 for one dword. */
  readonly stride: number;
  readonly fields: readonly FieldRow[];
}

/** Dwords of commands by name: each `'<dword>[%<stride>]: <name> <high>[:<low>][ <kind>], ...'`. */
export type FieldTable = Readonly<Record<string, readonly string[]>>;

const KINDS: Readonly<Record<string, FieldKind>> = {
  a: 'address',
  f: 'float',
  i: 'signed',
  r: 'register',
  x: 'hex',
};

/** @throws Error naming what cannot be read: a mistake of ours */
export function parseDword(text: string): DwordRow {
  const head = /^(\d+)(?:%(\d+))?: (.+)$/.exec(text);
  if (head === null) throw new Error(`no dword in ${JSON.stringify(text)}`);
  return {
    dword: Number(head[1]),
    stride: Number(head[2] ?? 0),
    fields: (head[3] as string).split(', ').map((field) => parseField(field, text)),
  };
}

function parseField(text: string, where: string): FieldRow {
  const m = /^(.+?) (\d+)(?::(\d+))?(?: ([a-z]))?$/.exec(text);
  const kind = m?.[4] === undefined ? 'number' : KINDS[m[4]];
  if (m === null || kind === undefined) throw new Error(`no field in ${text} of ${where}`);
  const high = Number(m[2]);
  return { name: m[1] as string, high, low: Number(m[3] ?? high), kind };
}

/** The rows of a table, by command name. */
export function parseTable(table: FieldTable): Map<string, readonly DwordRow[]> {
  return new Map(Object.entries(table).map(([name, dwords]) => [name, dwords.map(parseDword)]));
}

/** The row of a dword; undefined when the table says nothing of it. */
export function dwordRow(rows: readonly DwordRow[], dword: number): DwordRow | undefined {
  return rows.find(
    (row) =>
      row.dword === dword ||
      (row.stride > 0 && dword > row.dword && (dword - row.dword) % row.stride === 0),
  );
}

/** A field's bits, in the place where they belong for addresses and registers, else from bit 0. */
export function fieldValue(field: FieldRow, dword: number): number {
  const width = field.high - field.low + 1;
  const mask = width === 32 ? -1 : (1 << width) - 1;
  const bits = (dword >>> field.low) & mask;
  if (field.kind === 'address' || field.kind === 'register') return (bits << field.low) >>> 0;
  if (field.kind === 'signed') return (bits << (32 - width)) >> (32 - width);
  return field.kind === 'float' ? floatOf(dword) : bits >>> 0;
}

const WORD = new DataView(new ArrayBuffer(4));

function floatOf(dword: number): number {
  WORD.setInt32(0, dword);
  return WORD.getFloat32(0);
}
