import type { InterruptSet } from './interrupt-names.ts';

/**
 * What a trace records, and what the numbers of a record mean. One row is the only statement of a
 * kind's name and fields; the ring stores a kind as its row's number.
 */
export interface TraceKindRow {
  readonly name: string;
  /** Names of the record's numbers, in the order they are stored. */
  readonly fields: readonly string[];
}

// biome-ignore format: one kind a line
const ROWS = [
  { name: 'read',      fields: ['offset', 'value'] },
  { name: 'write',     fields: ['offset', 'value'] },
  { name: 'command',   fields: ['engine', 'address', 'header', 'length', 'level'] },
  { name: 'hang',      fields: ['engine', 'address', 'reason'] },
  { name: 'fault',     fields: ['space', 'address'] },
  { name: 'refused',   fields: ['device', 'access', 'low', 'high', 'reason'] },
  { name: 'interrupt', fields: ['set', 'bits', 'passed'] },
  { name: 'line',      fields: ['high'] },
  { name: 'vblank',    fields: ['pipe'] },
  { name: 'flip',      fields: ['pipe', 'plane'] },
  { name: 'hotplug',   fields: ['port'] },
] as const;

export type TraceKind = (typeof ROWS)[number]['name'];

/** Every kind, by its number. */
export const TRACE_KINDS: readonly TraceKindRow[] = ROWS;

/** Number of each kind. */
export const KIND: Readonly<Record<TraceKind, number>> = Object.fromEntries(
  ROWS.map((row, i) => [row.name, i]),
) as Record<TraceKind, number>;

/** A request of a device that was refused on its way to memory, or to a processor. */
export interface RefusedRequest {
  /** Who asked, e.g. `0000:00:02.0`. */
  readonly device: string;
  readonly access: (typeof ACCESSES)[number];
  /** Address of the request, below 2^53; of an interrupt, what its message named. */
  readonly address: number;
  readonly reason: string;
}

/** How a record has an access. */
export const ACCESSES = ['read', 'write', 'interrupt'] as const;

interface Stamp {
  /** Number of the event since the trace began, from 0. */
  readonly seq: number;
  /** Device time, nanoseconds. */
  readonly timeNs: number;
  /** Who: `gpu`, or a virtual GPU's name. */
  readonly source: string;
}

/** One event, as a reader sees it. Numbers are int32 unless said otherwise. */
export type TraceEvent = Stamp &
  (
    | {
        readonly kind: 'read' | 'write';
        /** Byte offset in the register half of BAR0. */
        readonly offset: number;
        /** The register's name; its offset in hexadecimal when no row describes it. */
        readonly name: string;
        readonly claimed: boolean;
        readonly value: number;
      }
    | {
        readonly kind: 'command';
        readonly engine: string;
        /** Graphics address of DWord 0. */
        readonly address: number;
        readonly header: number;
        readonly name: string;
        /** Dwords. */
        readonly length: number;
        /** 0 from the ring, 1 from a batch, 2 from a second level batch. */
        readonly level: number;
      }
    | {
        readonly kind: 'hang';
        readonly engine: string;
        readonly address: number;
        readonly reason: string;
      }
    | { readonly kind: 'fault'; readonly space: string; readonly address: number }
    | ({ readonly kind: 'refused' } & RefusedRequest)
    | {
        readonly kind: 'interrupt';
        readonly set: InterruptSet;
        readonly bits: number;
        /** The bits that IMR let through. */
        readonly passed: number;
      }
    | { readonly kind: 'line'; readonly high: boolean }
    | { readonly kind: 'vblank'; readonly pipe: string }
    | { readonly kind: 'flip'; readonly pipe: string; readonly plane: 'primary' | 'sprite' }
    | { readonly kind: 'hotplug'; readonly port: string }
  );
