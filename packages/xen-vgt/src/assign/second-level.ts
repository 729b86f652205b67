import type { TablePages } from './table-pages.ts';

const READ_WRITE = 3;
const LARGE = 0x80;
const ENTRIES = 512;

/** Frames that an entry of a level stands for. */
const span = (level: number): number => ENTRIES ** (level - 1);

/** Tables of so many pages hold so many frames, mapped in 4 KiB pages, and some that come later. */
export function pagesFor(frames: number, levels: number): number {
  let pages = 0;
  for (let level = 1; level <= levels; level++) pages += Math.ceil(frames / ENTRIES ** level);
  return pages + SPARE_PAGES;
}
/** For ranges that come later: registers of devices, say. */
const SPARE_PAGES = 128;

/**
 * Page tables that translate a domain's frames for devices, written as the hypervisor writes them: the
 * largest pages that the unit takes, split when a part of one changes. Nothing is readable or writable
 * but what was mapped.
 */
export class SecondLevel {
  /** Frame of the topmost table. */
  readonly top: number;
  readonly levels: number;
  readonly #pages: TablePages;
  readonly #large: number;

  /** @param large bit 0: pages of 2 MiB may be used; bit 1: of 1 GiB */
  constructor(pages: TablePages, levels: number, large: number) {
    this.#pages = pages;
    this.levels = levels;
    this.#large = large;
    this.top = pages.take();
  }

  /** Frames that the tables reach. */
  get reach(): number {
    return span(this.levels + 1);
  }

  /**
   * Maps frames for reading and writing.
   *
   * @returns false when they are beyond reach or no page is left for a table: what is mapped then is
   * not all of it
   */
  map(gfn: number, mfn: number, count: number): boolean {
    return this.#each(gfn, mfn, count);
  }

  /** Takes frames away. @returns as {@link map} */
  unmap(gfn: number, count: number): boolean {
    return this.#each(gfn, -1, count);
  }

  #each(gfn: number, mfn: number, count: number): boolean {
    if (gfn < 0 || gfn + count > this.reach) return false;
    let [at, to, left] = [gfn, mfn, count];
    while (left > 0) {
      const level = this.#levelFor(at, to, left);
      const table = this.#table(at, level, mfn >= 0);
      if (table < 0 && mfn >= 0) return false;
      const index = Math.floor(at / span(level)) % ENTRIES;
      if (table >= 0) this.#put(table, index, to, level > 1 ? LARGE : 0);
      const done = span(level);
      at += done;
      left -= done;
      if (mfn >= 0) to += done;
    }
    return true;
  }

  /** The largest page that begins here. */
  #levelFor(gfn: number, mfn: number, left: number): number {
    for (let level = Math.min(3, this.levels); level > 1; level--) {
      const size = span(level);
      const may = ((this.#large >>> (level - 2)) & 1) === 1;
      if (may && left >= size && gfn % size === 0 && (mfn < 0 || mfn % size === 0)) return level;
    }
    return 1;
  }

  #put(table: number, index: number, mfn: number, flags: number): void {
    if (mfn < 0) this.#pages.put(table, index, 0);
    else this.#pages.put(table, index, (mfn << 12) | READ_WRITE | flags, mfn >>> 20);
  }

  /**
   * The table of a level that holds a frame's entry; a large page on the way is split.
   *
   * @param make tables that are missing @returns its frame; -1 when it is missing or cannot be made
   */
  #table(gfn: number, level: number, make: boolean): number {
    const pages = this.#pages;
    let table = this.top;
    for (let l = this.levels; l > level; l--) {
      const index = Math.floor(gfn / span(l)) % ENTRIES;
      const at = pages.at(table, index);
      const low = pages.words[at] as number;
      const found = (low >>> 12) | ((pages.words[at + 1] as number) << 20);
      if ((low & READ_WRITE) !== 0 && (low & LARGE) === 0) {
        table = found;
        continue;
      }
      if (low === 0 && !make) return -1;
      const made = pages.take();
      if (made < 0) return -1;
      if ((low & LARGE) !== 0) this.#split(made, found, l - 1);
      this.#put(table, index, made, 0);
      table = made;
    }
    return table;
  }

  #split(table: number, mfn: number, level: number): void {
    const flags = level > 1 ? LARGE : 0;
    for (let i = 0; i < ENTRIES; i++) this.#put(table, i, mfn + i * span(level), flags);
  }
}
