import type { Ggtt, MachineMemory } from '@xengt/hsw-device';
import { DIRECTORY_SLOTS } from '../partition/reserved.ts';
import { PDES } from './guest-tables.ts';
import { type PpgttCounters, SHADOW_BYTES, ShadowDirectory } from './shadow-directory.ts';
import type { ShadowGgtt } from './shadow-ggtt.ts';

/** Guest directories shadowed at once; i915 6.1 has one on Haswell (aliasing PPGTT). */
export const DIRECTORIES: number = DIRECTORY_SLOTS - 1;
const ENGINES = 4;

/** Gives memory of the mediator's own that hardware can address, and takes it back. */
export interface TableMemory {
  /** @returns dwords, all 0, and their first machine frame */
  take(bytes: number): { words: Int32Array; firstMfn: number };
  give(firstMfn: number): void;
}

/** GTT entries of the mediator's own where the running VM's directories lie. */
export interface DirectorySlots {
  /** First entry of slot `i`; slot 0 shows the VM's global GTT, the others guest directories. */
  slotEntry(i: number): number;
}

/** What the hardware may still be using, of the VM at hand. */
export interface HardwareUse {
  /** Whether the VM's commands may still be running. */
  busy(): boolean;
  /** PP_DIR_BASE of an engine that holds this VM's state; -1 when the VM is not loaded. */
  hardwareBase(engine: number): number;
}

export type UseResult = 'ok' | 'outside' | 'busy';

interface Directory {
  readonly shadow: ShadowDirectory;
  readonly firstMfn: number;
  /** Larger is more recent. */
  used: number;
}

/** First GTT entry that a PP_DIR_BASE value names: bits 31:16 count cache lines of 16 entries. */
export function directoryEntry(ppDirBase: number): number {
  return (ppDirBase >>> 16) * 16;
}

/** PP_DIR_BASE value that names a GTT entry, a multiple of 16. */
export function ppDirBase(entry: number): number {
  return (entry >>> 4) << 16;
}

/**
 * One VM's per-process GTTs. Hardware never walks a guest's directory or tables: PP_DIR_BASE is
 * given a directory of the mediator's, in GTT entries that no guest can address, whose shadow
 * tables hold translated entries.
 *
 * An engine whose guest has the PPGTT off walks a directory (slot 0) that shows the VM's own slice
 * of the global GTT at the same addresses. So no command can reach another VM's graphics memory by
 * leaving the PPGTT off, and addresses in commands need checking only where they name the GGTT.
 */
export class ShadowPpgtt {
  readonly counters: PpgttCounters = { fills: 0, misses: 0, refused: 0, resynced: 0, checks: 0 };
  /** PP_DIR_BASE that the guest last gave each engine; `null` before the first. */
  readonly base: (number | null)[] = [null, null, null, null];
  readonly #memory: MachineMemory;
  readonly #hardware: Ggtt;
  readonly #guest: ShadowGgtt;
  readonly #tables: TableMemory;
  readonly #slots: DirectorySlots;
  readonly #use: HardwareUse;
  /** By slot, from 1; slot 0 is the VM's global GTT. */
  readonly #directories: (Directory | null)[] = new Array(DIRECTORIES + 1).fill(null);
  #tick = 0;
  /** Whether the VM's directories are the ones in the hardware's GTT. */
  #loaded = false;

  constructor(o: {
    memory: MachineMemory;
    hardware: Ggtt;
    guest: ShadowGgtt;
    tables: TableMemory;
    slots: DirectorySlots;
    use: HardwareUse;
  }) {
    this.#memory = o.memory;
    this.#hardware = o.hardware;
    this.#guest = o.guest;
    this.#tables = o.tables;
    this.#slots = o.slots;
    this.#use = o.use;
  }

  /**
   * The guest gives an engine a directory.
   *
   * @returns `outside` when its entries are not all in the VM's slice; `busy` when a place for it
   * is free only once the VM's engines are idle
   */
  use(engine: number, base: number): UseResult {
    // As a rule it names the same one again: a driver loads it with each request.
    if (base === this.base[engine] && this.#slotOf(directoryEntry(base)) > 0) return 'ok';
    const entry = directoryEntry(base);
    if (!this.#guest.owns(entry) || !this.#guest.owns(entry + PDES - 1)) return 'outside';
    if (this.#slotOf(entry) < 0) {
      const slot = this.#freeSlot();
      if (slot < 0) return 'busy';
      this.#make(slot, entry);
    }
    this.base[engine] = base;
    return 'ok';
  }

  #slotOf(entry: number): number {
    for (let i = 1; i <= DIRECTORIES; i++) {
      if (this.#directories[i]?.shadow.entry === entry) return i;
    }
    return -1;
  }

  /** An empty slot, or the one that nobody used for longest; -1 while hardware may use them all. */
  #freeSlot(): number {
    let best = -1;
    for (let i = 1; i <= DIRECTORIES; i++) {
      const directory = this.#directories[i];
      if (directory === null || directory === undefined) return i;
      if (this.#inUse(i, directory)) continue;
      if (best < 0 || directory.used < (this.#directories[best] as Directory).used) best = i;
    }
    if (best < 0 || this.#use.busy()) return -1;
    this.#drop(best);
    return best;
  }

  #inUse(slot: number, directory: Directory): boolean {
    const hardware = ppDirBase(this.#slots.slotEntry(slot));
    for (let e = 0; e < ENGINES; e++) {
      const base = this.base[e] as number | null;
      if (base !== null && directoryEntry(base) === directory.shadow.entry) return true;
      if (this.#use.hardwareBase(e) === hardware) return true;
    }
    return false;
  }

  #make(slot: number, entry: number): Directory {
    const { words, firstMfn } = this.#tables.take(SHADOW_BYTES);
    const shadow = new ShadowDirectory({
      entry,
      memory: this.#memory,
      hardware: this.#hardware,
      guest: this.#guest,
      counters: this.counters,
      shadow: words,
      firstMfn,
    });
    const made = { shadow, firstMfn, used: ++this.#tick };
    this.#directories[slot] = made;
    if (this.#loaded) shadow.install(this.#slots.slotEntry(slot));
    return made;
  }

  #drop(slot: number): void {
    const directory = this.#directories[slot];
    if (directory !== null && directory !== undefined) this.#tables.give(directory.firstMfn);
    this.#directories[slot] = null;
  }

  /** PP_DIR_BASE for hardware that stands for a guest's value; slot 0's when it names none of ours. */
  hardwareBase(base: number | null): number {
    const slot = base === null ? 0 : this.#slotOf(directoryEntry(base));
    if (slot <= 0) {
      if (this.#directories[0] === null) this.#make(0, -1);
      return ppDirBase(this.#slots.slotEntry(0));
    }
    (this.#directories[slot] as Directory).used = ++this.#tick;
    return ppDirBase(this.#slots.slotEntry(slot));
  }

  /** The shadow that a hardware PP_DIR_BASE names; null when it is none of this VM's. */
  find(hardware: number): ShadowDirectory | null {
    for (let i = 0; i <= DIRECTORIES; i++) {
      const directory = this.#directories[i];
      if (directory === null || directory === undefined) continue;
      if (ppDirBase(this.#slots.slotEntry(i)) === hardware) return directory.shadow;
    }
    return null;
  }

  /** The VM gets the engines: its directories go into the mediator's GTT entries. */
  load(): void {
    this.#loaded = true;
    for (let i = 0; i <= DIRECTORIES; i++) {
      this.#directories[i]?.shadow.install(this.#slots.slotEntry(i));
    }
  }

  unload(): void {
    this.#loaded = false;
  }

  /** Compares everything in use with the guest's tables. @returns whether something changed */
  resync(): boolean {
    let changed = false;
    for (let i = 0; i <= DIRECTORIES; i++) {
      const directory = this.#directories[i];
      if (directory === null || directory === undefined) continue;
      if (directory.shadow.resync()) changed = true;
    }
    return changed;
  }

  /** Frames of the domain moved: every translation is made anew. */
  flush(): void {
    for (const directory of this.#directories) directory?.shadow.moved();
  }

  /** A full guest reset: no engine has a directory. The engines must not be using one. */
  reset(): void {
    this.base.fill(null);
    for (let i = 1; i <= DIRECTORIES; i++) this.#drop(i);
  }

  /** Gives all memory back; the VM is gone. */
  release(): void {
    this.reset();
    this.#drop(0);
  }

  /** Guest directories shadowed now. */
  get directories(): number {
    return this.#directories.reduce((n, d, i) => (d !== null && i > 0 ? n + 1 : n), 0);
  }
}
