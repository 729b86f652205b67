import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import * as v from 'valibot';
import { requestSchema } from '../config/request.ts';
import { hardwareSchema } from '../host/disk.ts';
import type { MachineStateV1 } from '../host/machine.ts';
import { packedError } from './ram-pages.ts';
import { LifeError, type SavedDomain } from './saved-domain.ts';

/** First bytes of a file. */
const MAGIC = 'XENGTSAV';
const FORMAT = 1;
const MIB = 2 ** 20;
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

// File, little endian:
//
//   "XENGTSAV" | u32 format | u32 bytes of the header | SHA-256 of the header | header, JSON
//   section, compressed | ...                  in the order and of the sizes that the header lists
const FIXED = MAGIC.length + 8 + 32;

const SECTIONS = ['engine', 'vgpu', 'bitmap', 'pages'] as const;
type SectionName = (typeof SECTIONS)[number];

const size: v.GenericSchema<number> = v.pipe(v.number(), v.integer(), v.minValue(0));
const headerSchema = v.object({
  identity: v.object({
    name: v.string(),
    memoryMiB: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2048)),
    emulator: v.string(),
    image: v.string(),
    deviceId: v.number(),
    apertureMiB: v.number(),
    hardware: v.exactOptional(hardwareSchema),
    request: v.exactOptional(requestSchema),
  }),
  saved: v.string(),
  machine: v.looseObject({ version: v.literal(1) }),
  sections: v.array(
    v.object({ name: v.picklist(SECTIONS), bytes: size, stored: size, sha256: v.string() }),
  ),
});

/** A domain as one file's bytes. */
export async function encodeSaved(saved: SavedDomain): Promise<Uint8Array> {
  const { identity, machine, engine, vgpu, ram } = saved;
  const parts: Record<SectionName, Uint8Array> = {
    engine,
    vgpu,
    bitmap: ram.bitmap,
    pages: ram.pages,
  };
  const stored = await Promise.all(
    SECTIONS.map((name) =>
      compress(parts[name], { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
    ),
  );
  const sections = SECTIONS.map((name, i) => ({
    name,
    bytes: parts[name].length,
    stored: (stored[i] as Buffer).length,
    sha256: sha256(stored[i] as Buffer).toString('hex'),
  }));
  const header = Buffer.from(JSON.stringify({ identity, saved: saved.saved, machine, sections }));
  const fixed = Buffer.alloc(FIXED);
  fixed.write(MAGIC, 'latin1');
  fixed.writeUInt32LE(FORMAT, 8);
  fixed.writeUInt32LE(header.length, 12);
  sha256(header).copy(fixed, 16);
  return Buffer.concat([fixed, header, ...stored]);
}

/**
 * @param name of the file, for messages
 * @throws LifeError BAD_FILE, which says what is wrong with it
 */
export async function decodeSaved(file: Uint8Array, name: string): Promise<SavedDomain> {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  const bad = (why: string): LifeError => new LifeError('BAD_FILE', `${name}: ${why}`);
  const magic = bytes.toString('latin1', 0, MAGIC.length);
  if (magic !== MAGIC) throw bad(`no saved domain: it does not begin with ${MAGIC}`);
  if (bytes.length < FIXED) throw bad(`it ends after ${bytes.length} bytes, in its header`);
  const format = bytes.readUInt32LE(8);
  if (format > FORMAT) {
    throw bad(`saved by a newer xengt, in format ${format}; this one reads format ${FORMAT}`);
  }
  if (format !== FORMAT) throw bad(`in format ${format}; this xengt reads format ${FORMAT}`);
  const end = FIXED + bytes.readUInt32LE(12);
  if (end > bytes.length) throw bad(`it ends after ${bytes.length} bytes, in its header`);
  const text = bytes.subarray(FIXED, end);
  if (!sha256(text).equals(bytes.subarray(16, FIXED))) throw bad('its header is damaged');
  const parsed = v.safeParse(headerSchema, JSON.parse(text.toString('utf8')));
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw bad(
      `its header is not of a saved domain: ${v.getDotPath(issue) ?? ''}: ${issue.message}`,
    );
  }
  const header = parsed.output;
  const whole = header.sections.reduce((n, s) => n + s.stored, end);
  if (bytes.length < whole) throw bad(`it ends after ${bytes.length} of ${whole} bytes`);
  if (bytes.length > whole) throw bad(`${bytes.length - whole} bytes follow its end`);
  const parts = new Map<SectionName, Uint8Array>();
  let at = end;
  for (const s of header.sections) {
    const stored = bytes.subarray(at, at + s.stored);
    at += s.stored;
    if (sha256(stored).toString('hex') !== s.sha256) throw bad(`its section ${s.name} is damaged`);
    parts.set(s.name, await decompress(stored, { maxOutputLength: Math.max(1, s.bytes) }));
  }
  const part = (section: SectionName): Uint8Array => {
    const got = parts.get(section);
    if (got === undefined) throw bad(`it has no section ${section}`);
    return got;
  };
  const ram = { bitmap: part('bitmap'), pages: part('pages') };
  const wrong = packedError(ram, header.identity.memoryMiB * MIB);
  if (wrong !== null) throw bad(`its memory does not fit: ${wrong}`);
  return {
    identity: header.identity,
    saved: header.saved,
    machine: header.machine as unknown as MachineStateV1,
    engine: part('engine'),
    vgpu: part('vgpu'),
    ram,
  };
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Writes a file whole or not at all. @returns its bytes @throws LifeError BAD_FILE */
export async function writeSaved(path: string, saved: SavedDomain): Promise<number> {
  const bytes = await encodeSaved(saved);
  const part = `${path}.${process.pid}.part`;
  try {
    await writeFile(part, bytes);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    throw new LifeError('BAD_FILE', `${path}: cannot be written (${code})`);
  }
  return bytes.length;
}

/** @throws LifeError BAD_FILE */
export async function readSaved(path: string): Promise<SavedDomain> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new LifeError('BAD_FILE', `${path}: cannot be read (${error.code})`);
  });
  return decodeSaved(bytes, path);
}
