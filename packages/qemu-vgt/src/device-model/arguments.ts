/** What the toolstack tells the device model of a domain. Sizes in MiB; null is not told. */
export interface DeviceModelConfig {
  readonly domid: number;
  readonly name: string;
  readonly memoryMiB: number;
  /** A virtual GPU; null for none. */
  readonly vgt: DeviceModelVgt | null;
  /** The GPU itself, by VT-d. */
  readonly gfxPassthru: boolean;
  /** The legacy VGA beside, when there is no virtual GPU. */
  readonly vga: 'std' | 'cirrus' | 'none' | null;
  readonly videoRamMiB: number | null;
}

/** A virtual GPU as the options `-vgt_*` have it. */
export interface DeviceModelVgt {
  readonly lowMiB: number | null;
  readonly highMiB: number | null;
  readonly fences: number | null;
  /** 0 or 1; null leaves it to the mediator. */
  readonly primary: number | null;
  /** Share of the engines' time, ours: upstream has `cap` since 2016 and no weight. */
  readonly weight: number | null;
  readonly cap: number | null;
  readonly monitorConfigFile: string | null;
}

/** What unset sizes are. QEMU patch, `hw/display/vga-vgt.c`. */
export const VGT_LOW_DEFAULT = 64,
  VGT_HIGH_DEFAULT = 448,
  VGT_FENCE_DEFAULT = 4;

/** One option: its word, what of the configuration it is, and how the word after it is read. */
interface OptionRow {
  readonly option: string;
  /** Number, text, or a flag without a value. */
  readonly takes: 'number' | 'text' | 'nothing';
  readonly of: (c: DeviceModelConfig) => string | number | boolean | null;
}

/** libxl's words for the device model, in the order it gives them. Xen patch, `libxl_dm.c`. */
// biome-ignore format: one option a line
const OPTIONS: readonly OptionRow[] = [
  { option: '-xen-domid',   takes: 'number',  of: (c) => c.domid },
  { option: '-name',        takes: 'text',    of: (c) => c.name },
  { option: '-m',           takes: 'number',  of: (c) => c.memoryMiB },
  { option: '-vga',         takes: 'text',    of: (c) => (c.vgt !== null ? 'xengt' : c.vga) },
  { option: '-videoram',    takes: 'number',  of: (c) => c.videoRamMiB },
  { option: '-vgt_low_gm_sz',  takes: 'number', of: (c) => c.vgt?.lowMiB ?? null },
  { option: '-vgt_high_gm_sz', takes: 'number', of: (c) => c.vgt?.highMiB ?? null },
  { option: '-vgt_fence_sz',   takes: 'number', of: (c) => c.vgt?.fences ?? null },
  { option: '-vgt_primary',    takes: 'number', of: (c) => c.vgt?.primary ?? null },
  { option: '-vgt_weight',     takes: 'number', of: (c) => c.vgt?.weight ?? null },
  { option: '-vgt_cap',        takes: 'number', of: (c) => c.vgt?.cap ?? null },
  { option: '-vgt_monitor_config_file', takes: 'text', of: (c) => c.vgt?.monitorConfigFile ?? null },
  { option: '-gfx_passthru', takes: 'nothing', of: (c) => c.gfxPassthru },
];

/** The device model's command line for a domain, without the program's name. */
export function deviceModelArguments(c: DeviceModelConfig): string[] {
  return OPTIONS.flatMap(({ option, takes, of }) => {
    const value = of(c);
    if (takes === 'nothing') return value === true ? [option] : [];
    return value === null ? [] : [option, String(value)];
  });
}

/** A command line as read, or everything that is wrong with it: the device model ends with 1 then. */
export type DeviceModelArguments =
  | { readonly ok: true; readonly options: ReadonlyMap<string, string | number | true> }
  | { readonly ok: false; readonly issues: readonly string[] };

/** Reads a command line as the device model does. */
export function readDeviceModelArguments(args: readonly string[]): DeviceModelArguments {
  const options = new Map<string, string | number | true>();
  const issues: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    const row = OPTIONS.find((o) => o.option === word);
    if (row === undefined) {
      issues.push(`${word} is no option of the device model`);
      continue;
    }
    if (row.takes === 'nothing') {
      options.set(word, true);
      continue;
    }
    const value = args[++i];
    if (value === undefined) issues.push(`${word} needs a value`);
    else if (row.takes === 'text') options.set(word, value);
    else if (/^\d{1,9}$/.test(value)) options.set(word, Number(value));
    else issues.push(`${word} ${value}: not a whole number`);
  }
  if (options.get('-vga') === 'xengt' && options.has('-gfx_passthru')) {
    issues.push('-vga xengt and -gfx_passthru exclude each other: a GPU is shared or given away');
  }
  return issues.length > 0 ? { ok: false, issues } : { ok: true, options };
}
