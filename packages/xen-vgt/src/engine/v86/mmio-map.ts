import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import { RangeMap } from '../../trap/range-map.ts';
import { chainAccesses } from '../../trap/wide.ts';
import {
  BLOCK_BITS,
  LEGACY_VGA_END,
  LEGACY_VGA_START,
  type MmapRead,
  type MmapWrite,
  PLATFORM_TOP,
  type V86Cpu,
  VGA_WINDOW,
} from './internals.ts';

const BLOCK = 2 ** BLOCK_BITS;
const TOP = 2 ** 32;
/** Ranges start and end on this; the smallest memory BAR. PCI Local Bus 3.0, 6.2.5.1. */
const ALIGN = 16;

/** What v86 itself does in a block. */
interface Block {
  readonly read8: MmapRead | undefined;
  readonly write8: MmapWrite | undefined;
  readonly read32: MmapRead | undefined;
  readonly write32: MmapWrite | undefined;
}

/** The functions of a block that one range covers. */
interface Direct {
  readonly first: number;
  readonly read8: MmapRead;
  readonly write8: MmapWrite;
  readonly read32: MmapRead;
  readonly write32: MmapWrite;
  readonly write16: MmapWrite;
}

function directTo(first: number, target: TrapTarget): Direct {
  const base = first | 0;
  return {
    first,
    read8: (a) => target.read((a - base) | 0, 1) & 0xff,
    write8: (a, v) => target.write((a - base) | 0, 1, v & 0xff),
    read32: (a) => target.read((a - base) | 0, 4) | 0,
    write32: (a, v) => target.write((a - base) | 0, 4, v),
    write16: (a, v) => target.write((a - base) | 0, 2, v & 0xffff),
  };
}

/**
 * Guest-physical ranges given to targets. v86 keeps four functions for each 128 KiB block: a block
 * that one range covers gets that range's functions; one that ranges share gets functions that look
 * the range up. What is given back behaves as v86 made it.
 *
 * v86 passes addresses as int32; 16-bit reads arrive as two bytes, wider ones as dwords.
 */
export class MmioMap {
  readonly #cpu: V86Cpu;
  readonly #ranges = new RangeMap<TrapTarget>();
  readonly #own = new Map<number, Block>();
  /** 16-bit writes whole, by block; v86 alone would split them. */
  readonly #write16: (MmapWrite | undefined)[] = new Array(TOP / BLOCK).fill(undefined);
  readonly #ramBytes: number;
  readonly #vgaBytes: number;

  constructor(cpu: V86Cpu) {
    this.#cpu = cpu;
    this.#ramBytes = cpu.memory_size[0] as number;
    this.#vgaBytes = cpu.devices.vga.vga_memory_size;
    const write16 = this.#write16;
    const split = cpu.mmap_write16;
    cpu.mmap_write16 = (address, value): void => {
      const whole = write16[address >>> BLOCK_BITS];
      if (whole !== undefined) whole(address, value);
      else split.call(cpu, address, value);
    };
    const { mmap_write64, mmap_write128 } = cpu;
    cpu.mmap_write64 = (address, v0, v1): void => {
      this.#chain(address, 8);
      mmap_write64.call(cpu, address, v0, v1);
    };
    cpu.mmap_write128 = (address, v0, v1, v2, v3): void => {
      this.#chain(address, 16);
      mmap_write128.call(cpu, address, v0, v1, v2, v3);
    };
  }

  /** v86 stores wide registers as dwords, in ascending order; reads of them it does not tell apart. */
  #chain(address: number, bytes: number): void {
    const target = this.#ranges.find(address >>> 0);
    if (target !== undefined) chainAccesses(target, bytes);
  }

  /** See `VcpuEngine.mapMmio`. */
  map(gpa: number, bytes: number, target: TrapTarget): boolean {
    if (gpa % ALIGN !== 0 || bytes % ALIGN !== 0) return false;
    const legacy = gpa >= LEGACY_VGA_START && gpa + bytes <= LEGACY_VGA_END;
    if (!legacy && (gpa < this.#ramBytes || gpa + bytes > PLATFORM_TOP)) return false;
    if (gpa < VGA_WINDOW + this.#vgaBytes && gpa + bytes > VGA_WINDOW) return false;
    if (!this.#ranges.add(gpa, bytes, target)) return false;
    this.#install(gpa, bytes);
    return true;
  }

  unmap(gpa: number, bytes: number): void {
    if (!this.#ranges.touches(gpa, bytes)) return;
    this.#ranges.remove(gpa, bytes);
    this.#install(gpa, bytes);
  }

  clear(): void {
    this.#ranges.clear();
    this.#install(0, TOP);
  }

  /** Gives every block of an address range the functions its ranges ask for. */
  #install(gpa: number, bytes: number): void {
    const last = Math.floor((gpa + bytes - 1) / BLOCK);
    // One set of functions for all blocks of a range: fewer shapes where v86 calls them.
    let direct: Direct | null = null;
    for (let block = Math.floor(gpa / BLOCK); block <= last; block++) {
      const start = block * BLOCK;
      if (!this.#ranges.touches(start, BLOCK)) {
        this.#restore(block);
        continue;
      }
      const target = this.#ranges.find(start);
      const first = this.#ranges.first;
      // One target from the block's first byte to its last: nothing to look up in an access.
      const whole = target !== undefined && this.#ranges.find(start + BLOCK - 1) === target;
      if (whole && this.#ranges.first === first) {
        if (direct === null || direct.first !== first) direct = directTo(first, target);
        this.#direct(block, direct);
      } else this.#shared(block);
    }
  }

  #keep(block: number): Block {
    let own = this.#own.get(block);
    if (own === undefined) {
      const cpu = this.#cpu;
      own = {
        read8: cpu.memory_map_read8[block],
        write8: cpu.memory_map_write8[block],
        read32: cpu.memory_map_read32[block],
        write32: cpu.memory_map_write32[block],
      };
      this.#own.set(block, own);
    }
    return own;
  }

  #restore(block: number): void {
    const own = this.#own.get(block);
    if (own === undefined) return;
    const cpu = this.#cpu;
    cpu.memory_map_read8[block] = own.read8;
    cpu.memory_map_write8[block] = own.write8;
    cpu.memory_map_read32[block] = own.read32;
    cpu.memory_map_write32[block] = own.write32;
    this.#write16[block] = undefined;
    this.#own.delete(block);
  }

  #direct(block: number, direct: Direct): void {
    this.#keep(block);
    const cpu = this.#cpu;
    cpu.memory_map_read8[block] = direct.read8;
    cpu.memory_map_write8[block] = direct.write8;
    cpu.memory_map_read32[block] = direct.read32;
    cpu.memory_map_write32[block] = direct.write32;
    this.#write16[block] = direct.write16;
  }

  #shared(block: number): void {
    const own = this.#keep(block);
    const cpu = this.#cpu;
    const ranges = this.#ranges;
    const read = (a: number, size: AccessSize, open: MmapRead | undefined): number => {
      const target = ranges.find(a >>> 0);
      if (target === undefined) return open === undefined ? -1 : open(a);
      return target.read((a >>> 0) - ranges.first, size);
    };
    const write = (a: number, size: AccessSize, v: number, open: MmapWrite | undefined): void => {
      const target = ranges.find(a >>> 0);
      if (target === undefined) open?.(a, v);
      else target.write((a >>> 0) - ranges.first, size, v);
    };
    cpu.memory_map_read8[block] = (a) => read(a, 1, own.read8) & 0xff;
    cpu.memory_map_write8[block] = (a, v) => write(a, 1, v & 0xff, own.write8);
    cpu.memory_map_read32[block] = (a) => read(a, 4, own.read32) | 0;
    cpu.memory_map_write32[block] = (a, v) => write(a, 4, v, own.write32);
    this.#write16[block] = (a, v) => {
      if (ranges.find(a >>> 0) !== undefined) write(a, 2, v & 0xffff, undefined);
      else {
        own.write8?.(a, v & 0xff);
        own.write8?.((a + 1) | 0, (v >>> 8) & 0xff);
      }
    };
  }
}
