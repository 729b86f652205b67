import { ENGINE_IDS, errorState } from '@xengt/hsw-device';
import { F_ACCESSED, F_CMD_ACCESSED, F_SAVED, POLICY_NAMES } from '../attr/attribute.ts';
import { RING_NAMES } from '../recovery/hang-log.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { Vgt } from '../vgt.ts';
import type { ControlNode } from './node.ts';
import { recoveryDebugNodes, vmRecoveryCounters } from './recovery-nodes.ts';

const number = (n: () => number): ControlNode => ({ read: () => `${Math.round(n())}\n` });

/** Files of debugfs /vgt. Upstream counts processor cycles; here times are nanoseconds. */
export function debugNodes(vgt: Vgt): [string, ControlNode][] {
  const s = vgt.switch.counters;
  const q = vgt.scheduler.counters;
  return [
    ['context_switch_num', number(() => s.switches)],
    ['context_switch_cycles', number(() => s.switchNs)],
    ['ring_idle_wait', number(() => s.idleWaitNs)],
    ['ring_0_busy', number(() => vgt.device.gt.engine('RCS').activity.busyNs)],
    ['ring_0_idle', number(() => vgt.clock.now - vgt.device.gt.engine('RCS').activity.busyNs)],
    ['forcewake_count', number(() => vgt.forcewake.counters.gets)],
    ['context_switch_p99_ns', number(() => vgt.switch.costs.quantile(0.99))],
    ['sched_slices', number(() => q.slices)],
    ['sched_preemptions', number(() => q.preemptions)],
    ['sched_starved', number(() => q.starved)],
    ['sched_throttled', number(() => q.throttled)],
    ['uevents_merged', number(() => vgt.uevents.merged)],
    ['gtt_swaps', number(() => vgt.residency.counters.swaps)],
    ['gtt_swap_ns', number(() => vgt.residency.counters.swapNs)],
    ['switch_timeouts', number(() => s.timeouts)],
    ['validation_mismatches', number(() => s.mismatches)],
    ['reginfo', { read: () => registerInfo(vgt) }],
    ['irqinfo', { read: () => interruptInfo(vgt) }],
    ['error_state', { read: () => errorState(vgt.device) }],
    ['dpyinfo', { read: () => displayInfo(vgt) }],
    ...recoveryDebugNodes(vgt),
    ...vgt.vms.flatMap((vm) =>
      vmDebug(vgt, vm).map(([path, node]): [string, ControlNode] => [
        `vm${vm.domid}/${path}`,
        node,
      ]),
    ),
  ];
}

function vmDebug(vgt: Vgt, vm: Vgpu): [string, ControlNode][] {
  const c = vm.counters;
  return [
    ['virtual_mmio_space', { read: () => dump(vm.vreg.dw) }],
    ['frame_buffer_format', { read: () => vgt.indirect.describe(vm) }],
    ['dpyinfo', { read: () => vmDisplayInfo(vgt, vm) }],
    ['shadow_mmio_space', { read: () => dump(vm.sreg) }],
    ['perf/schedule_in_time', number(() => c.scheduledIn)],
    ['perf/allocated_cycles', number(() => c.allocatedNs)],
    ['perf/gtt_mmio_rcnt', number(() => vm.ggtt.counters.reads)],
    ['perf/gtt_mmio_wcnt', number(() => vm.ggtt.counters.writes)],
    ['perf/gtt_refused', number(() => vm.ggtt.counters.refused)],
    ['perf/mmio_rcnt', number(() => vm.mmio.counters.reads)],
    ['perf/mmio_wcnt', number(() => vm.mmio.counters.writes)],
    ['perf/untracked', number(() => vm.mmio.counters.untracked)],
    ['perf/ring_tail_mmio_wcnt', number(() => c.submissions)],
    ['perf/vring_scan_cnt', number(() => c.submissions + c.stalls)],
    ['perf/total_cmds', number(() => c.commands)],
    ['perf/batch_cmds', number(() => c.batchCommands)],
    ['perf/scanned_batches', number(() => c.batches)],
    ['perf/scanned_dwords', number(() => c.batchDwords)],
    ['perf/scanned_dwords_max', number(() => c.largestBatch)],
    ['perf/loop_changes', number(() => c.loopChanges)],
    ['perf/skip_bb_cnt', number(() => vm.batchesSkipped.count)],
    ['perf/ppgtt_fills', number(() => vm.ppgtt.counters.fills)],
    ['perf/ppgtt_resynced', number(() => vm.ppgtt.counters.resynced)],
    ['perf/run_ns', number(() => vm.sched.ranNs)],
    ['perf/latency_p50_ns', number(() => vm.sched.latency.quantile(0.5))],
    ['perf/latency_p99_ns', number(() => vm.sched.latency.quantile(0.99))],
    ['perf/latency_max_ns', number(() => vm.sched.latency.maxNs)],
    ['perf/injected', number(() => vm.config.injected)],
    ...vmRecoveryCounters(vm).map(([path, node]): [string, ControlNode] => [`perf/${path}`, node]),
    ...vm.engines.flatMap((ring): [string, ControlNode][] => {
      const at = `perf/ring/${RING_NAMES[ENGINE_IDS[ring.index] as keyof typeof RING_NAMES]}`;
      return [
        [`${at}/cmd_nr`, number(() => ring.commands)],
        [`${at}/busy_ns`, number(() => vm.sched.busyNs[ring.index] as number)],
      ];
    }),
  ];
}

const hex8 = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');

/** Words that are not 0, one a line. */
function dump(words: Int32Array): string {
  let text = '';
  words.forEach((value, i) => {
    if (value !== 0) text += `${hex8(i * 4)}: ${hex8(value)}\n`;
  });
  return text;
}

/** Each register the table describes: name, policy, and whether it was touched. */
function registerInfo(vgt: Vgt): string {
  const { attr } = vgt;
  let text = '';
  attr.policy.forEach((policy, i) => {
    const flags = attr.flags[i] as number;
    if (policy === 0 && flags === 0) return;
    const marks = [
      (flags & F_ACCESSED) !== 0 ? 'accessed' : '',
      (flags & F_SAVED) !== 0 ? 'saved' : '',
      (flags & F_CMD_ACCESSED) !== 0 ? 'cmd' : '',
    ].filter((mark) => mark !== '');
    const name = attr.nameOf(i * 4) ?? vgt.device.regs.nameOf(i * 4);
    text += `${hex8(i * 4)} ${name} ${POLICY_NAMES[policy]} ${marks.join(' ')}`.trimEnd();
    text += '\n';
  });
  return text;
}

function interruptInfo(vgt: Vgt): string {
  const lines = Object.entries(vgt.interrupts.counters).map(([name, n]) => `${name}: ${n}`);
  for (const vm of vgt.vms) {
    lines.push(`vm${vm.domid}: injected ${vm.config.injected}, masked ${vm.irq.masked}`);
  }
  return `${lines.join('\n')}\n`;
}

function displayInfo(vgt: Vgt): string {
  const lines = [`foreground_vm: ${vgt.foreground.vm?.domid ?? 0}`];
  for (const s of vgt.device.display.screens()) {
    const shows = vgt.foreground.pipeOf(s.pipe);
    const what = shows < 0 ? 'its own' : `pipe ${'ABC'[shows]} of the VM`;
    lines.push(`pipe ${'ABC'[s.pipe]} on PORT_${s.port}: ${s.width}x${s.height}, shows ${what}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A VM's ports and pipes, and which screens show them. */
function vmDisplayInfo(vgt: Vgt, vm: Vgpu): string {
  const lines = vm.ports.ports.map((port) => {
    const what = port.connected ? port.typeName : 'disconnected';
    return `PORT_${port.name} as PORT_${port.override}: ${what}`;
  });
  for (const s of vm.displayEngine.screens()) {
    const on = [0, 1, 2].filter((p) => vm.foreground && vgt.foreground.pipeOf(p) === s.pipe);
    const where = on.map((p) => `, on physical pipe ${'ABC'[p]}`).join('');
    lines.push(`pipe ${'ABC'[s.pipe]} on PORT_${s.port}: ${s.width}x${s.height}${where}`);
  }
  return `${lines.join('\n')}\n`;
}
