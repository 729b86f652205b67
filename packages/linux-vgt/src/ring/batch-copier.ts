import { commandTable } from '@xengt/hsw-device';
import type { BatchArena } from './batch-arena.ts';
import type { CommandChecks } from './command-checks.ts';
import type { ScanHost } from './scan-host.ts';
import * as T from './scan-table.ts';
import { END, GO_ON, STOP } from './scan-table.ts';

/** Chained batches of one MI_BATCH_BUFFER_START; more stop the VM. */
const CHUNKS_MAX = 64;
const PAGE_DW = 1024;
/** Dwords of a batch that are copied first. */
const FETCH_DW = 32;
/** Level of a ring's commands; batches are at 1, and at 2 the second level. */
export const DEPTH_RING = 0;

/** Reads the commands of a copy; see CommandScanner. */
export interface CommandReader {
  /** @returns dwords; 0 refuses the VM */
  measure(words: Int32Array, at: number, end: number): number;
  /** Whether the engine can execute such a command: it hangs at any other. */
  knows(header: number): boolean;
  /** Checks the command that was measured last. @returns GO_ON, END or STOP */
  command(words: Int32Array, at: number, length: number, level: number): number;
  batchCommands: number;
}

/**
 * Copies privileged batches, and all they chain to, into an engine's arena, and has them checked
 * there: what is checked is what the engine then runs. Nothing is allocated for a batch.
 */
export class BatchCopier {
  /** There was no room in the arena. */
  full = false;
  /** Batches of the latest scan that were copied, their dwords in all, and those of the largest. */
  batches = 0;
  dwords = 0;
  largest = 0;
  /** 1 where a command starts, by index in the mediator's memory. */
  readonly starts: Uint8Array;
  readonly #checks: CommandChecks;
  readonly #reader: CommandReader;
  #arena: BatchArena | null = null;
  #engine = 0;
  #table: Uint16Array = commandTable(1);
  /** Copied pieces of the batch tree: where from, where to, how far. */
  #chunks = 0;
  readonly #chunkGma = new Int32Array(CHUNKS_MAX);
  readonly #chunkPpgtt = new Uint8Array(CHUNKS_MAX);
  readonly #chunkAt = new Int32Array(CHUNKS_MAX);
  readonly #chunkEnd = new Int32Array(CHUNKS_MAX);
  /** Jumps whose target is still to be copied: index of the header, target, space, level. */
  #jumps = 0;
  readonly #jumpAt = new Int32Array(CHUNKS_MAX);
  readonly #jumpGma = new Int32Array(CHUNKS_MAX);
  readonly #jumpPpgtt = new Uint8Array(CHUNKS_MAX);
  readonly #jumpLevel = new Uint8Array(CHUNKS_MAX);
  /** A jump of the batch tree leads to what was copied before. */
  #loops = false;

  constructor(checks: CommandChecks, reader: CommandReader, memoryDwords: number) {
    this.#checks = checks;
    this.#reader = reader;
    this.starts = new Uint8Array(memoryDwords);
  }

  begin(arena: BatchArena, engine: number): void {
    this.#arena = arena;
    this.#engine = engine;
    this.#table = commandTable(1 << engine);
    this.full = false;
    this.batches = 0;
    this.dwords = 0;
    this.largest = 0;
  }

  /** A batch goes on elsewhere, once its own copy is there. @returns whether that can be followed */
  addJump(at: number, gma: number, ppgtt: number, level: number): boolean {
    if (this.#jumps === CHUNKS_MAX) {
      this.#checks.refuse('too many chained batches from', gma);
      return false;
    }
    this.#jumpAt[this.#jumps] = at;
    this.#jumpGma[this.#jumps] = gma;
    this.#jumpPpgtt[this.#jumps] = ppgtt;
    this.#jumpLevel[this.#jumps] = level;
    this.#jumps++;
    return true;
  }

  /**
   * Copies a batch and all it chains to; then the ring's command starts the copy.
   *
   * @returns GO_ON or STOP
   */
  copyTree(ring: Int32Array, at: number, gma: number, ppgtt: number): number {
    const arena = this.#arena as BatchArena;
    const checks = this.#checks;
    this.#chunks = 0;
    this.#jumps = 0;
    this.#loops = false;
    this.full = false;
    const fresh = arena.fresh;
    const first = this.#copyChunk(gma, ppgtt, 1);
    if (first >= 0) {
      let ok = true;
      for (let i = 0; i < this.#jumps && ok; i++) ok = this.#resolve(i);
      if (ok) {
        if (this.#loops) this.#noteLoops(arena);
        this.#count();
        ring[at] = (ring[at] as number) & ~T.BB_PPGTT;
        ring[at + 1] = arena.gma(first);
        return GO_ON;
      }
    }
    if (checks.later || checks.reason !== '') return STOP;
    if (!fresh) {
      checks.later = true;
      this.full = true;
      return STOP;
    }
    // Larger than the arena: it runs where it is, without privilege and through the page tables.
    const host = checks.host as ScanHost;
    ring[at] = (ring[at] as number) | T.BB_NON_PRIVILEGED;
    if (ppgtt === 0) {
      if (checks.owns(gma, 4, 'batch') === STOP) return STOP;
      if (host.ppgttOn(this.#engine)) {
        return checks.refuse('privileged batch too large at', gma);
      }
    }
    ring[at] = (ring[at] as number) | T.BB_PPGTT;
    host.batchesSkipped.count++;
    return GO_ON;
  }

  /** What the batch cost: the dwords of it and of all it chains to were copied and looked at. */
  #count(): void {
    let dwords = 0;
    for (let c = 0; c < this.#chunks; c++) {
      dwords += (this.#chunkEnd[c] as number) - (this.#chunkAt[c] as number);
    }
    this.batches++;
    this.dwords += dwords;
    if (dwords > this.largest) this.largest = dwords;
  }

  #noteLoops(arena: BatchArena): void {
    for (let c = 0; c < this.#chunks; c++) {
      arena.loops.add(
        this.#chunkGma[c] as number,
        this.#chunkPpgtt[c] as number,
        this.#chunkAt[c] as number,
        this.#chunkEnd[c] as number,
      );
    }
  }

  #resolve(i: number): boolean {
    const arena = this.#arena as BatchArena;
    const gma = this.#jumpGma[i] as number;
    const ppgtt = this.#jumpPpgtt[i] as number;
    let target = this.#copied(gma, ppgtt);
    if (target >= 0) this.#loops = true;
    else target = this.#copyChunk(gma, ppgtt, this.#jumpLevel[i] as number);
    if (target < 0) return false;
    const at = this.#jumpAt[i] as number;
    arena.words[at] = (arena.words[at] as number) & ~T.BB_PPGTT;
    arena.words[at + 1] = arena.gma(target);
    return true;
  }

  /** Where a command at a guest address was copied to; -1 when it was not, or not as a command. */
  #copied(gma: number, ppgtt: number): number {
    for (let c = 0; c < this.#chunks; c++) {
      if (this.#chunkPpgtt[c] !== ppgtt) continue;
      const at = (this.#chunkAt[c] as number) + ((gma - (this.#chunkGma[c] as number)) >> 2);
      if (at < (this.#chunkAt[c] as number) || at >= (this.#chunkEnd[c] as number)) continue;
      if (this.starts[at] === 1) return at;
    }
    return -1;
  }

  /**
   * Copies commands from a guest address until they end, scanning on the way.
   *
   * @returns where the copy begins; -1 when it failed (see CommandChecks) or is too large
   */
  #copyChunk(gma: number, ppgtt: number, level: number): number {
    const arena = this.#arena as BatchArena;
    const checks = this.#checks;
    if (this.#chunks === CHUNKS_MAX) {
      checks.refuse('too many chained batches from', gma);
      return -1;
    }
    const jumps = this.#jumps;
    let begin = arena.cursor;
    let end = this.#copyAt(begin, arena.room, gma, ppgtt, level);
    if (end < 0 && checks.reason === '' && !checks.later && arena.roomAtStart > 0) {
      this.#jumps = jumps;
      begin = arena.first;
      end = this.#copyAt(begin, arena.roomAtStart, gma, ppgtt, level);
    }
    if (end < 0) return -1;
    arena.cursor = end;
    const c = this.#chunks++;
    this.#chunkGma[c] = gma;
    this.#chunkPpgtt[c] = ppgtt;
    this.#chunkAt[c] = begin;
    this.#chunkEnd[c] = end;
    return begin;
  }

  /** @returns index after the last command; -1 when there is no room or the VM is refused */
  #copyAt(begin: number, room: number, gma: number, ppgtt: number, level: number): number {
    const words = (this.#arena as BatchArena).words;
    const { starts } = this;
    const reader = this.#reader;
    const table = this.#table;
    const plain = T.PLAIN_LENGTHS[this.#engine] as Int16Array;
    const limit = begin + room;
    let filled = begin;
    let at = begin;
    for (;;) {
      if (at + 1 > filled) {
        filled = this.#fetch(begin, filled, limit, gma, ppgtt);
        if (filled < 0) return -1;
      }
      const header = words[at] as number;
      const entry = plain[table[header >>> 16] as number] as number;
      if (entry === 0 && !reader.knows(header)) {
        // The engine stops at it, as it would without us: what lies behind is never reached.
        starts[at] = 1;
        return at + 1;
      }
      const length =
        entry !== 0 ? T.plainLength(entry, header) : reader.measure(words, at, 0x7fffffff);
      if (length === 0) return -1;
      while (at + length > filled) {
        filled = this.#fetch(begin, filled, limit, gma, ppgtt);
        if (filled < 0) return -1;
      }
      starts[at] = 1;
      for (let i = at + 1; i < at + length; i++) starts[i] = 0;
      if (entry !== 0) {
        reader.batchCommands++;
        at += length;
        continue;
      }
      const outcome = reader.command(words, at, length, level);
      if (outcome === STOP) return -1;
      at += length;
      if (outcome === END) return at;
    }
  }

  /**
   * Copies the next part of a batch: as much as there is already, so that short batches cost little
   * and long ones few look-ups; never beyond a guest page.
   *
   * @param begin where the copy of the batch begins @param to where it ends so far
   * @param start the batch's graphics address
   * @returns index after it; -1 without room or page
   */
  #fetch(begin: number, to: number, limit: number, start: number, ppgtt: number): number {
    const host = this.#checks.host as ScanHost;
    const gma = start + (to - begin) * 4;
    const offset = (gma & 0xfff) >>> 2;
    const count = Math.min(PAGE_DW - offset, Math.max(FETCH_DW, to - begin));
    if (to + count > limit) return -1;
    const from = host.findPage(this.#engine, gma, ppgtt !== 0);
    if (from < 0) {
      this.#checks.refuse('batch runs into memory that is not mapped at', gma);
      return -1;
    }
    const source = host.words;
    const words = (this.#arena as BatchArena).words;
    let at = from + offset;
    for (let i = to; i < to + count; i++) words[i] = source[at++] as number;
    return to + count;
  }
}
