import { ENGINE_IDS, type EngineId } from '../gt/engine.regs.ts';
import { MMIO_BYTES } from '../reg/reg-space.ts';
import { TRACE_KINDS, type TraceKind } from './trace-kinds.ts';

/** What a trace takes. Everything left out takes all. */
export interface TraceFilter {
  readonly kinds?: readonly TraceKind[];
  /** Ranges of register offsets, first and last byte; only these registers are watched. */
  readonly registers?: readonly (readonly [number, number])[];
  /** Commands and hangs of these engines only. */
  readonly engines?: readonly EngineId[];
}

/** A filter that was written wrongly: what was found, and what would do. */
export class TraceFilterError extends Error {
  readonly code = 'BAD_TRACE_FILTER';
}

/** Shorthands for kinds in a filter's text. */
const GROUPS: Readonly<Record<string, readonly TraceKind[]>> = {
  registers: ['read', 'write'],
  commands: ['command', 'hang'],
  faults: ['fault', 'hang', 'refused'],
  interrupts: ['interrupt', 'line'],
  display: ['vblank', 'flip', 'hotplug'],
};

/**
 * Reads a filter's text: words parted by commas, each a kind (`write`), a group (`commands`), an
 * engine (`BCS`) or a range of registers (`0x2000-0x2fff`). Words of one sort add up.
 *
 * @throws TraceFilterError naming the first word that is none of these
 */
export function parseTraceFilter(text: string): TraceFilter {
  const kinds = new Set<TraceKind>();
  const engines = new Set<EngineId>();
  const registers: (readonly [number, number])[] = [];
  for (const word of text.split(',').map((w) => w.trim())) {
    if (word === '') continue;
    const range = /^(0x[0-9a-f]+)(?:-(0x[0-9a-f]+))?$/i.exec(word);
    if (range !== null) registers.push(rangeOf(word, range[1] as string, range[2]));
    else if (GROUPS[word] !== undefined) for (const kind of GROUPS[word]) kinds.add(kind);
    else if (TRACE_KINDS.some((row) => row.name === word)) kinds.add(word as TraceKind);
    else if (ENGINE_IDS.includes(word.toUpperCase() as EngineId)) {
      engines.add(word.toUpperCase() as EngineId);
    } else throw new TraceFilterError(`${JSON.stringify(word)} is none of ${choices()}`);
  }
  return {
    ...(kinds.size > 0 ? { kinds: [...kinds] } : {}),
    ...(registers.length > 0 ? { registers } : {}),
    ...(engines.size > 0 ? { engines: [...engines] } : {}),
  };
}

function rangeOf(word: string, from: string, to: string | undefined): readonly [number, number] {
  const first = Number(from);
  const last = to === undefined ? first + 3 : Number(to);
  if (first <= last && last < MMIO_BYTES) return [first, last];
  throw new TraceFilterError(`${word} is not a range of registers below 0x200000`);
}

function choices(): string {
  const kinds = TRACE_KINDS.map((row) => row.name);
  return [...Object.keys(GROUPS), ...kinds, ...ENGINE_IDS, 'a range as 0x2000-0x2fff'].join(', ');
}
