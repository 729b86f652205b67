import type { MachineMemory } from '@xengt/hsw-device';
import type { TableMemory } from './shadow-ppgtt.ts';

/** Places shadow page tables at machine addresses, one region each, from a base upward. */
export class RegionTableMemory implements TableMemory {
  readonly #memory: MachineMemory;
  readonly #base: number;
  readonly #step: number;
  /** Region id by place; 0 is free. */
  readonly #places: number[] = [];

  /**
   * @param base machine address, a multiple of 1 MiB, of a range nobody else uses
   * @param step bytes between places: at least the largest request
   */
  constructor(memory: MachineMemory, base: number, step: number) {
    this.#memory = memory;
    this.#base = base;
    this.#step = step;
  }

  take(bytes: number): { words: Int32Array; firstMfn: number } {
    let place = this.#places.indexOf(0);
    if (place < 0) place = this.#places.push(0) - 1;
    const words = new Int32Array(bytes / 4);
    const at = this.#base + place * this.#step;
    this.#places[place] = this.#memory.addRegion(at, words);
    return { words, firstMfn: at / 4096 };
  }

  give(firstMfn: number): void {
    const place = (firstMfn * 4096 - this.#base) / this.#step;
    this.#memory.removeRegion(this.#places[place] as number);
    this.#places[place] = 0;
  }

  /** Places taken now. */
  get taken(): number {
    return this.#places.filter((id) => id !== 0).length;
  }
}
