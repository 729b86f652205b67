import { COMMANDS, commandByName, commandLength } from '../cs/decode.ts';
import { COMMAND_MAX } from '../cs/engine-contract.ts';
import type { EngineId } from '../gt/engine.regs.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import { dwordRow, type FieldKind, fieldValue } from './fields/field.ts';
import { fieldsOf, rowOfHeader } from './lookup.ts';
import type { PeekDword } from './peek.ts';

const BATCH_START = commandByName('MI_BATCH_BUFFER_START');
const BATCH_END = commandByName('MI_BATCH_BUFFER_END');
const SECOND_LEVEL = 0x400000;
const THROUGH_PPGTT = 0x100;
/** Dwords that are decoded when nobody says how many. */
const DWORDS_DEFAULT = 1 << 16;

export interface DecodeOptions {
  readonly engine: EngineId;
  /** Dwords of the buffer; it ends there, or at the end of a batch. */
  readonly dwords?: number;
  /** Most dwords in all, batches included. Default 65,536. */
  readonly limit?: number;
  /** 0 for a ring, where a batch returns to; 1 for a batch. Default 1. */
  readonly level?: 0 | 1;
  /**
   * Memory of the batch that a command starts; null leaves it out. Default: none is followed.
   *
   * @param ppgtt whether the command names the per-process space
   */
  readonly follow?: (gma: number, ppgtt: boolean) => PeekDword | null;
  /** Gives registers their names. */
  readonly regs?: RegSpace;
}

/** A field as a reader sees it. */
export interface DecodedField {
  readonly name: string;
  readonly value: number;
  readonly kind: FieldKind;
  /** A register's name. */
  readonly register?: string;
}

export interface DecodedDword {
  /** Graphics address. */
  readonly address: number;
  /** Unsigned. */
  readonly value: number;
  /** Fields that say something: flags that are clear are left out. */
  readonly fields: readonly DecodedField[];
}

export interface DecodedCommand {
  /** Name as the PRM spells it; null for a dword that is no command of the engine. */
  readonly name: string | null;
  /** 0 from a ring, 1 from a batch, 2 from a second level batch. */
  readonly level: number;
  readonly dwords: readonly DecodedDword[];
}

interface Place {
  readonly peek: PeekDword;
  at: number;
  readonly end: number;
}

/**
 * Decodes a ring or a batch, and the batches that it starts where they lie in the order. A dword that
 * is no command stands alone, and decoding goes on behind it. It ends at the limit, whatever loops.
 *
 * @param start graphics address, a multiple of 4
 */
export function* decodeCommands(
  peek: PeekDword,
  start: number,
  o: DecodeOptions,
): Generator<DecodedCommand> {
  const places: Place[] = [{ peek, at: start, end: start + (o.dwords ?? DWORDS_DEFAULT) * 4 }];
  const base = o.level ?? 1;
  let left = o.limit ?? DWORDS_DEFAULT;
  while (places.length > 0 && left > 0) {
    const place = places.at(-1) as Place;
    const header = place.at < place.end ? place.peek(place.at) : null;
    if (header === null) {
      places.pop();
      continue;
    }
    const index = rowOfHeader(header, o.engine);
    const length = index < 0 ? 1 : commandLength(index, header);
    const known = index >= 0 && length <= COMMAND_MAX;
    const level = Math.min(base + places.length - 1, 2);
    const shown = Math.min(known ? length : 1, left, (place.end - place.at) >>> 2);
    yield commandAt(place, known ? index : -1, shown, level, o.regs);
    left -= shown;
    place.at += shown * 4;
    if (index === BATCH_END) {
      places.pop();
      if (base + places.length === 0) places.push(place);
    } else if (index === BATCH_START && shown >= 2) enter(places, place, header, base, o);
  }
}

/** Goes where MI_BATCH_BUFFER_START leads: below the present place, or on from it for good. */
function enter(
  places: Place[],
  place: Place,
  header: number,
  base: number,
  o: DecodeOptions,
): void {
  const gma = (place.peek(place.at - 4) ?? 0) & ~3;
  const target = o.follow?.(gma >>> 0, (header & THROUGH_PPGTT) !== 0) ?? null;
  const fromRing = base + places.length === 1;
  const returns = fromRing || (header & SECOND_LEVEL) !== 0;
  if (target === null) {
    // A chained batch does not come back: what follows it is never run.
    if (!returns) places.pop();
    return;
  }
  if (!returns || base + places.length > 2) places.pop();
  places.push({ peek: target, at: gma >>> 0, end: (gma >>> 0) + DWORDS_DEFAULT * 4 });
}

function commandAt(
  place: Place,
  index: number,
  length: number,
  level: number,
  regs: RegSpace | undefined,
): DecodedCommand {
  const dwords: DecodedDword[] = [];
  for (let i = 0; i < length; i++) {
    const address = (place.at + i * 4) >>> 0;
    const value = place.peek(address) ?? 0;
    const fields = index < 0 ? [] : decodeFields(index, i, value, regs);
    dwords.push({ address, value: value >>> 0, fields });
  }
  return { name: COMMANDS[index]?.name ?? null, level, dwords };
}

function decodeFields(
  index: number,
  dword: number,
  value: number,
  regs: RegSpace | undefined,
): DecodedField[] {
  const row = dwordRow(fieldsOf(index), dword);
  if (row === undefined) return [];
  return row.fields.flatMap((field) => {
    const got = fieldValue(field, value);
    if (field.high === field.low && got === 0) return [];
    const named = { name: field.name, value: got, kind: field.kind };
    if (field.kind !== 'register' || regs === undefined) return [named];
    return [{ ...named, register: regs.nameOf(got) }];
  });
}

const hex8 = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');

/** The command as lines of text: address, dword, then its name or the dword's fields. */
export function decodedText(command: DecodedCommand): string {
  const indent = '  '.repeat(command.level);
  return command.dwords
    .map(({ address, value, fields }, i) => {
      const words = fields.map(fieldText).join(', ');
      const name =
        i === 0
          ? [command.name ?? 'no command', words].filter((w) => w !== '').join(': ')
          : `  ${words}`;
      return `${hex8(address)}  ${hex8(value)}  ${indent}${name}`.trimEnd().concat('\n');
    })
    .join('');
}

function fieldText({ name, value, kind, register }: DecodedField): string {
  if (register !== undefined) return `${name} ${register}`;
  if (kind === 'address' || kind === 'hex' || kind === 'register')
    return `${name} 0x${value.toString(16)}`;
  return `${name} ${value}`;
}
