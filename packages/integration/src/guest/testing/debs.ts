import { gzipSync, zstdCompressSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { type ArMember, writeAr } from '../ar.ts';

/** A file of a package that a test makes. */
export interface TestFile {
  readonly path: string;
  readonly data?: Uint8Array | string;
  readonly mode?: number;
  readonly symlink?: string;
  readonly hardlink?: string;
}

/** A package that a test makes. */
export interface TestDeb {
  readonly name: string;
  readonly version?: string;
  readonly architecture?: string;
  readonly depends?: string;
  readonly provides?: string;
  readonly files?: readonly TestFile[];
  readonly compression?: 'gz' | 'zst' | 'none';
}

/** Makes a small .deb. */
export async function makeDeb(deb: TestDeb): Promise<Uint8Array> {
  return writeAr(await debMembers(deb));
}

/** The members of a small .deb, for tests that damage one. */
export async function debMembers(deb: TestDeb): Promise<ArMember[]> {
  const control = [
    `Package: ${deb.name}`,
    `Version: ${deb.version ?? '1.0-1'}`,
    `Architecture: ${deb.architecture ?? 'i386'}`,
  ];
  if (deb.depends) control.push(`Depends: ${deb.depends}`);
  if (deb.provides) control.push(`Provides: ${deb.provides}`);
  control.push('Description: made by a test', '');
  const pack = (tar: Uint8Array) =>
    deb.compression === 'zst'
      ? zstdCompressSync(tar)
      : deb.compression === 'none'
        ? tar
        : gzipSync(tar);
  const suffix = deb.compression === 'none' ? '' : `.${deb.compression ?? 'gz'}`;
  return [
    { name: 'debian-binary', data: Buffer.from('2.0\n') },
    {
      name: `control.tar${suffix}`,
      data: pack(await tarOf([{ path: 'control', data: control.join('\n') }])),
    },
    { name: `data.tar${suffix}`, data: pack(await tarOf(deb.files ?? [])) },
  ];
}

/** The paragraph of a Packages file for a .deb. */
export function packagesParagraph(
  deb: TestDeb,
  filename: string,
  bytes: number,
  sha256: string,
): string {
  const lines = [
    `Package: ${deb.name}`,
    `Version: ${deb.version ?? '1.0-1'}`,
    `Architecture: ${deb.architecture ?? 'i386'}`,
  ];
  if (deb.depends) lines.push(`Depends: ${deb.depends}`);
  if (deb.provides) lines.push(`Provides: ${deb.provides}`);
  lines.push(
    `Filename: ${filename}`,
    `Size: ${bytes}`,
    `SHA256: ${sha256}`,
    'Description: made by a test',
    ' with a second line',
  );
  return lines.join('\n');
}

function tarOf(files: readonly TestFile[]): Promise<Uint8Array> {
  return packTar(
    files.map((f) => {
      const data = typeof f.data === 'string' ? Buffer.from(f.data) : (f.data ?? new Uint8Array(0));
      const name = `./${f.path}`;
      if (f.symlink !== undefined)
        return { header: { name, size: 0, type: 'symlink' as const, linkname: f.symlink } };
      if (f.hardlink !== undefined)
        return { header: { name, size: 0, type: 'link' as const, linkname: `./${f.hardlink}` } };
      if (f.path.endsWith('/'))
        return { header: { name, size: 0, type: 'directory' as const, mode: f.mode ?? 0o755 } };
      return {
        header: { name, size: data.length, type: 'file' as const, mode: f.mode ?? 0o644 },
        body: data,
      };
    }),
  );
}
