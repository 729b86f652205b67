import { IGD_MSI } from '@xengt/hsw-device';
import { ScriptedEngine } from '@xengt/xen-vgt';
import type { DomainPlan } from '../../host/domain-plan.ts';
import type { HostDomain } from '../../host/host-domain.ts';
import { IGD_DEVFN } from '../../host/machine.ts';
import type { GuestSource, PreparedGuest } from '../guest-source.ts';

/** Message control of the GPU's MSI capability: it is enabled while a driver uses the GPU. */
const MSI_CONTROL: number = IGD_MSI + 2;

/** Guests without a processor, made from real domain files. */
export class ScriptedSource implements GuestSource {
  /** Plans in the order they were carried out. */
  readonly plans: DomainPlan[] = [];
  readonly engines: ScriptedEngine[] = [];
  /** Set by a test: what goes wrong, and where. */
  fails: 'prepare' | 'start' | null = null;
  warning: string | null = null;

  /** What guests' drivers were asked, and what they answer instead of doing it. */
  readonly driver: string[] = [];
  driverRefuses: string | null = null;

  unloadDriver(domain: HostDomain): Promise<void> {
    return this.#ask(domain, 'unload', 0);
  }

  loadDriver(domain: HostDomain): Promise<void> {
    return this.#ask(domain, 'load', 1);
  }

  async #ask({ name, domain }: HostDomain, what: string, msi: 0 | 1): Promise<void> {
    this.driver.push(`${what} ${name}`);
    if (this.driverRefuses !== null) throw new Error(this.driverRefuses);
    (domain.engine as ScriptedEngine).configWrite(IGD_DEVFN, MSI_CONTROL, 2, msi);
  }

  async prepare(plan: DomainPlan): Promise<PreparedGuest> {
    if (this.fails === 'prepare') throw new Error('the guest image needs memory = 128 or more');
    this.plans.push(plan);
    const engine = new ScriptedEngine(plan.memoryMiB);
    this.engines.push(engine);
    return {
      files: { engine, emulator: 'scripted 1', image: 'none' },
      boot: 'state',
      start: (domain: HostDomain) => {
        if (this.fails === 'start') throw new Error('its state does not fit');
        domain.boot();
      },
      settle: async () => this.warning,
    };
  }
}
