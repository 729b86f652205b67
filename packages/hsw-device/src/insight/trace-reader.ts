import { COMMANDS, commandIndex } from '../cs/decode.ts';
import { ENGINE_IDS } from '../gt/engine.regs.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import { interruptNames } from './interrupt-names.ts';
import type { Trace } from './trace.ts';
import { ACCESSES, KIND, TRACE_KINDS, type TraceEvent } from './trace-kinds.ts';

const SETS = ['DE', 'GT', 'PM', 'PCH'] as const;
const hex8 = (n: number): string => `0x${(n >>> 0).toString(16).padStart(8, '0')}`;

/** Yields a trace's records as typed events, each once. */
export class TraceReader {
  /** Records that were overwritten before they were read. */
  lost = 0;
  readonly #trace: Trace;
  readonly #regs: RegSpace;
  readonly #spaces: Map<string, RegSpace> = new Map();
  #next = 0;

  /** @param regs register file that gives registers their names */
  constructor(trace: Trace, regs: RegSpace) {
    this.#trace = trace;
    this.#regs = regs;
  }

  /** Registers that a source has of its own; the hardware's give names to the rest. */
  addSource(name: string, regs: RegSpace): void {
    this.#spaces.set(name, regs);
  }

  /** Events since the last call, the oldest first. */
  *read(): Generator<TraceEvent> {
    while (this.#next < this.#trace.count) {
      const { first } = this.#trace;
      if (this.#next < first) {
        this.lost += first - this.#next;
        this.#next = first;
      }
      yield this.#event(this.#next++);
    }
  }

  #event(seq: number): TraceEvent {
    const trace = this.#trace;
    const f = (i: number): number => trace.field(seq, i);
    const stamp = {
      seq,
      timeNs: trace.timeOf(seq),
      source: trace.nameOf(trace.sourceOf(seq)),
    };
    const kind = trace.kindOf(seq);
    switch (kind) {
      case KIND.read:
      case KIND.write: {
        const offset = f(0);
        const own = this.#spaces.get(stamp.source);
        const regs = own?.claims(offset) === true ? own : this.#regs;
        const claimed = regs.claims(offset);
        const name = regs.nameOf(offset);
        return {
          ...stamp,
          kind: kind === KIND.read ? 'read' : 'write',
          offset,
          name,
          claimed,
          value: f(1),
        };
      }
      case KIND.command: {
        const name = COMMANDS[commandIndex(f(2), 1 << f(0))]?.name ?? 'unknown';
        return {
          ...stamp,
          kind: 'command',
          engine: engineName(f(0)),
          address: f(1),
          header: f(2),
          name,
          length: f(3),
          level: f(4),
        };
      }
      case KIND.hang:
        return {
          ...stamp,
          kind: 'hang',
          engine: engineName(f(0)),
          address: f(1),
          reason: trace.nameOf(f(2)),
        };
      case KIND.fault:
        return { ...stamp, kind: 'fault', space: trace.nameOf(f(0)), address: f(1) };
      case KIND.refused:
        return {
          ...stamp,
          kind: 'refused',
          device: trace.nameOf(f(0)),
          access: ACCESSES[f(1)] ?? 'read',
          address: (f(2) >>> 0) + (f(3) >>> 0) * 2 ** 32,
          reason: trace.nameOf(f(4)),
        };
      case KIND.interrupt:
        return { ...stamp, kind: 'interrupt', set: SETS[f(0)] ?? 'DE', bits: f(1), passed: f(2) };
      case KIND.line:
        return { ...stamp, kind: 'line', high: f(0) !== 0 };
      case KIND.vblank:
        return { ...stamp, kind: 'vblank', pipe: letter(f(0)) };
      case KIND.flip:
        return {
          ...stamp,
          kind: 'flip',
          pipe: letter(f(0)),
          plane: f(1) === 0 ? 'primary' : 'sprite',
        };
      default:
        return { ...stamp, kind: 'hotplug', port: letter(f(0)) };
    }
  }
}

const engineName = (index: number): string => ENGINE_IDS[index] ?? `engine ${index}`;
const letter = (index: number): string => String.fromCharCode(65 + index);

/** One line for an event: time in microseconds, who, what. Without the line's end. */
export function traceLine(event: TraceEvent): string {
  const time = (event.timeNs / 1000).toFixed(3).padStart(14);
  return `${time} ${event.source} ${what(event)}`;
}

function what(e: TraceEvent): string {
  switch (e.kind) {
    case 'read':
      return `read  ${e.name} = ${hex8(e.value)}${e.claimed ? '' : ' unclaimed'}`;
    case 'write':
      return `write ${e.name} = ${hex8(e.value)}${e.claimed ? '' : ' unclaimed'}`;
    case 'command':
      return `${e.engine} ${'  '.repeat(e.level)}${hex8(e.address)} ${e.name} ${hex8(e.header)} [${e.length}]`;
    case 'hang':
      return `${e.engine} hangs at ${hex8(e.address)}: ${e.reason}`;
    case 'fault':
      return `fault in ${e.space} at ${hex8(e.address)}`;
    case 'refused': {
      const at = `0x${e.address.toString(16)}`;
      const what = e.access === 'interrupt' ? `interrupt ${at}` : `${e.access} of ${at}`;
      return `${e.device} ${what} refused: ${e.reason}`;
    }
    case 'interrupt': {
      const masked = e.passed === 0 ? ' (masked)' : '';
      return `interrupt ${e.set} ${interruptNames(e.set, e.bits).join(' ')}${masked}`;
    }
    case 'line':
      return `line ${e.high ? 'high' : 'low'}`;
    case 'vblank':
      return `vblank of pipe ${e.pipe}`;
    case 'flip':
      return `flip of pipe ${e.pipe} ${e.plane} done`;
    case 'hotplug':
      return `hotplug of port ${e.port}`;
  }
}

/** The event as one line of JSON: its fields as they are, numbers unsigned. Without the line's end. */
export function traceJson(event: TraceEvent): string {
  return JSON.stringify(event, (_, v: unknown) => (typeof v === 'number' && v < 0 ? v >>> 0 : v));
}

/** Names of the kinds, for help texts. */
export const TRACE_KIND_NAMES: readonly string[] = TRACE_KINDS.map((row) => row.name);
