import type { EngineId } from '../gt/engine.regs.ts';

// Block headers of the AUB format as gen7 has it: 31:29 type 7, 28:23 opcode 1, 22:16 what it is,
// 15:0 dwords less two. IGT lib/intel_aub.h and Mesa src/intel/tools/aub_read.c state the same.
const HEADER: number = (7 << 29) | (1 << 23) | (0x05 << 16);
const BLOCK: number = (7 << 29) | (1 << 23) | (0x41 << 16);
const KIND_MASK: number = 0xffff0000 | 0;
/** Version 4.0 of the format. */
const VERSION: number = 4 << 24;
/** A block's DWord 1: 7:0 operation, 15:8 type, 23:16 address space. */
const DATA_WRITE = 1;
const COMMAND_WRITE = 2;
const TYPE_BATCH: number = 1 << 8;
const SPACE_GTT = 0;
const SPACE_GTT_ENTRY: number = 4 << 16;
const BLOCK_DWORDS = 5;
/** Bytes of a comment that are looked at. */
const COMMENT_MAX = 256;
/** Dwords of a header before its comment. */
const HEADER_DWORDS = 13;

/** Ring types. The format as its readers have it knows the render engine and the blitter only. */
export const AUB_RINGS: Readonly<Partial<Record<EngineId, number>>> = {
  RCS: 2 << 8,
  BCS: 4 << 8,
};

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** Writes an AUB file's blocks, up to a size. */
export class AubWriter {
  /** Blocks that did not fit. */
  dropped = 0;
  readonly #parts: Int32Array[] = [];
  readonly #limit: number;
  #bytes = 0;

  /** @param limit bytes */
  constructor(deviceId: number, limit: number) {
    this.#limit = limit;
    const comment = `PCI-ID=0x${deviceId.toString(16)}`;
    const dwords = HEADER_DWORDS + Math.ceil(comment.length / 4);
    const head = new Int32Array(dwords);
    const bytes = new Uint8Array(head.buffer);
    head[0] = HEADER | (dwords - 2);
    head[1] = VERSION;
    bytes.set(ascii('xengt'), 8);
    head[HEADER_DWORDS - 1] = comment.length;
    bytes.set(ascii(comment), HEADER_DWORDS * 4);
    this.#add(head);
  }

  /** Memory at a graphics address. */
  memory(gma: number, dwords: Int32Array): boolean {
    return this.#block(SPACE_GTT | TYPE_BATCH | DATA_WRITE, gma, dwords);
  }

  /** Entries of the global GTT. @param page graphics page of the first one */
  entries(page: number, ptes: Int32Array): boolean {
    return this.#block(SPACE_GTT_ENTRY | DATA_WRITE, page * 4, ptes);
  }

  /** Commands in a ring. @param type one of {@link AUB_RINGS} */
  ring(type: number, gma: number, dwords: Int32Array): boolean {
    return this.#block(SPACE_GTT | type | COMMAND_WRITE, gma, dwords);
  }

  #block(what: number, address: number, dwords: Int32Array): boolean {
    if (this.#bytes + (BLOCK_DWORDS + dwords.length) * 4 > this.#limit) {
      this.dropped++;
      return false;
    }
    this.#add(Int32Array.of(BLOCK | (BLOCK_DWORDS - 2), what, 0, address, dwords.byteLength));
    this.#add(dwords);
    return true;
  }

  #add(dwords: Int32Array): void {
    this.#parts.push(dwords);
    this.#bytes += dwords.byteLength;
  }

  /** The file. */
  bytes(): Uint8Array {
    const out = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      out.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
      at += part.byteLength;
    }
    return out;
  }
}

/** Commands that were in a ring at once. */
export interface AubSubmission {
  readonly engine: EngineId;
  /** Graphics address of the ring's first dword here. */
  readonly address: number;
  readonly dwords: Int32Array;
  /** Memory as it was then; null where the file has none. */
  readonly memory: (gma: number) => number | null;
}

export interface AubFile {
  /** From the comment; null when it has none. */
  readonly deviceId: number | null;
  readonly submissions: readonly AubSubmission[];
}

/** Reads an AUB file of this form; null when the bytes are none. Blocks of other kinds are passed over. */
export function readAub(bytes: Uint8Array): AubFile | null {
  const words = new Int32Array(new Uint8Array(bytes.subarray(0, bytes.length & ~3)).buffer);
  if (((words[0] ?? 0) & KIND_MASK) !== HEADER) return null;
  const submissions: AubSubmission[] = [];
  let pages = new Map<number, Int32Array>();
  for (let at = 0; at < words.length; ) {
    const header = words[at] as number;
    let next = at + (header & 0xffff) + 2;
    if ((header & KIND_MASK) === BLOCK) {
      const size = (words[at + 4] ?? 0) >>> 2;
      const data = words.subarray(next, next + size);
      next += size;
      const what = words[at + 1] ?? 0;
      const address = (words[at + 3] ?? 0) >>> 0;
      if ((what & 0xff) === COMMAND_WRITE) {
        const engine = engineOf(what & 0xff00);
        const seen = new Map(pages);
        if (engine !== null) {
          submissions.push({ engine, address, dwords: data, memory: (gma) => peek(seen, gma) });
        }
      } else if ((what & 0xff00ff) === DATA_WRITE) {
        pages = store(new Map(pages), address, data);
      }
    } else if ((header & KIND_MASK) !== HEADER) return null;
    at = next;
  }
  return { deviceId: deviceIdOf(words), submissions };
}

function engineOf(type: number): EngineId | null {
  const found = Object.entries(AUB_RINGS).find(([, ring]) => ring === type);
  return found === undefined ? null : (found[0] as EngineId);
}

function deviceIdOf(words: Int32Array): number | null {
  const length = words[HEADER_DWORDS - 1] ?? 0;
  const comment = new Uint8Array(words.buffer).slice(
    HEADER_DWORDS * 4,
    HEADER_DWORDS * 4 + Math.min(length >>> 0, COMMENT_MAX),
  );
  const m = /^PCI-ID=(0x[0-9a-f]+|\d+)/i.exec(String.fromCharCode(...comment));
  return m === null ? null : Number(m[1]);
}

function store(
  pages: Map<number, Int32Array>,
  gma: number,
  data: Int32Array,
): Map<number, Int32Array> {
  for (let i = 0; i < data.length; ) {
    const at = (gma >>> 2) + i;
    const old = pages.get(at >>> 10);
    const page = old?.slice() ?? new Int32Array(1024);
    const count = Math.min(1024 - (at & 1023), data.length - i);
    page.set(data.subarray(i, i + count), at & 1023);
    pages.set(at >>> 10, page);
    i += count;
  }
  return pages;
}

function peek(pages: ReadonlyMap<number, Int32Array>, gma: number): number | null {
  return pages.get(gma >>> 12)?.[(gma & 0xfff) >>> 2] ?? null;
}
