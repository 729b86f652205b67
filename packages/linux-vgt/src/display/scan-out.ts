import type { Ggtt } from '@xengt/hsw-device';
import type { ShadowGgtt } from '../gtt/shadow-ggtt.ts';

const MIB_PAGES = 256;
const PAGE = 4096;
/** Cursor, primary and sprite of each of three pipes. */
const PLANES = 9;
/** Surfaces kept for each plane: the one on the screen, and the one that takes over at vertical blank. */
const KEPT = 2;

/** What was mapped for the screen; only grows. */
export interface ScanOutCounters {
  /** Surfaces mapped, and their pages. A flip back to a surface that is still mapped is none. */
  mapped: number;
  pages: number;
  /** Surfaces for which there was no room. */
  refused: number;
}

/**
 * Where hardware's planes find the surfaces of a foreground VM that shares its graphics addresses:
 * while others have the engines, theirs are the entries at those addresses. So what a plane shows is
 * mapped a second time, in hidden memory that no VM has.
 */
export class ScanOut {
  readonly counters: ScanOutCounters = { mapped: 0, pages: 0, refused: 0 };
  /** Graphics address that shows nothing of anybody's. */
  readonly nothing: number;
  readonly #hardware: Ggtt;
  readonly #dummyPte: number;
  readonly #first: number;
  /** 1 where a MiB is in use. */
  readonly #taken: Uint8Array;
  #vm: ShadowGgtt | null = null;
  // By plane, KEPT each: pages of the surface (0: none), the VM's first page, its place from #first.
  readonly #pages = new Int32Array(PLANES * KEPT);
  readonly #from = new Int32Array(PLANES * KEPT);
  readonly #at = new Int32Array(PLANES * KEPT);
  /** Which of a plane's was used last. */
  readonly #last = new Uint8Array(PLANES);

  /**
   * @param base graphics address of the range, a multiple of 1 MiB; its entries are the dummy page's
   * @param mib its size; the last MiB stays empty
   */
  constructor(hardware: Ggtt, base: number, mib: number, dummyPte: number) {
    this.#hardware = hardware;
    this.#dummyPte = dummyPte;
    this.#first = base / PAGE;
    this.#taken = new Uint8Array(Math.max(mib - 1, 0));
    this.nothing = base + Math.max(mib - 1, 0) * MIB_PAGES * PAGE;
  }

  /** From now on a VM's surfaces are mapped; null for a VM whose addresses are its own. */
  show(vm: ShadowGgtt | null): void {
    for (let i = 0; i < PLANES * KEPT; i++) this.#drop(i);
    if (this.#vm !== null) this.#vm.onChange = null;
    this.#vm = vm;
    if (vm !== null) vm.onChange = (page) => this.#changed(page);
  }

  /**
   * Maps what a plane shows.
   *
   * @param plane 3 * pipe + 0 cursor, 1 primary, 2 sprite
   * @param gma the VM's address of the surface, a multiple of 4 KiB
   * @param bytes that the plane may read; all of them the VM's own
   * @returns the address for hardware; -1 without room
   */
  place(plane: number, gma: number, bytes: number): number {
    const page = gma >>> 12;
    const pages = Math.ceil(bytes / PAGE);
    const first = plane * KEPT;
    for (let i = first; i < first + KEPT; i++) {
      if (this.#pages[i] !== pages || this.#from[i] !== page) continue;
      this.#last[plane] = i - first;
      return this.#gma(i);
    }
    const next = first + ((this.#last[plane] as number) ^ 1);
    this.#drop(next);
    let at = this.#room(pages);
    if (at < 0) {
      this.#drop(next ^ 1);
      at = this.#room(pages);
    }
    if (at < 0) {
      this.counters.refused++;
      return -1;
    }
    this.#map(next, at, page, pages);
    this.#last[plane] = next - first;
    return this.#gma(next);
  }

  /** Hardware's GTT was lost and is made anew: so is what is mapped here. */
  restore(): void {
    for (let i = 0; i < PLANES * KEPT; i++) {
      if (this.#pages[i] !== 0) this.#write(i);
    }
  }

  #write(i: number): void {
    const { machine } = this.#vm as ShadowGgtt;
    const at = this.#first + (this.#at[i] as number);
    this.#hardware.writeRun(at, this.#pages[i] as number, machine, this.#from[i]);
  }

  #gma(i: number): number {
    return (this.#first + (this.#at[i] as number)) * PAGE;
  }

  #map(i: number, at: number, page: number, pages: number): void {
    this.#taken.fill(1, at / MIB_PAGES, Math.ceil((at + pages) / MIB_PAGES));
    this.#pages[i] = pages;
    this.#from[i] = page;
    this.#at[i] = at;
    this.#write(i);
    this.counters.mapped++;
    this.counters.pages += pages;
  }

  /** First page of a free run of whole MiB; -1 without one. */
  #room(pages: number): number {
    const mib = Math.ceil(pages / MIB_PAGES);
    let run = 0;
    for (let i = 0; i < this.#taken.length; i++) {
      run = this.#taken[i] === 0 ? run + 1 : 0;
      if (run === mib) return (i - mib + 1) * MIB_PAGES;
    }
    return -1;
  }

  #drop(i: number): void {
    const pages = this.#pages[i] as number;
    if (pages === 0) return;
    const at = this.#at[i] as number;
    for (let k = 0; k < pages; k++) this.#hardware.write(this.#first + at + k, this.#dummyPte);
    this.#taken.fill(0, at / MIB_PAGES, Math.ceil((at + pages) / MIB_PAGES));
    this.#pages[i] = 0;
  }

  /** An entry of the VM's changed: what shows it changes too. */
  #changed(page: number): void {
    const { machine } = this.#vm as ShadowGgtt;
    for (let i = 0; i < PLANES * KEPT; i++) {
      const k = page - (this.#from[i] as number);
      if (k < 0 || k >= (this.#pages[i] as number)) continue;
      this.#hardware.write(this.#first + (this.#at[i] as number) + k, machine[page] as number);
    }
  }
}
