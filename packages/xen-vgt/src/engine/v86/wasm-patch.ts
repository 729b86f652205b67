// v86's wasm module defines its memory (not shared, no maximum) and the modules its JIT makes import
// it as `e.m`. Guest RAM lies in that memory; to have it as a SharedArrayBuffer both declarations
// are rewritten while they are loaded. WebAssembly core spec 5.5.6 (import), 5.5.8 (memory);
// threads proposal: limits flag 3 is "shared, with maximum".

const SECTION_IMPORT = 2;
const SECTION_MEMORY = 5;
const SECTION_EXPORT = 7;
const SECTION_CODE = 10;
const LIMITS_SHARED = 3;
/** Kind of an export. */
const EXPORT_FUNCTION = 0;

/** Bytes of a wasm page. */
export const WASM_PAGE: number = 1 << 16;

/** The memory import in v86's JIT modules up to its limits flag: module "e", name "m", memory. */
const JIT_MEMORY_IMPORT: readonly number[] = [1, 0x65, 1, 0x6d, 2, 0];

/** A run of code bytes and what stands in its place. */
export interface CodeEdit {
  readonly find: readonly number[];
  readonly put: readonly number[];
}

function leb(value: number): number[] {
  const out: number[] = [];
  do {
    const low = value & 127;
    value >>>= 7;
    out.push(value !== 0 ? low | 128 : low);
  } while (value !== 0);
  return out;
}

/** Reads a LEB128 number; the position after it is left in `at.position`. */
function readLeb(code: Uint8Array, at: { position: number }): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = code[at.position++] ?? 0;
    value |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  return value >>> 0;
}

/** Where a section lies: its id byte, its body and its end. Null when there is none of that id. */
function section(code: Uint8Array, id: number): { id: number; body: number; end: number } | null {
  const at = { position: 8 };
  while (at.position < code.length) {
    const start = at.position++;
    const length = readLeb(code, at);
    const body = at.position;
    if (code[start] === id) return { id: start, body, end: body + length };
    at.position = body + length;
  }
  return null;
}

function splice(
  code: Uint8Array,
  from: number,
  to: number,
  insert: readonly number[],
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(code.length - (to - from) + insert.length);
  out.set(code.subarray(0, from));
  out.set(insert, from);
  out.set(code.subarray(to), from + insert.length);
  return out;
}

/**
 * v86's main module with its memory made shared.
 *
 * @param maxPages the memory may grow to this, 64 KiB pages
 * @returns null when the module does not define exactly one plain memory: not a v86 we know
 */
export function shareMainMemory(
  code: Uint8Array,
  maxPages: number,
): Uint8Array<ArrayBuffer> | null {
  const memory = section(code, SECTION_MEMORY);
  if (memory === null || code[memory.body] !== 1 || code[memory.body + 1] !== 0) return null;
  const min = readLeb(code, { position: memory.body + 2 });
  const body = [1, LIMITS_SHARED, ...leb(min), ...leb(maxPages)];
  return splice(code, memory.id, memory.end, [SECTION_MEMORY, ...leb(body.length), ...body]);
}

/** A module of v86's JIT with its memory import made shared; null when it has no such import. */
export function shareJitMemory(code: Uint8Array, maxPages: number): Uint8Array<ArrayBuffer> | null {
  const imports = section(code, SECTION_IMPORT);
  if (imports === null) return null;
  const pattern = JIT_MEMORY_IMPORT;
  for (let i = imports.body; i + pattern.length < imports.end; i++) {
    let k = 0;
    while (k < pattern.length && code[i + k] === pattern[k]) k++;
    if (k < pattern.length) continue;
    const limits = i + pattern.length - 1;
    const at = { position: limits + 1 };
    const min = readLeb(code, at);
    const head = code.subarray(imports.body, limits);
    const tail = code.subarray(at.position, imports.end);
    const body = [...head, LIMITS_SHARED, ...leb(min), ...leb(maxPages), ...tail];
    return splice(code, imports.id, imports.end, [SECTION_IMPORT, ...leb(body.length), ...body]);
  }
  return null;
}

/** Position of the only place where `find` stands in [from, to); -1 for none or several. */
function only(code: Uint8Array, find: readonly number[], from: number, to: number): number {
  let found = -1;
  for (let i = from; i + find.length <= to; i++) {
    let k = 0;
    while (k < find.length && code[i + k] === find[k]) k++;
    if (k < find.length) continue;
    if (found >= 0) return -1;
    found = i;
  }
  return found;
}

/** The function body around a position: where its length stands, its first byte and its end. */
function bodyAround(
  code: Uint8Array,
  part: { body: number; end: number },
  position: number,
): { size: number; body: number; end: number } | null {
  const at = { position: part.body };
  const count = readLeb(code, at);
  for (let i = 0; i < count; i++) {
    const size = at.position;
    const length = readLeb(code, at);
    if (position < at.position + length)
      return { size, body: at.position, end: at.position + length };
    at.position += length;
  }
  return null;
}

/**
 * A module with one run of instructions replaced; the lengths around it are made right.
 *
 * @returns null unless `find` stands exactly once in the code: not a v86 we know
 */
export function editCode(code: Uint8Array, edit: CodeEdit): Uint8Array<ArrayBuffer> | null {
  const part = section(code, SECTION_CODE);
  if (part === null) return null;
  const at = only(code, edit.find, part.body, part.end);
  const f = at < 0 ? null : bodyAround(code, part, at);
  if (f === null) return null;
  const before = code.subarray(f.body, at);
  const after = code.subarray(at + edit.find.length, f.end);
  const length = before.length + edit.put.length + after.length;
  const head = [
    ...code.subarray(part.body, f.size),
    ...leb(length),
    ...before,
    ...edit.put,
    ...after,
  ];
  const body = new Uint8Array(head.length + part.end - f.end);
  body.set(head);
  body.set(code.subarray(f.end, part.end), head.length);
  const size = leb(body.length);
  const out = new Uint8Array(part.id + 1 + size.length + body.length + code.length - part.end);
  out.set(code.subarray(0, part.id + 1));
  out.set(size, part.id + 1);
  out.set(body, part.id + 1 + size.length);
  out.set(code.subarray(part.end), part.id + 1 + size.length + body.length);
  return out;
}

/** A module with several edits made, one after the other; null when one of them does not fit. */
export function editAll(
  code: Uint8Array<ArrayBuffer>,
  edits: readonly CodeEdit[],
): Uint8Array<ArrayBuffer> | null {
  let out: Uint8Array<ArrayBuffer> | null = code;
  for (const edit of edits) {
    if (out === null) return null;
    out = editCode(out, edit);
  }
  return out;
}

/**
 * A module whose export `name` is what it exports as `other`: both must be functions of one type.
 *
 * @returns null when it does not export both as functions
 */
export function exportAs(
  code: Uint8Array<ArrayBuffer>,
  name: string,
  other: string,
): Uint8Array<ArrayBuffer> | null {
  const part = section(code, SECTION_EXPORT);
  if (part === null) return null;
  const found = new Map<string, { at: number; end: number; index: number }>();
  const at = { position: part.body };
  const count = readLeb(code, at);
  for (let i = 0; i < count && at.position < part.end; i++) {
    const length = readLeb(code, at);
    const text = String.fromCharCode(...code.subarray(at.position, at.position + length));
    at.position += length;
    const kind = code[at.position++];
    const index = { at: at.position, end: 0, index: readLeb(code, at) };
    index.end = at.position;
    if (kind === EXPORT_FUNCTION) found.set(text, index);
  }
  const from = found.get(name);
  const to = found.get(other);
  if (from === undefined || to === undefined) return null;
  const head = code.subarray(part.body, from.at);
  const tail = code.subarray(from.end, part.end);
  const body = [...head, ...leb(to.index), ...tail];
  return splice(code, part.id, part.end, [SECTION_EXPORT, ...leb(body.length), ...body]);
}
