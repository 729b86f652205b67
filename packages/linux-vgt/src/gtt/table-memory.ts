import type { MachineMemory } from '@xengt/hsw-device';
import type { TableMemory } from './shadow-ppgtt.ts';

/**
 * Places in one region of machine memory. A machine has 255 regions for everything, which a region
 * for each of 32 VMs' eight directories would not leave room in.
 */
const PLACES = 4;

interface Pool {
  readonly region: number;
  readonly words: Int32Array;
  /** A bit for each place that is taken, and for each that was ever. */
  taken: number;
  used: number;
}

/** Places shadow page tables at machine addresses, a few to a region, from a base upward. */
export class RegionTableMemory implements TableMemory {
  readonly #memory: MachineMemory;
  readonly #base: number;
  readonly #step: number;
  /** By place in the address space; null where no region is. */
  readonly #pools: (Pool | null)[] = [];

  /**
   * @param base machine address, a multiple of 1 MiB, of a range nobody else uses
   * @param step bytes between places, a multiple of 1 MiB: at least the largest request
   */
  constructor(memory: MachineMemory, base: number, step: number) {
    this.#memory = memory;
    this.#base = base;
    this.#step = step;
  }

  take(bytes: number): { words: Int32Array; firstMfn: number } {
    let at = this.#pools.findIndex((p) => p !== null && p.taken !== (1 << PLACES) - 1);
    if (at < 0) at = this.#addPool();
    const pool = this.#pools[at] as Pool;
    let place = 0;
    while ((pool.taken & (1 << place)) !== 0) place++;
    const first = (place * this.#step) / 4;
    const words = pool.words.subarray(first, first + bytes / 4);
    if ((pool.used & (1 << place)) !== 0) words.fill(0);
    pool.taken |= 1 << place;
    pool.used |= 1 << place;
    return { words, firstMfn: (this.#base + (at * PLACES + place) * this.#step) / 4096 };
  }

  #addPool(): number {
    let at = this.#pools.indexOf(null);
    if (at < 0) at = this.#pools.push(null) - 1;
    const words = new Int32Array((PLACES * this.#step) / 4);
    const region = this.#memory.addRegion(this.#base + at * PLACES * this.#step, words);
    this.#pools[at] = { region, words, taken: 0, used: 0 };
    return at;
  }

  give(firstMfn: number): void {
    const index = (firstMfn * 4096 - this.#base) / this.#step;
    const at = Math.floor(index / PLACES);
    const pool = this.#pools[at] as Pool;
    pool.taken &= ~(1 << (index % PLACES));
    if (pool.taken !== 0) return;
    this.#memory.removeRegion(pool.region);
    this.#pools[at] = null;
  }

  /** Places taken now. */
  get taken(): number {
    let n = 0;
    for (const pool of this.#pools) {
      for (let place = 0; place < PLACES; place++) n += ((pool?.taken ?? 0) >>> place) & 1;
    }
    return n;
  }
}
