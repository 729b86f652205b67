import type { PackageRow } from './package-index.ts';

/** Raise when the same packages would make another image. */
export const RECIPE_VERSION = 3;

/** The suite of a guest's kernel, busybox and firmware: the last Debian release with a 32-bit PC kernel. */
export const GUEST_SUITE = 'bookworm';
export const GUEST_ARCHITECTURE = 'i386';

/** Kernel flavours: without and with PAE. */
export const KERNEL_FLAVOURS = ['686', '686-pae'] as const;
export type KernelFlavour = (typeof KERNEL_FLAVOURS)[number];

/** Packages of which files are taken, without what they depend on. */
export const UNPACKED_ALONE: readonly string[] = ['busybox-static', 'seabios'];

/** Dependencies that only installation scripts or fonts on a desktop need. */
export const IGNORED_DEPENDENCIES: ReadonlySet<string> = new Set([
  'debconf',
  'fontconfig-config',
  'fonts-dejavu-core',
  'krb5-locales',
  'libc-dev-bin',
  'libcrypt-dev',
  'libgssapi-krb5-2',
  'libnsl-dev',
  'libpciaccess-dev',
  'libtirpc-dev',
  'libx11-data',
  'python3',
  'rpcsvc-proto',
]);

/** Modules a guest must have, with all they need. */
export const REQUIRED_MODULES: readonly string[] = ['i915'];

/** Where C headers are looked for. */
export const INCLUDE_DIRECTORIES: readonly string[] = [
  'usr/include',
  'usr/include/i386-linux-gnu',
  'usr/include/libdrm',
];

/** Where i386 libraries are looked for, best first. */
export const LIBRARY_DIRECTORIES: readonly string[] = ['usr/lib/i386-linux-gnu', 'usr/lib'];

/** Common headers and sources, and where they are in the guest. */
export const PROGRAM_SOURCE_DIRECTORY = 'usr/src/xengt';
export const COMPILER_FLAGS: readonly string[] = ['-Wall', '-Werror', '-I/usr/include/libdrm'];

/**
 * The kernel command line every guest starts with. A panic stops the guest instead of rebooting it, which an emulated
 * CPU does not survive; the kernel's self-tests of its cryptography are skipped (2.5 s of emulated CPU).
 */
export const GUEST_CMDLINE: readonly string[] = [
  'console=tty0',
  'console=ttyS0',
  'panic=0',
  'cryptomgr.notests=1',
];

/** Firmware, by name in an image, and its path in the `seabios` package. */
export const FIRMWARE = {
  bios: 'usr/share/seabios/bios.bin',
  vgaBios: 'usr/share/seabios/vgabios-isavga.bin',
} as const;

/** The lines that decide an image's identity. @param profile what makes its user space another than the base's, or '' */
export function recipeText(
  flavour: KernelFlavour,
  profile: string,
  extraModules: readonly string[],
  packages: readonly PackageRow[],
  sources: string,
): string {
  const lines = packages.map((p) => `${p.name} ${p.version} ${p.architecture} ${p.sha256}`).sort();
  return [
    `recipe ${RECIPE_VERSION}`,
    `kernel ${flavour}`,
    ...(profile === '' ? [] : [`profile ${profile}`]),
    `modules ${[...extraModules].sort().join(' ')}`,
    `sources ${sources}`,
    ...lines,
    '',
  ].join('\n');
}
