import { COMMAND_ENGINES, commandIndex, commandLength } from '@xengt/hsw-device';
import type { ScanHost } from './scan-host.ts';
import * as T from './scan-table.ts';

/** Pieces of looping batches of one engine that are followed at once; further ones are not. */
const LOOPS_MAX = 256;
const PAGE_DW = 1024;

/**
 * Copies in flight that may run until somebody changes them: batches that jump back into
 * themselves. On hardware a processor ends such a loop by a store to the batch (IGT's spinners put
 * MI_BATCH_BUFFER_END over a command that did nothing), so the mediator looks at their sources for
 * as long as they are in flight and takes such changes over into the copies.
 */
export class BatchLoops {
  /** Pieces in flight, oldest first. */
  count = 0;
  /** Where each was copied from, and the copy's begin and end, in indices of the arena's memory. */
  readonly gma: Int32Array = new Int32Array(LOOPS_MAX);
  readonly ppgtt: Uint8Array = new Uint8Array(LOOPS_MAX);
  readonly begin: Int32Array = new Int32Array(LOOPS_MAX);
  readonly end: Int32Array = new Int32Array(LOOPS_MAX);
  readonly #ringAt = new Float64Array(LOOPS_MAX);
  /** Those before it are committed. */
  #committed = 0;

  add(gma: number, ppgtt: number, begin: number, end: number): void {
    if (this.count === LOOPS_MAX) return;
    const i = this.count++;
    this.gma[i] = gma;
    this.ppgtt[i] = ppgtt;
    this.begin[i] = begin;
    this.end[i] = end;
  }

  /** What was added belongs to ring commands that end at `ringBytes`. */
  commit(ringBytes: number): void {
    while (this.#committed < this.count) this.#ringAt[this.#committed++] = ringBytes;
  }

  /** The engine has fetched beyond `ringBytes`. */
  retire(ringBytes: number): void {
    let n = 0;
    while (n < this.#committed && (this.#ringAt[n] as number) < ringBytes) n++;
    if (n === 0) return;
    for (const list of [this.gma, this.ppgtt, this.begin, this.end, this.#ringAt]) {
      list.copyWithin(0, n, this.count);
    }
    this.count -= n;
    this.#committed -= n;
  }

  reset(): void {
    this.count = 0;
    this.#committed = 0;
  }

  /**
   * Takes over what changed in the sources. Only where it cannot put anything unchecked before the
   * engine, wherever in the copy it is: at the beginning of a command, its end for whatever was
   * there, or one command of a dword that nobody checks for another.
   *
   * @param words the arena's memory @param starts 1 where a command starts in it
   * @returns commands changed
   */
  follow(host: ScanHost, engine: number, words: Int32Array, starts: Uint8Array): number {
    let changed = 0;
    for (let i = 0; i < this.count; i++) {
      const end = this.end[i] as number;
      let gma = this.gma[i] as number;
      for (let at = this.begin[i] as number; at < end; ) {
        const offset = (gma & 0xfff) >>> 2;
        const stop = Math.min(end, at + PAGE_DW - offset);
        const page = host.findPage(engine, gma, this.ppgtt[i] !== 0);
        if (page < 0) break;
        const source = host.words;
        gma += (stop - at) * 4;
        for (let from = page + offset; at < stop; at++, from++) {
          const now = source[from] as number;
          if (now === words[at] || starts[at] === 0) continue;
          if (!replaces(now, words[at] as number, 1 << engine)) continue;
          words[at] = now;
          changed++;
        }
      }
    }
    return changed;
  }
}

/** Whether a command may take another's place in a batch that was checked. @param on bit of the engine */
function replaces(now: number, old: number, on: number): boolean {
  const action = singleAction(now, on);
  return action === T.BATCH_END || (action === T.PLAIN && singleAction(old, on) === T.PLAIN);
}

/** What the scanner does about a command of one dword; -1 for all others. */
function singleAction(header: number, on: number): number {
  const index = commandIndex(header, on);
  if (index < 0 || ((COMMAND_ENGINES[index] as number) & on) === 0) return -1;
  return commandLength(index, header) === 1 ? (T.ACTIONS[index] as number) : -1;
}
