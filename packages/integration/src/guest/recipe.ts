import type { PackageRow } from './package-index.ts';

/** Raise when the same packages would make another image. */
export const RECIPE_VERSION = 1;

/** The suite and architecture that guests are made of: the last Debian release with a 32-bit PC kernel. */
export const GUEST_SUITE = 'bookworm';
export const GUEST_ARCHITECTURE = 'i386';

/** Kernel flavours: without and with PAE. */
export const KERNEL_FLAVOURS = ['686', '686-pae'] as const;
export type KernelFlavour = (typeof KERNEL_FLAVOURS)[number];

/** Packages of which files are taken, without what they depend on. */
export const UNPACKED_ALONE: readonly string[] = ['busybox-static', 'seabios'];

/** Packages that are taken with everything they depend on. */
export const USER_SPACE: readonly string[] = [
  'intel-gpu-tools', // IGT's benchmark programs and register tools
  'libdrm-tests', // modetest, modeprint, proptest, vbltest
  'tcc', // C compiler: 300 kB, compiles one of our programs in about a second in an emulated CPU
  'libc6-dev',
  'linux-libc-dev',
  'libdrm-dev', // i915_drm.h
];

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
  'rpcsvc-proto',
]);

/** Modules a guest must have, with all they need, and modules it gets when the kernel has them. */
export const REQUIRED_MODULES: readonly string[] = ['i915'];
export const OPTIONAL_MODULES: readonly string[] = ['vgem'];

/** Files that a guest gets. Shared libraries and C headers are added by what these files ask for. */
export const KEPT_FILES: readonly RegExp[] = [
  /^usr\/bin\/busybox$/,
  /^usr\/libexec\/igt-gpu-tools\/benchmarks\//,
  // intel-gpu-overlay and i915-perf-* are left out: X11 and an 11 MB library for hardware counters.
  /^usr\/bin\/(intel_(dump_decode|error_decode|framebuffer_dump|gpu_frequency|gpu_top|gtt|infoframes|reg|stepping|vbt_decode|watermark|forcewaked|display_poller|opregion_decode|panel_fitter|bios_dumper|backlight|audio_dump)|intel-gen4(asm|disasm)|lsgpu)$/,
  /^usr\/bin\/(modetest|modeprint|proptest|vbltest|drmdevice)$/,
  /^usr\/bin\/tcc$/,
  /^usr\/lib\/i386-linux-gnu\/(tcc\/.*|crt[1in]\.o|libc\.so|libc_nonshared\.a|libm\.so\.6|libdrm\.so(\..*)?)$/,
  /^usr\/include\/([^/]+\.h|asm-generic\/.*|i386-linux-gnu\/(asm|bits|sys|gnu)\/.*|libdrm\/(drm|drm_mode|drm_fourcc|i915_drm)\.h)$/,
  // The rest of linux/ is 6 MB.
  /^usr\/include\/linux\/(fb|kd|vt|input|pci|pci_regs|dma-buf|sync_file|perf_event|futex|fs|memfd)\.h$/,
];

/** Never worth unpacking. */
export const SKIPPED_FILES: RegExp = /^usr\/share\/|^usr\/lib\/debug\/|^etc\//;

/** Where C headers are looked for. */
export const INCLUDE_DIRECTORIES: readonly string[] = [
  'usr/include',
  'usr/include/i386-linux-gnu',
  'usr/include/libdrm',
];

/** Where i386 libraries are looked for, best first. */
export const LIBRARY_DIRECTORIES: readonly string[] = ['usr/lib/i386-linux-gnu', 'usr/lib'];

/** A C program of ours that is compiled in the guest. */
export interface GuestProgram {
  readonly name: string;
  readonly flags: readonly string[];
}
export const GUEST_PROGRAMS: readonly GuestProgram[] = [
  { name: 'gpuwork', flags: [] },
  { name: 'fbpattern', flags: [] },
  { name: 'drmnodes', flags: [] },
];
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
  vgaBios: 'usr/share/seabios/vgabios-stdvga.bin',
} as const;

/** The lines that decide an image's identity. */
export function recipeText(
  flavour: KernelFlavour,
  extraModules: readonly string[],
  packages: readonly PackageRow[],
  sources: string,
): string {
  const lines = packages.map((p) => `${p.name} ${p.version} ${p.architecture} ${p.sha256}`).sort();
  return [
    `recipe ${RECIPE_VERSION}`,
    `kernel ${flavour}`,
    `modules ${[...extraModules].sort().join(' ')}`,
    `sources ${sources}`,
    ...lines,
    '',
  ].join('\n');
}
