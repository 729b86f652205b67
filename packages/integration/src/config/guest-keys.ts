import { WEIGHT_MAX } from '@xengt/linux-vgt';
import * as v from 'valibot';
import { DISK_FORM, parseDiskSpec } from './disk-spec.ts';
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
/** What may become of a domain that ends; coredumps are not written. */
const action: v.GenericSchema<unknown, unknown> = v.pipe(
  v.picklist(['destroy', 'restart', 'preserve', 'coredump-destroy', 'coredump-restart']),
  v.transform((text) => text.replace('coredump-', '')),
);
const ACTIONS = '"destroy", "restart" or "preserve"';
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
  { key: 'vcpus',     schema: whole(1, 128),                   allowed: 'a whole number from 1 to 128',             help: 'Virtual processors; a guest gets one.' },
  { key: 'kernel',    schema: path,                            allowed: 'a path',                                   help: 'Linux kernel (bzImage). Default: that of the built guest image.' },
  { key: 'ramdisk',   schema: path,                            allowed: 'a path',                                   help: 'Initial RAM disk. Default: that of the built guest image.' },
  { key: 'extra',     schema: v.string(),                      allowed: 'a string',                                 help: 'Added to the kernel command line.' },
  { key: 'root',      schema: v.string(),                      allowed: 'a string',                                 help: 'The root= of the kernel command line.' },
  { key: 'disk',      schema: v.pipe(v.array(v.pipe(v.string(), v.check((d) => parseDiskSpec(d) !== null))), v.maxLength(3)), allowed: `a list of at most 3 of ${DISK_FORM}`, help: "Disk images; what a guest writes is kept with the domain, the image stays as it is." },
  { key: 'on_poweroff', schema: action,                        allowed: ACTIONS,                                    help: 'What becomes of the domain when it powers off. Default "destroy".' },
  { key: 'on_reboot',   schema: action,                        allowed: ACTIONS,                                    help: 'When it reboots. Default "restart".' },
  { key: 'on_crash',    schema: action,                        allowed: ACTIONS,                                    help: 'When it crashes. Default "destroy".' },
  { key: 'vga',       schema: oneOf('stdvga', 'cirrus', 'none'), allowed: '"stdvga", "cirrus" or "none"',           help: 'Legacy VGA of a domain; there is one model. Default "stdvga".' },
  { key: 'stdvga',    schema: whole(0, 1),                     allowed: '0 or 1',                                   help: 'Older spelling of vga = "stdvga".' },
  { key: 'videoram',  schema: whole(1, 64),                    allowed: 'a whole number of MiB from 1 to 64',       help: 'Memory of the legacy VGA, MiB, rounded up to a power of two. Default 8.' },
  { key: 'gfx_passthru', schema: oneOf(0, 1, '0', '1', 'igd', 'default'), allowed: '0, 1 or "igd"',                 help: 'The whole GPU for the domain, by VT-d; excludes vgt. Default 0.' },
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

/** Keys of xl's files that mean nothing here, by the reason: taken, and left out with that word. */
const LEFT_OUT: readonly (readonly [why: string, keys: string])[] = [
  ['guests have no network', 'vif vif2 dhcp hostname'],
  [
    'screens are on the lab page, and `xengt screenshot` saves them',
    'sdl opengl vnc vnclisten vncdisplay vncpasswd vncunused vncviewer vfb keymap nographic ' +
      'spice spicehost spiceport spicetls_port spicedisable_ticketing spicepasswd spicevdagent',
  ],
  ['the serial console is there in any case: `xengt console`', 'serial'],
  [
    'the device model is built in',
    'device_model device_model_version device_model_override ' +
      'device_model_args device_model_args_hvm device_model_stubdomain_override xen_platform_pci',
  ],
  [
    "a guest's firmware is built in",
    'firmware bios bios_path_override acpi_firmware smbios_firmware',
  ],
  ['guests have no USB, sound or TPM', 'usb usbdevice usbversion usbctrl usbdev soundhw vtpm'],
  ['the disk is booted from, or the kernel if there is one', 'boot bootloader bootloader_args'],
  [
    'nothing but the GPU is passed through, by gfx_passthru',
    'pci pci_msitranslate pci_power_mgmt pci_permissive rdm iomem ioports irqs',
  ],
  [
    'the virtual processor is what it is',
    'acpi acpi_s3 acpi_s4 apic hap nx pae hpet viridian xsave cpuid nestedhvm altp2m timer_mode ' +
      'tsc_mode vpt_align localtime rtc_timeoffset uuid vm_genid maxvcpus cpus cpus_soft nodes ' +
      'cpu_weight cap pool numa_pin vuart vendor_device oos shadow_memory mmio_hole',
  ],
  [
    'there is no xenstore, balloon or watchdog',
    'on_watchdog on_soft_reset balloon claim_mode seclabel init_seclabel driver_domain max_grant_frames max_maptrack_frames channel',
  ],
];

/** The same, by key. */
export const IGNORED_KEYS: ReadonlyMap<string, string> = new Map(
  LEFT_OUT.flatMap(([why, keys]) => keys.split(' ').map((key) => [key, why] as const)),
);
