import { describe, expect, test } from 'vitest';
import { type ArMember, writeAr } from './ar.ts';
import { type DebFile, decompress, openDeb } from './deb.ts';
import type { GuestImageError } from './error.ts';
import { debMembers, makeDeb, type TestDeb } from './testing/debs.ts';

const HELLO: TestDeb = {
  name: 'hello',
  depends: 'libc6',
  files: [
    { path: 'usr/' },
    { path: 'usr/bin/hello', data: 'hello\n', mode: 0o755 },
    { path: 'usr/bin/hi', symlink: 'hello' },
    { path: 'usr/bin/hey', hardlink: 'usr/bin/hello' },
    { path: 'usr/share/empty', data: '' },
  ],
};

async function all(
  bytes: Uint8Array,
  want: (path: string) => boolean = () => true,
): Promise<DebFile[]> {
  const files: DebFile[] = [];
  for await (const file of (await openDeb(bytes, 'hello.deb')).files(want)) files.push(file);
  return files;
}

/** The error of opening and reading a package to its end. */
async function failure(bytes: Uint8Array): Promise<GuestImageError> {
  try {
    await all(bytes);
  } catch (error) {
    return error as GuestImageError;
  }
  throw new Error('it was read without an error');
}

function replace(members: ArMember[], name: string, data: Uint8Array): Uint8Array {
  return writeAr(members.map((m) => (m.name.startsWith(name) ? { ...m, data } : m)));
}

describe('.deb files', () => {
  test.each(['gz', 'zst', 'none'] as const)(
    'control case: a package compressed with %s gives its fields and files',
    async (compression) => {
      const bytes = await makeDeb({ ...HELLO, compression });
      const deb = await openDeb(bytes, 'hello.deb');
      expect(deb.control.get('package')).toBe('hello');
      expect(deb.control.get('depends')).toBe('libc6');
      const files = await all(bytes);
      expect(
        files.map((f) => [f.path, f.type, f.mode, Buffer.from(f.data).toString(), f.target]),
      ).toEqual([
        ['usr', 'directory', 0o755, '', ''],
        ['usr/bin/hello', 'file', 0o755, 'hello\n', ''],
        ['usr/bin/hi', 'symlink', expect.any(Number), '', 'hello'],
        ['usr/bin/hey', 'hardlink', expect.any(Number), '', './usr/bin/hello'],
        ['usr/share/empty', 'file', 0o644, '', ''],
      ]);
    },
  );

  test('files nobody wants are passed over, whatever comes after them', async () => {
    const files = Array.from({ length: 40 }, (_, k) => ({
      path: `f${k}`,
      data: 'x'.repeat(k * 700),
    }));
    const bytes = await makeDeb({ name: 'many', files });
    const odd = await all(bytes, (path) => Number(path.slice(1)) % 2 === 1);
    expect(odd.map((f) => f.data.length)).toEqual(
      Array.from({ length: 20 }, (_, k) => (2 * k + 1) * 700),
    );
  });

  test('an unknown compression is named', () => {
    expect(() => decompress('data.tar.lzma', new Uint8Array(4))).toThrow(/"data\.tar\.lzma"/);
  });

  test('a wrong ar magic', async () => {
    const error = await failure(Buffer.from('<html>404 not found</html>'));
    expect(error.code).toBe('BAD_DEB');
    expect(error.message).toBe(
      'hello.deb does not begin with the ar magic "!<arch>" (found 3c68746d6c3e3430). Fetch it again, or remove it.',
    );
  });

  test('a file that ends early', async () => {
    const bytes = await makeDeb(HELLO);
    const error = await failure(bytes.subarray(0, bytes.length - 50));
    expect(error.code).toBe('BAD_DEB');
    expect(error.message).toMatch(
      /^hello\.deb is truncated: member "data\.tar\.gz" should end at byte \d+, the file ends at \d+\./,
    );
  });

  test('a data archive that ends early, inside and outside its compression', async () => {
    for (const compression of ['gz', 'none'] as const) {
      const members = await debMembers({
        ...HELLO,
        compression,
        files: [{ path: 'big', data: 'y'.repeat(5000) }],
      });
      const data = members.find((m) => m.name.startsWith('data.tar')) as ArMember;
      const error = await failure(
        replace(members, 'data.tar', data.data.subarray(0, compression === 'gz' ? 30 : 2048)),
      );
      expect(error.code).toBe('BAD_DEB');
      expect(error.message).toMatch(/^hello\.deb (cannot be unpacked|is truncated)/);
    }
  });

  test('a truncated xz stream', async () => {
    // "hello" compressed by xz(1), cut after 20 bytes.
    const xz = Buffer.from('fd377a585a000004e6d6b4460200210116000000', 'hex');
    const members = (await debMembers(HELLO)).filter((m) => !m.name.startsWith('data'));
    const error = await failure(writeAr([...members, { name: 'data.tar.xz', data: xz }]));
    expect(error.code).toBe('BAD_DEB');
  });

  test('members that are missing or of another format version', async () => {
    const members = await debMembers(HELLO);
    expect((await failure(writeAr(members.slice(1)))).message).toMatch(
      /no "debian-binary" as its first member/,
    );
    expect((await failure(writeAr(members.slice(0, 2)))).message).toMatch(
      /has no data\.tar member \(found debian-binary, control\.tar\.gz\)/,
    );
    expect(
      (await failure(replace(members, 'debian-binary', Buffer.from('3.0\n')))).message,
    ).toMatch(/format version "3\.0"/);
  });

  test('a path that leaves the root', async () => {
    const error = await failure(
      await makeDeb({ name: 'evil', files: [{ path: 'usr/../../etc/passwd', data: 'x' }] }),
    );
    expect(error.code).toBe('BAD_DEB');
    expect(error.message).toMatch(/leaves the root/);
  });
});
