import {
  barBase,
  type ConfigSpace,
  GTTMMIO_BYTES,
  type HaswellDevice,
  IGD_MSI,
  igdConfigSpace,
  igdInD0,
  MSI_ENABLE,
  PCI_COMMAND,
  PCI_COMMAND_MEMORY,
} from '@xengt/hsw-device';
import type { Domain } from '@xengt/xen-vgt';
import { IGD_DEVFN } from './machine.ts';

const INTA = 1;

/**
 * The whole GPU given to one domain, with nothing between: what mediation is compared with. Guest
 * and machine addresses must be equal there, as Domain-0's are.
 */
export class DirectGpu {
  readonly config: ConfigSpace;
  readonly #domain: Domain;
  readonly #device: HaswellDevice;
  #mmioAt = 0;
  #apertureAt = 0;

  constructor(domain: Domain, device: HaswellDevice) {
    this.#domain = domain;
    this.#device = device;
    const moved = (): void => this.#map();
    this.config = igdConfigSpace({
      name: 'igd',
      deviceId: device.model.deviceId,
      apertureMiB: device.apertureBytes >> 20,
      onCommand: moved,
      onBar0: moved,
      onBar2: moved,
      onPower: (d3hot) => {
        if (!d3hot) device.reset('d3');
        moved();
      },
      onFunctionReset: () => {
        device.reset('function');
        moved();
      },
    });
    device.irq.onLine = (asserted): void => this.#interrupt(asserted);
  }

  /** Maps the BARs where the configuration space says, or nowhere while decoding is off. */
  #map(): void {
    const { config } = this;
    const on = (config.peek(PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) !== 0 && igdInD0(config);
    const mmio = on ? barBase(config, 0) : 0;
    const aperture = on ? barBase(config, 2) : 0;
    const { apertureBytes } = this.#device;
    if (mmio !== this.#mmioAt) {
      if (this.#mmioAt !== 0) this.#domain.unmapTrap(this.#mmioAt, GTTMMIO_BYTES);
      if (mmio !== 0) this.#domain.mapTrap(mmio, GTTMMIO_BYTES, 'gttmmio', this.#device.mmio);
      this.#mmioAt = mmio;
    }
    if (aperture !== this.#apertureAt) {
      if (this.#apertureAt !== 0) this.#domain.unmapTrap(this.#apertureAt, apertureBytes);
      if (aperture !== 0) {
        this.#domain.mapTrap(aperture, apertureBytes, 'aperture', this.#device.aperture);
      }
      this.#apertureAt = aperture;
    }
  }

  #interrupt(asserted: boolean): void {
    const { config } = this;
    if ((config.peek(IGD_MSI + 2, 2) & MSI_ENABLE) === 0) {
      this.#domain.setIntx(IGD_DEVFN, INTA, asserted);
    } else if (asserted) {
      this.#domain.injectMsi(config.peek(IGD_MSI + 4, 4), config.peek(IGD_MSI + 8, 2));
    }
  }
}
