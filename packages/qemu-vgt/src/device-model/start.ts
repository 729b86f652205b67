import { type MonitorRecord, monitorWrites } from '../monitor/monitor-config.ts';
import {
  readDeviceModelArguments,
  VGT_FENCE_DEFAULT,
  VGT_HIGH_DEFAULT,
  VGT_LOW_DEFAULT,
} from './arguments.ts';

/** The mediator's control files. */
export interface ControlFiles {
  /** @returns an error name such as ENOMEM, or null when it was done */
  write(path: string, data: string | Uint8Array): string | null;
}

/** Where a vGPU is made, and ended. */
const INSTANCES = 'control/create_vgt_instance';

/** Why a device model ended: upstream's exits with status 1 then, and libxl destroys the domain. */
export interface DeviceModelEnd {
  readonly status: 1;
  readonly issues: readonly string[];
  /** The control file that refused, and how; null when the command line was wrong. */
  readonly refused: { readonly path: string; readonly errno: string } | null;
}

/**
 * Starts a domain's device model: with `-vga xengt` it has the mediator make the domain's vGPU, by one
 * write, and then gives it its monitors.
 *
 * @param args what {@link deviceModelArguments} made
 * @param records of the file named by `-vgt_monitor_config_file`
 * @returns null when it runs, or why it ended; a vGPU that it had made by then is there
 */
export function startDeviceModel(
  args: readonly string[],
  control: ControlFiles,
  records: readonly MonitorRecord[] = [],
): DeviceModelEnd | null {
  const read = readDeviceModelArguments(args);
  if (!read.ok) return { status: 1, issues: read.issues, refused: null };
  const { options } = read;
  if (options.get('-vga') !== 'xengt') return null;
  const domid = options.get('-xen-domid');
  if (typeof domid !== 'number') {
    return { status: 1, issues: ['-vga xengt needs -xen-domid'], refused: null };
  }
  const refused = (path: string, errno: string): DeviceModelEnd => ({
    status: 1,
    issues: [`${path}: ${errno}`],
    refused: { path, errno },
  });
  const instance = instanceText(domid, options);
  const errno = control.write(INSTANCES, instance);
  if (errno !== null) return refused(INSTANCES, errno);
  const weight = options.get('-vgt_weight');
  const share = weight === undefined ? [] : [{ path: `vm${domid}/weight`, data: String(weight) }];
  for (const write of [...share, ...monitorWrites(domid, records)]) {
    const wrong = control.write(write.path, write.data);
    if (wrong !== null) return refused(write.path, wrong);
  }
  return null;
}

/** `domid,low,high,fences,primary,cap`; the last two only when they were said. */
function instanceText(domid: number, options: ReadonlyMap<string, string | number | true>): string {
  const number = (option: string, otherwise: number): number => {
    const value = options.get(option);
    return typeof value === 'number' ? value : otherwise;
  };
  const fields = [
    domid,
    number('-vgt_low_gm_sz', VGT_LOW_DEFAULT),
    number('-vgt_high_gm_sz', VGT_HIGH_DEFAULT),
    number('-vgt_fence_sz', VGT_FENCE_DEFAULT),
  ];
  const cap = number('-vgt_cap', 0);
  const primary = number('-vgt_primary', -1);
  if (primary >= 0 || cap > 0) fields.push(primary);
  if (cap > 0) fields.push(cap);
  return fields.join(',');
}

/**
 * What libxl does when a domain is destroyed: the mediator is told so by the same file.
 *
 * @returns ENODEV when the domain has no vGPU
 */
export function endInstance(domid: number, control: ControlFiles): string | null {
  return control.write(INSTANCES, `-${domid}`);
}
