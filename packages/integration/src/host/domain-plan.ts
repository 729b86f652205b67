import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  MODES,
  type ModeName,
  type Monitor,
  makeMonitor,
  type PortName,
  refreshHz,
} from '@xengt/hsw-device';
import type { VgpuParams } from '@xengt/linux-vgt';
import { type MonitorRecord, parseMonitorConfig } from '@xengt/qemu-vgt';
import { UsageError } from '../cli/context.ts';
import type { GuestConfig } from '../config/guest-config.ts';
import type { MonitorSpec } from '../config/monitor-spec.ts';
import type { GuestFiles } from './guest-files.ts';
import { DEFAULT_VGPU, type Monitors } from './host.ts';

/** RAM of a domain that nobody says more of, MiB. */
export const DEFAULT_MEMORY = 512;

/** One domain to make, everything checked. */
export interface DomainPlan {
  readonly domid: number;
  readonly name: string;
  readonly memoryMiB: number;
  /** Added to the kernel command line; '' for nothing. */
  readonly extra: string;
  /** Kernel and initramfs instead of the guest image's; null for the image's. */
  readonly kernel: Uint8Array | null;
  readonly initrd: Uint8Array | null;
  readonly vgpu: VgpuParams;
  /** Somebody chose the sizes of its vGPU: they are not to be cut down. */
  readonly sized: boolean;
  /** Null: copies of the physical monitors. */
  readonly monitors: Monitors | null;
  /** Records of its monitor file; written to the control tree. */
  readonly records: readonly MonitorRecord[];
}

/**
 * Domain-0 and as many guests as asked for, from their files as far as there are any.
 *
 * @param memoryMiB RAM of Domain-0 and of guests without a file
 * @throws UsageError with everything that this host cannot do of what the files ask for
 */
export async function planDomains(
  count: number,
  configs: readonly GuestConfig[],
  memoryMiB: number = DEFAULT_MEMORY,
): Promise<DomainPlan[]> {
  const issues: string[] = [];
  const plans = [defaultPlan(0, 'Domain-0', memoryMiB)];
  for (let domid = 1; domid < count; domid++) {
    const config = configs[domid - 1];
    plans.push(
      config === undefined
        ? defaultPlan(domid, `guest${domid}`, memoryMiB)
        : await planOf(domid, config, issues),
    );
  }
  if (issues.length > 0) throw new UsageError('BAD_CONFIG', issues.join('\n'), { issues });
  return plans;
}

function defaultPlan(domid: number, name: string, memoryMiB: number): DomainPlan {
  return {
    domid,
    name,
    memoryMiB,
    extra: '',
    kernel: null,
    initrd: null,
    vgpu: DEFAULT_VGPU,
    sized: false,
    monitors: null,
    records: [],
  };
}

async function planOf(domid: number, config: GuestConfig, issues: string[]): Promise<DomainPlan> {
  const complain = (text: string): void => void issues.push(`${config.name}: ${text}`);
  const file = async (key: string, path: string | null): Promise<Uint8Array | null> => {
    if (path === null) return null;
    return readFile(path).catch((cause: NodeJS.ErrnoException) => {
      complain(`${key} = "${path}" cannot be read (${cause.code})`);
      return null;
    });
  };
  const { vgt } = config;
  if (config.disk !== null) complain('disk: guests have no disk yet; put the files into ramdisk');
  if (vgt === null) complain('vgt = 0: a guest without a vGPU is not supported yet');
  const records = await file('vgt_monitor_config_file', vgt?.monitorConfigFile ?? null);
  const parsed = records === null ? null : parseMonitorConfig(records);
  for (const issue of parsed?.issues ?? []) complain(`${vgt?.monitorConfigFile}: ${issue}`);
  const monitors = vgt === null || vgt.monitors.length === 0 ? null : vgt.monitors;
  return {
    ...defaultPlan(domid, config.name, config.memory),
    sized: vgt !== null,
    extra: config.extra,
    kernel: await file('kernel', config.kernel),
    initrd: await file('ramdisk', config.ramdisk),
    vgpu:
      vgt === null
        ? DEFAULT_VGPU
        : {
            lowMiB: vgt.lowGm,
            highMiB: vgt.highGm,
            fences: vgt.fences,
            primary: vgt.primary !== 0,
            weight: vgt.weight,
            cap: vgt.cap,
          },
    monitors: monitors === null ? null : monitorsOf(monitors, complain),
    records: parsed?.records ?? [],
  };
}

function monitorsOf(specs: readonly MonitorSpec[], complain: (text: string) => void): Monitors {
  const out: Partial<Record<PortName, Monitor>> = {};
  for (const spec of specs) {
    const mode = `${spec.width}x${spec.height}`;
    if (!(mode in MODES) || Math.round(refreshHz(MODES[mode as ModeName])) !== spec.refresh) {
      const rate = (name: string): number => Math.round(refreshHz(MODES[name as ModeName]));
      const known = Object.keys(MODES).map((name) => `${name}@${rate(name)}`);
      complain(
        `monitors: ${mode}@${spec.refresh} is not a mode of ours; there are ${known.join(', ')}`,
      );
      continue;
    }
    out[spec.port] = makeMonitor({ kind: spec.kind, mode: mode as ModeName });
  }
  return out;
}

/** The guest image's files with what a plan replaces of them. */
export function filesOf(plan: DomainPlan, image: GuestFiles): GuestFiles {
  if (plan.kernel === null && plan.initrd === null && plan.extra === '') return image;
  const hash = createHash('sha256').update(image.id);
  for (const part of [plan.kernel, plan.initrd]) hash.update(part ?? '-');
  return {
    ...image,
    id: hash.digest('hex'),
    kernel: plan.kernel ?? image.kernel,
    initrd: plan.initrd ?? image.initrd,
    cmdline: plan.extra === '' ? image.cmdline : [...image.cmdline, plan.extra],
  };
}
