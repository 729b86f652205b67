import { arch, availableParallelism, freemem, hostname, release, totalmem, type } from 'node:os';
import type { HostInfo } from '../lab/host-view.ts';
import { packageVersion } from '../package-root.ts';
import type { Host } from './host.ts';

const MIB = 2 ** 20;
/** Pages of every guest, bytes. */
const PAGE_BYTES = 4096;

/** What a host is and what of it is free: those fields of `xl info` that mean something here, then the GPU's. */
export function hostInfo(host: Host): HostInfo {
  const { device, vgt } = host;
  const mib = (bytes: number): number => Math.floor(bytes / MIB);
  const id = device.model.deviceId.toString(16).padStart(4, '0');
  const common = {
    host: hostname(),
    release: release(),
    machine: `${type()} ${arch()}`,
    nr_cpus: availableParallelism(),
    total_memory: mib(totalmem()),
    free_memory: mib(freemem()),
    nr_domains: host.domains.size,
    xen_version: `xengt ${packageVersion()} on Node ${process.versions.node}`,
    xen_caps: 'hvm-3.0-x86_32',
    xen_pagesize: PAGE_BYTES,
    gpu: `8086:${id}`,
    gpu_aperture: mib(device.apertureBytes),
  };
  if (vgt === null) return { ...common, vgt_mode: 'direct' };
  const [low, freeLow, high, freeHigh, fences, freeFences] = vgt.partition.summary();
  return {
    ...common,
    vgt_mode: host.passthrough.use,
    vgt_partition: vgt.partition.mode,
    vgt_scheduler: vgt.scheduler.policy.name,
    vgt_instances: vgt.vms.length,
    vgt_foreground: vgt.foreground.vm?.domid ?? 0,
    vgt_low_gm: `${freeLow} of ${low} MiB free`,
    vgt_high_gm: `${freeHigh} of ${high} MiB free`,
    vgt_fence: `${freeFences} of ${fences} free`,
  };
}
