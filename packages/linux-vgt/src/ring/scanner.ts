import {
  COMMAND_DWORDS,
  COMMAND_ENGINES,
  COMMAND_MAX,
  CONTEXT_BYTES,
  commandIndex,
  commandLength,
  engineRegs,
} from '@xengt/hsw-device';
import { F_CMD_ACCESSED, F_CMD_READ, F_CMD_WRITE } from '../attr/attribute.ts';
import type { AttributeTable } from '../attr/attribute-table.ts';
import type { BatchArena } from './batch-arena.ts';
import type { ScanHost } from './scan-host.ts';
import * as T from './scan-table.ts';

/** Chained batches of one MI_BATCH_BUFFER_START; more stop the VM. */
const CHUNKS_MAX = 64;
const PAGE_DW = 1024;
/** Request boundaries noted in one scan; more only cost precision. */
const CUTS_MAX = 1024;
const DEPTH_RING = 0;

/** How a scan ended. */
export const SCAN_OK = 0;
/** It needs room or an idle engine: try again later, from {@link CommandScanner.stoppedAt}. */
export const SCAN_LATER = 1;
/** The VM did what no VM may do: {@link CommandScanner.reason} says what. */
export const SCAN_REFUSED = 2;

/** Outcomes of one command. */
const GO_ON = 0;
const END = 1;
const STOP = 2;

/**
 * Checks what a VM is about to run with privilege: the new part of a ring, and the privileged
 * batches it starts, which are copied first so that nothing changes after the check. Commands that
 * name GGTT addresses or registers must name the VM's own; display commands of a VM without the
 * display are taken out. Everything else can only reach memory through the VM's page tables.
 * One scanner serves all VMs; nothing is allocated for a command.
 */
export class CommandScanner {
  reason = '';
  /** Index in the ring part, on a qword, of a command before which all were scanned. */
  stoppedAt = 0;
  /** Commands of the last scan, and how many of them were in batches. */
  commands = 0;
  batchCommands = 0;
  /** Indices in the ring part, on qwords, where a request has ended: after a user interrupt. */
  readonly cuts: Int32Array = new Int32Array(CUTS_MAX);
  cutCount = 0;
  #cutNext = false;
  /** The scan waits for room in the arena, and not for an idle engine. */
  full = false;
  readonly #attr: AttributeTable;
  #host: ScanHost | null = null;
  #arena: BatchArena | null = null;
  #engine = 0;
  #on = 0;
  #later = false;
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
  /** 1 where a command starts, by index in the mediator's memory. */
  readonly #starts: Uint8Array;
  /** A jump of the batch tree leads to what was copied before. */
  #loops = false;

  /** @param memoryDwords size of the memory that arenas lie in */
  constructor(attr: AttributeTable, memoryDwords: number) {
    this.#attr = attr;
    this.#starts = new Uint8Array(memoryDwords);
  }

  /**
   * Scans and patches a part of a ring.
   *
   * @param words the part, linear; its commands are patched in place
   * @param count dwords
   */
  scanRing(
    host: ScanHost,
    engine: number,
    arena: BatchArena,
    words: Int32Array,
    count: number,
  ): number {
    this.#host = host;
    this.#engine = engine;
    this.#on = 1 << engine;
    this.#arena = arena;
    this.#later = false;
    this.full = false;
    this.reason = '';
    this.commands = 0;
    this.batchCommands = 0;
    this.cutCount = 0;
    this.#cutNext = false;
    let at = 0;
    let safe = arena.cursor;
    let safeLoops = arena.loops.count;
    while (at < count) {
      if ((at & 1) === 0) {
        this.stoppedAt = at;
        safe = arena.cursor;
        safeLoops = arena.loops.count;
        if (this.#cutNext && this.cutCount < CUTS_MAX) {
          this.cuts[this.cutCount++] = at;
          this.#cutNext = false;
        }
      }
      const length = this.#measure(words, at, count);
      if (length === 0) return SCAN_REFUSED;
      const outcome = this.#command(words, at, length, DEPTH_RING);
      if (outcome === STOP) {
        arena.cursor = safe;
        arena.loops.count = safeLoops;
        return this.#later ? SCAN_LATER : SCAN_REFUSED;
      }
      if (outcome === END) {
        this.reason = 'MI_BATCH_BUFFER_END in a ring';
        return SCAN_REFUSED;
      }
      at += length;
    }
    this.stoppedAt = count;
    if (this.cutCount < CUTS_MAX) this.cuts[this.cutCount++] = count;
    return SCAN_OK;
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
  #measure(words: Int32Array, at: number, end: number): number {
    const header = words[at] as number;
    const index = commandIndex(header, this.#on);
    if (index < 0) return this.#refuseLength('unknown command', header);
    if (((COMMAND_ENGINES[index] as number) & this.#on) === 0) {
      return this.#refuseLength('command of another engine', header);
    }
    const length = commandLength(index, header);
    if (length > COMMAND_MAX) return this.#refuseLength('command too long', header);
    if (at + length > end) return this.#refuseLength('command cut off', header);
    return length;
  }

  #refuseLength(what: string, header: number): number {
    this.reason = `${what} 0x${hex(header)}`;
    return 0;
  }

  #refuse(what: string, value: number): number {
    this.reason = `${what} 0x${hex(value)}`;
    return STOP;
  }

  #owns(gma: number, bytes: number, what: string): number {
    if ((this.#host as ScanHost).reach(gma, bytes)) return GO_ON;
    return this.#refuse(`${what} outside the VM's graphics memory:`, gma);
  }

  #command(words: Int32Array, at: number, length: number, level: number): number {
    const header = words[at] as number;
    const index = commandIndex(header, this.#on);
    if (level === DEPTH_RING) this.commands++;
    else this.batchCommands++;
    const action = T.ACTIONS[index] as number;
    if (action === T.PLAIN) return GO_ON;
    // Hardware takes what is missing for 0: an address that nobody checked.
    if (length < (COMMAND_DWORDS[index] as number)) return this.#refuse('short command', header);
    switch (action) {
      case T.USER_INTERRUPT:
        if (level === DEPTH_RING) this.#cutNext = true;
        return GO_ON;
      case T.PIPE_CONTROL:
        return this.#pipeControl(words, at);
      case T.FLUSH_DW:
        return this.#flushDw(words, at);
      case T.LOAD_IMM:
        return this.#loadImmediate(words, at, length);
      case T.STORE_IMM:
        if ((header & T.MI_USE_GGTT) === 0) return GO_ON;
        return this.#owns((words[at + 2] as number) & ~3, 8, 'MI_STORE_DATA_IMM');
      case T.STORE_REG:
        return this.#storeRegister(words, at);
      case T.LOAD_MEM:
        return this.#loadMemory(words, at);
      case T.LOAD_REG:
        return this.#loadRegister(words, at);
      case T.BATCH_START:
        return this.#batchStart(words, at, level);
      case T.BATCH_END:
        return END;
      case T.SET_CONTEXT:
        return this.#setContext(words, at);
      case T.CONDITIONAL_END:
        if ((header & T.MI_USE_GGTT) === 0) return GO_ON;
        return this.#owns((words[at + 2] as number) & ~7, 8, 'MI_CONDITIONAL_BATCH_BUFFER_END');
      case T.SEMAPHORE:
        // Register form (bit 18) names mailboxes, which the switch saves; the memory form an address.
        if ((header & T.MI_USE_GGTT) === 0 || (header & 0x40000) !== 0) return GO_ON;
        return this.#owns((words[at + 2] as number) & ~3, 4, 'MI_SEMAPHORE_MBOX');
      case T.PERF_COUNT:
        if (((words[at + 1] as number) & 1) === 0) return GO_ON;
        return this.#owns((words[at + 1] as number) & ~0x3f, 256, 'MI_REPORT_PERF_COUNT');
      case T.CLFLUSH:
        if ((header & T.MI_USE_GGTT) === 0) return GO_ON;
        return this.#owns((words[at + 1] as number) & ~0xfff, 4096, 'MI_CLFLUSH');
      default:
        return this.#refuse('forbidden command', header);
    }
  }

  /** DWord 1: 24 GGTT address, 21 index into the status page, 15:14 post-sync. */
  #pipeControl(words: Int32Array, at: number): number {
    const flags = words[at + 1] as number;
    if ((flags & T.PC_LOAD_REGISTER) !== 0) {
      const register = (words[at + 2] as number) & 0x7ffffc;
      return this.#allowed(register, F_CMD_WRITE)
        ? GO_ON
        : this.#refuse('PIPE_CONTROL write of', register);
    }
    if ((flags & 0xc000) === 0) return GO_ON;
    if ((flags & 0x200000) !== 0 || (flags & 0x1000000) === 0) return GO_ON;
    return this.#owns((words[at + 2] as number) & ~3, 8, 'PIPE_CONTROL');
  }

  /** DWord 0: 21 index into the status page, 15:14 post-sync; address bit 2: GGTT. */
  #flushDw(words: Int32Array, at: number): number {
    const header = words[at] as number;
    if ((header & 0xc000) === 0 || (header & 0x200000) !== 0) return GO_ON;
    const address = words[at + 1] as number;
    return (address & 4) === 0 ? GO_ON : this.#owns(address & ~7, 8, 'MI_FLUSH_DW');
  }

  /** Whether commands may touch a register so. @param flag F_CMD_READ or F_CMD_WRITE */
  #allowed(register: number, flag: number): boolean {
    const flags = this.#attr.flags;
    const i = register >>> 2;
    if (i >= flags.length || ((flags[i] as number) & flag) === 0) return false;
    flags[i] = (flags[i] as number) | F_CMD_ACCESSED;
    return true;
  }

  #loadImmediate(words: Int32Array, at: number, length: number): number {
    const base = ENGINE_BASE[this.#engine] as number;
    const header = words[at] as number;
    if ((header & T.LRI_KEEP_BYTES) !== 0) return this.#refuse('part of a register by', header);
    let end = at + length;
    for (let i = at + 1; i + 1 < end; i += 2) {
      const register = (words[i] as number) & 0x7ffffc;
      if (this.#allowed(register, F_CMD_WRITE)) continue;
      if (register === base + engineRegs.RING_PP_DIR_DCLV) {
        words[i + 1] = -1;
      } else if (register === base + engineRegs.RING_PP_DIR_BASE) {
        const host = this.#host as ScanHost;
        const value = words[i + 1] as number;
        const result = host.useDirectory(this.#engine, value);
        if (result === 'busy') {
          this.#later = true;
          return STOP;
        }
        if (result === 'outside') {
          return this.#refuse("page directory outside the VM's graphics memory:", value);
        }
        words[i + 1] = host.hardwareDirectory(this.#engine);
      } else if (T.DISPLAY_REGISTERS.has(register)) {
        if ((this.#host as ScanHost).displayRegister(register, words[i + 1] as number)) continue;
        dropPair(words, at, i, end);
        end -= 2;
        i -= 2;
      } else {
        return this.#refuse('MI_LOAD_REGISTER_IMM of', register);
      }
    }
    return GO_ON;
  }

  #storeRegister(words: Int32Array, at: number): number {
    const register = (words[at + 1] as number) & 0x7ffffc;
    if (!this.#allowed(register, F_CMD_READ)) {
      return this.#refuse('MI_STORE_REGISTER_MEM of', register);
    }
    if (((words[at] as number) & T.MI_USE_GGTT) === 0) return GO_ON;
    return this.#owns((words[at + 2] as number) & ~3, 4, 'MI_STORE_REGISTER_MEM');
  }

  #loadMemory(words: Int32Array, at: number): number {
    const register = (words[at + 1] as number) & 0x7ffffc;
    if (!this.#allowed(register, F_CMD_WRITE)) {
      return this.#refuse('MI_LOAD_REGISTER_MEM of', register);
    }
    if (((words[at] as number) & T.MI_USE_GGTT) === 0) return GO_ON;
    return this.#owns((words[at + 2] as number) & ~3, 4, 'MI_LOAD_REGISTER_MEM');
  }

  #loadRegister(words: Int32Array, at: number): number {
    const from = (words[at + 1] as number) & 0x7ffffc;
    const to = (words[at + 2] as number) & 0x7ffffc;
    if (!this.#allowed(from, F_CMD_READ)) return this.#refuse('MI_LOAD_REGISTER_REG from', from);
    if (!this.#allowed(to, F_CMD_WRITE)) return this.#refuse('MI_LOAD_REGISTER_REG to', to);
    return GO_ON;
  }

  /** DWord 1 31:12: the context's image in the GGTT. */
  #setContext(words: Int32Array, at: number): number {
    (this.#host as ScanHost).usedContext();
    return this.#owns((words[at + 1] as number) & ~0xfff, CONTEXT_BYTES, 'MI_SET_CONTEXT');
  }

  /**
   * A batch with privilege is copied and scanned; one without is left where it is, if it is fetched
   * through page tables of ours.
   */
  #batchStart(words: Int32Array, at: number, level: number): number {
    const host = this.#host as ScanHost;
    const header = words[at] as number;
    if ((header & T.BB_ADD_OFFSET) !== 0) return this.#refuse('batch at an offset', header);
    const second = (header & T.BB_SECOND_LEVEL) !== 0;
    if (second && level !== 1) return this.#refuse('second level batch at level', level);
    const user = (header & T.BB_NON_PRIVILEGED) !== 0;
    const ppgttOn = host.ppgttOn(this.#engine);
    if (user && ((header & T.BB_PPGTT) !== 0 || !ppgttOn)) {
      // Without a PPGTT of the guest's, the mediator's shows the VM its slice of the GGTT.
      words[at] = header | T.BB_PPGTT;
      host.batchesSkipped.count++;
    } else {
      const ppgtt = ppgttOn && (header & T.BB_PPGTT) !== 0;
      const gma = (words[at + 1] as number) & ~3;
      if (level === DEPTH_RING) return this.#batchTree(words, at, gma, ppgtt ? 1 : 0);
      if (!this.#addJump(at, gma, ppgtt ? 1 : 0, second ? 2 : level)) return STOP;
    }
    return level === DEPTH_RING || second || (header & T.BB_PREDICATE) !== 0 ? GO_ON : END;
  }

  #addJump(at: number, gma: number, ppgtt: number, level: number): boolean {
    if (this.#jumps === CHUNKS_MAX) {
      this.#refuse('too many chained batches from', gma);
      return false;
    }
    this.#jumpAt[this.#jumps] = at;
    this.#jumpGma[this.#jumps] = gma;
    this.#jumpPpgtt[this.#jumps] = ppgtt;
    this.#jumpLevel[this.#jumps] = level;
    this.#jumps++;
    return true;
  }

  /** Copies a batch and all it chains to; then the ring's command starts the copy. */
  #batchTree(ring: Int32Array, at: number, gma: number, ppgtt: number): number {
    const arena = this.#arena as BatchArena;
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
        ring[at] = (ring[at] as number) & ~T.BB_PPGTT;
        ring[at + 1] = arena.gma(first);
        return GO_ON;
      }
    }
    if (this.#later || this.reason !== '') return STOP;
    if (!fresh) {
      this.#later = true;
      this.full = true;
      return STOP;
    }
    // Larger than the arena: it runs where it is, without privilege and through the page tables.
    ring[at] = (ring[at] as number) | T.BB_NON_PRIVILEGED;
    if (ppgtt === 0) {
      if (this.#owns(gma, 4, 'batch') === STOP) return STOP;
      if ((this.#host as ScanHost).ppgttOn(this.#engine)) {
        return this.#refuse('privileged batch too large at', gma);
      }
    }
    ring[at] = (ring[at] as number) | T.BB_PPGTT;
    (this.#host as ScanHost).batchesSkipped.count++;
    return GO_ON;
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

  /** Lets what changed in the sources of looping batches into their copies. @returns commands changed */
  followLoops(host: ScanHost, engine: number, arena: BatchArena): number {
    return arena.loops.follow(host, engine, arena.words, this.#starts);
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
      if (this.#starts[at] === 1) return at;
    }
    return -1;
  }

  /**
   * Copies commands from a guest address until they end, scanning on the way.
   *
   * @returns where the copy begins; -1 when it failed (see `reason`, `#later`) or is too large
   */
  #copyChunk(gma: number, ppgtt: number, level: number): number {
    const arena = this.#arena as BatchArena;
    if (this.#chunks === CHUNKS_MAX) {
      this.#refuse('too many chained batches from', gma);
      return -1;
    }
    const jumps = this.#jumps;
    let begin = arena.cursor;
    let end = this.#copyAt(begin, arena.room, gma, ppgtt, level);
    if (end < 0 && this.reason === '' && !this.#later && arena.roomAtStart > 0) {
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
    const starts = this.#starts;
    const limit = begin + room;
    let filled = begin;
    let at = begin;
    for (;;) {
      if (at + 1 > filled) {
        filled = this.#fetch(begin, filled, limit, gma, ppgtt);
        if (filled < 0) return -1;
      }
      const length = this.#measure(words, at, 0x7fffffff);
      if (length === 0) return -1;
      while (at + length > filled) {
        filled = this.#fetch(begin, filled, limit, gma, ppgtt);
        if (filled < 0) return -1;
      }
      starts[at] = 1;
      for (let i = at + 1; i < at + length; i++) starts[i] = 0;
      const outcome = this.#command(words, at, length, level);
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
    const host = this.#host as ScanHost;
    const gma = start + (to - begin) * 4;
    const offset = (gma & 0xfff) >>> 2;
    const count = Math.min(PAGE_DW - offset, Math.max(FETCH_DW, to - begin));
    if (to + count > limit) return -1;
    const from = host.findPage(this.#engine, gma, ppgtt !== 0);
    if (from < 0) {
      this.#refuse('batch runs into memory that is not mapped at', gma);
      return -1;
    }
    const source = host.words;
    const words = (this.#arena as BatchArena).words;
    let at = from + offset;
    for (let i = to; i < to + count; i++) words[i] = source[at++] as number;
    return to + count;
  }
}

/** Takes a pair out of an MI_LOAD_REGISTER_IMM; what is left over at its end does nothing. */
function dropPair(words: Int32Array, at: number, pair: number, end: number): void {
  words.copyWithin(pair, pair + 2, end);
  words.fill(0, end - 2, end);
  words[at] = end - at === 3 ? 0 : (words[at] as number) - 2;
}

/** Dwords of a batch that are copied first. */
const FETCH_DW = 32;

/** RCS, VCS, BCS, VECS. */
const ENGINE_BASE: readonly number[] = [
  engineRegs.RING_BASE.RCS,
  engineRegs.RING_BASE.VCS,
  engineRegs.RING_BASE.BCS,
  engineRegs.RING_BASE.VECS,
];

function hex(value: number): string {
  return (value >>> 0).toString(16);
}
