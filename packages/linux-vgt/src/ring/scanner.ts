import {
  COMMAND_DWORDS,
  COMMAND_ENGINES,
  COMMAND_MAX,
  commandLength,
  commandTable,
  rowOf,
} from '@xengt/hsw-device';
import type { AttributeTable } from '../attr/attribute-table.ts';
import type { BatchArena } from './batch-arena.ts';
import { BatchCopier, type CommandReader, DEPTH_RING } from './batch-copier.ts';
import { CommandChecks } from './command-checks.ts';
import type { ScanHost } from './scan-host.ts';
import * as T from './scan-table.ts';
import { END, GO_ON, STOP } from './scan-table.ts';

/** Request boundaries noted in one scan; more only cost precision. */
const CUTS_MAX = 1024;

/** How a scan ended. */
export const SCAN_OK = 0;
/** It needs room or an idle engine: try again later, from {@link CommandScanner.stoppedAt}. */
export const SCAN_LATER = 1;
/** The VM did what no VM may do: {@link CommandScanner.reason} says what. */
export const SCAN_REFUSED = 2;

/**
 * Checks what a VM is about to run with privilege: the new part of a ring, and the privileged
 * batches it starts, which are copied first so that nothing changes after the check. Commands that
 * name GGTT addresses or registers must name the VM's own. Everything else can only reach memory
 * through the VM's page tables. One scanner serves all VMs; nothing is allocated for a command.
 */
export class CommandScanner implements CommandReader {
  /** Index in the ring part, on a qword, of a command before which all were scanned. */
  stoppedAt = 0;
  /** Commands of the last scan, and how many of them were in batches. */
  commands = 0;
  batchCommands = 0;
  /** Indices in the ring part, on qwords, where a request has ended: after a user interrupt. */
  readonly cuts: Int32Array = new Int32Array(CUTS_MAX);
  cutCount = 0;
  #cutNext = false;
  readonly #checks: CommandChecks;
  readonly #copier: BatchCopier;
  #engine = 0;
  /** Bit of the engine, and its table of commands. */
  #on = 1;
  #table: Uint16Array = commandTable(1);
  /** Row of COMMANDS of the command measured last. */
  #index = 0;

  /** @param memoryDwords size of the memory that arenas lie in */
  constructor(attr: AttributeTable, memoryDwords: number) {
    this.#checks = new CommandChecks(attr);
    this.#copier = new BatchCopier(this.#checks, this, memoryDwords);
  }

  /** Why the VM is refused. */
  get reason(): string {
    return this.#checks.reason;
  }

  /** The scan waits for room in the arena, and not for an idle engine. */
  get full(): boolean {
    return this.#copier.full;
  }

  /** What the batches of the latest scan cost. */
  get copied(): { readonly batches: number; readonly dwords: number; readonly largest: number } {
    return this.#copier;
  }

  /**
   * Scans and patches a part of a ring.
   *
   * @param words where the part is, linear; its commands are patched in place
   * @param begin index of its first dword, even
   * @param count dwords
   */
  scanRing(
    host: ScanHost,
    engine: number,
    arena: BatchArena,
    words: Int32Array,
    begin: number,
    count: number,
  ): number {
    this.#checks.begin(host, engine);
    this.#copier.begin(arena, engine);
    this.#engine = engine;
    this.#on = 1 << engine;
    this.#table = commandTable(this.#on);
    this.batchCommands = 0;
    this.cutCount = 0;
    this.#cutNext = false;
    const table = this.#table;
    const plain = T.PLAIN_LENGTHS[engine] as Int16Array;
    let commands = 0;
    let at = begin;
    const end = begin + count;
    // Where the scan could stop and go on later: the last command that began on a qword.
    let safe = begin;
    let cursor = arena.cursor;
    let loops = arena.loops.count;
    let safeCursor = cursor;
    let safeLoops = loops;
    let outcome = GO_ON;
    while (at < end) {
      if ((at & 1) === 0) {
        safe = at;
        safeCursor = cursor;
        safeLoops = loops;
        if (this.#cutNext) this.#cut(at - begin);
      }
      const header = words[at] as number;
      const entry = plain[table[header >>> 16] as number] as number;
      let length = entry === 0 ? 0 : T.plainLength(entry, header);
      commands++;
      if (length !== 0 && at + length <= end) {
        at += length;
        if (words[at] !== header || this.#cutNext) continue;
        // The same again, as drivers repeat no-ops and stores: there is nothing to look up.
        for (; at + length <= end && words[at] === header; at += length, commands++) {
          if ((at & 1) !== 0) continue;
          safe = at;
          safeCursor = cursor;
          safeLoops = loops;
        }
        continue;
      }
      length = this.measure(words, at, end);
      outcome = length === 0 ? STOP : this.command(words, at, length, DEPTH_RING);
      if (outcome !== GO_ON) break;
      cursor = arena.cursor;
      loops = arena.loops.count;
      at += length;
    }
    this.commands = commands;
    this.stoppedAt = safe - begin;
    if (outcome === GO_ON) {
      this.stoppedAt = count;
      this.#cut(count);
      return SCAN_OK;
    }
    if (outcome === END) this.#checks.reason = 'MI_BATCH_BUFFER_END in a ring';
    arena.cursor = safeCursor;
    arena.loops.count = safeLoops;
    return this.#checks.later ? SCAN_LATER : SCAN_REFUSED;
  }

  #cut(at: number): void {
    this.#cutNext = false;
    if (this.cutCount < CUTS_MAX) this.cuts[this.cutCount++] = at;
  }

  /** Passes a part of a ring unread: only for debugging. */
  accept(count: number): number {
    this.stoppedAt = count;
    this.commands = 0;
    this.batchCommands = 0;
    this.cutCount = 0;
    return SCAN_OK;
  }

  /** Length of a command that fits before `end` and that the engine knows; 0 refuses the VM. */
  measure(words: Int32Array, at: number, end: number): number {
    const header = words[at] as number;
    const index = rowOf(this.#table, header);
    if (index < 0) return this.#refuseLength('unknown command', header);
    if (((COMMAND_ENGINES[index] as number) & this.#on) === 0) {
      return this.#refuseLength('command of another engine', header);
    }
    const length = commandLength(index, header);
    if (length > COMMAND_MAX) return this.#refuseLength('command too long', header);
    if (at + length > end) return this.#refuseLength('command cut off', header);
    this.#index = index;
    return length;
  }

  knows(header: number): boolean {
    const index = rowOf(this.#table, header);
    return index >= 0 && ((COMMAND_ENGINES[index] as number) & this.#on) !== 0;
  }

  #refuseLength(what: string, header: number): number {
    this.#checks.refuse(what, header);
    return 0;
  }

  /** Checks the command that was measured last. @returns GO_ON, END or STOP */
  command(words: Int32Array, at: number, length: number, level: number): number {
    const index = this.#index;
    if (level !== DEPTH_RING) this.batchCommands++;
    const action = T.ACTIONS[index] as number;
    if (action === T.PLAIN) return GO_ON;
    if (action === T.USER_INTERRUPT) {
      if (level === DEPTH_RING) this.#cutNext = true;
      return GO_ON;
    }
    // Hardware takes what is missing for 0: an address that nobody checked.
    if (length < (COMMAND_DWORDS[index] as number)) {
      return this.#checks.refuse('short command', words[at] as number);
    }
    if (action === T.BATCH_START) return this.#batchStart(words, at, level);
    return this.#checks.check(action, words, at, length);
  }

  /**
   * A batch with privilege is copied and scanned; one without is left where it is, if it is fetched
   * through page tables of ours.
   */
  #batchStart(words: Int32Array, at: number, level: number): number {
    const checks = this.#checks;
    const host = checks.host as ScanHost;
    const header = words[at] as number;
    if ((header & T.BB_ADD_OFFSET) !== 0) return checks.refuse('batch at an offset', header);
    const second = (header & T.BB_SECOND_LEVEL) !== 0;
    if (second && level !== 1) return checks.refuse('second level batch at level', level);
    const user = (header & (T.BB_USER[this.#engine] as number)) !== 0;
    const ppgttOn = host.ppgttOn(this.#engine);
    if (user && ((header & T.BB_PPGTT) !== 0 || !ppgttOn)) {
      // Without a PPGTT of the guest's, the mediator's shows the VM its slice of the GGTT.
      words[at] = header | T.BB_PPGTT;
      host.batchesSkipped.count++;
    } else {
      const ppgtt = ppgttOn && (header & T.BB_PPGTT) !== 0 ? 1 : 0;
      const gma = (words[at + 1] as number) & ~3;
      if (level === DEPTH_RING) return this.#copier.copyTree(words, at, gma, ppgtt);
      if (!this.#copier.addJump(at, gma, ppgtt, second ? 2 : level)) return STOP;
    }
    return level === DEPTH_RING || second || (header & T.BB_PREDICATE) !== 0 ? GO_ON : END;
  }

  /** Lets what changed in the sources of looping batches into their copies. @returns commands changed */
  followLoops(host: ScanHost, engine: number, arena: BatchArena): number {
    return arena.loops.follow(host, engine, arena.words, this.#copier.starts);
  }
}
