import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AptConfig,
  chooseMirrors,
  DEFAULT_MIRROR,
  MIRROR_VARIABLE,
  type MirrorChoice,
  readAptConfig,
} from './apt-config.ts';
import { packagesFile, parseRelease, type Release, verifyRelease } from './archive.ts';
import { decompress, openDeb, readAll } from './deb.ts';
import { fetchBlob, fetchBlobs, fetchText } from './download.ts';
import { GuestImageError, systemCode, throwIfAborted } from './error.ts';
import { HttpClient } from './http.ts';
import { PackageIndex, type PackageRow, packageRow, parsePackages } from './package-index.ts';
import { type GuestReporter, megabytes } from './report.ts';
import { type Store, sha256 } from './store.ts';

/** Where packages come from. */
export interface PackageSource {
  readonly index: PackageIndex;
  /** Path of each package's .deb on this machine, checked. */
  fetch(
    rows: readonly PackageRow[],
    reporter: GuestReporter,
    signal?: AbortSignal,
  ): Promise<Map<PackageRow, string>>;
  close(): void;
}

/** InRelease files are about 150 kB. */
const RELEASE_LIMIT = 4 << 20;

/** What a mirror is asked for. */
export interface MirrorRequest {
  readonly suite: string;
  readonly architecture: string;
  /** Root of a mirror; overrides everything else. */
  readonly mirror?: string | undefined;
}

/**
 * Opens a Debian mirror: InRelease, its signature, the package index and its checksum.
 * @throws GuestImageError
 */
export async function openMirror(
  request: MirrorRequest,
  store: Store,
  reporter: GuestReporter,
  signal?: AbortSignal,
): Promise<PackageSource> {
  const apt: AptConfig = await readAptConfig();
  const client = new HttpClient(apt);
  try {
    const choices = chooseMirrors(apt, request.suite, {
      option: request.mirror,
      environment: process.env[MIRROR_VARIABLE],
    });
    const { mirror, release } = await firstRelease(client, choices, request, reporter, signal);
    const base = `${mirror.uri}/dists/${request.suite}`;
    const { path, file } = packagesFile(release, 'main', request.architecture, `${base}/InRelease`);
    const url = release.byHash
      ? `${base}/${path.slice(0, path.lastIndexOf('/'))}/by-hash/SHA256/${file.sha256}`
      : `${base}/${path}`;
    let done = 0;
    const blob = await fetchBlob(
      client,
      store,
      { url, ...file },
      (bytes) => {
        done += bytes;
        reporter.progress('index', done, file.bytes, url);
      },
      signal,
    );
    const text = Buffer.from(await readAll(decompress(path, await readFile(blob)))).toString(
      'utf8',
    );
    const index = new PackageIndex(
      parsePackages(text, request.architecture, `${base}/${path}`),
      mirror.uri,
    );
    reporter.end(
      'index',
      `${release.codename} ${request.architecture}, ${index.size} packages, ${mirror.uri}${mirror.from === 'default' ? '' : ` (from ${mirror.from})`}`,
    );
    return {
      index,
      fetch: (rows, report, stop) => fetchDebs(client, store, mirror.uri, rows, report, stop),
      close: () => client.close(),
    };
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Asks each mirror in turn; a later one is tried when an earlier one does not have the suite or does not answer. */
async function firstRelease(
  client: HttpClient,
  choices: readonly MirrorChoice[],
  request: MirrorRequest,
  reporter: GuestReporter,
  signal: AbortSignal | undefined,
): Promise<{ mirror: MirrorChoice; release: Release }> {
  let first: unknown = null;
  for (const mirror of choices) {
    const url = `${mirror.uri}/dists/${request.suite}/InRelease`;
    try {
      const inRelease = await fetchText(client, url, RELEASE_LIMIT, signal);
      const signature = await verifyRelease(inRelease, mirror.signedBy, url);
      if (!signature.verified) {
        reporter.note(
          `signature of ${url} not verified: ${signature.detail}. Checksums are verified all the same.`,
        );
      }
      const release = parseRelease(signature.text, url);
      if (release.suite !== request.suite && release.codename !== request.suite) {
        throw new GuestImageError(
          'BAD_INDEX',
          `${url} is for "${release.codename || release.suite}", not for "${request.suite}". Choose another mirror.`,
        );
      }
      return { mirror, release };
    } catch (error) {
      const passing =
        error instanceof GuestImageError && ['HTTP_STATUS', 'NO_NETWORK'].includes(error.code);
      if (!passing) throw error;
      first ??= error;
      if (mirror !== choices.at(-1))
        reporter.note(`${mirror.uri}: ${error.message} Trying the next mirror.`);
    }
  }
  throw (
    first ??
    new GuestImageError(
      'BAD_OPTION',
      `no mirror is known. Name one with ${MIRROR_VARIABLE}, e.g. ${DEFAULT_MIRROR}.`,
    )
  );
}

async function fetchDebs(
  client: HttpClient,
  store: Store,
  mirror: string,
  rows: readonly PackageRow[],
  reporter: GuestReporter,
  signal: AbortSignal | undefined,
): Promise<Map<PackageRow, string>> {
  const total = rows.reduce((sum, r) => sum + r.bytes, 0);
  let absent = 0;
  for (const row of rows)
    if ((await store.blobBytes(row.sha256)) !== row.bytes) absent += row.bytes;
  await store.requireSpace(absent);
  let done = 0;
  const list = rows.map((r) => ({
    url: `${mirror}/${r.filename}`,
    sha256: r.sha256,
    bytes: r.bytes,
  }));
  await fetchBlobs(
    client,
    store,
    list,
    (bytes) => {
      done += bytes;
      reporter.progress('download', done, total);
    },
    signal,
  );
  reporter.end(
    'download',
    `${rows.length} packages, ${megabytes(total)}, ${megabytes(absent)} of it fetched now`,
  );
  return new Map(rows.map((r) => [r, store.blobPath(r.sha256)]));
}

/**
 * Opens a directory of .deb files that the user brought.
 * @throws GuestImageError BAD_OPTION for no such directory, BAD_DEB for a broken file, PACKAGE_MISSING for no file
 */
export async function openDirectory(
  directory: string,
  architecture: string,
  reporter: GuestReporter,
  signal?: AbortSignal,
): Promise<PackageSource> {
  const names = await listDebs(directory);
  if (names.length === 0) {
    throw new GuestImageError(
      'PACKAGE_MISSING',
      `${directory} holds no .deb files. Put the i386 packages there (on Debian: apt-get download NAME:i386).`,
    );
  }
  const rows: PackageRow[] = [];
  const foreign: PackageRow[] = [];
  for (const [k, name] of names.entries()) {
    throwIfAborted(signal);
    const path = join(directory, name);
    const bytes = await readFile(path);
    const { control } = await openDeb(bytes, path);
    const row = packageRow(control, path, bytes.length, sha256(bytes));
    (row.architecture === architecture || row.architecture === 'all' ? rows : foreign).push(row);
    reporter.progress('index', k + 1, names.length, name);
  }
  reporter.end('index', `${names.length} .deb files of ${directory}`);
  return {
    index: new PackageIndex(rows, directory, foreign),
    async fetch(wanted, report) {
      report.end('download', `nothing to fetch, ${wanted.length} packages are there`);
      return new Map(wanted.map((r) => [r, r.filename]));
    },
    close() {},
  };
}

async function listDebs(directory: string): Promise<string[]> {
  try {
    if (!(await stat(directory)).isDirectory())
      throw new GuestImageError(
        'BAD_OPTION',
        `${directory} is no directory; --packages wants a directory of .deb files.`,
      );
    return (await readdir(directory)).filter((n) => n.endsWith('.deb')).sort();
  } catch (error) {
    if (error instanceof GuestImageError) throw error;
    throw new GuestImageError(
      'BAD_OPTION',
      `cannot read ${directory}: ${systemCode(error) || (error as Error).message}. --packages wants a directory of .deb files.`,
      error,
    );
  }
}
