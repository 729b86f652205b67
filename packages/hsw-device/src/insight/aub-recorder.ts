import type { Engine } from '../cs/engine.ts';
import type { Execute } from '../cs/engine-contract.ts';
import type { HaswellDevice } from '../device.ts';
import {
  HEAD_ADDR,
  RING_CTL,
  RING_START,
  RING_TAIL,
  ringBytes,
  TAIL_ADDR,
} from '../gt/engine.regs.ts';
import { AUB_RINGS, AubWriter } from './aub.ts';
import { decodeCommands } from './decode-commands.ts';
import { commandAt } from './device-trace.ts';
import { type PeekDword, peekData, peekGgtt, peekRun } from './peek.ts';

const PAGE_DWORDS = 1024;
/** Dwords of commands that are looked through for batches in one submission. */
const LOOK_DWORDS = 1 << 18;
const LIMIT_DEFAULT: number = 256 << 20;

/**
 * Records what the render engine and the blitter are given, as an AUB file: before the first command
 * of a submission runs, the pages of its batches, the entries of the global GTT that map them, and the
 * ring's dwords up to the tail. What other engines are given has no place in the format and is
 * counted.
 */
export class AubRecorder {
  /** Submissions in the file. */
  submissions = 0;
  /** Submissions to engines that the format does not know. */
  unknown = 0;
  readonly #device: HaswellDevice;
  readonly #writer: AubWriter;
  readonly #undo: (() => void)[] = [];

  /** @param limit bytes of the file; what does not fit is left out and counted */
  constructor(device: HaswellDevice, limit: number = LIMIT_DEFAULT) {
    this.#device = device;
    this.#writer = new AubWriter(device.model.deviceId, limit);
    for (const engine of device.gt.engines) this.#watch(engine);
  }

  /** Blocks that did not fit. */
  get dropped(): number {
    return this.#writer.dropped;
  }

  /** Ends the recording. @returns the file */
  stop(): Uint8Array {
    for (const undo of this.#undo.splice(0)) undo();
    return this.#writer.bytes();
  }

  #watch(engine: Engine): void {
    const plain = engine.execute;
    // Ring offset where what has been recorded ends; -1 before anything was.
    let recorded = -1;
    const recording = (e: Engine, row: number): void => {
      if (e.level === 0) {
        const at = commandAt(e) - e.reg(RING_START);
        const tail = e.reg(RING_TAIL) & TAIL_ADDR;
        // Outside of what has been recorded when the tail moved, or the ring was set up anew.
        if (recorded === -1 || at === recorded || !between(at, recorded, e)) {
          this.#submission(e, at, tail);
          recorded = tail;
        }
      }
      (plain[row] as Execute)(e, row);
    };
    engine.execute = plain.map(() => recording);
    this.#undo.push(() => {
      engine.execute = plain;
    });
  }

  #submission(e: Engine, from: number, tail: number): void {
    const type = AUB_RINGS[e.id];
    if (type === undefined) {
      this.unknown++;
      return;
    }
    const size = ringBytes(e.reg(RING_CTL));
    const start = (e.reg(RING_START) + from) >>> 0;
    const ring = peekGgtt(this.#device);
    const length = ((tail - from) & (size - 1)) >>> 2;
    const dwords = new Int32Array(length);
    const base = e.reg(RING_START) >>> 0;
    for (let i = 0; i < length; i++) dwords[i] = ring(base + ((from + i * 4) & (size - 1))) ?? 0;
    this.#batches(e, dwords);
    this.submissions++;
    this.#writer.ring(type, start, dwords);
  }

  /** Writes the pages of every batch that the ring's commands lead to. */
  #batches(e: Engine, ring: Int32Array): void {
    const spaces: PeekDword[] = [peekGgtt(this.#device), peekData(this.#device, e)];
    const pages: Set<number>[] = [new Set(), new Set()];
    let space = 0;
    const follow = (_: number, ppgtt: boolean): PeekDword => {
      space = ppgtt && e.usesPpgtt ? 1 : 0;
      const seen = pages[space] as Set<number>;
      const peek = spaces[space] as PeekDword;
      return (gma) => {
        seen.add(gma >>> 12);
        return peek(gma);
      };
    };
    const o = { engine: e.id, level: 0, dwords: ring.length, limit: LOOK_DWORDS, follow } as const;
    for (const _ of decodeCommands((gma) => ring[gma >>> 2] ?? null, 0, o));
    for (const [i, seen] of pages.entries()) {
      for (const page of [...seen].sort((a, b) => a - b)) {
        const peek = spaces[i] as PeekDword;
        if (peek(page * 4096) === null) continue;
        if (i === 0) this.#writer.entries(page, Int32Array.of(this.#device.ggtt.read(page)));
        this.#writer.memory(page * 4096, peekRun(peek, page * 4096, PAGE_DWORDS));
      }
    }
  }
}

/** Whether a ring offset lies before what has been recorded and not yet been executed. */
function between(at: number, recorded: number, e: Engine): boolean {
  const size = ringBytes(e.reg(RING_CTL));
  const tail = e.reg(RING_TAIL) & TAIL_ADDR & HEAD_ADDR;
  const ahead = (recorded - at) & (size - 1);
  return ahead !== 0 && ahead <= ((tail - at) & (size - 1));
}
