import { expect, test } from 'vitest';
import { Bench } from '../testing/bench.ts';

/** Upstream's parameters of 2014 and their defaults. */
const DEFAULTS: Readonly<Record<string, number>> = {
  vgt: 1,
  hvm_render_owner: 0,
  hvm_display_owner: 0,
  hvm_dpy_owner: 0,
  hvm_super_owner: 0,
  hvm_boot_foreground: 0,
  vgt_primary: 0,
  ignore_hvm_forcewake_req: 1,
  track_nest: 1,
  delay_nest: 1,
  debug: 0,
  fastpath_dpy_switch: 1,
  event_based_qos: 0,
  shadow_tail_based_qos: 0,
  render_engine_reset: 1,
  propagate_monitor_to_guest: 1,
  irq_based_ctx_switch: 1,
  enable_video_switch: 1,
  dom0_low_gm_sz: 120,
  dom0_high_gm_sz: 384,
  dom0_fence_sz: 4,
  bypass_scan: 0,
  bypass_dom0_addr_check: 0,
  enable_panel_fitting: 1,
  enable_reset: 1,
  vgt_lock_irq: 0,
  vgt_preliminary_hw_support: 0,
};
const AT = '/sys/module/xen_vgt/parameters';

test('[V11] every parameter has its default, and can be read only', () => {
  const { control } = new Bench().vgt;
  expect(control.list('module')).toEqual(Object.keys(DEFAULTS).sort());
  for (const [name, value] of Object.entries(DEFAULTS)) {
    expect([name, control.read(`${AT}/${name}`)]).toEqual([name, { ok: true, data: `${value}\n` }]);
    expect(control.write(`${AT}/${name}`, '1')).toBe('EACCES');
  }
});

test('what is configured shows', () => {
  const { vgt } = new Bench({
    dom0LowMiB: 96,
    dom0HighMiB: 200,
    dom0Fences: 8,
    hvmBootForeground: true,
    primary: true,
    propagateMonitors: false,
    bypassDom0AddressCheck: true,
    ignoreHvmForcewake: false,
    scheduler: 'event',
  });
  const value = (name: string): string => {
    const r = vgt.control.read(`${AT}/${name}`);
    return r.ok ? String(r.data).trim() : r.errno;
  };
  const names = ['dom0_low_gm_sz', 'dom0_high_gm_sz', 'dom0_fence_sz', 'hvm_boot_foreground'];
  expect(names.map(value)).toEqual(['96', '200', '8', '1']);
  expect(['vgt_primary', 'propagate_monitor_to_guest'].map(value)).toEqual(['1', '0']);
  expect(['bypass_dom0_addr_check', 'ignore_hvm_forcewake_req'].map(value)).toEqual(['1', '0']);
  vgt.submitter.bypassScan = 5;
  expect(['event_based_qos', 'bypass_scan'].map(value)).toEqual(['1', '5']);
  vgt.control.write('control/scheduler', 'timer');
  expect(value('event_based_qos')).toBe('0');
});
