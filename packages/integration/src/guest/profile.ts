import { GUEST_SUITE } from './recipe.ts';

/** A C program of ours that is compiled in the guest. */
export interface GuestProgram {
  readonly name: string;
  readonly flags: readonly string[];
}

/** What a guest's user space consists of; its kernel is the same in all of them. */
export interface GuestProfile {
  /** Debian suite of the packages. */
  readonly suite: string;
  /** Packages that are taken with everything they depend on. */
  readonly packages: readonly string[];
  /** Files that a guest gets. Shared libraries and C headers are added by what these files ask for. */
  readonly kept: readonly RegExp[];
  /** Never worth unpacking. */
  readonly skipped: RegExp;
  readonly programs: readonly GuestProgram[];
  /** Kernel modules that it gets when the kernel has them. */
  readonly modules: readonly string[];
  /** `modules.dep.bin`, which programs that load modules through libkmod read. */
  readonly moduleIndex: boolean;
}

export type ProfileName = 'base' | 'igt';

/** Programs of IGT for other vendors' GPUs, and those that need other machines' devices. */
const OTHER_VENDORS =
  'amdgpu|asahi|drm_virtgpu|msm|nouveau|panfrost|panthor|prime_nv|prime_udl|v3d|vc4|vkms|vmwgfx|xe';

/** What tells a guest's init of the power button. */
const POWER_BUTTON = ['button', 'evdev'] as const;

export const PROFILES: Readonly<Record<ProfileName, GuestProfile>> = {
  base: {
    suite: GUEST_SUITE,
    packages: [
      'intel-gpu-tools', // IGT's benchmark programs and register tools
      'libdrm-tests', // modetest, modeprint, proptest, vbltest
      'tcc', // C compiler: 300 kB, compiles one of our programs in about a second in an emulated CPU
      'libc6-dev',
      'linux-libc-dev',
      'libdrm-dev', // i915_drm.h
    ],
    kept: [
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
    ],
    skipped: /^usr\/share\/|^usr\/lib\/debug\/|^etc\//,
    programs: [
      { name: 'gpuwork', flags: [] },
      { name: 'fbpattern', flags: [] },
      { name: 'drmnodes', flags: [] },
      { name: 'gpuhang', flags: [] },
      { name: 'barwidths', flags: [] },
    ],
    modules: ['vgem', ...POWER_BUTTON],
    moduleIndex: false,
  },
  // IGT's own tests. Debian packages them since forky, so their C library is of that suite too; it
  // asks the CPU for SSE2, which the emulated one has.
  igt: {
    suite: 'sid',
    packages: ['igt-gpu-tools-tests', 'igt-gpu-tools', 'libdrm-tests'],
    kept: [
      /^usr\/bin\/busybox$/,
      new RegExp(
        `^usr/libexec/igt-gpu-tools/(?!(benchmarks|template|${OTHER_VENDORS})(_|/|$))[^/]+$`,
      ),
      /^usr\/libexec\/igt-gpu-tools\/intel-ci-tests\/i915\/default\//,
      /^usr\/share\/igt-gpu-tools\//,
      /^usr\/bin\/(igt_(facts|power|results|resume|runner|stats)|lsgpu)$/,
      /^usr\/bin\/intel_(dump_decode|error_decode|framebuffer_dump|gtt|infoframes|reg|stepping|watermark)$/,
      /^usr\/bin\/(modetest|modeprint|proptest|vbltest|drmdevice)$/,
      // Asked for at run time: threads that are cancelled.
      /^usr\/lib\/i386-linux-gnu\/libgcc_s\.so\.1$/,
    ],
    skipped: /^usr\/share\/(?!igt-gpu-tools\/)|^usr\/lib\/debug\/|^etc\//,
    programs: [],
    // IGT's tests of runtime power management read MSRs.
    modules: ['vgem', 'msr', ...POWER_BUTTON],
    moduleIndex: true,
  },
};
