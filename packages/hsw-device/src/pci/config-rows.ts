import type { ConfigRow, ConfigSpace, ConfigWriteHook } from './config-space.ts';

/** PCI command register bits. PCI Local Bus 3.0, 6.2.2; `pci_regs.h` PCI_COMMAND_*. */
export const PCI_COMMAND_IO = 0x1,
  PCI_COMMAND_MEMORY = 0x2,
  PCI_COMMAND_MASTER = 0x4,
  PCI_COMMAND_INTX_DISABLE = 0x400;

/** Status register: a capability list is present. PCI Local Bus 3.0, 6.2.3. */
export const PCI_STATUS_CAP_LIST = 0x10;

/** Offsets of the type 0 header. PCI Local Bus 3.0, 6.1. */
export const PCI_VENDOR_ID = 0x00,
  PCI_DEVICE_ID = 0x02,
  PCI_COMMAND = 0x04,
  PCI_STATUS = 0x06,
  PCI_REVISION_ID = 0x08,
  PCI_CLASS_PROG = 0x09,
  PCI_CLASS_DEVICE = 0x0a,
  PCI_HEADER_TYPE = 0x0e,
  PCI_BASE_ADDRESS_0 = 0x10,
  PCI_CAPABILITY_LIST = 0x34,
  PCI_INTERRUPT_LINE = 0x3c,
  PCI_INTERRUPT_PIN = 0x3d;

/** What identifies a function, and what of its header a driver may change. */
export interface HeaderOptions {
  readonly vendor: number;
  readonly device: number;
  readonly revision: number;
  /** Class, subclass and programming interface, 24 bits, e.g. 0x060100. */
  readonly classCode: number;
  readonly subsystemVendor?: number;
  readonly subsystem?: number;
  /** Command register after reset and the bits of it that can be written. */
  readonly command?: number;
  readonly commandRw?: number;
  readonly onCommand?: ConfigWriteHook;
  /** Status register after reset. The error bits 15:11 and 8 are write-1-to-clear. */
  readonly status?: number;
  /** Header type byte; bit 7 is "multi-function". */
  readonly headerType?: number;
  /** First capability's offset; 0 is "no list". */
  readonly capabilities?: number;
  /** 1 is INTA#; 0 is "no interrupt". */
  readonly interruptPin?: number;
}

/** Rows of the type 0 header without its BARs. PCI Local Bus 3.0, 6.1. */
export function headerRows(o: HeaderOptions): ConfigRow[] {
  const src = 'PCI Local Bus 3.0, 6.1';
  const caps = o.capabilities ?? 0;
  const status = (o.status ?? 0) | (caps === 0 ? 0 : PCI_STATUS_CAP_LIST);
  const command: ConfigRow = {
    name: 'COMMAND',
    offset: PCI_COMMAND,
    width: 2,
    reset: o.command ?? 0,
    rw: o.commandRw ?? 0,
    src,
  };
  // biome-ignore format: one register a line
  return [
    { name: 'VENDOR_ID',           offset: 0x00, width: 2, reset: o.vendor, src },
    { name: 'DEVICE_ID',           offset: 0x02, width: 2, reset: o.device, src },
    o.onCommand === undefined ? command : { ...command, onWrite: o.onCommand },
    { name: 'STATUS',              offset: 0x06, width: 2, reset: status, w1c: 0xf900, src },
    { name: 'REVISION_ID',         offset: 0x08, width: 1, reset: o.revision, src },
    { name: 'CLASS_PROG',          offset: 0x09, width: 1, reset: o.classCode & 0xff, src },
    { name: 'CLASS_DEVICE',        offset: 0x0a, width: 2, reset: o.classCode >>> 8, src },
    { name: 'CACHE_LINE_SIZE',     offset: 0x0c, width: 1, rw: 0xff, src },
    { name: 'LATENCY_TIMER',       offset: 0x0d, width: 1, src },
    { name: 'HEADER_TYPE',         offset: 0x0e, width: 1, reset: o.headerType ?? 0, src },
    { name: 'SUBSYSTEM_VENDOR_ID', offset: 0x2c, width: 2, reset: o.subsystemVendor ?? 0, src },
    { name: 'SUBSYSTEM_ID',        offset: 0x2e, width: 2, reset: o.subsystem ?? 0, src },
    { name: 'CAPABILITY_LIST',     offset: 0x34, width: 1, reset: caps, src },
    { name: 'INTERRUPT_LINE',      offset: 0x3c, width: 1, rw: 0xff, src },
    { name: 'INTERRUPT_PIN',       offset: 0x3d, width: 1, reset: o.interruptPin ?? 0, src },
  ];
}

/** One base address register. */
export interface BarOptions {
  /** Which of the six dwords from 0x10; a 64-bit BAR takes two. */
  readonly index: number;
  /** Size, bytes: a power of two, at least 4 (I/O) or 16 (memory), at most 2 GiB. */
  readonly bytes: number;
  readonly kind: 'io' | 'mem32' | 'mem64';
  readonly prefetchable?: boolean;
  /** Address after reset. */
  readonly address?: number;
  /** Runs after a write to either dword, with that dword's new and old value. */
  readonly onWrite?: ConfigWriteHook;
}

/**
 * Rows of one BAR. Writing all ones reads back the size mask because the address bits below the
 * size cannot be written; the upper half of a 64-bit BAR is all address bits, which firmware checks
 * when it sizes the BAR. PCI Local Bus 3.0, 6.2.5.1.
 */
export function barRows(o: BarOptions): ConfigRow[] {
  const src = 'PCI Local Bus 3.0, 6.2.5.1';
  const type = o.kind === 'io' ? 1 : (o.kind === 'mem64' ? 4 : 0) | (o.prefetchable ? 8 : 0);
  const mask = ~(o.bytes - 1) | 0;
  const low: ConfigRow = {
    name: `BAR${o.index}`,
    offset: PCI_BASE_ADDRESS_0 + o.index * 4,
    width: 4,
    reset: ((o.address ?? 0) & mask) | type,
    // All 32 bits of an I/O BAR too: SeaBIOS takes bits that cannot be written for size bits.
    rw: mask,
    src,
  };
  const rows = [o.onWrite === undefined ? low : { ...low, onWrite: o.onWrite }];
  if (o.kind === 'mem64') {
    const high = {
      name: `BAR${o.index}_HIGH`,
      offset: low.offset + 4,
      width: 4 as const,
      rw: -1,
      src,
    };
    rows.push(o.onWrite === undefined ? high : { ...high, onWrite: o.onWrite });
  }
  return rows;
}

/** Address a BAR's stored value points at: type bits removed, unsigned. */
export function barAddress(value: number): number {
  return (value & 1 ? value & 0xfffc : value & ~0xf) >>> 0;
}

/**
 * Where a memory BAR of a function decodes: 0 while it is unset or above 4 GiB, where nothing in
 * these machines reaches. @param index which of the six dwords from 0x10
 */
export function barBase(space: ConfigSpace, index: number): number {
  const offset = PCI_BASE_ADDRESS_0 + index * 4;
  const low = space.peek(offset, 4);
  if ((low & 6) === 4 && space.peek(offset + 4, 4) !== 0) return 0;
  return barAddress(low);
}

/** The two bytes that begin a capability: its id and the offset of the next (0 ends the list). */
export function capabilityRows(offset: number, id: number, next: number): ConfigRow[] {
  const src = 'PCI Local Bus 3.0, 6.7';
  return [
    { name: 'CAP_ID', offset, width: 1, reset: id, src },
    { name: 'CAP_NEXT', offset: offset + 1, width: 1, reset: next, src },
  ];
}

/** Capability ids. `pci_regs.h` PCI_CAP_ID_*. */
export const PCI_CAP_ID_PM = 0x01,
  PCI_CAP_ID_MSI = 0x05,
  PCI_CAP_ID_VENDOR = 0x09,
  PCI_CAP_ID_AF = 0x13;

/** MSI message control: enable. */
export const MSI_ENABLE = 1;

/**
 * A 32-bit, single-vector MSI capability: 10 bytes at `offset`. `onControl` runs when the enable
 * bit may have changed. PCI Local Bus 3.0, 6.8.1.
 */
export function msiRows(offset: number, next: number, onControl?: ConfigWriteHook): ConfigRow[] {
  const src = 'PCI Local Bus 3.0, 6.8.1';
  const control: ConfigRow = {
    name: 'MSI_CONTROL',
    offset: offset + 2,
    width: 2,
    rw: MSI_ENABLE | 0x70,
    src,
  };
  return [
    ...capabilityRows(offset, PCI_CAP_ID_MSI, next),
    onControl === undefined ? control : { ...control, onWrite: onControl },
    { name: 'MSI_ADDRESS', offset: offset + 4, width: 4, rw: ~3, src },
    { name: 'MSI_DATA', offset: offset + 8, width: 2, rw: 0xffff, src },
  ];
}
