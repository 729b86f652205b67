import type { ReservedMemory } from '../partition/reserved.ts';
import { BatchLoops } from './batch-loops.ts';

/** Batches of one engine that may be in flight at once. */
const IN_FLIGHT_MAX = 4096;

/**
 * Where an engine's privileged batches are copied to before they run, so that nobody can change
 * them after they were checked. A ring: the oldest copies are freed when the engine has fetched
 * past the command that started them.
 */
export class BatchArena {
  /** The mediator's memory; positions below are indices into it. */
  readonly words: Int32Array;
  readonly first: number;
  readonly end: number;
  /** Copies in flight whose sources may still change. */
  readonly loops: BatchLoops = new BatchLoops();
  /** Where the next copy begins. */
  cursor: number;
  readonly #gma: number;
  /** Submissions in flight: bytes ever submitted to the ring at their end, and their arena end. */
  readonly #ringAt = new Float64Array(IN_FLIGHT_MAX);
  readonly #arenaAt = new Int32Array(IN_FLIGHT_MAX);
  #head = 0;
  #count = 0;
  /** Cursor at the last commit. */
  #committed: number;
  /** Start of the oldest copy in flight. */
  #oldest: number;

  constructor(reserved: ReservedMemory, engine: number) {
    this.words = reserved.words;
    this.#gma = reserved.arena(engine);
    this.first = reserved.index(this.#gma);
    this.end = this.first + reserved.arenaBytes(engine) / 4;
    this.cursor = this.first;
    this.#oldest = this.first;
    this.#committed = this.first;
  }

  /** Whether all of it is free. */
  get fresh(): boolean {
    return this.#count === 0 && this.cursor === this.first;
  }

  /** Dwords free from the cursor without a break. */
  get room(): number {
    if (this.#count === IN_FLIGHT_MAX) return 0;
    return this.cursor >= this.#oldest ? this.end - this.cursor : this.#oldest - this.cursor - 1;
  }

  /** Dwords free at the start, for a copy that does not fit before the end. */
  get roomAtStart(): number {
    if (this.#count === IN_FLIGHT_MAX || this.cursor < this.#oldest) return 0;
    return Math.max(0, this.#oldest - this.first - 1);
  }

  /** Graphics address of a position. */
  gma(at: number): number {
    return this.#gma + (at - this.first) * 4;
  }

  /** Nothing is in flight: the next copy may have all of it. */
  reset(): void {
    this.#count = 0;
    this.loops.reset();
    this.cursor = this.first;
    this.#committed = this.first;
    this.#oldest = this.first;
  }

  /** Copies up to `cursor` belong to ring commands that end at `ringBytes`. */
  commit(ringBytes: number): void {
    if (this.cursor === this.#committed) return;
    this.#committed = this.cursor;
    this.loops.commit(ringBytes);
    const slot = (this.#head + this.#count) % IN_FLIGHT_MAX;
    this.#ringAt[slot] = ringBytes;
    this.#arenaAt[slot] = this.cursor;
    this.#count++;
  }

  /** The engine has fetched beyond `ringBytes`: older copies are free. */
  retire(ringBytes: number): void {
    while (this.#count > 0 && (this.#ringAt[this.#head] as number) < ringBytes) {
      this.#oldest = this.#arenaAt[this.#head] as number;
      this.#head = (this.#head + 1) % IN_FLIGHT_MAX;
      this.#count--;
    }
    this.loops.retire(ringBytes);
    if (this.#count === 0) this.reset();
  }
}
