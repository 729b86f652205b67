import { describe, expect, test } from 'vitest';
import { bareLine, classifyKernelLog, taintFlags } from './kernel-log.ts';

const CLEAN = `[    0.000000] Linux version 6.1.0-50-686 (debian-kernel@lists.debian.org) (gcc-12) #1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1
[    0.242993] ACPI: Early table checksum verification disabled
[    5.903646] RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable
[    7.233775] process '/usr/bin/gpuwork' started with executable stack
[   13.935815] i915 0000:00:02.0: [drm] VT-d active for gfx access
[   14.100000] i915 0000:00:02.0: [drm] Virtual GPU for Intel GVT-g detected.
[   14.500000] [drm] Initialized i915 1.6.0 20201103 for 0000:00:02.0 on minor 0
[   14.600000] i915 0000:00:02.0: [drm] fb0: i915drmfb frame buffer device
`;

describe('the kernel log', () => {
  test('control case: a clean log has no errors and no warnings, and tells what is there', () => {
    expect(classifyKernelLog(CLEAN)).toEqual({
      kernelErrors: [],
      kernelWarnings: [],
      vgpuDetected: true,
      kernelRelease: '6.1.0-50-686',
      drmDriver: 'i915',
      framebuffer: 'i915drmfb',
      ended: '',
    });
  });

  test('an unmediated guest is not taken for a vGPU', () => {
    expect(classifyKernelLog(CLEAN.replace(/.*GVT-g.*\n/, '')).vgpuDetected).toBe(false);
  });

  test.each([
    '[   17.81] i915 0000:00:02.0: [drm] *ERROR* timeout waiting for SBI to complete read',
    '[   20.00] i915 0000:00:02.0: [drm] GPU HANG: ecode 7:1:85dffffb, in gpuwork [123]',
    '[   20.01] i915 0000:00:02.0: [drm] Resetting chip for stopped heartbeat on rcs0',
    '[   20.02] i915: probe of 0000:00:02.0 failed with error -5',
    '[   21.00] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100',
    '[   21.00] BUG: kernel NULL pointer dereference, address: 00000000',
    '[   21.00] Oops: 0000 [#1] PREEMPT SMP',
  ])('an error: %s', (line) => {
    const facts = classifyKernelLog(`${CLEAN}${line}\n`);
    expect(facts.kernelErrors).toEqual([bareLine(line)]);
    expect(facts.kernelWarnings).toEqual([]);
  });

  test.each([
    '[   13.94] WARNING: CPU: 0 PID: 95 at drivers/gpu/drm/i915/display/intel_display_power_well.c:271 hsw_wait+0xe2/0xf0 [i915]',
    '[   13.94] i915 0000:00:02.0: drm_WARN_ON(!timeout_expected)',
    '[   30.00] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [modprobe:95]'.replace(
      'BUG: ',
      '',
    ),
    '[   40.00] rcu: INFO: rcu_preempt self-detected stall on CPU',
    '[   41.00] INFO: task kworker/0:1:12 blocked for more than 120 seconds.',
    '[   42.00] irq 10: nobody cared (try booting with the "irqpoll" option)',
    '[   43.00] i915: module verification failed: signature and/or required key missing - tainting kernel',
  ])('a warning: %s', (line) => {
    expect(classifyKernelLog(line).kernelWarnings).toEqual([bareLine(line)]);
  });

  test('a whole splat counts by its telling lines only', () => {
    const splat = `[   13.946954] ------------[ cut here ]------------
[   13.947187] i915 0000:00:02.0: drm_WARN_ON(!timeout_expected)
[   13.947866] WARNING: CPU: 0 PID: 95 at drivers/gpu/drm/i915/display/intel_display_power_well.c:271 hsw_wait_for_power_well_enable+0xe2/0xf0 [i915]
[   13.949014] Modules linked in: i915(+) i2c_algo_bit
[   13.954712] Call Trace:
[   13.955861]  intel_power_well_enable+0x47/0x60 [i915]
[   13.988652] ---[ end trace 0000000000000000 ]---
`;
    expect(classifyKernelLog(splat).kernelWarnings).toHaveLength(2);
  });

  test('levels 0 to 3 are errors whatever they say; facilities are not levels', () => {
    expect(
      classifyKernelLog('<3>[    1.0] disk on fire\n<4>[    1.1] disk warm\n<30>[    1.2] daemon\n')
        .kernelErrors,
    ).toEqual(['disk on fire']);
  });

  test.each([
    ['[ 9.0] reboot: Power down', 'power-down'],
    ['[ 9.0] reboot: Restarting system', 'restart'],
    ['[ 9.0] Kernel panic - not syncing: x', 'panic'],
  ] as const)('%s ends the guest: %s', (line, ended) => {
    expect(classifyKernelLog(line).ended).toBe(ended);
  });

  test('taint flags have their letters', () => {
    expect(taintFlags(0)).toEqual([]);
    expect(taintFlags((1 << 9) | (1 << 12))).toEqual(['W', 'O']);
  });
});
