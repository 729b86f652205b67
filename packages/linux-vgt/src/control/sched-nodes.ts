import type { Errno } from '../errno.ts';
import { WEIGHT_MAX } from '../sched/entity.ts';
import { POLICY_NAMES } from '../sched/policy.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { Vgt } from '../vgt.ts';
import { type ControlNode, textOf } from './node.ts';
import { firstWord, leadingNumber } from './parse.ts';

const NS_PER_MS = 1e6;
/** `tbs_period_ms`: -1 takes the policy's own. */
const SLICE_OWN = -1;
const SLICE_MAX_MS = 1000;

/** Files of /sys/kernel/vgt/control that are about the scheduler. */
export function schedulerNodes(vgt: Vgt): [string, ControlNode][] {
  const { scheduler } = vgt;
  return [
    [
      'scheduler',
      {
        // The one in use in brackets, as Linux shows its block schedulers.
        read: () => {
          const now = scheduler.policy.name;
          return `${POLICY_NAMES.map((name) => (name === now ? `[${name}]` : name)).join(' ')}\n`;
        },
        write: (data) => {
          const name = POLICY_NAMES.find((n) => n === firstWord(textOf(data)));
          if (name === undefined) return 'EINVAL';
          scheduler.setPolicy(name, vgt.vms);
          return null;
        },
      },
    ],
    [
      'tbs_period_ms',
      {
        read: () => `${Math.round(scheduler.policy.sliceNs / NS_PER_MS)}\n`,
        write: (data) =>
          ranged(textOf(data), SLICE_OWN, SLICE_MAX_MS, (ms) => {
            if (ms === 0) return 'EINVAL';
            scheduler.setSlice(ms === SLICE_OWN ? null : ms * NS_PER_MS);
            return null;
          }),
      },
    ],
  ];
}

/** Files of /sys/kernel/vgt/vmN about its share of the engines' time. Upstream of 2016: the last. */
export function shareNodes(vgt: Vgt, vm: Vgpu): [string, ControlNode][] {
  const { scheduler } = vgt;
  const { sched } = vm;
  return [
    [
      'weight',
      {
        read: () => `${sched.weight}\n`,
        write: (data) =>
          ranged(textOf(data), 1, WEIGHT_MAX, (weight) => {
            scheduler.settle();
            sched.weight = weight;
            scheduler.changed();
            return null;
          }),
      },
    ],
    [
      'cap',
      {
        read: () => `${sched.cap}\n`,
        write: (data) =>
          ranged(textOf(data), 0, 100, (cap) => {
            scheduler.settle();
            sched.cap = cap;
            scheduler.changed();
            return null;
          }),
      },
    ],
    [
      'vgpu_hw_utilization',
      {
        read: () => {
          scheduler.settle();
          return `${sched.utilisation()}\n`;
        },
      },
    ],
  ];
}

function ranged(
  text: string,
  min: number,
  max: number,
  take: (value: number) => Errno | null,
): Errno | null {
  const value = leadingNumber(text);
  return value === undefined || value < min || value > max ? 'EINVAL' : take(value);
}
