import { BATCH_GFN, type ScriptedGuest } from '../../src/host/testing/scripted-guest.ts';
import type { Random } from '../lib/random.ts';

const PAGE = 4096;
const BATCH_END: number = 0x0a << 23;
const BATCH_START: number = 0x31 << 23;
/** MI_BATCH_BUFFER_START: 22 second level; 13 without privilege, 8 through the PPGTT. */
const SECOND_LEVEL = 0x400000;
const USER = 0x2100;
/** An MI opcode that no engine has, two dwords. */
const UNKNOWN: number = 0x3b << 23;
/** MI_SEMAPHORE_MBOX: wait until sync register 0 exceeds what it never will. */
const SEMAPHORE: readonly number[] = [(0x16 << 23) | 0x100000 | 1, 0x7fffffff, 0, 0];
const USER_INTERRUPT: number = 0x02 << 23;
/** Pages that hanging batches take. */
export const HANG_PAGES = 24;

/** One way to hang an engine. */
export interface HangKind {
  readonly name: string;
  /** What the mediator is to say of it. */
  readonly cause: string;
  /** Writes batches and gives the ring's commands. */
  readonly commands: (g: ScriptedGuest, r: Random) => readonly number[];
}

const at = (g: ScriptedGuest, page: number): number => g.batchGma + page * PAGE;
const jump = (gma: number, flags: number): number[] => [BATCH_START | flags, gma];
const noops = (n: number): number[] => new Array<number>(n).fill(0);

/** A loop through several batches in any order, each entered at its start. */
function chain(g: ScriptedGuest, r: Random, pages: number, flags: number): number[] {
  const order = Array.from({ length: pages }, (_, i) => i);
  for (let i = pages - 1; i > 0; i--) {
    const k = r.below(i + 1);
    [order[i], order[k]] = [order[k] as number, order[i] as number];
  }
  order.forEach((page, i) => {
    const next = order[(i + 1) % pages] as number;
    g.poke(BATCH_GFN + page, [...noops(2 * r.below(100)), ...jump(at(g, next), flags), BATCH_END]);
  });
  return jump(at(g, order[0] as number), flags);
}

// biome-ignore format: one kind a line
export const HANG_KINDS: readonly HangKind[] = [
  { name: 'a loop',                        cause: 'loops',     commands: (g, r) => chain(g, r, 1, USER) },
  { name: 'a loop with privilege',         cause: 'loops',     commands: (g, r) => chain(g, r, 1, 0) },
  { name: 'a loop through many batches',   cause: 'loops',     commands: (g, r) => chain(g, r, 2 + r.below(HANG_PAGES - 2), USER) },
  { name: 'a loop in the second level',    cause: 'loops',     commands: (g, r) => {
    g.poke(BATCH_GFN + HANG_PAGES - 1, [...noops(2 * r.below(100)), ...jump(at(g, HANG_PAGES - 1), USER | SECOND_LEVEL), BATCH_END]);
    g.poke(BATCH_GFN, [...noops(2 * r.below(100)), ...jump(at(g, HANG_PAGES - 1), USER | SECOND_LEVEL), BATCH_END]);
    return jump(at(g, 0), USER);
  } },
  { name: 'an unknown command',            cause: 'failed',    commands: (g, r) => {
    g.poke(BATCH_GFN, [...noops(2 * r.below(100)), UNKNOWN, 0, BATCH_END]);
    return jump(at(g, 0), USER);
  } },
  { name: 'a semaphore without a signal',  cause: 'semaphore', commands: () => SEMAPHORE },
];

/** Submits a request that hangs. */
export function hang(g: ScriptedGuest, engine: number, kind: HangKind, r: Random): void {
  g.submit(engine, [...kind.commands(g, r), USER_INTERRUPT, 0]);
}
