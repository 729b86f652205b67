import {
  type AccessSize,
  type ConfigRow,
  ConfigSpace,
  type ConfigStateV1,
  capabilityRows,
  headerRows,
  PCI_CAP_ID_VENDOR,
  type TrapTarget,
} from '@xengt/hsw-device';
import { HostBridgeView } from '../passthrough/host-bridge-view.ts';

/** Configuration address of the host bridge: device 0, function 0. */
export const HOST_BRIDGE_DEVFN = 0x00;

/** 440FX: the first of seven Programmable Attribute Map bytes. 82441FX datasheet 3.2.18. */
export const I440FX_PAM0 = 0x59;
/** PAM byte, high half: reads and writes go to DRAM (firmware is being copied). */
const PAM_HIGH_READ_WRITE = 0x30;
/** PAM byte, high half: only reads go to DRAM (the firmware locked itself). */
const PAM_HIGH_READ_ONLY = 0x10;

/** PAVPC: its registers are as they are until reset. */
const PAVP_LOCK = 4;

/** Haswell host bridge registers. 4th gen. Core datasheet vol.2, "Device 0 configuration". */
export const MCHBAR = 0x48,
  GGC = 0x50,
  DEVEN = 0x54,
  PAVPC = 0x58,
  HSW_PAM0 = 0x80,
  BDSM = 0xb0,
  BGSM = 0xb4,
  TSEGMB = 0xb8,
  TOLUD = 0xbc;

export interface HostBridgeOptions {
  /** Device id, e.g. 0x0c00. */
  readonly device: number;
  readonly revision: number;
  /** Graphics control word, as the GPU's own 0x50 reads: stolen size and GTT size. */
  readonly ggc: number;
  /** First byte above the RAM below 4 GiB; a multiple of 1 MiB. */
  readonly topOfLowMemory: number;
  /** Base of graphics stolen memory and of the GTT's memory, bytes. 0 when there is none. */
  readonly stolenBase?: number;
  readonly gttBase?: number;
  /** Bytes of RAM of the whole machine. Default: `topOfLowMemory`. */
  readonly totalMemory?: number;
  /**
   * Whether the processor runs with paging on, asked at each access while firmware may be running.
   * SeaBIOS never pages; every kernel does. Omitted: only the firmware's own lock counts.
   */
  readonly paging?: () => boolean;
  /** The machine's own bridge, of a guest that has the GPU itself. */
  readonly machine?: TrapTarget;
}

/** {@link HostBridge} at some moment. */
export interface HostBridgeStateV1 {
  readonly version: 1;
  readonly firmware: boolean;
  readonly legacy: ConfigStateV1;
  readonly haswell: ConfigStateV1;
}

function hex(name: string, offset: number, rest: Partial<ConfigRow> = {}): ConfigRow {
  return { name, offset, width: 4, src: '4th gen. Core datasheet vol.2, device 0', ...rest };
}

function haswellRows(
  o: HostBridgeOptions,
  pavpc: (value: number, old: number) => void,
): ConfigRow[] {
  const total = o.totalMemory ?? o.topOfLowMemory;
  const src = '4th gen. Core datasheet vol.2, device 0';
  const pam: ConfigRow[] = [];
  for (let i = 0; i < 7; i++) {
    // Locked as firmware leaves them: reads and writes to DRAM.
    pam.push({ name: `PAM${i}`, offset: HSW_PAM0 + i, width: 1, reset: 0x33, rw: 0x33, src });
  }
  // biome-ignore format: one register a line
  return [
    ...headerRows({ vendor: 0x8086, device: o.device, revision: o.revision, classCode: 0x060000, command: 6, commandRw: 0x0140, status: 0x0080, capabilities: 0xe0 }),
    hex('PXPEPBAR', 0x40, { reset: 0xfed19001 }), hex('PXPEPBAR_HIGH', 0x44),
    // i915 intel_setup_mchbar: bit 0 set means that there is nothing to do.
    hex('MCHBAR', MCHBAR, { reset: 0xfed10001 }), hex('MCHBAR_HIGH', MCHBAR + 4),
    { name: 'GGC', offset: GGC, width: 2, reset: o.ggc, src },
    // Bits 4 and 0: graphics and the host bridge itself are enabled.
    hex('DEVEN', DEVEN, { reset: 0x00000011 }),
    // Memory of protected content; bit 2 locks it until the machine is reset.
    hex('PAVPC', PAVPC, { rw: 0xfff0005f | 0, onWrite: pavpc }),
    hex('DMIBAR', 0x68, { reset: 0xfed18001 }), hex('DMIBAR_HIGH', 0x6c),
    ...pam,
    { name: 'LAC', offset: 0x87, width: 1, src },
    { name: 'SMRAM', offset: 0x88, width: 1, reset: 0x1a, src },
    hex('TOM', 0xa0, { reset: total | 0 }), hex('TOM_HIGH', 0xa4, { reset: Math.floor(total / 2 ** 32) }),
    hex('TOUUD', 0xa8, { reset: total | 0 }), hex('TOUUD_HIGH', 0xac, { reset: Math.floor(total / 2 ** 32) }),
    hex('BDSM', BDSM, { reset: (o.stolenBase ?? 0) | 0 }),
    hex('BGSM', BGSM, { reset: (o.gttBase ?? 0) | 0 }),
    hex('TSEGMB', TSEGMB, { reset: (o.gttBase ?? o.topOfLowMemory) | 0 }),
    hex('TOLUD', TOLUD, { reset: o.topOfLowMemory | 0 }),
    ...capabilityRows(0xe0, PCI_CAP_ID_VENDOR, 0),
    // Capability length 0Ch, version 1; CAPID0_A and CAPID0_B with nothing fused off.
    { name: 'CAPID0_LENGTH', offset: 0xe2, width: 2, reset: 0x010c, src },
    hex('CAPID0_A', 0xe4), hex('CAPID0_B', 0xe8),
  ];
}

function legacyRows(onPam0: (value: number, old: number) => void): ConfigRow[] {
  const src = '82441FX datasheet, 3.2';
  const rows: ConfigRow[] = [
    // Subsystem ids stay 0: QEMU's would make SeaBIOS drive QEMU's own firmware interfaces.
    ...headerRows({
      vendor: 0x8086,
      device: 0x1237,
      revision: 2,
      classCode: 0x060000,
      command: 0x0006,
      commandRw: 0x0140,
    }),
    { name: 'PMCCFG', offset: 0x50, width: 2, rw: 0xffff, src },
    // The engine loads firmware into DRAM, so reads of its segment already go there. With 0 here
    // SeaBIOS would run its copy of itself from the flash address, which v86 does not execute.
    {
      name: 'PAM0',
      offset: I440FX_PAM0,
      width: 1,
      reset: PAM_HIGH_READ_ONLY,
      rw: 0x30,
      onWrite: onPam0,
      src,
    },
    { name: 'SMRAM', offset: 0x72, width: 1, reset: 0x02, rw: 0x7f, src },
  ];
  for (let i = 1; i < 7; i++) {
    rows.push({ name: `PAM${i}`, offset: I440FX_PAM0 + i, width: 1, rw: 0x33, src });
  }
  return rows;
}

/**
 * The host bridge of a guest, 00:00.0. It has two faces: SeaBIOS knows how to set up a 440FX, so
 * firmware sees 8086:1237 with its PAM registers; whatever runs afterwards sees the Haswell host
 * bridge that belongs beside the GPU. The faces change once, when firmware write-protects its own
 * segment or the processor is found paging, and change back at reset.
 */
export class HostBridge implements TrapTarget {
  readonly name = '00:00.0 host bridge';
  /** Firmware's face: 82441FX. */
  readonly legacy: ConfigSpace;
  /** The operating system's face. */
  readonly haswell: ConfigSpace;
  #firmware = true;
  /** {@link haswell}, with the machine's own registers where the guest is to see those. */
  readonly #shown: TrapTarget;
  readonly #paging: () => boolean;

  constructor(options: HostBridgeOptions) {
    this.legacy = new ConfigSpace(
      '82441FX',
      legacyRows((value, old) => {
        if (
          (old & PAM_HIGH_READ_WRITE) === PAM_HIGH_READ_WRITE &&
          (value & PAM_HIGH_READ_WRITE) === PAM_HIGH_READ_ONLY
        ) {
          this.#firmware = false;
        }
      }),
    );
    const locked = (_: number, old: number): void => {
      if ((old & PAVP_LOCK) !== 0) this.haswell.poke(PAVPC, 4, old);
    };
    this.haswell = new ConfigSpace('Haswell host bridge', haswellRows(options, locked));
    const { machine } = options;
    this.#shown = machine === undefined ? this.haswell : new HostBridgeView(this.haswell, machine);
    this.#paging = options.paging ?? (() => false);
  }

  /** Whether firmware's face is the one shown. */
  get firmware(): boolean {
    return this.#firmware;
  }

  /** Shows the operating system's face from now on. For a host that starts a kernel itself. */
  endFirmware(): void {
    this.#firmware = false;
  }

  read(offset: number, size: AccessSize): number {
    return this.#face().read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#face().write(offset, size, value);
  }

  #face(): TrapTarget {
    if (this.#firmware && this.#paging()) this.#firmware = false;
    return this.#firmware ? this.legacy : this.#shown;
  }

  reset(): void {
    this.#firmware = true;
    this.legacy.reset();
    this.haswell.reset();
  }

  exportState(): HostBridgeStateV1 {
    return {
      version: 1,
      firmware: this.#firmware,
      legacy: this.legacy.exportState(),
      haswell: this.haswell.exportState(),
    };
  }

  /** @returns why the state was refused, or null */
  importState(state: HostBridgeStateV1): string | null {
    if (state.version !== 1) return `host bridge: state version ${state.version}, expected 1`;
    const refused =
      this.legacy.importState(state.legacy) ?? this.haswell.importState(state.haswell);
    if (refused === null) this.#firmware = state.firmware;
    return refused;
  }
}
