import type { TrapTarget } from '@xengt/hsw-device';
import type { Hypervisor } from '../hypervisor.ts';
import type { TrapKind } from '../trap/counting.ts';

/** INTA#. */
const PIN_A = 1;

/**
 * The hypervisor as a mediator asks for it: by domid, for one function. Calls for a domain that is
 * not there do nothing; upstream's hypercalls fail the same way. It is the mediator's port by shape.
 */
export class MediatorPort {
  readonly #hypervisor: Hypervisor;
  readonly #devfn: number;

  /** @param devfn slot of the function whose interrupts are injected, device << 3 | function */
  constructor(hypervisor: Hypervisor, devfn: number) {
    this.#hypervisor = hypervisor;
    this.#devfn = devfn;
  }

  gfnToMfn(domid: number, gfn: number): number {
    return this.#hypervisor.domain(domid)?.gfnToMfn(gfn) ?? -1;
  }

  injectMsi(domid: number, address: number, data: number): void {
    this.#hypervisor.domain(domid)?.injectMsi(address, data);
  }

  setIntx(domid: number, level: boolean): void {
    this.#hypervisor.domain(domid)?.setIntx(this.#devfn, PIN_A, level);
  }

  /** @param kind what accesses count as; a whole BAR0 by default */
  mapTrap(
    domid: number,
    gpa: number,
    bytes: number,
    target: TrapTarget,
    kind: TrapKind = 'gttmmio',
  ): void {
    const domain = this.#hypervisor.domain(domid);
    domain?.enableVgt(this.#devfn);
    domain?.mapTrap(gpa, bytes, kind, target);
  }

  unmapTrap(domid: number, gpa: number, bytes: number): void {
    this.#hypervisor.domain(domid)?.unmapTrap(gpa, bytes);
  }

  pause(domid: number): void {
    this.#hypervisor.domain(domid)?.pause();
  }

  crash(domid: number, reason: string): void {
    this.#hypervisor.domain(domid)?.crash(reason);
  }
}
