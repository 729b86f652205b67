import { WEIGHT_MAX } from '@xengt/linux-vgt';
import * as v from 'valibot';
import { MONITOR_FORM, parseMonitorSpec } from './monitor-spec.ts';

/** One key of a domain file: its check, what it allows in words, and what it is for. */
export interface GuestKeyRow {
  readonly key: string;
  readonly schema: v.GenericSchema<unknown, unknown>;
  /** What may stand there, in words; part of each error message and of the documentation. */
  readonly allowed: string;
  readonly help: string;
}

/** A whole number in a range; a quoted one counts, as it does for xl. */
function whole(min: number, max: number): v.GenericSchema<unknown, unknown> {
  const unquoted = v.pipe(v.string(), v.regex(/^-?(0x[0-9a-fA-F]+|\d+)$/), v.transform(Number));
  return v.pipe(v.union([v.number(), unquoted]), v.minValue(min), v.maxValue(max));
}
const oneOf = (...values: (string | number)[]): v.GenericSchema<unknown, unknown> =>
  v.picklist(values);
const path: v.GenericSchema<unknown, unknown> = v.pipe(v.string(), v.minLength(1));

/** Most memory of a guest, MiB: below the hole for PCI devices, in one array buffer. */
export const MAX_MEMORY_MIB = 2048;
/** Fence registers of a Haswell. */
const FENCES = 32;

// biome-ignore format: one key a line
export const GUEST_KEYS: readonly GuestKeyRow[] = [
  { key: 'name',      schema: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/)), allowed: 'a string of 1 to 64 letters, digits, "_", "." and "-"', help: 'Name of the domain; must be there.' },
  { key: 'type',      schema: oneOf('hvm'),                    allowed: '"hvm"',                                    help: 'Kind of domain.' },
  { key: 'builder',   schema: oneOf('hvm'),                    allowed: '"hvm"',                                    help: 'Older spelling of type.' },
  { key: 'memory',    schema: whole(64, MAX_MEMORY_MIB),       allowed: `a whole number of MiB from 64 to ${MAX_MEMORY_MIB}`, help: 'RAM, MiB. Default 512.' },
  { key: 'maxmem',    schema: whole(64, MAX_MEMORY_MIB),       allowed: `a whole number of MiB from 64 to ${MAX_MEMORY_MIB}`, help: 'As memory; the larger counts.' },
  { key: 'vcpus',     schema: whole(1, 1),                     allowed: '1',                                        help: 'Virtual processors.' },
  { key: 'kernel',    schema: path,                            allowed: 'a path',                                   help: 'Linux kernel (bzImage). Default: that of the built guest image.' },
  { key: 'ramdisk',   schema: path,                            allowed: 'a path',                                   help: 'Initial RAM disk. Default: that of the built guest image.' },
  { key: 'extra',     schema: v.string(),                      allowed: 'a string',                                 help: 'Added to the kernel command line.' },
  { key: 'root',      schema: v.string(),                      allowed: 'a string',                                 help: 'The root= of the kernel command line.' },
  { key: 'disk',      schema: v.pipe(v.array(path), v.maxLength(1)), allowed: 'a list of at most one path',         help: 'Disk image; its writes are kept in memory.' },
  { key: 'vgt',       schema: whole(0, 1),                     allowed: '0 or 1',                                   help: 'Whether the domain gets a virtual GPU. Default 1.' },
  { key: 'vgt_low_gm_sz',  schema: whole(1, 512),              allowed: 'a whole number of MiB from 1 to 512',      help: 'CPU-visible graphics memory (aperture), MiB. Default 64.' },
  { key: 'vgt_high_gm_sz', schema: whole(0, 2047),             allowed: 'a whole number of MiB from 0 to 2047',     help: 'Hidden graphics memory, MiB. Default 448.' },
  { key: 'vgt_fence_sz',   schema: whole(1, FENCES),           allowed: `a whole number from 1 to ${FENCES}`,       help: 'Fence registers. Default 4.' },
  { key: 'vgt_primary',    schema: whole(-1, 1),               allowed: '-1 (unset), 0 or 1',                       help: 'Whether the virtual GPU is the primary VGA device. Default -1.' },
  { key: 'vgt_weight',     schema: whole(1, WEIGHT_MAX),       allowed: `a whole number from 1 to ${WEIGHT_MAX}`,    help: 'Share of the engines against the other domains, for the scheduler fair. Default 256.' },
  { key: 'vgt_cap',        schema: whole(0, 100),              allowed: 'a whole number of percent from 0 to 100',  help: 'Most engine time of each 100 ms, percent; 0 is no limit. Default 0.' },
  { key: 'vgt_monitor_config_file', schema: path,              allowed: 'a path',                                   help: 'Monitors of the guest, in the binary or text form of XenGT.' },
  { key: 'monitors',  schema: v.pipe(v.array(v.pipe(v.string(), v.check((s) => parseMonitorSpec(s) !== null))), v.minLength(1), v.maxLength(3)), allowed: `a list of 1 to 3 of ${MONITOR_FORM}`, help: 'Monitors of the guest, instead of a monitor configuration file.' },
];

/** Keys of upstream's files that mean nothing here: taken and left. */
export const IGNORED_KEYS: ReadonlySet<string> = new Set(
  (
    'acpi apic boot device_model_override device_model_version hap keymap localtime on_crash ' +
    'on_poweroff on_reboot pae sdl serial soundhw stdvga tsc_mode usb usbdevice uuid vga ' +
    'vif viridian vnc vnclisten vncpasswd vncunused xen_platform_pci'
  ).split(' '),
);
