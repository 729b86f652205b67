import type { Monitor, PortName } from '@xengt/hsw-device';
import type { Vgpu, VgpuParams, Vgt } from '@xengt/linux-vgt';
import {
  deviceModelArguments,
  endInstance,
  type MonitorRecord,
  startDeviceModel,
  VGT_FENCE_DEFAULT,
  VGT_HIGH_DEFAULT,
  VGT_LOW_DEFAULT,
} from '@xengt/qemu-vgt';
import type { Hardware } from './disk.ts';
import { HostError } from './host-error.ts';

/** Monitors by port. */
export type Monitors = Readonly<Partial<Record<PortName, Monitor>>>;

/** What upstream's QEMU makes of a file that says nothing. */
export const DEFAULT_VGPU: VgpuParams = {
  lowMiB: VGT_LOW_DEFAULT,
  highMiB: VGT_HIGH_DEFAULT,
  fences: VGT_FENCE_DEFAULT,
  primary: true,
};

/** A domain as its device model is told of it. */
export interface ModelledDomain {
  readonly name: string;
  readonly memoryMiB: number;
  readonly hardware?: Hardware;
  readonly vgpu?: VgpuParams;
  readonly monitors?: Monitors;
  readonly records?: readonly MonitorRecord[];
}

/**
 * Starts a domain's device model, which has the mediator make its vGPU, and plugs its monitors in.
 *
 * @param physical monitors of the physical ports: what its ports show copies of, unless it has its own
 * @throws HostError NO_VGPU: nothing of it is left then
 */
export function startVgpu(vgt: Vgt, domid: number, o: ModelledDomain, physical: Monitors): Vgpu {
  const p = o.vgpu ?? DEFAULT_VGPU;
  const { name, memoryMiB, records = [] } = o;
  const args = deviceModelArguments({
    domid,
    name,
    memoryMiB,
    vgt: {
      lowMiB: p.lowMiB,
      highMiB: p.highMiB,
      fences: p.fences,
      primary: p.primary === undefined ? null : Number(p.primary),
      weight: p.weight ?? null,
      cap: p.cap ?? null,
      monitorConfigFile: null,
    },
    gfxPassthru: false,
    vga: null,
    videoRamMiB: o.hardware?.vgaMemoryMiB ?? null,
  });
  const before = vgt.vm(domid);
  const ended = startDeviceModel(args, vgt.control, records);
  const made = vgt.vm(domid);
  if (ended !== null || made === undefined) {
    if (made !== before) endInstance(domid, vgt.control);
    const errno = ended?.refused?.errno ?? ended?.issues.join('; ') ?? 'ENODEV';
    const short = vgt.partition.shortages(p.lowMiB, p.highMiB, p.fences);
    const why = short.length > 0 ? short.join('; ') : `${vgt.vms.length} VMs have one already`;
    throw new HostError('NO_VGPU', `${name}: no vGPU (${errno}): ${why}`);
  }
  for (const [port, monitor] of Object.entries(o.monitors ?? physical)) {
    if (!records.some((r) => r.port === port)) made.ports.plug(port as PortName, monitor);
  }
  made.ports.follows = o.monitors === undefined;
  return made;
}
