import { barRows, headerRows, msiRows, PCI_COMMAND_INTX_DISABLE } from './config-rows.ts';
import type { ConfigRow } from './config-space.ts';
import { ConfigSpace, type ConfigWriteHook } from './config-space.ts';
import { afRows, PM_CONTROL, PM_D0, PM_STATE_MASK, pmRows } from './power-rows.ts';

/** One Haswell graphics device. i915 `INTEL_HSW_GT*_IDS` (i915_pciids.h). */
export interface HaswellModel {
  readonly deviceId: number;
  readonly gt: 1 | 2 | 3;
  readonly part: 'desktop' | 'mobile' | 'server' | 'ult' | 'ulx' | 'crw';
}

// The low nibble's order: 2 desktop, 6 mobile, a server, b and e reserved parts, per i915_pciids.h.
const LOW = [0x02, 0x06, 0x0a, 0x0b, 0x0e] as const;
const FAMILIES = [
  [0x0400, null],
  [0x0c00, null],
  [0x0a00, 'ult'],
  [0x0d00, 'crw'],
] as const;
const BY_LOW = {
  0x02: 'desktop',
  0x06: 'mobile',
  0x0a: 'server',
  0x0b: 'desktop',
  0x0e: 'mobile',
} as const;

/** Every Haswell GT1, GT2 and GT3 device id that i915 binds to. */
export const HASWELL_MODELS: readonly HaswellModel[] = FAMILIES.flatMap(([base, part]) =>
  ([1, 2, 3] as const).flatMap((gt) =>
    LOW.map((low) => ({
      deviceId: base | ((gt - 1) << 4) | low,
      gt,
      part: part === 'ult' && low === 0x0e ? ('ulx' as const) : (part ?? BY_LOW[low]),
    })),
  ),
);

/** The model of a device id; undefined for an id that is not a Haswell. */
export function haswellModel(deviceId: number): HaswellModel | undefined {
  return HASWELL_MODELS.find((m) => m.deviceId === deviceId);
}

/** MSI capability's offset on Haswell graphics. HSW datasheet vol.2, device 2. */
export const IGD_MSI = 0x90;
/** Power management and advanced features capabilities. The same datasheet. */
export const IGD_PM = 0xd0;
export const IGD_AF = 0xa4;
/** Bytes of the header; those from here on keep their values over D3hot. */
const HEADER_BYTES = 0x40;
const MSI_BYTES = 10;
export const IGD_GMCH_CONTROL = 0x50;
export const IGD_BSM = 0x5c;
export const IGD_ASLS = 0xfc;
export const GTTMMIO_BYTES: number = 4 << 20;

export interface IgdConfigOptions {
  readonly name: string;
  readonly deviceId: number;
  readonly revision?: number;
  /** 24-bit class code. Default 0x030000, VGA; 0x038000 is a display that is not the primary one. */
  readonly classCode?: number;
  /** BAR2's size, MiB: 128, 256 or 512. */
  readonly apertureMiB: number;
  /** Stolen memory: machine address and size in MiB, multiple of 32, at most 1024; 0 is none. */
  readonly stolenBase?: number;
  readonly stolenMiB?: number;
  /** GTT bytes, MiB: 1 or 2. Default 2: graphics memory of 2 GiB. */
  readonly gttMiB?: 1 | 2;
  readonly onCommand?: ConfigWriteHook;
  readonly onBar0?: ConfigWriteHook;
  readonly onBar2?: ConfigWriteHook;
  readonly onBar4?: ConfigWriteHook;
  readonly onMsiControl?: ConfigWriteHook;
  readonly onAsls?: ConfigWriteHook;
  readonly onSwsci?: ConfigWriteHook;
  /** The function went to D3hot, or back to D0; the BARs have lost their addresses then. */
  readonly onPower?: (d3hot: boolean) => void;
  /** A function-level reset; header and MSI have been reset. */
  readonly onFunctionReset?: () => void;
}

/** Whether a graphics function answers memory accesses at all: it does not in D3hot. */
export function igdInD0(space: ConfigSpace): boolean {
  return (space.peek(IGD_PM + PM_CONTROL, 2) & PM_STATE_MASK) === PM_D0;
}

/** What leaving D3hot and a function-level reset do to configuration: "no soft reset" reads 0. */
function softReset(space: ConfigSpace): void {
  for (const row of space.rows) {
    const msi = row.offset >= IGD_MSI && row.offset < IGD_MSI + MSI_BYTES;
    if (msi || row.offset < HEADER_BYTES) space.poke(row.offset, row.width, row.reset ?? 0);
  }
}

/** The configuration space of 00:02.0. HSW datasheet vol.2 "Processor Graphics, device 2". */
export function igdConfigSpace(o: IgdConfigOptions): ConfigSpace {
  const src = 'HSW datasheet vol.2, device 2; i915 SNB_GMCH_CTRL, INTEL_BSM, ASLS, SWSCI';
  const gmch = (((o.stolenMiB ?? 0) / 32) << 3) | ((o.gttMiB ?? 2) << 8);
  const hook = (onWrite: ConfigWriteHook | undefined): { onWrite?: ConfigWriteHook } =>
    onWrite === undefined ? {} : { onWrite };
  const moved = (d3hot: boolean): void => {
    if (!d3hot) softReset(space);
    o.onPower?.(d3hot);
  };
  const flr = (): void => {
    softReset(space);
    space.poke(IGD_PM + PM_CONTROL, 2, PM_D0);
    o.onFunctionReset?.();
  };
  // biome-ignore format: one register a line
  const rows: ConfigRow[] = [
    ...headerRows({
      vendor: 0x8086, device: o.deviceId, revision: o.revision ?? 6, classCode: o.classCode ?? 0x030000,
      subsystemVendor: 0x8086, subsystem: 0x2010, commandRw: 0x7 | PCI_COMMAND_INTX_DISABLE, capabilities: IGD_MSI, interruptPin: 1,
      ...(o.onCommand === undefined ? {} : { onCommand: o.onCommand }),
    }),
    ...barRows({ index: 0, bytes: GTTMMIO_BYTES, kind: 'mem64', ...hook(o.onBar0) }),
    ...barRows({ index: 2, bytes: o.apertureMiB << 20, kind: 'mem64', prefetchable: true, ...hook(o.onBar2) }),
    ...barRows({ index: 4, bytes: 64, kind: 'io', ...hook(o.onBar4) }),
    { name: 'GMCH_CONTROL', offset: IGD_GMCH_CONTROL, width: 2, reset: gmch, src },
    { name: 'DEVEN',        offset: 0x54, width: 4, reset: 0x1b, src },
    { name: 'BSM',          offset: IGD_BSM, width: 4, reset: (o.stolenBase ?? 0) | 0, src },
    { name: 'MSAC',         offset: 0x62, width: 1, reset: { 128: 0, 256: 2, 512: 6 }[o.apertureMiB] ?? 2, src },
    ...msiRows(IGD_MSI, IGD_PM, o.onMsiControl),
    ...pmRows(IGD_PM, IGD_AF, () => space, moved),
    ...afRows(IGD_AF, 0, flr),
    { name: 'SWSCI',        offset: 0xe8, width: 2, rw: 0xffff, ...hook(o.onSwsci), src },
    { name: 'ASLE',         offset: 0xe4, width: 4, rw: -1, src },
    { name: 'ASLS',         offset: IGD_ASLS, width: 4, rw: -1, ...hook(o.onAsls), src },
  ];
  const space = new ConfigSpace(o.name, rows);
  return space;
}
