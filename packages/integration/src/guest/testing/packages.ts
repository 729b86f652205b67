import type { TestDeb } from './debs.ts';
import { makeBzImage, makeElf } from './elf.ts';

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
