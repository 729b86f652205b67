import type { EmulBus } from './bus.ts';
import {
  AC,
  type CpuState,
  CR0_WP,
  CR4_PAE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_NXE,
} from './cpu-state.ts';
import { CpuFault, PFV } from './fault.ts';

/** Bits of a page fault's error code. SDM vol.3 4.7. */
const PF_PRESENT = 1,
  PF_WRITE = 2,
  PF_USER = 4,
  PF_RESERVED = 8,
  PF_FETCH = 16;

const PRESENT = 1n,
  WRITABLE = 2n,
  USER = 4n,
  ACCESSED = 0x20n,
  DIRTY = 0x40n,
  LARGE = 0x80n,
  NX: bigint = 1n << 63n;
/** Physical address bits that a guest here can have. */
const ADDRESS: bigint = (1n << 40n) - 4096n;
/** Bits of an 8-byte entry that have to be 0: above MAXPHYADDR, below the available ones. */
const RESERVED: bigint = ((1n << 52n) - 1n) & ~((1n << 40n) - 1n);

/** What an access is for. */
export type Access = 'read' | 'write' | 'fetch';

const word = new Uint8Array(8);
const wordView = new DataView(word.buffer);

/**
 * Linear to guest-physical, as the guest's page tables say: 32-bit, PAE and 4-level paging with
 * large pages; accessed and dirty bits are set. SDM vol.3 chapter 4.
 *
 * @throws CpuFault #PF
 */
export function translate(
  state: CpuState,
  bus: EmulBus,
  linear: bigint,
  access: Access,
  user: boolean,
): bigint {
  if (!state.paging) return linear;
  if (state.longMode) return walk8(state, bus, linear, access, user, 4);
  if ((state.cr4 & CR4_PAE) !== 0) return walk8(state, bus, linear, access, user, 3);
  return walk4(state, bus, linear, access, user);
}

function load(bus: EmulBus, at: bigint, bytes: 4 | 8): bigint {
  bus.read(Number(at), bytes, word, 0);
  return bytes === 8 ? wordView.getBigUint64(0, true) : BigInt(wordView.getUint32(0, true));
}

function mark(bus: EmulBus, at: bigint, bytes: 4 | 8, entry: bigint, bits: bigint): void {
  if ((entry & bits) === bits) return;
  wordView.setBigUint64(0, entry | bits, true);
  bus.write(Number(at), bytes, word, 0);
}

function fault(access: Access, user: boolean, linear: bigint, code: number): never {
  const bits = (access === 'write' ? PF_WRITE : 0) | (user ? PF_USER : 0);
  throw new CpuFault(PFV, code | bits | (access === 'fetch' ? PF_FETCH : 0), linear);
}

/** Checks what the entries together allow. @param all AND of the entries, NX from their OR */
function check(
  state: CpuState,
  all: bigint,
  nx: boolean,
  linear: bigint,
  access: Access,
  user: boolean,
): void {
  const userPage = (all & USER) !== 0n;
  const writable = (all & WRITABLE) !== 0n;
  let bad = user && !userPage;
  if (access === 'write' && !writable) bad ||= user || (state.cr0 & CR0_WP) !== 0;
  if (access === 'fetch') bad ||= nx || (!user && userPage && (state.cr4 & CR4_SMEP) !== 0);
  else if (!user && userPage && (state.cr4 & CR4_SMAP) !== 0) bad ||= (state.rflags & AC) === 0;
  if (bad) fault(access, user, linear, PF_PRESENT);
}

/** 8-byte entries, 512 a table. @param levels 4 in long mode, 3 with PAE */
function walk8(
  state: CpuState,
  bus: EmulBus,
  linear: bigint,
  access: Access,
  user: boolean,
  levels: number,
): bigint {
  const nxOn = (state.efer & EFER_NXE) !== 0;
  let table = state.cr3 & (levels === 4 ? ADDRESS : 0xffffffe0n);
  let all = WRITABLE | USER;
  let nx = false;
  for (let level = levels; ; level--) {
    const shift = BigInt(12 + 9 * (level - 1));
    // The four pointers of PAE have neither rights nor accessed bits.
    const pointer = levels === 3 && level === 3;
    const at = table + ((linear >> shift) & (pointer ? 3n : 511n)) * 8n;
    const entry = load(bus, at, 8);
    if ((entry & PRESENT) === 0n) fault(access, user, linear, 0);
    const large = level > 1 && (entry & LARGE) !== 0n;
    const noLarge = large && (level === 4 || pointer || (level === 3 && levels === 3));
    if ((entry & RESERVED) !== 0n || noLarge || (!nxOn && (entry & NX) !== 0n)) {
      fault(access, user, linear, PF_PRESENT | PF_RESERVED);
    }
    if (!pointer) {
      all &= entry;
      nx ||= (entry & NX) !== 0n;
    }
    if (level === 1 || large) {
      const page = (1n << shift) - 1n;
      if (large && (entry & ADDRESS & page & ~0x1fffn) !== 0n) {
        fault(access, user, linear, PF_PRESENT | PF_RESERVED);
      }
      check(state, all, nx, linear, access, user);
      mark(bus, at, 8, entry, access === 'write' ? ACCESSED | DIRTY : ACCESSED);
      return (entry & ADDRESS & ~page) | (linear & page);
    }
    if (!pointer) mark(bus, at, 8, entry, ACCESSED);
    table = entry & ADDRESS;
  }
}

/** 4-byte entries, 1,024 a table; 4 MiB pages with PSE. */
function walk4(
  state: CpuState,
  bus: EmulBus,
  linear: bigint,
  access: Access,
  user: boolean,
): bigint {
  const at = (state.cr3 & 0xfffff000n) + (linear >> 22n) * 4n;
  const directory = load(bus, at, 4);
  if ((directory & PRESENT) === 0n) fault(access, user, linear, 0);
  const used = access === 'write' ? ACCESSED | DIRTY : ACCESSED;
  if ((directory & LARGE) !== 0n && (state.cr4 & CR4_PSE) !== 0) {
    // Bit 21 is reserved; 20:13 are address bits 39:32 (PSE-36).
    if ((directory & 0x200000n) !== 0n) fault(access, user, linear, PF_PRESENT | PF_RESERVED);
    check(state, directory, false, linear, access, user);
    mark(bus, at, 4, directory, used);
    const high = ((directory >> 13n) & 0xffn) << 32n;
    return high | (directory & 0xffc00000n) | (linear & 0x3fffffn);
  }
  const entryAt = (directory & 0xfffff000n) + ((linear >> 12n) & 1023n) * 4n;
  const entry = load(bus, entryAt, 4);
  if ((entry & PRESENT) === 0n) fault(access, user, linear, 0);
  check(state, directory & entry, false, linear, access, user);
  mark(bus, at, 4, directory, ACCESSED);
  mark(bus, entryAt, 4, entry, used);
  return (entry & 0xfffff000n) | (linear & 0xfffn);
}
