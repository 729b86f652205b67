import { ENGINE_IDS } from '@xengt/hsw-device';
import type { Errno } from '../errno.ts';
import { engineNames, RING_NAMES } from '../recovery/hang-log.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { Vgt } from '../vgt.ts';
import { type ControlNode, textOf } from './node.ts';
import { firstWord } from './parse.ts';

const count = (n: () => number): ControlNode => ({ read: () => `${n()}\n` });

/** What debugfs /vgt shows of hangs and resets. `device_reset` is upstream's; the rest are ours. */
export function recoveryDebugNodes(vgt: Vgt): [string, ControlNode][] {
  const { recovery } = vgt;
  const c = recovery.counters;
  return [
    [
      'device_reset',
      { read: () => resetText(vgt), write: (data) => deviceReset(vgt, textOf(data)) },
    ],
    ['hangs', { read: () => recovery.log.text() }],
    ['recovery/hangs', count(() => c.hangs)],
    ['recovery/engine_resets', count(() => c.engineResets)],
    ['recovery/escalations', count(() => c.escalations)],
    ['recovery/device_resets', count(() => recovery.device.count)],
    ['recovery/device_resets_refused', count(() => recovery.device.refused)],
    ['recovery/quarantines', count(() => c.quarantines)],
  ];
}

/** A VM's part of it, below debugfs /vgt/vmN/perf. */
export function vmRecoveryCounters(vm: Vgpu): [string, ControlNode][] {
  return [
    ['hangs', count(() => vm.counters.hangs)],
    ['guest_resets', count(() => vm.counters.guestResets)],
    ...vm.engines.map((ring): [string, ControlNode] => {
      const id = ENGINE_IDS[ring.index] as keyof typeof RING_NAMES;
      return [`ring/${RING_NAMES[id]}/hangs`, count(() => ring.hangs)];
    }),
  ];
}

/** `vmN/recovery`: what keeps the VM from the engines; `release` written to it ends a quarantine. */
export function vmRecoveryNode(vgt: Vgt, vm: Vgpu): ControlNode {
  return {
    read: () => `${stateOf(vm)}\n`,
    write: (data) => {
      if (firstWord(textOf(data)) !== 'release' || vm.quarantine === null) return 'EINVAL';
      vgt.recovery.pardon(vm);
      return null;
    },
  };
}

function stateOf(vm: Vgpu): string {
  if (vm.quarantine !== null) return `quarantine: ${vm.quarantine}`;
  if (vm.heldEngines !== 0) return `hung: ${engineNames(vm.heldEngines)}`;
  return vm.recovering ? 'recovering' : 'running';
}

/** State of the render switch, of the device, and the VMs that have engines to reset. */
function resetText(vgt: Vgt): string {
  const sw = vgt.switch;
  const switching = sw.steady ? 'steady' : sw.draining ? 'draining' : 'switching';
  const waiting = vgt.vms.filter((vm) => vm.heldEngines !== 0).map((vm) => vm.domid);
  const device = vgt.recovery.device.resetting ? 'resetting' : 'idle';
  return `switch: ${switching}\ndevice: ${device}\nwaiting for reset: ${waiting.join(' ')}\n`;
}

function deviceReset(vgt: Vgt, text: string): Errno | null {
  return firstWord(text) === 'normal' ? vgt.recovery.device.request() : 'EINVAL';
}
