/** Regions are placed on 1 MiB bounds: the granule of the region look-up table. */
const GRANULE_SHIFT = 20;
/** Haswell client parts address 39 bits of physical memory. PRM vol.5 "GTT entry", bits 38:12. */
const ADDRESS_BITS = 39;
/** Regions fit a byte of the look-up table; 0 means "nothing here". */
const MAX_REGIONS = 255;

/** Why a region was refused; thrown to the host that assembles the machine, never to a guest. */
export class MachineMemoryError extends Error {
  readonly code: 'misaligned' | 'outside' | 'overlap' | 'too-many' | 'unknown';
  constructor(code: MachineMemoryError['code'], message: string) {
    super(message);
    this.name = 'MachineMemoryError';
    this.code = code;
  }
}

/**
 * The machine address space: what a GTT entry of the hardware addresses. Each region is one typed
 * array (a domain's RAM, stolen memory). Addresses that no region backs resolve to region 0.
 *
 * Machine addresses are byte addresses of up to 39 bits, held in doubles; frame numbers (`mfn`,
 * address / 4096) fit an int32.
 */
export class MachineMemory {
  /** Words of each region by id; index 0 is an empty array, so a miss reads `undefined`. */
  readonly words: Int32Array[] = [new Int32Array(0)];
  /** The same memory as bytes. */
  readonly bytes: Uint8Array[] = [new Uint8Array(0)];
  /** First machine frame of each region, by id. */
  readonly firstMfn: number[] = [0];
  /** Times a region came or went. */
  changes = 0;
  readonly #regionOf = new Uint8Array(2 ** (ADDRESS_BITS - GRANULE_SHIFT));
  readonly #listeners: (() => void)[] = [];

  /**
   * Calls `changed` whenever a region comes or goes: who caches translations drops them then.
   * @returns takes it back
   */
  onChange(changed: () => void): () => void {
    this.#listeners.push(changed);
    return () => {
      const at = this.#listeners.indexOf(changed);
      if (at >= 0) this.#listeners.splice(at, 1);
    };
  }

  /**
   * Adds memory at a machine address.
   *
   * @param base machine byte address, a multiple of 1 MiB
   * @param words the memory; its length is a multiple of 1 MiB
   * @returns the region's id, 1 to 255
   * @throws MachineMemoryError when misaligned, outside 39 bits, overlapping or one too many
   */
  addRegion(base: number, words: Int32Array): number {
    const size = words.byteLength;
    const granule = 2 ** GRANULE_SHIFT;
    if (base % granule !== 0 || size % granule !== 0 || size === 0) {
      throw new MachineMemoryError(
        'misaligned',
        `region 0x${base.toString(16)}+0x${size.toString(16)} is not in whole MiB`,
      );
    }
    if (base < 0 || base + size > 2 ** ADDRESS_BITS) {
      throw new MachineMemoryError(
        'outside',
        `region 0x${base.toString(16)}+0x${size.toString(16)} ends beyond ${ADDRESS_BITS} bits`,
      );
    }
    const first = base / granule;
    const last = first + size / granule;
    for (let i = first; i < last; i++) {
      if (this.#regionOf[i] !== 0) {
        throw new MachineMemoryError(
          'overlap',
          `machine address 0x${(i * granule).toString(16)} is taken by another region`,
        );
      }
    }
    let id = 1;
    while (id < this.words.length && (this.words[id] as Int32Array).length !== 0) id++;
    if (id > MAX_REGIONS) {
      throw new MachineMemoryError('too-many', `more than ${MAX_REGIONS} memory regions`);
    }
    this.words[id] = words;
    this.bytes[id] = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    this.firstMfn[id] = base / 4096;
    this.#regionOf.fill(id, first, last);
    this.#changed();
    return id;
  }

  /** Removes a region. @throws MachineMemoryError when there is none of that id */
  removeRegion(id: number): void {
    const words = this.words[id];
    if (words === undefined || words.length === 0) {
      throw new MachineMemoryError('unknown', `no memory region ${id}`);
    }
    const first = ((this.firstMfn[id] as number) * 4096) / 2 ** GRANULE_SHIFT;
    this.#regionOf.fill(0, first, first + words.byteLength / 2 ** GRANULE_SHIFT);
    this.words[id] = this.words[0] as Int32Array;
    this.bytes[id] = this.bytes[0] as Uint8Array;
    this.firstMfn[id] = 0;
    this.#changed();
  }

  #changed(): void {
    this.changes++;
    for (const changed of this.#listeners) changed();
  }

  /** Region that backs a machine frame; 0 when none does. */
  regionOf(mfn: number): number {
    return this.#regionOf[mfn >>> (GRANULE_SHIFT - 12)] ?? 0;
  }

  /** Word index of a frame's first dword inside its region's array. Only for a frame that has one. */
  wordOf(mfn: number, region: number): number {
    return (mfn - (this.firstMfn[region] as number)) << 10;
  }
}
