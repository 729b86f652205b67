import { closeSync, openSync, readSync, statSync } from 'node:fs';
import * as v from 'valibot';

/** A disk of a guest's machine: an image file of the host. */
export interface DiskFile {
  /** Absolute. */
  readonly path: string;
  /** Drives of the first IDE channel, and the CD drive. */
  readonly device: 'hda' | 'hdb' | 'cdrom';
  readonly readOnly: boolean;
}

/** What of a guest's machine is its own choice, beside its RAM. */
export interface Hardware {
  readonly disks: readonly DiskFile[];
  /** Memory of the legacy VGA, MiB, a power of two; null takes the usual. */
  readonly vgaMemoryMiB: number | null;
}

/** As it is in a saved domain. */
export const hardwareSchema: v.GenericSchema<unknown, Hardware> = v.object({
  disks: v.array(
    v.object({
      path: v.pipe(v.string(), v.startsWith('/')),
      device: v.picklist(['hda', 'hdb', 'cdrom']),
      readOnly: v.boolean(),
    }),
  ),
  vgaMemoryMiB: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64))),
});

/** A machine as every guest without a file has it. */
export const USUAL_HARDWARE: Hardware = { disks: [], vgaMemoryMiB: null };

/** Unit in which written parts are kept, bytes: a page of the guest's file system. */
const BLOCK = 4096;

/** State of a disk in a saved machine: blocks that the guest wrote. */
type WrittenBlocks = readonly (readonly [block: number, bytes: Uint8Array])[];

/**
 * A disk image with what its guest wrote kept beside it, in memory: the file stays as it is, and many
 * guests may have the same one. It has the methods that v86 asks of a buffer. Nothing is open between
 * two requests, so that nothing has to be closed when a guest ends at any moment.
 */
export class OverlayDisk {
  readonly byteLength: number;
  onload: ((loaded: object) => void) | undefined = undefined;
  onprogress: undefined = undefined;
  /** Requests that lay outside the disk, were writes to a read-only one, or that the host failed. */
  refused = 0;
  readonly #path: string;
  readonly #readOnly: boolean;
  readonly #written = new Map<number, Uint8Array>();

  /** @throws the file system's errors */
  constructor(file: DiskFile) {
    this.#path = file.path;
    this.#readOnly = file.readOnly;
    this.byteLength = statSync(file.path).size;
  }

  load(): void {
    this.onload?.({});
  }

  /** Reads; what cannot be read is 0. */
  get(at: number, bytes: number, done: (data: Uint8Array) => void): void {
    const data = new Uint8Array(bytes);
    if (!this.#inside(at, bytes)) this.refused++;
    else {
      this.#readFile(at, data);
      const last = Math.floor((at + bytes - 1) / BLOCK);
      for (let block = Math.floor(at / BLOCK); block <= last; block++) {
        const kept = this.#written.get(block);
        if (kept === undefined) continue;
        const from = Math.max(at, block * BLOCK);
        const to = Math.min(at + bytes, (block + 1) * BLOCK);
        data.set(kept.subarray(from - block * BLOCK, to - block * BLOCK), from - at);
      }
    }
    done(data);
  }

  get_and_cache(at: number, bytes: number, done: (data: Uint8Array) => void): void {
    this.get(at, bytes, done);
  }

  /** Nothing is cached: the host's page cache does that. */
  get_from_cache(): undefined {
    return undefined;
  }

  set(at: number, data: Uint8Array, done: () => void): void {
    if (this.#readOnly || !this.#inside(at, data.length)) this.refused++;
    else {
      for (let i = 0; i < data.length; ) {
        const block = Math.floor((at + i) / BLOCK);
        const offset = at + i - block * BLOCK;
        const count = Math.min(BLOCK - offset, data.length - i);
        this.#blockOf(block).set(data.subarray(i, i + count), offset);
        i += count;
      }
    }
    done();
  }

  get_buffer(done: (buffer: undefined) => void): void {
    done(undefined);
  }

  get_state(): [WrittenBlocks] {
    return [[...this.#written]];
  }

  set_state(state: [WrittenBlocks]): void {
    this.#written.clear();
    for (const [block, bytes] of state[0]) this.#written.set(block, Uint8Array.from(bytes));
  }

  #inside(at: number, bytes: number): boolean {
    return Number.isInteger(at) && at >= 0 && bytes > 0 && at + bytes <= this.byteLength;
  }

  #blockOf(block: number): Uint8Array {
    let kept = this.#written.get(block);
    if (kept === undefined) {
      kept = new Uint8Array(BLOCK);
      this.#readFile(block * BLOCK, kept);
      this.#written.set(block, kept);
    }
    return kept;
  }

  #readFile(at: number, into: Uint8Array): void {
    try {
      const file = openSync(this.#path, 'r');
      try {
        readSync(file, into, 0, into.length, at);
      } finally {
        closeSync(file);
      }
    } catch {
      this.refused++;
    }
  }
}
