import {
  type AccessSize,
  barBase,
  type ConfigSpace,
  GTTMMIO_BYTES,
  type HaswellDevice,
  IGD_MSI,
  igdConfigSpace,
  igdInD0,
  MSI_ENABLE,
  PCI_COMMAND,
  PCI_COMMAND_INTX_DISABLE,
  PCI_COMMAND_MEMORY,
  type TrapTarget,
} from '@xengt/hsw-device';
import type { OpRegionRegister } from './opregion-register.ts';

/** What an assigned GPU asks of the hypervisor, for the one domain that has it. */
export interface AssignedPort {
  mapTrap(gpa: number, bytes: number, kind: 'gttmmio' | 'aperture', target: TrapTarget): boolean;
  unmapTrap(gpa: number, bytes: number): void;
  /** Level of INTA#. */
  setIntx(level: boolean): void;
  /** The driver set a message up, or takes it back. */
  bindMsi(address: number, data: number): void;
  unbindMsi(): void;
  /** The device sends its message. */
  message(): void;
}

export interface AssignedGpuOptions {
  readonly device: HaswellDevice;
  readonly port: AssignedPort;
  /** Stolen memory that the machine's firmware set aside; default none. */
  readonly stolenBase?: number;
  readonly stolenMiB?: number;
  /** Default: none; 0xfc is then a register like any other. */
  readonly opRegion?: OpRegionRegister;
}

const NOWHERE = 0;

/**
 * The whole GPU given to one domain: its BARs answer where the domain has them, and its configuration
 * space is the machine's, with MSI kept apart, since the message that hardware sends is the
 * hypervisor's. What mediation is compared with.
 */
export class AssignedGpu implements TrapTarget {
  readonly name = 'igd';
  readonly config: ConfigSpace;
  readonly device: HaswellDevice;
  readonly opRegion: OpRegionRegister | null;
  readonly #port: AssignedPort;
  #mmioAt = NOWHERE;
  #apertureAt = NOWHERE;
  #line = false;
  #intx = false;

  constructor(o: AssignedGpuOptions) {
    const { device } = o;
    this.device = device;
    this.opRegion = o.opRegion ?? null;
    this.#port = o.port;
    const moved = (): void => this.#map();
    const commanded = (): void => {
      this.#map();
      this.#level();
    };
    this.config = igdConfigSpace({
      name: 'igd',
      deviceId: device.model.deviceId,
      apertureMiB: device.apertureBytes >> 20,
      stolenBase: o.stolenBase ?? 0,
      stolenMiB: o.stolenMiB ?? 0,
      onCommand: commanded,
      onBar0: moved,
      onBar2: moved,
      onMsiControl: () => this.#messageSet(),
      onSwsci: () => this.opRegion?.answer(),
      onPower: (d3hot) => {
        if (!d3hot) device.reset('d3');
        commanded();
        this.#messageSet();
      },
      onFunctionReset: () => {
        device.reset('function');
        commanded();
        this.#messageSet();
      },
    });
    device.irq.onLine = (asserted): void => this.#interrupt(asserted);
  }

  /** BAR0, as firmware reads it before it is anywhere. */
  get bar0(): TrapTarget {
    return this.device.mmio;
  }

  read(offset: number, size: AccessSize): number {
    const { opRegion } = this;
    if (opRegion?.covers(offset, size) === true) return opRegion.read(offset, size);
    return this.config.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    const { opRegion } = this;
    if (opRegion?.covers(offset, size) === true) {
      opRegion.write(offset, size, value);
      return;
    }
    this.config.write(offset, size, value);
    if (offset > IGD_MSI + 2 && offset < IGD_MSI + 10) this.#messageSet();
  }

  get #messages(): boolean {
    return (this.config.peek(IGD_MSI + 2, 2) & MSI_ENABLE) !== 0;
  }

  #messageSet(): void {
    const { config } = this;
    if (!this.#messages) this.#port.unbindMsi();
    else this.#port.bindMsi(config.peek(IGD_MSI + 4, 4) >>> 0, config.peek(IGD_MSI + 8, 2));
    this.#level();
  }

  /** Maps the BARs where the configuration space says, or nowhere while decoding is off. */
  #map(): void {
    const { config, device } = this;
    const on = (config.peek(PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) !== 0 && igdInD0(config);
    const mmio = on ? barBase(config, 0) : NOWHERE;
    const aperture = on ? barBase(config, 2) : NOWHERE;
    const port = this.#port;
    if (mmio !== this.#mmioAt) {
      if (this.#mmioAt !== NOWHERE) port.unmapTrap(this.#mmioAt, GTTMMIO_BYTES);
      if (mmio !== NOWHERE) port.mapTrap(mmio, GTTMMIO_BYTES, 'gttmmio', device.mmio);
      this.#mmioAt = mmio;
    }
    if (aperture === this.#apertureAt) return;
    const bytes = device.apertureBytes;
    if (this.#apertureAt !== NOWHERE) port.unmapTrap(this.#apertureAt, bytes);
    if (aperture !== NOWHERE) port.mapTrap(aperture, bytes, 'aperture', device.aperture);
    this.#apertureAt = aperture;
  }

  #interrupt(asserted: boolean): void {
    this.#line = asserted;
    if (asserted && this.#messages) this.#port.message();
    this.#level();
  }

  #level(): void {
    const disabled = (this.config.peek(PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE) !== 0;
    const level = this.#line && !disabled && !this.#messages;
    if (level === this.#intx) return;
    this.#intx = level;
    this.#port.setIntx(level);
  }

  /** The domain loses it: nothing of it answers there, and the device calls nobody. */
  release(): void {
    this.device.irq.onLine = (): void => {};
    this.config.poke(PCI_COMMAND, 2, 0);
    this.#map();
    this.#line = false;
    this.#level();
    this.#port.unbindMsi();
  }
}
