/** What a guest's kernel log says of its health and of its GPU. */
export interface KernelLogFacts {
  /** `*ERROR*` lines of DRM drivers, and other lines at level "err" or worse when the log carries levels. */
  readonly kernelErrors: readonly string[];
  /** Warnings that are splats: WARNING, BUG, oops, stack traces, lockups, GPU hangs, taint. */
  readonly kernelWarnings: readonly string[];
  /** i915's own "Virtual GPU for Intel GVT-g detected". */
  readonly vgpuDetected: boolean;
  /** "6.1.0-50-686", or ''. */
  readonly kernelRelease: string;
  /** The driver that initialised a DRM device, or ''. */
  readonly drmDriver: string;
  /** "i915drmfb" and its like, or ''. */
  readonly framebuffer: string;
  /** Did the kernel stop: "panic", "power-down", "restart", or ''? */
  readonly ended: '' | 'panic' | 'power-down' | 'restart';
}

interface LogRow {
  readonly name: string;
  readonly pattern: RegExp;
  readonly kind: 'error' | 'warning';
}

/**
 * Lines that mean something is wrong. "Call Trace:" and register dumps that follow a splat are not counted again.
 * @see Linux kernel/panic.c, kernel/watchdog.c, lib/bug.c, drivers/gpu/drm/i915/i915_gpu_error.c
 */
// biome-ignore format: one kind a line
const ROWS: readonly LogRow[] = [
  { name: 'drm error',     pattern: /\*ERROR\*/,                                                                  kind: 'error' },
  { name: 'gpu hang',      pattern: /GPU HANG/,                                                                   kind: 'error' },
  { name: 'i915 reset',    pattern: /Resetting (chip|rcs|bcs|vcs|vecs)\S* (for|after)/,                            kind: 'error' },
  { name: 'i915 wedged',   pattern: /(declaring (the )?GPU wedged|has been wedged|Failed to reset chip)/i,         kind: 'error' },
  { name: 'probe failed',  pattern: /probe of \S+ failed with error|probe with driver \S+ failed/,                 kind: 'error' },
  { name: 'panic',         pattern: /Kernel panic/,                                                               kind: 'error' },
  { name: 'oops',          pattern: /(Oops: |BUG: |kernel BUG at|general protection fault|Unable to handle kernel)/, kind: 'error' },
  { name: 'warning',       pattern: /\bWARNING: (CPU|possible|suspicious|inconsistent|bad unlock|kernel stack)/,   kind: 'warning' },
  { name: 'drm_WARN',      pattern: /drm_WARN_ON|WARN_ON\(/,                                                       kind: 'warning' },
  { name: 'lockup',        pattern: /(soft lockup|hard LOCKUP|rcu.*(self-)?detected (expedited )?stall|blocked for more than \d+ seconds)/, kind: 'warning' },
  { name: 'irq',           pattern: /(irq \d+: nobody cared|Disabling IRQ #)/,                                     kind: 'warning' },
  { name: 'taint',         pattern: /(module verification failed|loading out-of-tree module|Disabling lock debugging due to kernel taint)/, kind: 'warning' },
];

/** A line of the kernel log without level and time stamp. */
export function bareLine(line: string): string {
  return line
    .replace(/\r$/, '')
    .replace(/^<\d+>/, '')
    .replace(/^\[ *\d+\.\d+\] ?/, '');
}

/**
 * Reads a kernel log as `dmesg`, `dmesg -r` or a serial console gives it. Lines with a level (`<3>`) of 0 to 3 count as
 * errors whatever they say.
 */
export function classifyKernelLog(text: string): KernelLogFacts {
  const kernelErrors: string[] = [];
  const kernelWarnings: string[] = [];
  let vgpuDetected = false;
  let kernelRelease = '';
  let drmDriver = '';
  let framebuffer = '';
  let ended: KernelLogFacts['ended'] = '';
  for (const raw of text.split('\n')) {
    const line = bareLine(raw);
    const row = ROWS.find((r) => r.pattern.test(line));
    const level = /^<(\d+)>/.exec(raw)?.[1];
    if (row) (row.kind === 'error' ? kernelErrors : kernelWarnings).push(line);
    else if (level !== undefined && (Number(level) & 7) <= 3 && line !== '')
      kernelErrors.push(line);
    if (/Virtual GPU for Intel GVT-g detected/.test(line)) vgpuDetected = true;
    kernelRelease = /^Linux version (\S+)/.exec(line)?.[1] ?? kernelRelease;
    drmDriver = /\[drm\] Initialized (\S+) \d/.exec(line)?.[1] ?? drmDriver;
    framebuffer = /fb0: (\S+) frame buffer device/.exec(line)?.[1] ?? framebuffer;
    if (/Kernel panic/.test(line)) ended = 'panic';
    else if (/reboot: Power down/.test(line)) ended = 'power-down';
    else if (/reboot: Restarting system/.test(line)) ended = 'restart';
  }
  return {
    kernelErrors,
    kernelWarnings,
    vgpuDetected,
    kernelRelease,
    drmDriver,
    framebuffer,
    ended,
  };
}

/** The taint flags of `/proc/sys/kernel/tainted` that a healthy guest may not have. @see Linux tainted-kernels.rst */
export function taintFlags(value: number): string[] {
  const names = [
    'P',
    'F',
    'S',
    'R',
    'M',
    'B',
    'U',
    'D',
    'A',
    'W',
    'C',
    'I',
    'O',
    'E',
    'L',
    'K',
    'X',
    'T',
    'N',
  ];
  return names.filter((_, bit) => (value >>> bit) & 1);
}
