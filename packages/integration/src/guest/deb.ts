import zlib from 'node:zlib';
import { createTarDecoder, type TarHeader } from 'modern-tar';
import xz from 'xz-decompress';
import { readAr } from './ar.ts';
import { parseStanza, type Stanza } from './deb822.ts';
import { FormatError, GuestImageError } from './error.ts';

/** One file, directory or link in a package, as the package has it. */
export interface DebFile {
  /** Path without "./" or a leading slash. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink';
  /** Permission bits. */
  readonly mode: number;
  /** A file's bytes; empty otherwise. */
  readonly data: Uint8Array;
  /** What a link points to. */
  readonly target: string;
}

/** An opened Debian package. */
export interface Deb {
  readonly control: Stanza;
  /** Reads the package's files in order; only those that `want` accepts are delivered. */
  files(want: (path: string) => boolean): AsyncGenerator<DebFile>;
}

const TAR_TYPES = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
  link: 'hardlink',
} as const;

/**
 * Opens a .deb: an `ar` of `debian-binary`, a control archive and a data archive.
 * @param label how messages name the file
 * @throws GuestImageError BAD_DEB
 * @see deb(5)
 */
export async function openDeb(bytes: Uint8Array, label: string): Promise<Deb> {
  return asBadDeb(label, async () => {
    const members = readAr(bytes);
    const first = members[0];
    if (first?.name !== 'debian-binary')
      throw new FormatError('has no "debian-binary" as its first member: it is no .deb');
    const version = Buffer.from(first.data).toString('latin1').trim();
    if (!version.startsWith('2.'))
      throw new FormatError(`has format version "${version}", this program knows 2.x`);
    const find = (stem: string) => {
      const member = members.find((m) => m.name === stem || m.name.startsWith(`${stem}.`));
      if (!member)
        throw new FormatError(
          `has no ${stem} member (found ${members.map((m) => m.name).join(', ')})`,
        );
      return member;
    };
    const control = find('control.tar');
    const data = find('data.tar');
    let stanza: Stanza | null = null;
    for await (const file of untar(control.name, control.data, (path) => path === 'control')) {
      stanza = parseStanza(Buffer.from(file.data).toString('utf8'));
    }
    if (!stanza?.get('package') || !stanza.get('version') || !stanza.get('architecture')) {
      throw new FormatError('has no control file with Package, Version and Architecture');
    }
    return {
      control: stanza,
      files: (want) => relabel(label, untar(data.name, data.data, want)),
    };
  });
}

/** Unpacks `.xz`, `.gz`, `.zst` or plain bytes as a stream. @throws FormatError for another compression */
export function decompress(name: string, data: Uint8Array): ReadableStream<Uint8Array> {
  const whole = (bytes: Uint8Array) =>
    new Blob([bytes as Uint8Array<ArrayBuffer>]).stream() as ReadableStream<Uint8Array>;
  if (name.endsWith('.xz')) return new xz.XzReadableStream(whole(data));
  if (name.endsWith('.gz')) return whole(zlib.gunzipSync(data));
  if (name.endsWith('.zst')) return whole(zlib.zstdDecompressSync(data));
  if (/\.(tar|ko)$/.test(name) || !name.includes('.')) return whole(data);
  throw new FormatError(`is compressed in a way this program does not know: "${name}"`);
}

/** Collects a stream. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part.slice());
  return Buffer.concat(parts);
}

async function* untar(
  name: string,
  data: Uint8Array,
  want: (path: string) => boolean,
): AsyncGenerator<DebFile> {
  const entries = decompress(name, data).pipeThrough(createTarDecoder({ strict: true }));
  for await (const { header, body } of entries) {
    const path = cleanPath(header);
    const type = TAR_TYPES[(header.type ?? 'file') as keyof typeof TAR_TYPES];
    // Read even what nobody wants: modern-tar 0.8.6 loses the next entry's body when a short one is cancelled.
    const bytes = await readAll(body);
    if (path === '' || type === undefined || !want(path)) continue;
    if (type === 'file' && bytes.length !== header.size) {
      throw new FormatError(`is truncated: "${path}" has ${bytes.length} of ${header.size} bytes`);
    }
    yield {
      path,
      type,
      mode: (header.mode ?? 0o644) & 0o7777,
      data: bytes,
      target: header.linkname ?? '',
    };
  }
}

/** A path inside the root; ".." has no business in a package. */
function cleanPath(header: TarHeader): string {
  const parts = header.name.split('/').filter((p) => p !== '' && p !== '.');
  if (parts.includes('..'))
    throw new FormatError(`holds a path that leaves the root: "${header.name}"`);
  return parts.join('/');
}

async function asBadDeb<T>(label: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw badDeb(label, error);
  }
}

async function* relabel(label: string, files: AsyncGenerator<DebFile>): AsyncGenerator<DebFile> {
  try {
    yield* files;
  } catch (error) {
    throw badDeb(label, error);
  }
}

function badDeb(label: string, error: unknown): GuestImageError {
  if (error instanceof GuestImageError) return error;
  const why =
    error instanceof FormatError
      ? error.message
      : `cannot be unpacked: ${(error as Error).message}`;
  return new GuestImageError('BAD_DEB', `${label} ${why}. Fetch it again, or remove it.`, error);
}
