import type { Errno } from '../errno.ts';
import { packVgpu, unpackVgpu } from '../lifecycle/image.ts';
import { BITMAP_BYTES_MAX, keepUsedFrames } from '../lifecycle/used-frames.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { Vgt } from '../vgt.ts';
import { type ControlNode, textOf } from './node.ts';
import { leadingNumber } from './parse.ts';

/** Files of /sys/kernel/vgt/vmN that stop a VM's rendering and carry its state elsewhere. */
export function lifecycleNodes(vgt: Vgt, vm: Vgpu): [string, ControlNode][] {
  const { lifecycle } = vgt;
  return [
    ['schedule', { read: () => `${lifecycle.schedule(vm)}\n` }],
    [
      'start',
      {
        read: () => `${vm.sched.stopped ? 0 : 1}\n`,
        write: (data) => start(vgt, vm, leadingNumber(textOf(data))),
      },
    ],
    [
      'state',
      {
        read: () => {
          const state = lifecycle.save(vm);
          return typeof state === 'string' ? { errno: state } : packVgpu(state);
        },
        write: (data) => load(vgt, vm, data),
      },
    ],
    [
      'dirty_bitmap',
      {
        read: () => lifecycle.dirtyBitmaps.get(vm) ?? new Uint8Array(0),
        write: (data) => {
          if (typeof data === 'string' || data.length > BITMAP_BYTES_MAX) return 'EINVAL';
          const bitmap = Uint8Array.from(data);
          keepUsedFrames(vgt, vm, bitmap);
          lifecycle.dirtyBitmaps.set(vm, bitmap);
          return null;
        },
      },
    ],
  ];
}

function start(vgt: Vgt, vm: Vgpu, value: number | undefined): Errno | null {
  if (value !== 0 && value !== 1) return 'EINVAL';
  if (value === 0) return vgt.lifecycle.stop(vm);
  vgt.lifecycle.start(vm);
  return null;
}

function load(vgt: Vgt, vm: Vgpu, data: string | Uint8Array): Errno | null {
  if (typeof data === 'string') return 'EINVAL';
  const state = unpackVgpu(data);
  if (typeof state === 'string') return 'EINVAL';
  const refused = vgt.lifecycle.load(vm, state);
  if (refused === null) return null;
  return refused.code === 'NOT_STOPPED' ? 'EBUSY' : 'EINVAL';
}
