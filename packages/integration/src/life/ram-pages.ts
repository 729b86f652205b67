/** Bytes of a page of guest memory, and of the pieces that are compared at once. */
export const PAGE = 4096;
const PIECE: number = 1 << 16;

/** What a receiver of a guest's memory has, so that only differences need to be sent. */
export class SentPages {
  readonly #ram: Buffer;
  /** As sent; never written parts cost no memory. */
  readonly #sent: Buffer;

  /** @param ram the guest's, which goes on changing; a receiver begins with zeros */
  constructor(ram: Uint8Array<SharedArrayBuffer>) {
    this.#ram = Buffer.from(ram.buffer, ram.byteOffset, ram.length) as unknown as Buffer;
    this.#sent = Buffer.alloc(ram.length);
  }

  get pages(): number {
    return this.#ram.length / PAGE;
  }

  /**
   * Calls `send` for each page in a range that differs from what was sent, and takes it for sent.
   *
   * @param first, end pages
   * @param only bit per page: others are passed over; null takes all
   * @returns pages sent
   */
  changes(
    first: number,
    end: number,
    send: (page: number, bytes: Buffer) => void,
    only: Uint8Array | null = null,
  ): number {
    const ram = this.#ram;
    const sent = this.#sent;
    let count = 0;
    for (let at = first * PAGE; at < end * PAGE; at += PIECE) {
      const to = Math.min(at + PIECE, end * PAGE);
      if (only !== null && !anyOf(only, at / PAGE, to / PAGE)) continue;
      if (ram.compare(sent, at, to, at, to) === 0) continue;
      for (let page = at; page < to; page += PAGE) {
        if (only !== null && !anyOf(only, page / PAGE, page / PAGE + 1)) continue;
        if (ram.compare(sent, page, page + PAGE, page, page + PAGE) === 0) continue;
        ram.copy(sent, page, page, page + PAGE);
        send(page / PAGE, sent.subarray(page, page + PAGE));
        count++;
      }
    }
    return count;
  }
}

function anyOf(bits: Uint8Array, first: number, end: number): boolean {
  for (let i = first; i < end; i++) {
    if (((bits[i >>> 3] ?? 0) & (1 << (i & 7))) !== 0) return true;
  }
  return false;
}

/** A guest's memory without its empty pages: a bit for each page, then those that are not empty. */
export interface PackedRam {
  readonly bitmap: Uint8Array;
  readonly pages: Uint8Array;
}

/** @param breathe awaited now and then, so that others go on; the memory must stay as it is */
export async function packRam(ram: Uint8Array, breathe: () => Promise<void>): Promise<PackedRam> {
  const bytes = Buffer.from(ram.buffer, ram.byteOffset, ram.length);
  const zero = Buffer.alloc(PIECE);
  const bitmap = new Uint8Array(ram.length / PAGE / 8);
  const list: number[] = [];
  for (let at = 0; at < ram.length; at += PIECE) {
    if (at % (PIECE << 8) === 0) await breathe();
    if (bytes.compare(zero, 0, PIECE, at, at + PIECE) === 0) continue;
    for (let page = at; page < at + PIECE; page += PAGE) {
      if (bytes.compare(zero, 0, PAGE, page, page + PAGE) === 0) continue;
      const n = page / PAGE;
      bitmap[n >>> 3] = (bitmap[n >>> 3] as number) | (1 << (n & 7));
      list.push(page);
    }
  }
  const pages = new Uint8Array(list.length * PAGE);
  for (const [i, page] of list.entries()) {
    if (i % 4096 === 0) await breathe();
    pages.set(ram.subarray(page, page + PAGE), i * PAGE);
  }
  return { bitmap, pages };
}

/** Why packed memory does not fit a guest of so many bytes; null when it does. */
export function packedError({ bitmap, pages }: PackedRam, bytes: number): string | null {
  if (bitmap.length !== bytes / PAGE / 8) return 'a bitmap of another size of memory';
  const count = bitmap.reduce((n, byte) => n + bits(byte), 0);
  return pages.length === count * PAGE ? null : `${pages.length} bytes for ${count} pages`;
}

function bits(byte: number): number {
  let n = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) n++;
  return n;
}

/** Fills memory from what {@link packedError} has passed. */
export function unpackRam({ bitmap, pages }: PackedRam, ram: Uint8Array): void {
  ram.fill(0);
  let at = 0;
  for (let page = 0; page < ram.length / PAGE; page++) {
    if (((bitmap[page >>> 3] as number) & (1 << (page & 7))) === 0) continue;
    ram.set(pages.subarray(at, at + PAGE), page * PAGE);
    at += PAGE;
  }
}

/**
 * Bytes of which most are 0, to be sent: their number, how many pages are not empty and which (32 bits
 * each), then those pages. Parts of the bytes themselves: they must stay as they are until they are sent.
 */
export function withoutEmpty(bytes: Uint8Array): readonly Uint8Array[] {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const zero = Buffer.alloc(PIECE);
  const empty = (from: number, to: number): boolean =>
    data.compare(zero, 0, to - from, from, to) === 0;
  const pages: number[] = [];
  for (let at = 0; at < data.length; at += PIECE) {
    const to = Math.min(at + PIECE, data.length);
    if (empty(at, to)) continue;
    for (let page = at; page < to; page += PAGE) {
      if (!empty(page, Math.min(page + PAGE, to))) pages.push(page);
    }
  }
  const head = Buffer.alloc(8 + pages.length * 4);
  head.writeUInt32LE(data.length, 0);
  head.writeUInt32LE(pages.length, 4);
  for (const [i, page] of pages.entries()) head.writeUInt32LE(page / PAGE, 8 + i * 4);
  return [head, ...pages.map((page) => data.subarray(page, page + PAGE))];
}

/** @param most bytes that are believed @returns what {@link withoutEmpty} was given; null when it is none */
export function withEmpty(payload: Buffer, most: number): Uint8Array<ArrayBuffer> | null {
  if (payload.length < 8) return null;
  const [length, count] = [payload.readUInt32LE(0), payload.readUInt32LE(4)];
  if (length > most || count > Math.ceil(length / PAGE)) return null;
  let from = 8 + count * 4;
  if (payload.length < from) return null;
  const out = new Uint8Array(length);
  for (let i = 0; i < count; i++) {
    const at = payload.readUInt32LE(8 + i * 4) * PAGE;
    const size = Math.min(PAGE, length - at);
    if (size <= 0 || from + size > payload.length) return null;
    out.set(payload.subarray(from, from + size), at);
    from += size;
  }
  return from === payload.length ? out : null;
}
