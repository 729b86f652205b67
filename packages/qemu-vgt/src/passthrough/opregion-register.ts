import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import { ASLS, answerSwsci, OPREGION_BYTES } from '../opregion/opregion.ts';

/**
 * Where firmware puts the OpRegion of a GPU that is passed through: two pages in the hole below 4 GiB,
 * in the part that it keeps to itself. Upstream: hvmloader's `mem_hole_alloc`, from 0xfc000000 on.
 */
export const PASSTHROUGH_OPREGION = 0xfc000000;

/** The machine's own OpRegion: two pages of firmware's memory. */
export interface HostOpRegion {
  /** Machine address. */
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Puts the machine's OpRegion at a guest address. @returns false when it cannot be there */
export type MapOpRegion = (gpa: number, bytes: number, pages: TrapTarget) => boolean;

/**
 * Configuration register 0xfc of a GPU that is passed through, as upstream's device model has it: the
 * guest's first write says where it wants the two pages, which are the machine's own; what is read
 * afterwards is that page with the low bits of the machine's address. Before, it reads all ones.
 */
export class OpRegionRegister {
  /** Writes after the first, and one whose place was not free. */
  refused = 0;
  readonly #host: HostOpRegion;
  readonly #map: MapOpRegion;
  readonly #view: DataView;
  #value = -1;

  constructor(host: HostOpRegion, map: MapOpRegion) {
    this.#host = host;
    this.#map = map;
    this.#view = new DataView(host.bytes.buffer, host.bytes.byteOffset, OPREGION_BYTES);
  }

  /** Whether an access touches the register. */
  covers(offset: number, size: AccessSize): boolean {
    return offset + size > ASLS && offset < ASLS + 4;
  }

  read(offset: number, size: AccessSize): number {
    const value = this.#value >>> ((offset - ASLS) * 8);
    return size === 4 ? value | 0 : value & (size === 1 ? 0xff : 0xffff);
  }

  /** Narrower writes than the whole register are dropped, and writes after the first. */
  write(offset: number, size: AccessSize, value: number): void {
    const page = (value & ~0xfff) >>> 0;
    if (offset !== ASLS || size !== 4 || this.#value !== -1 || !this.#place(page)) this.refused++;
    else this.#value = page | (this.#host.address & 0xfff);
  }

  #place(page: number): boolean {
    return this.#map(page, OPREGION_BYTES, bytesTarget('opregion', this.#host.bytes));
  }

  /** Firmware's answer to a call: it works on the machine's pages. */
  answer(): void {
    answerSwsci(this.#view);
  }
}

/** Memory as something that answers accesses. */
function bytesTarget(name: string, bytes: Uint8Array): TrapTarget {
  return {
    name,
    read: (offset, size) => {
      let value = 0;
      for (let i = 0; i < size; i++) value |= (bytes[offset + i] ?? 0) << (i * 8);
      return value;
    },
    write: (offset, size, value) => {
      for (let i = 0; i < size; i++) bytes[offset + i] = value >>> (i * 8);
    },
  };
}
