import { Blitter } from '../blt/blitter.ts';
import { AddressSpace, pteAddress } from '../gtt/address-space.ts';
import { MachineMemory } from '../port/memory.ts';
import { RegSpace } from '../reg/reg-space.ts';
import { ARB_MODE, ARB_MODE_SWIZZLE } from '../tiling/swizzle.ts';
import { type ModelMemory, type ModelSetup, modelBlit } from './blt-model.ts';

export const MIB: number = 1 << 20;
/** Graphics pages of the test machine: 1 MiB of graphics memory. */
const PAGES = 256;

/** How graphics pages map: in order; shuffled in one region; over two regions, with holes. */
export type Layout = 'straight' | 'torn' | 'holes';

export class BltBench {
  readonly memory: MachineMemory = new MachineMemory();
  readonly regions: number[];
  readonly pte: number[] = [];
  readonly space: AddressSpace;
  readonly blitter: Blitter;
  /** Bytes as the model leaves them, by region. */
  readonly model: Uint8Array[] = [];
  readonly regs: RegSpace = new RegSpace(0x5000);
  /** Pages that the model wrote since {@link checkTouched}. */
  readonly #touched = new Set<number>();
  readonly setup: ModelSetup = { mono: false, dw: Array(9).fill(0), clip: [0, 0] };

  constructor(layout: Layout, seed: number) {
    const random = lcg(seed);
    const words = [NOISE.slice(), NOISE.slice().reverse()];
    this.regions = words.map((w, i) => this.memory.addRegion((16 + i * 2) * MIB, w));
    for (const w of words) this.model.push(new Uint8Array(w.buffer.slice(0)));
    const frames = Array.from({ length: 512 }, (_, i) => (i < 256 ? 4096 + i : 4608 + i - 256));
    if (layout !== 'straight') {
      for (let i = layout === 'torn' ? 255 : frames.length - 1; i > 0; i--) {
        const j = (random() >>> 1) % (i + 1);
        // Every fourth page stays: neighbours in order are common too.
        if (i % 4 !== 0) [frames[i], frames[j]] = [frames[j] as number, frames[i] as number];
      }
    }
    for (let page = 0; page < PAGES; page++) {
      const hole = layout === 'holes' && (random() >>> 8) % 5 === 0;
      this.pte.push(hole ? 0 : pteAddress(frames[page] as number) | 1);
    }
    this.space = new AddressSpace('test', this.memory, (page) => this.pte[page] ?? 0);
    this.blitter = new Blitter(this.memory, this.regs);
  }

  readonly modelMemory: ModelMemory = {
    read: (gma) => {
      const at = this.#find(gma);
      return at < 0 ? 0 : ((this.model[at >> 20] as Uint8Array)[at & (MIB - 1)] as number);
    },
    write: (gma, byte) => {
      const at = this.#find(gma);
      if (at < 0) return;
      (this.model[at >> 20] as Uint8Array)[at & (MIB - 1)] = byte;
      this.#touched.add(at >> 12);
    },
  };

  /** Region number in 20 and up, byte below; -1 where nothing is mapped. */
  #find(gma: number): number {
    const pte = this.pte[gma >>> 12] ?? 0;
    if ((pte & 1) === 0) return -1;
    const mfn = pte >>> 12;
    const frame = mfn >= 4608 ? mfn - 4608 + 256 : mfn - 4096;
    return frame * 4096 + (gma & 0xfff);
  }

  /** Whether tiles are swizzled from now on. */
  set swizzled(on: boolean) {
    this.regs.poke(ARB_MODE, on ? ARB_MODE_SWIZZLE : 0);
  }

  /** Runs the command on both; the blitter in slices of `budget`. */
  run(dw: readonly number[], swctrl = 0, budget = 1e9): boolean {
    const taken = this.blitter.start(Int32Array.from(dw), dw.length, this.space, swctrl);
    let steps = 0;
    while (!this.blitter.step(budget)) {
      if (++steps > 100_000) throw new Error('the operation does not end');
    }
    const swizzled = this.regs.peek(ARB_MODE) !== 0;
    if (taken) modelBlit(this.modelMemory, dw, swctrl, this.setup, swizzled);
    return taken;
  }

  /** {@link check} of no more than the pages that the model wrote since the last call. */
  checkTouched(): void {
    for (const page of this.#touched) {
      const region = page >> 8;
      const got = this.memory.words[this.regions[region] as number] as Int32Array;
      const want = new Int32Array((this.model[region] as Uint8Array).buffer);
      const end = ((page & 255) + 1) * 1024;
      for (let at = end - 1024; at < end; at++) {
        if (got[at] !== want[at]) {
          throw new Error(`region ${region} word ${at}: ${got[at]}, the model has ${want[at]}`);
        }
      }
    }
    this.#touched.clear();
  }

  check(): void {
    for (const [i, id] of this.regions.entries()) {
      const got = this.memory.words[id] as Int32Array;
      const want = new Int32Array((this.model[i] as Uint8Array).buffer);
      let at = 0;
      while (at < got.length && got[at] === want[at]) at++;
      if (at < got.length) {
        throw new Error(`region ${i} word ${at}: ${got[at]}, the model has ${want[at]}`);
      }
    }
  }
}

export function lcg(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state ^ (state >>> 13);
  };
}

const NOISE: Int32Array = Int32Array.from({ length: MIB / 4 }, lcg(1));

export const xy = (x: number, y: number): number => ((y & 0xffff) << 16) | (x & 0xffff);
export const header = (op: number, length: number, bits = 0): number =>
  (2 << 29) | (op << 22) | bits | (length - 2);
