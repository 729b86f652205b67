import type { MachineMemory } from '@xengt/hsw-device';
import type { Capabilities } from './capabilities.ts';
import { ADDRESS_HIGH, REASON } from './vtd.regs.ts';

// Root entry, 16 bytes:     0 present | 38:12 context table
// Context entry, 16 bytes:  0 present | 1 FPD | 3:2 kind of translation | 38:12 table
//                           66:64 levels - 2 | 87:72 domain
// Page entry, 8 bytes:      0 read | 1 write | 7 large page | 11 snoop | 38:12 table or page
const PRESENT = 1;
const FPD = 2;
const KIND_PASS_THROUGH = 2;
const LARGE = 0x80;
const SNOOP = 0x800;
/** Address bits from 39 on are reserved up to bit 51; so is 62 where no device has a TLB. */
const BEYOND_MEMORY = 0x000fff80;
const TRANSIENT = 0x40000000;

/** What a request wants, and what a page allows. */
export const READ = 1,
  WRITE = 2;

/**
 * Reads the tables that translate DMA. What is found stays in the object's fields until the next walk;
 * nothing is allocated. A walk reads one entry for each level and no more, whatever the tables say.
 */
export class TableWalk {
  /** Of the context entry found: its domain, table, levels; whether it lets requests pass. */
  did = 0;
  table = 0;
  levels = 0;
  passes = false;
  /** Its faults are not to be recorded. */
  silent = false;
  /** Of the page found. */
  mfn = 0;
  rights = 0;
  readonly #memory: MachineMemory;
  readonly #caps: Capabilities;
  #low = 0;
  #high = 0;

  constructor(memory: MachineMemory, caps: Capabilities) {
    this.#memory = memory;
    this.#caps = caps;
  }

  /** Takes 8 bytes of a frame. @param index of the qword @returns whether there is memory */
  #read(mfn: number, index: number): boolean {
    const region = this.#memory.regionOf(mfn);
    if (region === 0) return false;
    const words = this.#memory.words[region] as Int32Array;
    const at = this.#memory.wordOf(mfn, region) + index * 2;
    this.#low = words[at] as number;
    this.#high = words[at + 1] as number;
    return true;
  }

  get #frame(): number {
    return (this.#low >>> 12) | ((this.#high & ADDRESS_HIGH) << 20);
  }

  /**
   * Finds a device's context entry.
   *
   * @param root frame of the root table @param sid bus << 8 | device << 3 | function
   * @returns 0, or the reason of a fault
   */
  context(root: number, sid: number): number {
    this.silent = false;
    if (!this.#read(root, (sid >>> 8) * 2)) return REASON.ROOT_UNREACHABLE;
    if ((this.#low & PRESENT) === 0) return REASON.ROOT_ABSENT;
    if ((this.#low & 0xffe) !== 0 || (this.#high & ~ADDRESS_HIGH) !== 0) {
      return REASON.ROOT_RESERVED;
    }
    const table = this.#frame;
    if (!this.#read(root, (sid >>> 8) * 2 + 1)) return REASON.ROOT_UNREACHABLE;
    if ((this.#low | this.#high) !== 0) return REASON.ROOT_RESERVED;
    const index = (sid & 0xff) * 2;
    if (!this.#read(table, index + 1)) return REASON.CONTEXT_UNREACHABLE;
    const domainLow = this.#low;
    const domainHigh = this.#high;
    this.#read(table, index);
    this.silent = (this.#low & FPD) !== 0;
    if ((this.#low & PRESENT) === 0) return REASON.CONTEXT_ABSENT;
    if (
      (this.#low & 0xff0) !== 0 ||
      (this.#high & ~ADDRESS_HIGH) !== 0 ||
      (domainLow & 0xff000080) !== 0 ||
      domainHigh !== 0
    ) {
      return REASON.CONTEXT_RESERVED;
    }
    const kind = (this.#low >>> 2) & 3;
    const width = domainLow & 7;
    this.passes = kind === KIND_PASS_THROUGH && this.#caps.passThrough;
    if (kind !== 0 && !this.passes) return REASON.CONTEXT_INVALID;
    if (((this.#caps.levels >>> width) & 1) === 0) return REASON.CONTEXT_INVALID;
    this.levels = width + 2;
    this.did = (domainLow >>> 8) & 0xffff;
    this.table = this.#frame;
    return 0;
  }

  /**
   * Finds a page.
   *
   * @param table frame of the topmost table @param frame what the device asks for, below 2^36
   * @param access READ, WRITE or both
   * @returns 0, or the reason of a fault
   */
  page(table: number, levels: number, frame: number, access: number): number {
    let at = table;
    let rights = READ | WRITE;
    for (let level = levels; level >= 1; level--) {
      const span = 2 ** (9 * (level - 1));
      if (!this.#read(at, Math.floor(frame / span) % 512)) return REASON.TABLE_UNREACHABLE;
      const missing = access & ~this.#low;
      if ((missing & READ) !== 0) return REASON.NOT_READABLE;
      if ((missing & WRITE) !== 0) return REASON.NOT_WRITABLE;
      rights &= this.#low;
      const large = level > 1 && (this.#low & LARGE) !== 0;
      if (this.#reserved(level, large)) return REASON.ENTRY_RESERVED;
      if (large || level === 1) {
        this.mfn = this.#frame + (frame % span);
        this.rights = rights;
        return 0;
      }
      at = this.#frame;
    }
    return REASON.TABLE_UNREACHABLE;
  }

  #reserved(level: number, large: boolean): boolean {
    if ((this.#high & (BEYOND_MEMORY | TRANSIENT)) !== 0) return true;
    const { snoop, largePages } = this.#caps;
    const leaf = large || level === 1;
    if ((this.#low & SNOOP) !== 0 && !(leaf && snoop)) return true;
    if (!large) return false;
    if (level > 3 || ((largePages >>> (level - 2)) & 1) === 0) return true;
    // Bits of the address inside the large page.
    return (this.#frame & (2 ** (9 * (level - 1)) - 1)) !== 0;
  }
}
