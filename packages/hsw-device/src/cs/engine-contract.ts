import type { Blitter } from '../blt/blitter.ts';
import type { Ggtt } from '../gtt/ggtt.ts';
import type { InterruptSink } from '../irq/interrupts.ts';
import type { Clock } from '../port/clock.ts';
import type { MachineMemory } from '../port/memory.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { Engine } from './engine.ts';

/** Longest command that is executed; a longer one hangs the engine. Dwords. */
export const COMMAND_MAX = 4096;
/** Why an engine does not go on. Values, since a guest can cause each of them. */
export type HangReason =
  | 'unknown-command'
  | 'wrong-engine'
  | 'too-long'
  | 'privileged'
  | 'batch-end-in-ring'
  | 'blit-refused'
  | 'fetch-fault';
/** Every one of them. */
export const HANG_REASONS: readonly HangReason[] = [
  'unknown-command',
  'wrong-engine',
  'too-long',
  'privileged',
  'batch-end-in-ring',
  'blit-refused',
  'fetch-fault',
];

/** What a command does. @param index its row in COMMANDS */
export type Execute = (e: Engine, index: number) => void;

/** What the engines of one GPU share. */
export interface EngineContext {
  readonly regs: RegSpace;
  readonly memory: MachineMemory;
  readonly ggtt: Ggtt;
  readonly irq: InterruptSink;
  readonly clock: Clock;
  readonly blitter: Blitter;
  readonly flips: FlipPort;
  /** What each row of COMMANDS does. */
  readonly execute: readonly Execute[];
  /** A doorbell rang: the device wants steps. */
  readonly wake: () => void;
}

/** What commands ask of the display engine. */
export interface FlipPort {
  /** MI_DISPLAY_FLIP with its dwords in `cmd`. @returns false when it names no plane */
  displayFlip(cmd: Int32Array, length: number): boolean;
  /** Whether MI_WAIT_FOR_EVENT's condition still holds the engine. @param header DWord 0 */
  eventPending(header: number): boolean;
  /** MI_LOAD_SCAN_LINES. @param window as DE_LOAD_SL holds it */
  loadScanLines(pipe: number, window: number): void;
}

/** Counters of one engine; they only grow. */
export interface EngineCounters {
  commands: number;
  batches: number;
  blits: number;
  interrupts: number;
  /** Commands that would have run shaders, media kernels or codecs: see {@link Engine.skipped}. */
  notExecuted: number;
  contextSwitches: number;
  /** What a batch without privilege asked for and did not get: registers, GGTT, privileged commands. */
  refusedWrites: number;
  /** Commands whose length is not the one their fields take. */
  oddLengths: number;
  /** Commands that MI_SET_PREDICATE turned into no-ops. */
  predicated: number;
  /** Kept state commands that had no room in a context image. */
  lostState: number;
  hangs: number;
}

/** Wait conditions, checked at each step. */
export const WAIT_NONE = 0;
export const WAIT_SEMAPHORE = 1;
export const WAIT_EVENT = 2;

/** Counters of an engine that did nothing yet. */
export function noCounts(): EngineCounters {
  return {
    commands: 0,
    batches: 0,
    blits: 0,
    interrupts: 0,
    notExecuted: 0,
    contextSwitches: 0,
    refusedWrites: 0,
    oddLengths: 0,
    predicated: 0,
    lostState: 0,
    hangs: 0,
  };
}
