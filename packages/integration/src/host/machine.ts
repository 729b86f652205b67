import type {
  ConfigSpace,
  ConfigStateV1,
  DisplayEngine,
  HaswellModel,
  Monitor,
  TrapTarget,
} from '@xengt/hsw-device';
import { PORTS } from '@xengt/hsw-device';
import {
  ASLS,
  type AssignedGpu,
  answerSwsci,
  buildOpRegion,
  createIsaBridge,
  DISPI_MAX_HEIGHT,
  DISPI_MAX_WIDTH,
  DISPI_PORTS,
  FacedFunction,
  HOST_BRIDGE_DEVFN,
  HostBridge,
  type HostBridgeStateV1,
  ISA_BRIDGE_DEVFN,
  IsaVga,
  type MonitorLimit,
  OPREGION_BYTES,
  PASSTHROUGH_OPREGION,
  PIIX3_AS_OTHER_BRIDGE,
  platformOf,
  SWSCI,
  type VbtPanel,
  VGA_MONO_PORTS,
  VGA_PORTS,
  VGA_WINDOW,
  type VgaStateV1,
  vbtPanelOf,
  vbtPortsOf,
} from '@xengt/qemu-vgt';
import { type Domain, type IgdMode, igdModeOf, type VcpuEngine } from '@xengt/xen-vgt';

/** 00:02.0. */
export const IGD_DEVFN = 0x10;
/** PIIX3's ISA bridge in the machine that v86 is. */
const PIIX3_DEVFN = 0x08;
/** GTT of 2 MiB, no stolen memory: what the GPU's own 0x50 reads too. */
const GGC = 0x0200;
/** ACPI keeps the last 16 MiB of RAM from the kernel; the OpRegion lies there. */
const RESERVED_TOP = 16 << 20;
const OPREGION_OFFSET = 1 << 20;
/** Frames below 4 GiB. */
const LOW_FRAMES_MAX: number = 1 << 20;
const NO_LIMIT: MonitorLimit = { width: DISPI_MAX_WIDTH, height: DISPI_MAX_HEIGHT };
/**
 * Configuration registers that firmware and kernel set before a driver comes, dwords: cache line
 * and latency, BARs, interrupt line; the command register, whose write maps the BARs, comes last.
 */
const SET_BY_FIRMWARE: readonly number[] = [0x0c, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x3c, 0x04];

/** What a machine's bridges and its GPU function hold beside the engine's own state. */
export interface MachineStateV1 {
  readonly version: 1;
  readonly hostBridge: HostBridgeStateV1;
  /** Values of {@link SET_BY_FIRMWARE}, in its order. */
  readonly igd: readonly number[];
  /** The PCH's ISA bridge; not in states of booted guests that were kept before it was. */
  readonly isaBridge?: ConfigStateV1;
  /** The VGA's registers; not in domains that were saved before it was. */
  readonly vga?: VgaStateV1;
}

/** A GPU that is its domain's own, and the bridge of the machine that it is in. */
export interface OwnGpu {
  readonly gpu: AssignedGpu;
  readonly bridge: HostBridge;
}

/**
 * The parts of a guest's PC that upstream's QEMU supplies around the vGPU: host bridge, PCH, the ISA
 * VGA, and the OpRegion in guest memory.
 */
export class GuestMachine {
  readonly hostBridge: HostBridge;
  /** Serves the legacy ports, whoever drives the GPU. */
  readonly vga: IsaVga;
  /** Largest picture that the guest's monitor takes; firmware offers no larger mode. */
  monitorLimit: () => MonitorLimit = () => NO_LIMIT;
  /** Where the OpRegion lies in guest memory. */
  readonly opRegionAt: number;
  /** Writes of the OpRegion's address that were refused: it is there already, or cannot be there. */
  opRegionRefused = 0;
  /** First frame above low memory, as firmware said; -1 before. Upstream: vgt low_mem_max_gpfn. */
  lowMemoryTop = -1;
  /** What firmware found 00:02.0 to be; null before it looked. */
  igdMode: IgdMode | null = null;
  readonly #domain: Domain;
  #opRegion: Uint8Array | null = null;
  /** The GPU is somebody else's for a while: what the guest writes to its function is dropped. */
  gpuAway = false;
  readonly #igd: TrapTarget;
  readonly #own: OwnGpu | null;
  readonly #isaBridge: ConfigSpace;
  #region: DataView;

  /**
   * @param igd configuration space of 00:02.0, of a vGPU or of the whole GPU
   * @param own the GPU is passed through: the guest sees the machine's own bridge and OpRegion
   */
  constructor(
    domain: Domain,
    engine: VcpuEngine,
    model: HaswellModel,
    igd: TrapTarget,
    own: OwnGpu | null = null,
  ) {
    const ids = platformOf(model.deviceId);
    const top = engine.ram.bytes.length;
    this.#igd = igd;
    this.#domain = domain;
    this.#own = own;
    this.hostBridge = new HostBridge({
      device: ids.hostBridge,
      revision: ids.hostRevision,
      ggc: GGC,
      topOfLowMemory: top,
      paging: () => engine.paging,
      ...(own === null ? {} : { machine: own.bridge.haswell }),
    });
    domain.attachPci(HOST_BRIDGE_DEVFN, this.hostBridge);
    this.#isaBridge = createIsaBridge({
      vendor: 0x8086,
      device: ids.pch,
      revision: ids.pchRevision,
    });
    domain.attachPci(ISA_BRIDGE_DEVFN, this.#isaBridge);
    const piix3 = domain.machinePci(PIIX3_DEVFN);
    domain.attachPci(
      PIIX3_DEVFN,
      new FacedFunction(piix3, PIIX3_AS_OTHER_BRIDGE, () => !this.hostBridge.firmware),
    );
    this.vga = new IsaVga({ memory: engine.video, limit: () => this.monitorLimit() });
    domain.mapPorts(VGA_MONO_PORTS.port, VGA_MONO_PORTS.count, this.vga.monoPorts);
    domain.mapPorts(VGA_PORTS.port, VGA_PORTS.count, this.vga.ports);
    domain.mapPorts(DISPI_PORTS.port, DISPI_PORTS.count, this.vga.dispiPorts);
    domain.mapTrap(VGA_WINDOW.gpa, VGA_WINDOW.bytes, 'vga', this.vga.memory);
    const inRam = top - RESERVED_TOP + OPREGION_OFFSET;
    this.opRegionAt = own === null ? inRam : PASSTHROUGH_OPREGION;
    const ram = engine.ram.bytes;
    this.#region = new DataView(ram.buffer, ram.byteOffset + inRam, OPREGION_BYTES);
    domain.attachPci(IGD_DEVFN, {
      name: igd.name,
      read: (offset, size) => igd.read(offset, size),
      write: (offset, size, value) => {
        if (this.gpuAway) return;
        if (own === null && offset + size > ASLS) {
          this.#placeAt(offset, size, value);
          return;
        }
        if (offset === 0 && size === 4) this.#topWritten(value);
        igd.write(offset, size, value);
        if (offset === SWSCI && own === null) answerSwsci(this.#region);
      },
    });
  }

  /**
   * Does firmware's part for the GPU: finds out what it is, tells a vGPU where the guest's memory below
   * 4 GiB ends, puts the OpRegion into guest memory and says where it is. Upstream's does the last for a
   * GPU passed through only; stock drivers ask a vGPU's firmware for a VBT too.
   *
   * @param display what the guest will find: its ports, and the panel that is built in
   * @param registers BAR0 of a vGPU; null when the function is the GPU itself
   */
  placeOpRegion(
    domain: Domain,
    display: Pick<DisplayEngine, 'wiring' | 'monitorOn'>,
    registers: TrapTarget | null = null,
  ): void {
    this.igdMode = registers === null ? 'passthrough' : igdModeOf(registers);
    if (this.#own !== null) {
      this.#igd.write(ASLS, 4, PASSTHROUGH_OPREGION | 0);
      return;
    }
    const ports = vbtPortsOf(PORTS, display.wiring);
    const panel = display.monitorOn('A');
    this.#opRegion = buildOpRegion(ports, panel === null ? null : panelOf(panel));
    this.#igd.write(ASLS, 4, 0);
    this.#placeAt(ASLS, 4, this.opRegionAt);
    this.#topWritten(domain.ramBytes >>> 12);
  }

  /** The first address written has the machine's OpRegion copied there; a later one changes nothing. */
  #placeAt(offset: number, size: number, value: number): void {
    const region = this.#opRegion;
    const whole = offset === ASLS && size === 4 && region !== null;
    const free = this.#igd.read(ASLS, 4) === 0;
    if (!whole || !free || !this.#domain.writeGpa((value & ~0xfff) >>> 0, region)) {
      this.opRegionRefused++;
      return;
    }
    this.#igd.write(ASLS, 4, value);
    const { engine } = this.#domain;
    const at = (value & ~0xfff) >>> 0;
    this.#region = new DataView(
      engine.ram.bytes.buffer,
      engine.ram.bytes.byteOffset + at,
      OPREGION_BYTES,
    );
  }

  /** Firmware says once where low memory ends, by a write to the vendor id. @param frames below 2^20 */
  #topWritten(frames: number): void {
    if (this.lowMemoryTop < 0 && frames >= 0 && frames < LOW_FRAMES_MAX) this.lowMemoryTop = frames;
  }

  exportState(): MachineStateV1 {
    return {
      version: 1,
      hostBridge: this.hostBridge.exportState(),
      igd: SET_BY_FIRMWARE.map((offset) => this.#igd.read(offset, 4)),
      isaBridge: this.#isaBridge.exportState(),
      vga: this.vga.exportState(),
    };
  }

  /** @returns why the state was refused, or null */
  importState(state: MachineStateV1): string | null {
    if (state.version !== 1) return `machine state of version ${state.version}, expected 1`;
    const refused = this.hostBridge.importState(state.hostBridge);
    if (refused !== null) return refused;
    if (state.isaBridge !== undefined) {
      const wrong = this.#isaBridge.importState(state.isaBridge);
      if (wrong !== null) return wrong;
    }
    if (state.vga !== undefined) {
      const wrong = this.vga.importState(state.vga);
      if (wrong !== null) return wrong;
    }
    SET_BY_FIRMWARE.forEach((offset, i) => {
      this.#igd.write(offset, 4, state.igd[i] as number);
    });
    return null;
  }
}

/** A panel's link has two lanes: the other two of DDI A are E's. i915 `intel_ddi_max_lanes`. */
export function panelOf({ edid, name, dp }: Monitor): VbtPanel {
  return vbtPanelOf(edid, name, dp.lanes === 1 ? 1 : 2, dp.rate);
}
