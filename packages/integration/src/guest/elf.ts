import { FormatError } from './error.ts';

/** What a loader or a module tool wants to know of an i386 ELF file. */
export interface ElfFacts {
  /** DT_NEEDED: names of the shared libraries it asks for. */
  readonly needed: readonly string[];
  /** PT_INTERP: its loader, absolute path; '' when it has none. */
  readonly interpreter: string;
}

const EM_386 = 3;
const PT_LOAD = 1,
  PT_DYNAMIC = 2,
  PT_INTERP = 3;
const DT_NEEDED = 1,
  DT_STRTAB = 5;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly vaddr: number;
  readonly bytes: number;
}

/** Is it a 32-bit little-endian ELF file? */
export function isElf32(data: Uint8Array): boolean {
  return (
    data.length >= 52 &&
    data[0] === 0x7f &&
    data[1] === 0x45 &&
    data[2] === 0x4c &&
    data[3] === 0x46 &&
    data[4] === 1 &&
    data[5] === 1
  );
}

/**
 * Reads the dynamic section of an i386 executable or library.
 * @returns null when it is no i386 ELF file (a script, say)
 * @throws FormatError when its tables point outside the file
 * @see System V ABI, Intel386 supplement
 */
export function elfFacts(data: Uint8Array): ElfFacts | null {
  if (!isElf32(data)) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return bounded(() => {
    if (view.getUint16(18, true) !== EM_386) return null;
    const table = view.getUint32(28, true);
    const entryBytes = view.getUint16(42, true);
    const segments: Segment[] = [];
    for (let k = 0; k < view.getUint16(44, true); k++) {
      const at = table + k * entryBytes;
      segments.push({
        type: view.getUint32(at, true),
        offset: view.getUint32(at + 4, true),
        vaddr: view.getUint32(at + 8, true),
        bytes: view.getUint32(at + 16, true),
      });
    }
    const interp = segments.find((s) => s.type === PT_INTERP);
    const dynamic = segments.find((s) => s.type === PT_DYNAMIC);
    const needed: number[] = [];
    let strings = 0;
    for (let at = 0; dynamic && at + 8 <= dynamic.bytes; at += 8) {
      const tag = view.getUint32(dynamic.offset + at, true);
      const value = view.getUint32(dynamic.offset + at + 4, true);
      if (tag === 0) break;
      if (tag === DT_NEEDED) needed.push(value);
      if (tag === DT_STRTAB) strings = value;
    }
    const load = segments.find(
      (s) => s.type === PT_LOAD && strings >= s.vaddr && strings < s.vaddr + s.bytes,
    );
    const base = load ? strings - load.vaddr + load.offset : 0;
    return {
      needed: needed.map((offset) => cString(data, base + offset)),
      interpreter: interp ? cString(data, interp.offset) : '',
    };
  });
}

/** Bytes of a named section, or null. @throws FormatError when its tables point outside the file */
export function elfSection(data: Uint8Array, name: string): Uint8Array | null {
  if (!isElf32(data)) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return bounded(() => {
    const table = view.getUint32(32, true);
    const entryBytes = view.getUint16(46, true);
    const count = view.getUint16(48, true);
    const namesAt = view.getUint32(table + view.getUint16(50, true) * entryBytes + 16, true);
    for (let k = 0; k < count; k++) {
      const at = table + k * entryBytes;
      if (cString(data, namesAt + view.getUint32(at, true)) !== name) continue;
      const offset = view.getUint32(at + 16, true);
      return data.subarray(offset, offset + view.getUint32(at + 20, true));
    }
    return null;
  });
}

function cString(data: Uint8Array, at: number): string {
  const end = data.indexOf(0, at);
  if (at >= data.length || end < 0) throw new RangeError('string outside the file');
  return Buffer.from(data.buffer, data.byteOffset + at, end - at).toString('latin1');
}

function bounded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError)
      throw new FormatError('is a damaged ELF file: its tables point outside it');
    throw error;
  }
}
