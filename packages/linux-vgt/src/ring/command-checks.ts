import { CONTEXT_BYTES, engineRegs } from '@xengt/hsw-device';
import { F_CMD_ACCESSED, F_CMD_READ, F_CMD_WRITE } from '../attr/attribute.ts';
import type { AttributeTable } from '../attr/attribute-table.ts';
import type { ScanHost } from './scan-host.ts';
import * as T from './scan-table.ts';
import { END, GO_ON, STOP } from './scan-table.ts';

/** RCS, VCS, BCS, VECS. */
const ENGINE_BASE: readonly number[] = [
  engineRegs.RING_BASE.RCS,
  engineRegs.RING_BASE.VCS,
  engineRegs.RING_BASE.BCS,
  engineRegs.RING_BASE.VECS,
];

/**
 * What is checked of each command by itself: GGTT addresses and registers it names must be the
 * VM's own; display commands of a VM without the display are taken out, and so is what sets the
 * observation unit up, which is dom0's.
 */
export class CommandChecks {
  /** Why the VM is refused; '' while it is not. */
  reason = '';
  /** The scan has to wait for an idle engine. */
  later = false;
  host: ScanHost | null = null;
  engine = 0;
  readonly #attr: AttributeTable;

  constructor(attr: AttributeTable) {
    this.#attr = attr;
  }

  begin(host: ScanHost, engine: number): void {
    this.host = host;
    this.engine = engine;
    this.reason = '';
    this.later = false;
  }

  refuse(what: string, value: number): number {
    this.reason = `${what} 0x${(value >>> 0).toString(16)}`;
    return STOP;
  }

  owns(gma: number, bytes: number, what: string): number {
    if ((this.host as ScanHost).reach(gma, bytes)) return GO_ON;
    return this.refuse(`${what} outside the VM's graphics memory:`, gma);
  }

  /**
   * Checks one command, which is whole and known, and patches it in place.
   *
   * @param action of the scan table, none of those that need nothing or that start a batch
   * @returns GO_ON, END or STOP
   */
  check(action: number, words: Int32Array, at: number, length: number): number {
    const header = words[at] as number;
    switch (action) {
      case T.PIPE_CONTROL:
        return this.#pipeControl(words, at);
      case T.FLUSH_DW:
        return this.#flushDw(words, at);
      case T.LOAD_IMM:
        return this.#loadImmediate(words, at, length);
      case T.STORE_IMM:
        if ((header & T.MI_USE_GGTT) === 0) return GO_ON;
        return this.owns((words[at + 2] as number) & ~3, 8, 'MI_STORE_DATA_IMM');
      case T.STORE_REG:
        return this.#storeRegister(words, at);
      case T.LOAD_MEM:
        return this.#loadMemory(words, at);
      case T.LOAD_REG:
        return this.#loadRegister(words, at);
      case T.BATCH_END:
        return END;
      case T.SET_CONTEXT:
        return this.#setContext(words, at);
      case T.CONDITIONAL_END:
        if ((header & T.MI_USE_GGTT) === 0) return GO_ON;
        return this.owns((words[at + 2] as number) & ~7, 8, 'MI_CONDITIONAL_BATCH_BUFFER_END');
      case T.SEMAPHORE:
        // Register form (bit 18) names mailboxes, which the switch saves; the memory form an address.
        if ((header & T.MI_USE_GGTT) === 0 || (header & 0x40000) !== 0) return GO_ON;
        return this.owns((words[at + 2] as number) & ~3, 4, 'MI_SEMAPHORE_MBOX');
      case T.PERF_COUNT:
        if (((words[at + 1] as number) & 1) === 0) return GO_ON;
        return this.owns((words[at + 1] as number) & ~0x3f, 256, 'MI_REPORT_PERF_COUNT');
      case T.CLFLUSH:
        if ((header & T.MI_USE_GGTT) === 0) return GO_ON;
        return this.owns((words[at + 1] as number) & ~0xfff, 4096, 'MI_CLFLUSH');
      default:
        return this.refuse('forbidden command', header);
    }
  }

  /** DWord 1: 24 GGTT address, 21 index into the status page, 15:14 post-sync. */
  #pipeControl(words: Int32Array, at: number): number {
    const flags = words[at + 1] as number;
    if ((flags & T.PC_LOAD_REGISTER) !== 0) {
      const register = (words[at + 2] as number) & 0x7ffffc;
      return this.#allowed(register, F_CMD_WRITE)
        ? GO_ON
        : this.refuse('PIPE_CONTROL write of', register);
    }
    if ((flags & 0xc000) === 0) return GO_ON;
    if ((flags & 0x200000) !== 0 || (flags & 0x1000000) === 0) return GO_ON;
    return this.owns((words[at + 2] as number) & ~3, 8, 'PIPE_CONTROL');
  }

  /** DWord 0: 21 index into the status page, 15:14 post-sync; address bit 2: GGTT. */
  #flushDw(words: Int32Array, at: number): number {
    const header = words[at] as number;
    if ((header & 0xc000) === 0 || (header & 0x200000) !== 0) return GO_ON;
    const address = words[at + 1] as number;
    return (address & 4) === 0 ? GO_ON : this.owns(address & ~7, 8, 'MI_FLUSH_DW');
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
    const base = ENGINE_BASE[this.engine] as number;
    const header = words[at] as number;
    if ((header & T.LRI_KEEP_BYTES) !== 0) return this.refuse('part of a register by', header);
    let end = at + length;
    for (let i = at + 1; i + 1 < end; i += 2) {
      const register = (words[i] as number) & 0x7ffffc;
      if (this.#allowed(register, F_CMD_WRITE)) continue;
      if (register === base + engineRegs.RING_PP_DIR_DCLV) {
        words[i + 1] = -1;
      } else if (register === base + engineRegs.RING_PP_DIR_BASE) {
        const host = this.host as ScanHost;
        const value = words[i + 1] as number;
        const result = host.useDirectory(this.engine, value);
        if (result === 'busy') {
          this.later = true;
          return STOP;
        }
        if (result === 'outside') {
          return this.refuse("page directory outside the VM's graphics memory:", value);
        }
        words[i + 1] = host.hardwareDirectory(this.engine);
      } else if (T.DISPLAY_REGISTERS.has(register) || T.isObservation(register)) {
        const host = this.host as ScanHost;
        const value = words[i + 1] as number;
        const kept = T.DISPLAY_REGISTERS.has(register)
          ? host.displayRegister(register, value)
          : host.observationRegister(register, value);
        if (kept) continue;
        dropPair(words, at, i, end);
        end -= 2;
        i -= 2;
      } else {
        return this.refuse('MI_LOAD_REGISTER_IMM of', register);
      }
    }
    return GO_ON;
  }

  #storeRegister(words: Int32Array, at: number): number {
    const register = (words[at + 1] as number) & 0x7ffffc;
    if (!this.#allowed(register, F_CMD_READ)) {
      return this.refuse('MI_STORE_REGISTER_MEM of', register);
    }
    if (((words[at] as number) & T.MI_USE_GGTT) === 0) return GO_ON;
    return this.owns((words[at + 2] as number) & ~3, 4, 'MI_STORE_REGISTER_MEM');
  }

  #loadMemory(words: Int32Array, at: number): number {
    const register = (words[at + 1] as number) & 0x7ffffc;
    if (!this.#allowed(register, F_CMD_WRITE)) {
      return this.refuse('MI_LOAD_REGISTER_MEM of', register);
    }
    if (((words[at] as number) & T.MI_USE_GGTT) === 0) return GO_ON;
    return this.owns((words[at + 2] as number) & ~3, 4, 'MI_LOAD_REGISTER_MEM');
  }

  #loadRegister(words: Int32Array, at: number): number {
    const from = (words[at + 1] as number) & 0x7ffffc;
    const to = (words[at + 2] as number) & 0x7ffffc;
    if (!this.#allowed(from, F_CMD_READ)) return this.refuse('MI_LOAD_REGISTER_REG from', from);
    if (!this.#allowed(to, F_CMD_WRITE)) return this.refuse('MI_LOAD_REGISTER_REG to', to);
    return GO_ON;
  }

  /** DWord 1 31:12: the context's image in the GGTT. */
  #setContext(words: Int32Array, at: number): number {
    (this.host as ScanHost).usedContext();
    return this.owns((words[at + 1] as number) & ~0xfff, CONTEXT_BYTES, 'MI_SET_CONTEXT');
  }
}

/** Takes a pair out of an MI_LOAD_REGISTER_IMM; what is left over at its end does nothing. */
function dropPair(words: Int32Array, at: number, pair: number, end: number): void {
  words.copyWithin(pair, pair + 2, end);
  words.fill(0, end - 2, end);
  words[at] = end - at === 3 ? 0 : (words[at] as number) - 2;
}
