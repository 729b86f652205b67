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

/** What a made ELF file says of itself. */
export interface TestElf {
  readonly needed?: readonly string[];
  readonly interpreter?: string;
  /** Lines of `.modinfo`. */
  readonly modinfo?: readonly string[];
}

/**
 * Makes a 32-bit little-endian i386 ELF file with one loadable segment, a dynamic section and a `.modinfo` section.
 * @see System V ABI, Intel386 supplement
 */
export function makeElf(elf: TestElf): Uint8Array {
  const programs = 3;
  const headerBytes = 52 + programs * 32;
  const strings: string[] = ['', ...(elf.needed ?? [])];
  const offsets: number[] = [];
  let stringBytes = 0;
  for (const s of strings) {
    offsets.push(stringBytes);
    stringBytes += s.length + 1;
  }
  const interpreter = Buffer.from(`${elf.interpreter ?? ''}\0`, 'latin1');
  const modinfo = Buffer.from((elf.modinfo ?? []).map((l) => `${l}\0`).join(''), 'latin1');
  const names = Buffer.from('\0.modinfo\0.shstrtab\0', 'latin1');
  const at = {
    interpreter: headerBytes,
    strings: 0,
    dynamic: 0,
    modinfo: 0,
    names: 0,
    sections: 0,
    end: 0,
  };
  at.strings = at.interpreter + interpreter.length;
  at.dynamic = (at.strings + stringBytes + 3) & ~3;
  at.modinfo = at.dynamic + ((elf.needed ?? []).length + 2) * 8;
  at.names = at.modinfo + modinfo.length;
  at.sections = (at.names + names.length + 3) & ~3;
  at.end = at.sections + 3 * 40;
  const out = Buffer.alloc(at.end);
  const base = 0x10000;
  out.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  out.writeUInt16LE(3, 16); // ET_DYN
  out.writeUInt16LE(3, 18); // EM_386
  out.writeUInt32LE(52, 28);
  out.writeUInt32LE(at.sections, 32);
  out.writeUInt16LE(32, 42);
  out.writeUInt16LE(programs, 44);
  out.writeUInt16LE(40, 46);
  out.writeUInt16LE(3, 48);
  out.writeUInt16LE(2, 50);
  const program = (k: number, type: number, offset: number, bytes: number) => {
    const p = 52 + k * 32;
    for (const [i, v] of [type, offset, base + offset, base + offset, bytes, bytes, 5, 4].entries())
      out.writeUInt32LE(v, p + i * 4);
  };
  program(0, 1, 0, at.end);
  program(1, elf.interpreter === undefined ? 0 : 3, at.interpreter, interpreter.length);
  program(2, 2, at.dynamic, at.modinfo - at.dynamic);
  out.set(interpreter, at.interpreter);
  for (const [k, s] of strings.entries())
    out.write(`${s}\0`, at.strings + (offsets[k] as number), 'latin1');
  const tags: [number, number][] = [
    [5, base + at.strings],
    ...(elf.needed ?? []).map((_, k): [number, number] => [1, offsets[k + 1] as number]),
  ];
  for (const [k, [tag, value]] of tags.entries()) {
    out.writeUInt32LE(tag, at.dynamic + k * 8);
    out.writeUInt32LE(value, at.dynamic + k * 8 + 4);
  }
  out.set(modinfo, at.modinfo);
  out.set(names, at.names);
  const section = (k: number, name: number, offset: number, bytes: number) => {
    const s = at.sections + k * 40;
    out.writeUInt32LE(name, s);
    out.writeUInt32LE(offset, s + 16);
    out.writeUInt32LE(bytes, s + 20);
  };
  section(1, 1, at.modinfo, modinfo.length);
  section(2, 10, at.names, names.length);
  return out;
}

/** Bytes that pass for a bzImage: the boot sector's "HdrS" at 0x202. */
export function makeBzImage(): Uint8Array {
  const out = Buffer.alloc(0x400, 0x90);
  out.write('HdrS', 0x202, 'latin1');
  return out;
}

/** A set of packages that is enough for a guest image. */
export function testPackages(change: (debs: TestDeb[]) => TestDeb[] = (d) => d): TestDeb[] {
  const release = '6.1.0-99-686';
  const modules = `lib/modules/${release}/kernel/drivers/gpu/drm`;
  const library = (name: string, soname: string, depends?: string): TestDeb => ({
    name,
    ...(depends === undefined ? {} : { depends }),
    files: [{ path: `usr/lib/i386-linux-gnu/${soname}`, data: makeElf({}) }],
  });
  return change([
    { name: 'linux-image-686', depends: `linux-image-${release} (= 1.0-1)` },
    {
      name: `linux-image-${release}`,
      depends: 'kmod, linux-base',
      files: [
        { path: `boot/System.map-${release}`, data: 'x'.repeat(3000) },
        { path: `boot/vmlinuz-${release}`, data: makeBzImage() },
        {
          path: `lib/modules/${release}/modules.builtin`,
          data: 'kernel/drivers/video/backlight/backlight.ko\n',
        },
        { path: `${modules}/drm.ko`, data: makeElf({ modinfo: ['license=GPL', 'depends='] }) },
        {
          path: `${modules}/i915/i915.ko`,
          data: makeElf({ modinfo: ['license=GPL', 'depends=drm,drm-kms-helper'] }),
        },
        { path: `${modules}/drm_kms_helper.ko`, data: makeElf({ modinfo: ['depends=drm'] }) },
        { path: `${modules}/nouveau/nouveau.ko`, data: makeElf({ modinfo: ['depends=drm'] }) },
      ],
    },
    {
      name: 'busybox-static',
      depends: 'libc6',
      files: [{ path: 'bin/busybox', data: makeElf({}), mode: 0o755 }],
    },
    {
      name: 'seabios',
      architecture: 'all',
      files: [
        { path: 'usr/share/seabios/bios.bin', data: 'bios' },
        { path: 'usr/share/seabios/vgabios-isavga.bin', data: 'vga bios' },
      ],
    },
    {
      name: 'intel-gpu-tools',
      depends: 'libc6 (>= 1.0), libcairo2 | libcairo3',
      files: [
        {
          path: 'usr/libexec/igt-gpu-tools/benchmarks/gem_blt',
          data: makeElf({
            needed: ['libcairo.so.2', 'libc.so.6'],
            interpreter: '/lib/ld-linux.so.2',
          }),
          mode: 0o755,
        },
        { path: 'usr/share/doc/intel-gpu-tools/copyright', data: 'long' },
      ],
    },
    library('libcairo2', 'libcairo.so.2.1'),
    {
      name: 'libdrm-tests',
      depends: 'libc6',
      files: [{ path: 'usr/bin/modetest', data: makeElf({ needed: ['libc.so.6'] }), mode: 0o755 }],
    },
    {
      name: 'tcc',
      depends: 'libc6',
      files: [{ path: 'usr/bin/tcc', data: makeElf({ needed: ['libc.so.6'] }), mode: 0o755 }],
    },
    {
      name: 'libc6-dev',
      depends: 'libc6 (= 1.0-1)',
      files: [
        { path: 'usr/include/stdio.h', data: '#include <bits/types.h>\n' },
        { path: 'usr/include/i386-linux-gnu/bits/types.h', data: '/* */\n' },
        { path: 'usr/include/rpc/rpc.h', data: '/* nobody asks for it */\n' },
      ],
    },
    {
      name: 'linux-libc-dev',
      files: [
        { path: 'usr/include/linux/fb.h', data: '# include "i2c.h"\n' },
        { path: 'usr/include/linux/i2c.h', data: '/* */\n' },
        { path: 'usr/include/linux/atm.h', data: '/* */\n' },
      ],
    },
    {
      name: 'libdrm-dev',
      files: [
        { path: 'usr/include/libdrm/i915_drm.h', data: '#include "drm.h"\n' },
        { path: 'usr/include/libdrm/drm.h', data: '/* */\n' },
      ],
    },
    {
      name: 'libc6',
      depends: 'libgcc-s1 | debconf',
      files: [
        {
          path: 'lib/i386-linux-gnu/libc.so.6',
          data: makeElf({ needed: ['ld-linux.so.2'] }),
          mode: 0o755,
        },
        { path: 'lib/i386-linux-gnu/ld-linux.so.2', data: makeElf({}), mode: 0o755 },
        { path: 'lib/ld-linux.so.2', symlink: 'i386-linux-gnu/ld-linux.so.2' },
      ],
    },
  ]).map((deb) =>
    deb.name === 'libcairo2'
      ? {
          ...deb,
          files: [
            ...(deb.files ?? []),
            { path: 'usr/lib/i386-linux-gnu/libcairo.so.2', symlink: 'libcairo.so.2.1' },
          ],
        }
      : deb,
  );
}

/** Packages of a later suite: IGT's tests with their own C library. */
export function testIgtPackages(): TestDeb[] {
  const program = (name: string) => ({
    path: `usr/libexec/igt-gpu-tools/${name}`,
    data: makeElf({ needed: ['libc.so.6'], interpreter: '/lib/ld-linux.so.2' }),
    mode: 0o755,
  });
  return [
    {
      name: 'igt-gpu-tools-tests',
      version: '2.5-1',
      depends: 'igt-gpu-tools (>= 2.5)',
      files: [
        program('gem_basic'),
        program('xe_exec_basic'),
        program('nouveau_crc'),
        program('amdgpu/amd_basic'),
        { path: 'usr/libexec/igt-gpu-tools/intel-ci-tests/i915/default/bat.testlist', data: 'b' },
        { path: 'usr/libexec/igt-gpu-tools/intel-ci-tests/xe/lnl/bat.testlist', data: 'b' },
        { path: 'usr/share/igt-gpu-tools/pass.png', data: 'png' },
      ],
    },
    { name: 'igt-gpu-tools', version: '2.5-1', depends: 'python3, libc6 (>= 2.42)' },
    { name: 'libdrm-tests', version: '2.4.134-3', depends: 'libc6 (>= 2.38)' },
    {
      name: 'libc6',
      version: '2.43-7',
      files: [
        { path: 'usr/lib/i386-linux-gnu/libc.so.6', data: makeElf({ needed: ['ld-linux.so.2'] }) },
        { path: 'usr/lib/i386-linux-gnu/ld-linux.so.2', data: makeElf({}), mode: 0o755 },
        { path: 'usr/lib/ld-linux.so.2', symlink: 'i386-linux-gnu/ld-linux.so.2' },
      ],
    },
  ];
}
