import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
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
import {
  type ConfigIssue,
  formatIssues,
  type GuestConfig,
  type Place,
  type VgtConfig,
} from '../config/guest-config.ts';
import type { MonitorSpec } from '../config/monitor-spec.ts';
import { DEFAULT_VGPU, type Monitors } from './device-model.ts';
import { type DiskFile, type Hardware, USUAL_HARDWARE } from './disk.ts';
import type { GuestFiles } from './guest-files.ts';

const MIB: number = 2 ** 20;
const SECTOR = 512;
/** Where v86 puts a kernel and an initial RAM disk; what ACPI keeps of a guest's RAM, at its end. */
const KERNEL_AT: number = MIB,
  INITRD_AT: number = 64 * MIB,
  ACPI_TOP: number = 16 * MIB;

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
  readonly hardware: Hardware;
  readonly vgpu: VgpuParams;
  /** The whole GPU instead. */
  readonly gfxPassthru: boolean;
  /** Somebody chose the sizes of its vGPU: they are not to be cut down. */
  readonly sized: boolean;
  /** Null: copies of the physical monitors. */
  readonly monitors: Monitors | null;
  /** Records of its monitor file; its device model writes them. */
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
  const issues: ConfigIssue[] = [];
  const plans = [defaultPlan(0, 'Domain-0', memoryMiB)];
  for (let domid = 1; domid < count; domid++) {
    const config = configs[domid - 1];
    plans.push(
      config === undefined
        ? defaultPlan(domid, `guest${domid}`, memoryMiB)
        : await planDomain(domid, config, process.cwd(), issues),
    );
    if (config?.gfxPassthru === true) {
      const text = 'gfx_passthru: a demo shares its GPU; use xengt create';
      issues.push(issueAt(config, 'gfx_passthru', text));
    }
    if (config !== undefined && config.disks.length > 0) {
      issues.push(issueAt(config, 'disk', 'disk: a demo starts from its own; use xengt create'));
    }
  }
  if (issues.length > 0) throw badConfig(issues);
  return plans;
}

/** What is wrong with domain files, as the error that tells it. */
export function badConfig(issues: readonly ConfigIssue[]): UsageError {
  return new UsageError('BAD_CONFIG', formatIssues(issues), { issues });
}

/** Something that this host cannot do of what a file asks for, at the value that asks for it. */
export function issueAt(config: GuestConfig, key: string, message: string): ConfigIssue {
  const { places } = config;
  const start = { file: (places['name'] as Place).file, line: 1, column: 1 };
  return { ...(places[key] ?? start), key, message };
}

function defaultPlan(domid: number, name: string, memoryMiB: number): DomainPlan {
  return {
    domid,
    name,
    memoryMiB,
    extra: '',
    kernel: null,
    initrd: null,
    hardware: USUAL_HARDWARE,
    vgpu: DEFAULT_VGPU,
    gfxPassthru: false,
    sized: false,
    monitors: null,
    records: [],
  };
}

/**
 * A domain as its file describes it, with the files that it names.
 *
 * @param directory what relative paths start from
 * @param issues gets what is wrong, in the file's order
 */
export async function planDomain(
  domid: number,
  config: GuestConfig,
  directory: string,
  issues: ConfigIssue[],
): Promise<DomainPlan> {
  const found: ConfigIssue[] = [];
  const complain = (key: string, text: string): void => {
    found.push(issueAt(config, key, `${key}: ${text}`));
  };
  const file = async (key: string, path: string | null): Promise<Uint8Array | null> => {
    if (path === null) return null;
    return readFile(resolve(directory, path)).catch((cause: NodeJS.ErrnoException) => {
      complain(key, `"${path}" cannot be read (${cause.code})`);
      return null;
    });
  };
  const { vgt } = config;
  if (vgt === null && !config.gfxPassthru)
    complain('vgt', 'a guest without a vGPU is not supported yet');
  const records = await file('vgt_monitor_config_file', vgt?.monitorConfigFile ?? null);
  const parsed = records === null ? null : parseMonitorConfig(records);
  for (const issue of parsed?.issues ?? []) {
    complain('vgt_monitor_config_file', `"${vgt?.monitorConfigFile}": ${issue}`);
  }
  const monitors = vgt === null || vgt.monitors.length === 0 ? null : vgt.monitors;
  const kernel = await file('kernel', config.kernel);
  if (kernel !== null && !isBzImage(kernel)) {
    complain('kernel', `"${config.kernel}" is no Linux kernel (bzImage)`);
  } else if (kernel !== null && KERNEL_AT + kernel.length + ACPI_TOP > config.memory * MIB) {
    complain('kernel', `"${config.kernel}" does not fit in memory = ${config.memory}`);
  }
  const initrd = await file('ramdisk', config.ramdisk);
  if (initrd !== null && initrdEnd(initrd) > config.memory * MIB) {
    const mib = Math.ceil(initrdEnd(initrd) / MIB);
    complain('ramdisk', `it needs memory = ${mib} or more; ${config.memory} MiB do not hold it`);
  }
  const plan: DomainPlan = {
    ...defaultPlan(domid, config.name, config.memory),
    sized: vgt !== null,
    extra: config.extra,
    gfxPassthru: config.gfxPassthru,
    kernel,
    initrd,
    hardware: await hardwareOf(config, directory, complain),
    vgpu: vgt === null ? DEFAULT_VGPU : vgpuOf(vgt),
    monitors: monitors === null ? null : monitorsOf(monitors, (text) => complain('monitors', text)),
    records: parsed?.records ?? [],
  };
  issues.push(...found.sort((a, b) => a.line - b.line || a.column - b.column));
  return plan;
}

function vgpuOf(vgt: VgtConfig): VgpuParams {
  return {
    lowMiB: vgt.lowGm,
    highMiB: vgt.highGm,
    fences: vgt.fences,
    primary: vgt.primary !== 0,
    weight: vgt.weight,
    cap: vgt.cap,
  };
}

/** Signature "HdrS" of a kernel's boot sector, behind its real-mode part more. Linux Documentation/x86/boot.rst */
function isBzImage(kernel: Uint8Array): boolean {
  const signed = Buffer.from(kernel.subarray(0x202, 0x206)).toString('latin1') === 'HdrS';
  return signed && ((kernel[0x1f1] || 4) + 1) * SECTOR < kernel.length;
}

/** First byte behind an initial RAM disk, with what ACPI keeps of RAM after it. v86 `kernel.js`. */
export function initrdEnd(initrd: Uint8Array): number {
  return INITRD_AT + initrd.length + ACPI_TOP;
}

async function hardwareOf(
  config: GuestConfig,
  directory: string,
  complain: (key: string, text: string) => void,
): Promise<Hardware> {
  const disks: DiskFile[] = [];
  for (const disk of config.disks) {
    if (disk.path === '') continue;
    const path = resolve(directory, disk.path);
    const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
      complain('disk', `"${disk.path}" cannot be read (${cause.code})`);
      return null;
    });
    if (found === null) continue;
    if (!found.isFile()) complain('disk', `"${disk.path}" is no file`);
    else if (found.size < SECTOR || (disk.device !== 'cdrom' && found.size % SECTOR !== 0)) {
      complain('disk', `"${disk.path}" has ${found.size} bytes: no whole sectors of ${SECTOR}`);
    } else disks.push({ path, device: disk.device, readOnly: disk.readOnly });
  }
  if (disks.length === 0 && config.videoRam === null) return USUAL_HARDWARE;
  const vgaMemoryMiB = config.videoRam === null ? null : 2 ** Math.ceil(Math.log2(config.videoRam));
  return { disks, vgaMemoryMiB };
}

function monitorsOf(specs: readonly MonitorSpec[], complain: (text: string) => void): Monitors {
  const out: Partial<Record<PortName, Monitor>> = {};
  for (const spec of specs) {
    const mode = `${spec.width}x${spec.height}`;
    if (!(mode in MODES) || Math.round(refreshHz(MODES[mode as ModeName])) !== spec.refresh) {
      const rate = (name: string): number => Math.round(refreshHz(MODES[name as ModeName]));
      const known = Object.keys(MODES).map((name) => `${name}@${rate(name)}`);
      complain(`${mode}@${spec.refresh} is not a mode of ours; there are ${known.join(', ')}`);
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
