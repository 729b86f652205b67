import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseStanza } from './deb822.ts';
import { GuestImageError } from './error.ts';

/** A file that a signed Release file vouches for. */
export interface ReleaseFile {
  readonly sha256: string;
  readonly bytes: number;
}

/** A Debian Release file: what a suite consists of. */
export interface Release {
  readonly suite: string;
  readonly codename: string;
  readonly date: string;
  readonly architectures: readonly string[];
  readonly components: readonly string[];
  /** May files be fetched under their hash (`by-hash/SHA256/...`)? */
  readonly byHash: boolean;
  /** By path below the Release file, e.g. `main/binary-i386/Packages.xz`. */
  readonly files: ReadonlyMap<string, ReleaseFile>;
}

const KEYRINGS: readonly string[] = [
  '/usr/share/keyrings/debian-archive-keyring.pgp',
  '/usr/share/keyrings/debian-archive-keyring.gpg',
];

/** Who signed a Release file; when nobody could be asked, why. */
export interface Verification {
  readonly verified: boolean;
  /** Key owners, or the reason why the signature could not be looked at. */
  readonly detail: string;
  /** The signed text. */
  readonly text: string;
}

/** The text inside a clear-signed message. @returns null when there is no message in it */
export function signedText(inRelease: string): string | null {
  const m =
    /^-----BEGIN PGP SIGNED MESSAGE-----\r?\n(?:[A-Za-z-]+: .*\r?\n)*\r?\n([\s\S]*?)\r?\n-----BEGIN PGP SIGNATURE-----/m.exec(
      inRelease,
    );
  return m ? (m[1] as string).replace(/^- /gm, '') : null;
}

/**
 * Checks the signature of an InRelease file with `gpgv` and Debian's keyring, where the machine has both.
 * @throws GuestImageError BAD_SIGNATURE when a signature is wrong or no trusted key made one
 */
export async function verifyRelease(
  inRelease: string,
  signedBy: string,
  url: string,
): Promise<Verification> {
  const text = signedText(inRelease);
  if (text === null)
    throw new GuestImageError(
      'BAD_INDEX',
      `${url} is no signed Release file. Is this address the root of a Debian mirror?`,
    );
  let keyring = '';
  for (const path of [signedBy, ...KEYRINGS]) {
    if (path !== '' && keyring === '' && (await stat(path).catch(() => null))?.isFile())
      keyring = path;
  }
  if (keyring === '')
    return { verified: false, detail: 'no debian-archive-keyring is installed', text };
  const directory = await mkdtemp(join(tmpdir(), 'xengt-release-'));
  try {
    const path = join(directory, 'InRelease');
    await writeFile(path, inRelease);
    const signed = join(directory, 'signed');
    const { status, missing } = await gpgv([
      '--status-fd',
      '1',
      '--keyring',
      keyring,
      '--output',
      signed,
      path,
    ]);
    if (missing) return { verified: false, detail: 'gpgv is not installed', text };
    const good = [...status.matchAll(/^\[GNUPG:\] GOODSIG \S+ (.*)$/gm)].map((m) => m[1] as string);
    if (/^\[GNUPG:\] BADSIG /m.test(status) || good.length === 0) {
      throw new GuestImageError(
        'BAD_SIGNATURE',
        `${url} has no good signature by a key of ${keyring}. Do not use this mirror; choose another with --mirror, or update debian-archive-keyring.`,
      );
    }
    // What gpgv read is what was signed; our own reading of the envelope is not trusted with it.
    return { verified: true, detail: good.join(', '), text: await readFile(signed, 'utf8') };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Reads a Release file. @throws GuestImageError BAD_INDEX when it lists no SHA256 */
export function parseRelease(text: string, url: string): Release {
  const fields = parseStanza(text);
  const files = new Map<string, ReleaseFile>();
  for (const m of (fields.get('sha256') ?? '').matchAll(/^\s*([0-9a-f]{64})\s+(\d+)\s+(\S+)$/gm)) {
    files.set(m[3] as string, { sha256: m[1] as string, bytes: Number(m[2]) });
  }
  if (files.size === 0)
    throw new GuestImageError(
      'BAD_INDEX',
      `${url} lists no SHA256 checksums. Is this address the root of a Debian mirror?`,
    );
  const list = (name: string) => (fields.get(name) ?? '').split(/\s+/).filter((w) => w !== '');
  return {
    suite: fields.get('suite') ?? '',
    codename: fields.get('codename') ?? '',
    date: fields.get('date') ?? '',
    architectures: list('architectures'),
    components: list('components'),
    byHash: fields.get('acquire-by-hash') === 'yes',
    files,
  };
}

/** The package index of one architecture in a Release. @throws GuestImageError WRONG_ARCHITECTURE, BAD_INDEX */
export function packagesFile(
  release: Release,
  component: string,
  architecture: string,
  url: string,
): { path: string; file: ReleaseFile } {
  if (!release.architectures.includes(architecture)) {
    throw new GuestImageError(
      'WRONG_ARCHITECTURE',
      `${url} (${release.codename || release.suite}) has no ${architecture} packages, only ${release.architectures.join(', ')}. ` +
        'Guests are 32-bit PCs: use a suite and mirror with i386, such as bookworm.',
    );
  }
  for (const suffix of ['.xz', '.gz', '']) {
    const path = `${component}/binary-${architecture}/Packages${suffix}`;
    const file = release.files.get(path);
    if (file) return { path, file };
  }
  throw new GuestImageError(
    'BAD_INDEX',
    `${url} lists no ${component}/binary-${architecture}/Packages file.`,
  );
}

function gpgv(args: string[]): Promise<{ status: string; missing: boolean }> {
  return new Promise((resolve) => {
    execFile('gpgv', args, { timeout: 30_000, maxBuffer: 1 << 20 }, (error, stdout) => {
      resolve({
        status: stdout,
        missing: (error as NodeJS.ErrnoException | null)?.code === 'ENOENT',
      });
    });
  });
}
