import { describe, expect, test } from 'vitest';
import { packagesFile, parseRelease, signedText, verifyRelease } from './archive.ts';
import type { GuestImageError } from './error.ts';
import { PackageIndex, parsePackages } from './package-index.ts';
import { packagesParagraph, type TestDeb } from './testing/debs.ts';

const SUM = 'a'.repeat(64);

function index(...debs: TestDeb[]): PackageIndex {
  const text = debs.map((d) => packagesParagraph(d, `pool/${d.name}.deb`, 10, SUM)).join('\n\n');
  return new PackageIndex(parsePackages(text, 'i386', 'http://m/Packages'), 'http://m/debian');
}
const none = new Set<string>();
const names = (rows: readonly { name: string }[]) => rows.map((r) => r.name);

async function failure(run: () => unknown): Promise<GuestImageError> {
  try {
    await run();
  } catch (error) {
    return error as GuestImageError;
  }
  throw new Error('nothing was thrown');
}

describe('the package index', () => {
  test('a closure takes the first alternative, one that is taken already, or a provider', () => {
    const i = index(
      { name: 'app', depends: 'liba | libb, libb | liba, virtual, awk' },
      { name: 'liba', depends: 'libc6 (>= 2.0)' },
      { name: 'libb' },
      { name: 'real', provides: 'virtual (= 3)' },
      { name: 'mawk', provides: 'awk' },
      { name: 'libc6', version: '2.36-9' },
    );
    expect(names(i.closure(['app'], none))).toEqual(['app', 'liba', 'real', 'mawk', 'libc6']);
  });

  test('a version that does not fit is as good as none; a versioned need takes no unversioned provider', async () => {
    const i = index(
      { name: 'app', depends: 'liba (>= 2), virtual (>= 1)' },
      { name: 'liba', version: '1.9' },
      { name: 'real', provides: 'virtual' },
    );
    const error = await failure(() => i.closure(['app', 'absent'], none));
    expect(error.code).toBe('PACKAGE_MISSING');
    expect(error.message).toBe(
      'http://m/debian lacks 3 packages that a guest needs: absent; liba (>= 2) (needed by app); virtual (>= 1) (needed by app). ' +
        'Add the i386 .deb files (on Debian: apt-get download NAME:i386), or use a Debian mirror with bookworm.',
    );
  });

  test('ignored packages and what only they need stay out; circles end', () => {
    const i = index(
      { name: 'a', depends: 'b, debconf | c' },
      { name: 'b', depends: 'a' },
      { name: 'debconf', depends: 'perl' },
      { name: 'c' },
    );
    expect(names(i.closure(['a'], new Set(['debconf'])))).toEqual(['a', 'b']);
  });

  test('of two versions the newer one counts', () => {
    expect(
      index({ name: 'a', version: '6.1.9-1' }, { name: 'a', version: '6.1.10-1' }).get('a')
        ?.version,
    ).toBe('6.1.10-1');
  });

  test('rows of other architectures are left out; damaged rows are refused', async () => {
    const text = packagesParagraph({ name: 'a', architecture: 'amd64' }, 'pool/a.deb', 10, SUM);
    expect((await failure(() => parsePackages(text, 'i386', 'http://m/Packages'))).message).toMatch(
      /lists no i386 packages/,
    );
    for (const [filename, bytes, sum] of [
      ['../../x.deb', 10, SUM],
      ['pool/a.deb', 10, 'ab'],
      ['pool/a.deb', 0, SUM],
    ] as const) {
      expect(
        (
          await failure(() =>
            parsePackages(packagesParagraph({ name: 'a' }, filename, bytes, sum), 'i386', 'u'),
          )
        ).code,
      ).toBe('BAD_INDEX');
    }
  });
});

const RELEASE = `Suite: oldstable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\nArchitectures: all amd64 i386\nComponents: main\nSHA256:\n ${SUM}  123 main/binary-i386/Packages.xz\n ${SUM}   99 main/binary-i386/Packages.gz\n`;
const signed = (text: string) =>
  `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${text}\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n`;

describe('the Release file', () => {
  test('checksums, hashes and architectures are read; xz is preferred', () => {
    const release = parseRelease(RELEASE, 'u');
    expect(release).toMatchObject({
      suite: 'oldstable',
      codename: 'bookworm',
      byHash: true,
      architectures: ['all', 'amd64', 'i386'],
    });
    expect(packagesFile(release, 'main', 'i386', 'u')).toEqual({
      path: 'main/binary-i386/Packages.xz',
      file: { sha256: SUM, bytes: 123 },
    });
  });

  test('a mirror without i386 is refused by name', async () => {
    const error = await failure(() =>
      packagesFile(
        parseRelease(RELEASE.replace(' i386', ''), 'u'),
        'main',
        'i386',
        'http://m/InRelease',
      ),
    );
    expect(error.code).toBe('WRONG_ARCHITECTURE');
    expect(error.message).toMatch(
      /^http:\/\/m\/InRelease \(bookworm\) has no i386 packages, only all, amd64\./,
    );
  });

  test('the signed text is what is inside the envelope, with dash escapes undone', () => {
    expect(signedText(signed('A: 1\n- -x'))).toBe('A: 1\n-x');
    expect(signedText(signed('A: 1').replaceAll('\n', '\r\n'))).toBe('A: 1');
    expect(signedText('<html>')).toBeNull();
  });

  test('a page that is no Release file is refused', async () => {
    expect(
      (await failure(() => verifyRelease('<html>login</html>', '', 'http://m/InRelease'))).code,
    ).toBe('BAD_INDEX');
    expect((await failure(() => parseRelease('Suite: x\n', 'u'))).code).toBe('BAD_INDEX');
  });

  test('a forged signature is refused where gpgv and the keyring are there, and reported as unverified elsewhere', async () => {
    const outcome = await verifyRelease(signed(RELEASE), '', 'http://m/InRelease').catch(
      (e: GuestImageError) => e,
    );
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'BAD_SIGNATURE' });
    else
      expect(outcome).toMatchObject({
        verified: false,
        detail: expect.stringMatching(/installed/),
      });
  });
});
