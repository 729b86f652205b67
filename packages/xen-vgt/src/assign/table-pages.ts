import type { MachineMemory } from '@xengt/hsw-device';

const MIB = 2 ** 20;
const PAGE_WORDS = 1024;
const PAGES_IN_MIB = 256;

/** A piece of machine memory of the hypervisor's own, given out page by page. */
export class TablePages {
  readonly words: Int32Array;
  readonly firstMfn: number;
  readonly #memory: MachineMemory;
  readonly #region: number;
  #taken = 0;

  /**
   * @param base machine address, a multiple of 1 MiB @param pages at least so many
   * @throws MachineMemoryError when the place is taken
   */
  constructor(memory: MachineMemory, base: number, pages: number) {
    this.#memory = memory;
    this.words = new Int32Array((Math.ceil(pages / PAGES_IN_MIB) * MIB) / 4);
    this.firstMfn = base / 4096;
    this.#region = memory.addRegion(base, this.words);
  }

  get left(): number {
    return this.words.length / PAGE_WORDS - this.#taken;
  }

  /** A page of zeros. @returns its frame; -1 when there is none left */
  take(): number {
    if (this.left === 0) return -1;
    return this.firstMfn + this.#taken++;
  }

  /** Word index of 8 bytes in a page. */
  at(mfn: number, index: number): number {
    return (mfn - this.firstMfn) * PAGE_WORDS + index * 2;
  }

  put(mfn: number, index: number, low: number, high = 0): void {
    const at = this.at(mfn, index);
    this.words[at] = low;
    this.words[at + 1] = high;
  }

  /** The memory is the machine's again. */
  release(): void {
    this.#memory.removeRegion(this.#region);
  }
}
