import { MachineMemory } from '@xengt/hsw-device';

/** Where a dummy region comes and goes, so that everyone drops translations; nothing reaches it. */
const DUMMY_BASE = 0x7f_fff0_0000;
const DUMMY = new Int32Array((1 << 20) / 4);

/** How a translation that should not have been made is told. */
export const NOT_MAPPED = 'was reached, but no valid entry maps it';

/** What is known of one region's frames. */
interface Watched {
  readonly words: Int32Array;
  /** The same words as they were at the latest check. */
  readonly copy: Int32Array;
  /** 1: a translation has led here since then. */
  readonly handed: Uint8Array;
  /** 1: the CPU of the test has stored here since then. */
  readonly stored: Uint8Array;
}

/**
 * Machine memory that knows which frames were translated to. What page tables never led to since the
 * latest check must not have changed; with `every`, each single access is held against that too.
 */
export class WatchedMemory extends MachineMemory {
  /** Says whether a valid entry maps a frame at this moment; asked for one translation in `judgeOneIn`. */
  judge: ((mfn: number) => boolean) | null = null;
  judgeOneIn = 256;
  /** The first access that nothing mapped; null while there is none. */
  violation: string | null = null;
  translations = 0;
  /** Accesses that were looked at one by one. */
  seen = 0;
  readonly #watched: (Watched | null)[] = [null];
  readonly #every: boolean;

  /** @param every looks at each access to the words of a watched region: slow */
  constructor(every = false) {
    super();
    this.#every = every;
  }

  /** Adds memory that is watched. @returns its region */
  watch(base: number, bytes: number): number {
    // Four bytes from the buffer's start: 8-byte views of it, which cannot be watched, do not fit.
    const words = new Int32Array(new SharedArrayBuffer(bytes + 8), this.#every ? 4 : 0, bytes / 4);
    const id = this.addRegion(base, words);
    const frames = bytes / 4096;
    this.#watched[id] = {
      words,
      copy: words.slice(),
      handed: new Uint8Array(frames),
      stored: new Uint8Array(frames),
    };
    if (this.#every) {
      this.words[id] = this.#proxy(words, id, 10);
      this.bytes[id] = this.#proxy(this.bytes[id] as Uint8Array, id, 12);
    }
    return id;
  }

  /** The words of a region as the test's CPU sees them. */
  raw(region: number): Int32Array {
    return this.#watched[region]?.words ?? (this.words[region] as Int32Array);
  }

  /** Stores as the CPU does. @param word index in the region */
  store(region: number, word: number, value: number): void {
    this.raw(region)[word] = value;
    const watched = this.#watched[region];
    if (watched != null) watched.stored[word >>> 10] = 1;
  }

  override regionOf(mfn: number): number {
    const region = super.regionOf(mfn);
    const watched = this.#watched[region];
    if (watched != null) {
      this.translations++;
      watched.handed[mfn - (this.firstMfn[region] as number)] = 1;
      if (this.judge !== null && this.translations % this.judgeOneIn === 0 && !this.judge(mfn)) {
        this.violation ??= `frame 0x${mfn.toString(16)} ${NOT_MAPPED}`;
      }
    }
    return region;
  }

  /** Compares what nobody mapped, and starts anew. @returns what is wrong; null when nothing is */
  check(): string | null {
    let wrong = this.violation;
    this.violation = null;
    this.#watched.forEach((watched, region) => {
      if (watched === null) return;
      const { words, copy, handed, stored } = watched;
      for (let f = 0; f < handed.length; f++) {
        if (handed[f] !== 0 || stored[f] !== 0)
          copy.set(words.subarray(f << 10, (f + 1) << 10), f << 10);
      }
      if (!equal(words, copy)) {
        const at = words.findIndex((word, i) => word !== copy[i]);
        const mfn = (this.firstMfn[region] as number) + (at >>> 10);
        wrong ??= `word ${at & 0x3ff} of frame 0x${mfn.toString(16)} changed, but nothing mapped the frame`;
        copy.set(words);
      }
      handed.fill(0);
      stored.fill(0);
    });
    this.removeRegion(this.addRegion(DUMMY_BASE, DUMMY));
    return wrong;
  }

  /** A typed array that reports accesses to frames that no translation has led to. */
  #proxy<T extends Int32Array | Uint8Array>(array: T, region: number, shift: number): T {
    const { handed } = this.#watched[region] as Watched;
    const look = (first: number, end: number): void => {
      this.seen++;
      for (let f = first >>> shift; f <= (end - 1) >>> shift; f++) {
        if (handed[f] === 1) continue;
        const mfn = (this.firstMfn[region] as number) + f;
        this.violation ??= `frame 0x${mfn.toString(16)} was touched without a translation`;
      }
    };
    const methods: Record<string, unknown> = {
      fill: (value: number, from: number, to: number): void => {
        look(from, to);
        array.fill(value, from, to);
      },
      copyWithin: (to: number, from: number, end: number): void => {
        look(from, end);
        look(to, to + end - from);
        array.copyWithin(to, from, end);
      },
      set: (from: ArrayLike<number>, at: number): void => {
        look(at, at + from.length);
        array.set(from, at);
      },
      subarray: (from: number, to: number): T => {
        look(from, to);
        return array.subarray(from, to) as T;
      },
    };
    return new Proxy(array, {
      get(target, key): unknown {
        const index = typeof key === 'string' ? Number(key) : Number.NaN;
        if (Number.isNaN(index)) return methods[key as string] ?? Reflect.get(target, key, target);
        if (index >= 0 && index < target.length) look(index, index + 1);
        return target[index];
      },
      set(target, key, value): boolean {
        const index = Number(key as string);
        if (index >= 0 && index < target.length) look(index, index + 1);
        target[index] = value as number;
        return true;
      },
    });
  }
}

/** Whether two arrays hold the same; their lengths are equal. */
function equal(a: Int32Array, b: Int32Array): boolean {
  return (
    Buffer.compare(
      Buffer.from(a.buffer as ArrayBuffer, a.byteOffset, a.byteLength),
      Buffer.from(b.buffer as ArrayBuffer, b.byteOffset, b.byteLength),
    ) === 0
  );
}
