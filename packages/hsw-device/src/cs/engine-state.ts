import type { SpaceStateV1 } from '../gtt/address-space.ts';
import { MMIO_BYTES } from '../reg/reg-space.ts';
import { isNumbers } from '../state/shape.ts';
import { sparse, sparseError, unsparse } from '../state/sparse.ts';
import { COMMANDS } from './decode.ts';
import type { Engine } from './engine.ts';
import { COMMAND_MAX, type EngineCounters, HANG_REASONS } from './engine-contract.ts';
import type { OaStateV1 } from './oa.ts';
import type { WatchdogStateV1 } from './watchdog.ts';

/** What a command streamer holds besides its registers. Times are nanoseconds of the device's clock. */
export interface EngineStateV1 {
  /** Where the latest command was fetched from. */
  readonly at: number;
  readonly level: number;
  readonly batchAt: readonly number[];
  readonly batchPpgtt: readonly number[];
  readonly batchUser: readonly number[];
  /** Why it stopped; empty while it goes on. */
  readonly hang: string;
  /** Kind of wait, its register and its value. */
  readonly wait: readonly number[];
  readonly predicate: number;
  readonly arbitration: boolean;
  readonly contextBegan: number;
  /** As `Activity` gives it. */
  readonly work: readonly number[];
  /** Kept state commands, name and dwords. */
  readonly kept: readonly (readonly [string, readonly number[]])[];
  /** Commands that were not executed, name and count. */
  readonly skipped: readonly (readonly [string, number])[];
  readonly urb: readonly number[];
  readonly counters: EngineCounters;
  readonly watchdog: WatchdogStateV1 | null;
  readonly oa: OaStateV1 | null;
  readonly ppgtt: {
    readonly base: number;
    readonly loaded: number;
    readonly faultKind: number;
    readonly space: SpaceStateV1;
  };
}

export function exportEngine(e: Engine): EngineStateV1 {
  const name = (row: number): string => COMMANDS[row]?.name ?? '';
  const { base, loaded, faultKind, space } = e.ppgtt;
  return {
    at: e.at,
    level: e.level,
    batchAt: [...e.batches.at],
    batchPpgtt: [...e.batches.ppgtt],
    batchUser: [...e.batches.user],
    hang: e.hang ?? '',
    wait: [e.wait, e.waitRegister, e.waitValue],
    predicate: e.predicate,
    arbitration: e.arbitration,
    contextBegan: e.contextBegan,
    work: e.activity.exportState(),
    kept: e.kept.flatMap((words, row): [string, number[]][] =>
      words === null ? [] : [[name(row), [...words]]],
    ),
    skipped: [...e.skipped].flatMap((n, row): [string, number][] =>
      n === 0 ? [] : [[name(row), n]],
    ),
    urb: sparse(e.urb),
    counters: { ...e.counters },
    watchdog: e.watchdog?.exportState() ?? null,
    oa: e.oa?.exportState() ?? null,
    ppgtt: { base, loaded, faultKind, space: space.exportState() },
  };
}

/** What of a state of the right form an engine cannot be in; null when it can be in it. */
export function engineStateError(e: Engine, s: EngineStateV1): string | null {
  const lists = [s.batchAt, s.batchPpgtt, s.batchUser, s.wait];
  if (!lists.every((list) => isNumbers(list) && list.length === 3)) return 'a list is not of three';
  if (!(s.level === 0 || s.level === 1 || s.level === 2)) return `level ${s.level}`;
  if (s.hang !== '' && !HANG_REASONS.some((reason) => reason === s.hang)) return `hang ${s.hang}`;
  const [kind, register] = s.wait as readonly [number, number];
  if (kind !== 0 && kind !== 1 && kind !== 2) return `wait ${kind}`;
  if ((register & 3) !== 0 || register < 0 || register >= MMIO_BYTES) return 'wait for no register';
  if (!isNumbers(s.work) || s.work.length !== 3) return 'work';
  for (const entry of s.kept) {
    if (!Array.isArray(entry) || rowNamed(entry[0]) < 0) return 'a kept command has no name';
    if (!isNumbers(entry[1]) || entry[1].length === 0 || entry[1].length > COMMAND_MAX) {
      return `kept ${entry[0]}`;
    }
  }
  if (!s.skipped.every((x) => Array.isArray(x) && rowNamed(x[0]) >= 0)) return 'skipped';
  if (!isNumbers(s.urb)) return 'urb';
  return sparseError(s.urb, e.urb.length) ?? e.ppgtt.space.stateError(s.ppgtt.space);
}

function rowNamed(name: unknown): number {
  return COMMANDS.findIndex((row) => row.name === name);
}

/** Puts an engine into a state that {@link engineStateError} has passed. Registers are not its part. */
export function importEngine(e: Engine, s: EngineStateV1): void {
  e.at = s.at;
  e.level = s.level;
  e.batches.at.set(s.batchAt);
  e.batches.ppgtt.set(s.batchPpgtt);
  e.batches.user.set(s.batchUser);
  e.hang = HANG_REASONS.find((reason) => reason === s.hang) ?? null;
  e.wait = s.wait[0] as number;
  e.waitRegister = s.wait[1] as number;
  e.waitValue = s.wait[2] as number;
  e.predicate = s.predicate;
  e.arbitration = s.arbitration;
  e.contextBegan = s.contextBegan;
  e.activity.importState(s.work);
  e.kept.fill(null);
  for (const [name, words] of s.kept) e.kept[rowNamed(name)] = Int32Array.from(words);
  e.skipped.fill(0);
  for (const [name, count] of s.skipped) e.skipped[rowNamed(name)] = count;
  unsparse(e.urb, s.urb);
  for (const key of Object.keys(e.counters) as (keyof EngineCounters)[]) {
    e.counters[key] = s.counters[key];
  }
  if (s.watchdog !== null) e.watchdog?.importState(s.watchdog);
  if (s.oa !== null) e.oa?.importState(s.oa);
  e.ppgtt.base = s.ppgtt.base;
  e.ppgtt.loaded = s.ppgtt.loaded;
  e.ppgtt.faultKind = s.ppgtt.faultKind;
}
