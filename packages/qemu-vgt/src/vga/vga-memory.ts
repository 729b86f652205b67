import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import type { Dispi } from './dispi.ts';
import {
  GR_BIT_MASK,
  GR_COMPARE,
  GR_IGNORE,
  GR_MISC,
  GR_MODE,
  GR_MODE_COMPARE,
  GR_MODE_ODD_EVEN,
  GR_READ_PLANE,
  GR_ROTATE,
  GR_SET_ENABLE,
  GR_SET_RESET,
  SR_MEMORY,
  SR_MEMORY_CHAIN4,
  SR_PLANES,
} from './vga.regs.ts';

/** Planes of the legacy modes: 64 KiB each. */
const LEGACY_BYTES = 0x40000;
/** Where GR06 3:2 places the window, from 0xa0000, and how much of it there is. */
const WINDOW_FIRST: readonly number[] = [0, 0, 0x10000, 0x18000];
const WINDOW_BYTES: readonly number[] = [0x20000, 0x10000, 0x8000, 0x8000];
/** A byte of ones for each plane of a set of four. */
const PLANE_BYTES: Int32Array = Int32Array.from({ length: 16 }, (_, set) =>
  [0, 1, 2, 3].reduce((word, plane) => word | ((set >> plane) & 1 ? 0xff << (plane * 8) : 0), 0),
);

/**
 * What the processor sees from 0xa0000 to 0xbffff. The four planes lie beside each other in the
 * memory: a dword has one byte of each, and a linear mode sees the same bytes in order.
 */
export class VgaMemory implements TrapTarget {
  readonly name = 'vga.memory';
  /** One byte of each plane, from the latest read. */
  latch = 0;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #sr: Uint8Array;
  readonly #gr: Uint8Array;
  readonly #dispi: Dispi;

  constructor(bytes: Uint8Array, sr: Uint8Array, gr: Uint8Array, dispi: Dispi) {
    this.#bytes = bytes;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
    this.#sr = sr;
    this.#gr = gr;
    this.#dispi = dispi;
  }

  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.#read8(offset + i) << (i * 8);
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    for (let i = 0; i < size; i++) this.#write8(offset + i, (value >>> (i * 8)) & 0xff);
  }

  /** @returns byte of the memory that the window shows there; -1 where it shows nothing */
  #place(offset: number): number {
    const map = ((this.#gr[GR_MISC] as number) >> 2) & 3;
    const at = offset - (WINDOW_FIRST[map] as number);
    return at < 0 || at >= (WINDOW_BYTES[map] as number) ? -1 : at;
  }

  #read8(offset: number): number {
    const at = this.#place(offset);
    if (at < 0) return 0xff;
    const bytes = this.#bytes;
    const dispi = this.#dispi;
    if (dispi.linear) return bytes[(at + dispi.bankBase) % bytes.length] as number;
    const gr = this.#gr;
    const readPlane = gr[GR_READ_PLANE] as number;
    if (((this.#sr[SR_MEMORY] as number) & SR_MEMORY_CHAIN4) !== 0) {
      return bytes[at % LEGACY_BYTES] as number;
    }
    if (((gr[GR_MODE] as number) & GR_MODE_ODD_EVEN) !== 0) {
      const plane = (readPlane & 2) | (at & 1);
      return bytes[(((at & ~1) << 1) | plane) % LEGACY_BYTES] as number;
    }
    const latch = this.#words[this.#dword(at)] as number;
    this.latch = latch;
    if (((gr[GR_MODE] as number) & GR_MODE_COMPARE) === 0)
      return (latch >>> (readPlane * 8)) & 0xff;
    const wanted = PLANE_BYTES[gr[GR_COMPARE] as number] as number;
    const other = (latch ^ wanted) & (PLANE_BYTES[gr[GR_IGNORE] as number] as number);
    return ~(other | (other >>> 8) | (other >>> 16) | (other >>> 24)) & 0xff;
  }

  #dword(at: number): number {
    const dispi = this.#dispi;
    // A bank of planes: 64 KiB of addresses, a dword behind each.
    const bank = dispi.enabled ? dispi.bankBase : 0;
    return (at + bank) % (dispi.enabled ? this.#words.length : LEGACY_BYTES >>> 2);
  }

  #write8(offset: number, value: number): void {
    const at = this.#place(offset);
    if (at < 0) return;
    const bytes = this.#bytes;
    const dispi = this.#dispi;
    if (dispi.linear) {
      bytes[(at + dispi.bankBase) % bytes.length] = value;
      return;
    }
    const planes = this.#sr[SR_PLANES] as number;
    if (((this.#sr[SR_MEMORY] as number) & SR_MEMORY_CHAIN4) !== 0) {
      if (((planes >> (at & 3)) & 1) !== 0) bytes[at % LEGACY_BYTES] = value;
      return;
    }
    if (((this.#gr[GR_MODE] as number) & GR_MODE_ODD_EVEN) !== 0) {
      const plane = ((this.#gr[GR_READ_PLANE] as number) & 2) | (at & 1);
      if (((planes >> plane) & 1) !== 0) {
        bytes[(((at & ~1) << 1) | plane) % LEGACY_BYTES] = value;
      }
      return;
    }
    const i = this.#dword(at);
    const enabled = PLANE_BYTES[planes & 0xf] as number;
    this.#words[i] = ((this.#words[i] as number) & ~enabled) | (this.#planar(value) & enabled);
  }

  /** What a write makes of the latches, by write mode. */
  #planar(value: number): number {
    const gr = this.#gr;
    const { latch } = this;
    const mode = (gr[GR_MODE] as number) & 3;
    if (mode === 1) return latch;
    const rotate = (gr[GR_ROTATE] as number) & 7;
    const rotated = ((value >>> rotate) | (value << (8 - rotate))) & 0xff;
    const setReset = PLANE_BYTES[gr[GR_SET_RESET] as number] as number;
    const bitMask = gr[GR_BIT_MASK] as number;
    let mask = Math.imul(bitMask, 0x01010101);
    let data = Math.imul(rotated, 0x01010101);
    if (mode === 0) {
      const set = PLANE_BYTES[gr[GR_SET_ENABLE] as number] as number;
      data = (data & ~set) | (setReset & set);
    } else if (mode === 2) data = PLANE_BYTES[value & 0xf] as number;
    else {
      mask = Math.imul(rotated & bitMask, 0x01010101);
      data = setReset;
    }
    const operation = ((gr[GR_ROTATE] as number) >> 3) & 3;
    if (operation === 1) data &= latch;
    else if (operation === 2) data |= latch;
    else if (operation === 3) data ^= latch;
    return (data & mask) | (latch & ~mask);
  }
}
