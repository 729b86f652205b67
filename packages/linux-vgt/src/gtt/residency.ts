import { type Clock, type Ggtt, GM_PAGES } from '@xengt/hsw-device';

/** Entries of the GTT that one MiB of graphics memory takes: what is exchanged at once. */
export const CHUNK_PAGES = 256;
const CHUNK_SHIFT = 8;
const MIB_SHIFT = 20;
const NOBODY = 0;

/** Translated entries of one VM's part, by graphics page. */
export interface MachineEntries {
  /** Not 0; nobody else's. */
  readonly tag: number;
  readonly machine: Int32Array;
}

/** What was exchanged; only grows. */
export interface ResidencyCounters {
  /** MiB of graphics memory whose entries were another VM's and were written anew. */
  swaps: number;
  /** Time that took, nanoseconds. */
  swapNs: number;
}

/**
 * Whose entries the hardware's GTT has, MiB by MiB. VMs with parts of their own have theirs from
 * birth to death. VMs whose parts overlap get a MiB's entries when hardware is about to be told an
 * address in it: by a register of theirs, or by a command that was checked. So a switch of the
 * engines exchanges what the next VM uses, a few MiB of entries, and not its whole part.
 *
 * What makes this safe is that hardware reaches the GTT for a VM by no other way: what is not checked
 * goes through page tables of the mediator's. Only the VM that has the engines, or a part that it
 * shares with nobody, may {@link need}.
 */
export class Residency {
  readonly counters: ResidencyCounters = { swaps: 0, swapNs: 0 };
  readonly #hardware: Ggtt;
  readonly #clock: Clock;
  readonly #dummyPte: number;
  /** Tag of the VM by MiB. */
  readonly #tag = new Uint8Array(GM_PAGES / CHUNK_PAGES);

  constructor(hardware: Ggtt, clock: Clock, dummyPte: number) {
    this.#hardware = hardware;
    this.#clock = clock;
    this.#dummyPte = dummyPte;
  }

  /** Whether hardware has a VM's entry of a page. */
  has(tag: number, page: number): boolean {
    return this.#tag[page >>> CHUNK_SHIFT] === tag;
  }

  /** Hardware shall have the VM's entries of these bytes: all of them are its own. */
  need(vm: MachineEntries, gma: number, bytes: number): void {
    const end = (gma + bytes - 1) >>> MIB_SHIFT;
    for (let chunk = gma >>> MIB_SHIFT; chunk <= end; chunk++) {
      if (this.#tag[chunk] !== vm.tag) this.#swap(vm, chunk);
    }
  }

  #swap(vm: MachineEntries, chunk: number): void {
    const before = this.#tag[chunk] as number;
    const start = before === NOBODY ? 0 : this.#clock.now;
    this.#hardware.writeRun(chunk << CHUNK_SHIFT, CHUNK_PAGES, vm.machine);
    this.#tag[chunk] = vm.tag;
    if (before === NOBODY) return;
    this.counters.swaps++;
    this.counters.swapNs += this.#clock.now - start;
  }

  /** The VM's entry of a page changed: hardware hears of it if it has the VM's there. */
  changed(vm: MachineEntries, page: number): void {
    if (this.has(vm.tag, page)) this.#hardware.write(page, vm.machine[page] as number);
  }

  /** Hardware's entries are nobody's any more: it lost them. */
  forget(): void {
    this.#tag.fill(NOBODY);
  }

  /** The VM is gone: what hardware has of it points at the dummy page. */
  drop(tag: number): void {
    for (let chunk = 0; chunk < this.#tag.length; chunk++) {
      if (this.#tag[chunk] !== tag) continue;
      this.#tag[chunk] = NOBODY;
      const first = chunk << CHUNK_SHIFT;
      for (let i = 0; i < CHUNK_PAGES; i++) this.#hardware.write(first + i, this.#dummyPte);
    }
  }
}
