import {
  type ConfigRow,
  ConfigSpace,
  capabilityRows,
  headerRows,
  PCI_CAP_ID_VENDOR,
} from '@xengt/hsw-device';
import { QemuVgtError } from './platform.ts';

/** Configuration address of the PCH's ISA (LPC) bridge: device 0x1f, function 0. */
export const ISA_BRIDGE_DEVFN = 0xf8;

/** What a PCH ISA bridge shows: the host's ids, as upstream copies them. */
export interface IsaBridgeIds {
  readonly vendor: number;
  readonly device: number;
  readonly revision: number;
}

/** PIRQ routing bytes A to D and E to H. 8 series PCH datasheet, 12.1.15 and 12.1.17. */
const PIRQ_ROUT = [0x60, 0x61, 0x62, 0x63, 0x68, 0x69, 0x6a, 0x6b] as const;

/**
 * The PCH's LPC bridge, 00:1f.0: what i915's `intel_detect_pch` looks for. It carries identity and
 * the registers firmware and `lpc_ich` touch; its legacy devices are those of the guest's own
 * south bridge, so its decode windows (ACPI, GPIO, RCBA) stay disabled.
 *
 * @throws QemuVgtError when the host's bridge is not Intel's
 */
export function createIsaBridge(ids: IsaBridgeIds): ConfigSpace {
  if (ids.vendor !== 0x8086) {
    throw new QemuVgtError(
      'PCH_NOT_INTEL',
      `the host's ISA bridge has vendor 0x${ids.vendor.toString(16)}; a PCH has 0x8086`,
    );
  }
  const src = '8 series PCH datasheet, 12.1';
  const pirq: ConfigRow[] = PIRQ_ROUT.map((offset, i) => ({
    name: `PIRQ${'ABCDEFGH'[i]}_ROUT`,
    offset,
    width: 1,
    reset: 0x80,
    rw: 0x8f,
    src,
  }));
  // biome-ignore format: one register a line
  return new ConfigSpace('00:1f.0 ISA bridge', [
    // Header type 0: the functions beside it (SMBus, SATA, thermal) are not there.
    ...headerRows({ ...ids, classCode: 0x060100, command: 0x0007, commandRw: 0x0140, status: 0x0200, capabilities: 0xe0 }),
    { name: 'PMBASE',       offset: 0x40, width: 4, reset: 1, src },
    { name: 'ACPI_CNTL',    offset: 0x44, width: 1, src },
    { name: 'GPIOBASE',     offset: 0x48, width: 4, reset: 1, src },
    { name: 'GC',           offset: 0x4c, width: 1, src },
    ...pirq,
    { name: 'SIRQ_CNTL',    offset: 0x64, width: 1, reset: 0x10, rw: 0xcf, src },
    { name: 'LPC_IO_DEC',   offset: 0x80, width: 2, rw: 0x1377, src },
    { name: 'LPC_EN',       offset: 0x82, width: 2, rw: 0x3f0f, src },
    { name: 'GEN1_DEC',     offset: 0x84, width: 4, rw: 0x00fcfffd, src },
    { name: 'GEN2_DEC',     offset: 0x88, width: 4, rw: 0x00fcfffd, src },
    { name: 'GEN3_DEC',     offset: 0x8c, width: 4, rw: 0x00fcfffd, src },
    { name: 'GEN4_DEC',     offset: 0x90, width: 4, rw: 0x00fcfffd, src },
    { name: 'BIOS_SEL1',    offset: 0xd0, width: 4, reset: 0x00112233, src },
    { name: 'BIOS_SEL2',    offset: 0xd4, width: 2, reset: 0x4567, src },
    { name: 'BIOS_DEC_EN1', offset: 0xd8, width: 2, reset: 0xffcf, src },
    { name: 'BIOS_CNTL',    offset: 0xdc, width: 1, reset: 0x20, src },
    ...capabilityRows(0xe0, PCI_CAP_ID_VENDOR, 0),
    { name: 'FDLEN',        offset: 0xe2, width: 1, reset: 0x0c, src },
    { name: 'FDVER',        offset: 0xe3, width: 1, reset: 0x10, src },
    { name: 'RCBA',         offset: 0xf0, width: 4, src },
  ]);
}
