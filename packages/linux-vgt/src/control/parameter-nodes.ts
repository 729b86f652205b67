import type { Vgt } from '../vgt.ts';
import type { ControlNode } from './node.ts';

const flag = (on: boolean): number => (on ? 1 : 0);
const MIB = 2 ** 20;

/** A module parameter of upstream's: what it amounts to here. */
type Parameter = readonly [name: string, value: (vgt: Vgt) => number];

/**
 * Upstream's module parameters as it has them in /sys/module/xen_vgt/parameters, to be read only. What
 * can be chosen is in the mediator's configuration or in the control tree; what cannot reads the value
 * that the one way there is amounts to.
 */
// biome-ignore format: one parameter a line
const PARAMETERS: readonly Parameter[] = [
  ['vgt',                        () => 1],
  // One HVM with the whole device: `--mode direct`.
  ['hvm_render_owner',           () => 0],
  ['hvm_display_owner',          () => 0],
  ['hvm_dpy_owner',              () => 0],
  ['hvm_super_owner',            () => 0],
  ['hvm_boot_foreground',        ({ config }) => flag(config.hvmBootForeground ?? false)],
  ['vgt_primary',                ({ config }) => flag(config.primary ?? false)],
  ['ignore_hvm_forcewake_req',   (vgt) => flag(vgt.ignoreHvmForcewake)],
  // Interrupts are taken at safe points: what nests is kept until then.
  ['track_nest',                 () => 1],
  ['delay_nest',                 () => 1],
  ['debug',                      () => 0],
  ['fastpath_dpy_switch',        () => 1],
  ['event_based_qos',            ({ scheduler }) => flag(scheduler.policy.name === 'event')],
  ['shadow_tail_based_qos',      () => 0],
  // A switch leaves the render engine as a reset would: registers, context and hidden state are exchanged.
  ['render_engine_reset',        () => 1],
  ['propagate_monitor_to_guest', ({ config }) => flag(config.propagateMonitors ?? true)],
  ['irq_based_ctx_switch',       () => 1],
  ['enable_video_switch',        () => 1],
  ['dom0_low_gm_sz',             ({ dom0 }) => dom0.slice.lowBytes / MIB],
  ['dom0_high_gm_sz',            ({ dom0 }) => dom0.slice.highBytes / MIB],
  ['dom0_fence_sz',              ({ dom0 }) => dom0.slice.fences],
  ['bypass_scan',                ({ submitter }) => submitter.bypassScan],
  ['bypass_dom0_addr_check',     (vgt) => flag(vgt.bypassDom0AddressCheck)],
  ['enable_panel_fitting',       () => 1],
  ['enable_reset',               () => 1],
  ['vgt_lock_irq',               () => 0],
  ['vgt_preliminary_hw_support', () => 0],
];

/** Files of /sys/module/xen_vgt/parameters. */
export function parameterNodes(vgt: Vgt): [string, ControlNode][] {
  return PARAMETERS.map(([name, value]) => [name, { read: () => `${value(vgt)}\n` }]);
}
