import { deviceName } from '@xengt/xen-vgt';
import type { Host } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';
import { HostError } from '../host/host-error.ts';
import { IGD_DEVFN } from '../host/machine.ts';
import type { AssignableDone } from '../lab/domain-life.ts';
import { LifeError } from '../life/saved-domain.ts';
import type { GuestSource } from './guest-source.ts';

/** The one device of the machine that a domain may be given: the GPU. */
const GPU: string = deviceName(IGD_DEVFN);

/**
 * The machine's devices that may be given to domains, as `xl pci-assignable-add`, `-remove` and `-list`
 * have them. Calls are to be made one at a time.
 */
export class AssignableDevices {
  readonly #host: Host;
  readonly #source: () => GuestSource | null;
  /** Domain-0's driver was unloaded for it. Upstream: the driver's path, kept in xenstore. */
  #unbound = false;

  /** @param source knows how a driver is unloaded and loaded; null while the host has no guests yet */
  constructor(host: Host, source: () => GuestSource | null) {
    this.#host = host;
    this.#source = source;
  }

  /** Those that wait for a domain. */
  list(): readonly string[] {
    return this.#host.passthrough.use === 'assignable' ? [GPU] : [];
  }

  /**
   * Takes a device from Domain-0, whose driver is unloaded if it uses it.
   *
   * @param device in full, as `parseBdf` gives it
   * @throws HostError NO_DEVICE, GPU_BUSY, LifeError WRONG_STATE; it is Domain-0's then, as it was
   */
  async add(device: string): Promise<AssignableDone> {
    known(device);
    const { passthrough, vgt } = this.#host;
    if (passthrough.use !== 'mediated') {
      const owner = passthrough.owner?.name;
      const whose = owner === undefined ? '' : `: ${owner} has it`;
      return { device, warning: `${device} is assignable already${whose}` };
    }
    const dom0 = vgt?.lifecycle.lending.driverInTheWay === true ? this.#dom0 : null;
    if (dom0 !== null) {
      await this.#guests.unloadDriver(dom0).catch((error: Error) => {
        throw new HostError('GPU_BUSY', `Domain-0's driver keeps the GPU: ${error.message}`);
      });
      this.#unbound = true;
    }
    try {
      passthrough.makeAssignable();
    } catch (error) {
      if (dom0 !== null) await this.#rebind(dom0).catch(() => {});
      throw error;
    }
    return { device, warning: null };
  }

  /**
   * Gives a device back to Domain-0.
   *
   * @param rebind Domain-0's driver comes again, if it was unloaded for this
   * @throws HostError NO_DEVICE, or GPU_BUSY while a domain has it; NO_DRIVER when the driver does not
   * come up: then it is Domain-0's all the same
   */
  async remove(device: string, rebind: boolean): Promise<AssignableDone> {
    known(device);
    const { passthrough } = this.#host;
    const warnings: string[] = [];
    if (passthrough.use === 'mediated') warnings.push(`${device} is not assignable`);
    else passthrough.giveBack();
    const dom0 = this.#dom0;
    if (rebind && (dom0 === null || !this.#unbound)) {
      warnings.push("Domain-0's driver was not unloaded for it: it is not loaded");
    } else if (rebind && dom0 !== null) {
      await this.#rebind(dom0).catch((error: Error) => {
        const text = `${device} is Domain-0's again, but its driver did not come up: ${error.message}`;
        throw new HostError('NO_DRIVER', text);
      });
    }
    return { device, warning: warnings.length === 0 ? null : warnings.join('; ') };
  }

  async #rebind(dom0: HostDomain): Promise<void> {
    await this.#guests.loadDriver(dom0);
    this.#unbound = false;
  }

  get #dom0(): HostDomain | null {
    return this.#host.domains.get(0) ?? null;
  }

  get #guests(): GuestSource {
    const source = this.#source();
    if (source !== null) return source;
    throw new LifeError(
      'WRONG_STATE',
      "the host is still starting: Domain-0's driver is not there yet",
    );
  }
}

function known(device: string): void {
  if (device === GPU) return;
  throw new HostError(
    'NO_DEVICE',
    `no device at ${device} can be given to a domain; allowed: ${GPU}`,
  );
}
