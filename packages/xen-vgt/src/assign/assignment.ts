import type { Domain } from '../domain/domain.ts';
import type { DmaFault } from './dma-fault.ts';
import type { VtdDriver } from './vtd-driver.ts';

/** Lines about faults of one assignment; the others are counted only. */
const LINES_MAX = 10;
const LAST_LINE = '; further faults are counted only';

/** What an assignment counts. */
export interface AssignmentCounters {
  /** Faults that were recorded and read. */
  faults: number;
  /** Interrupts sent to the domain, and those that nothing was bound to or that were refused. */
  interrupts: number;
  lost: number;
  /** Frames that were to be mapped and could not be. */
  unmapped: number;
}

/** One device given to one domain. */
export class Assignment {
  readonly domain: Domain;
  /** bus << 8 | device << 3 | function. */
  readonly sid: number;
  readonly counters: AssignmentCounters = { faults: 0, interrupts: 0, lost: 0, unmapped: 0 };
  /** The latest fault. */
  lastFault: DmaFault | null = null;
  readonly #driver: VtdDriver;
  #gone = false;
  #address = 0;
  #data = 0;
  #bound = false;

  /** @param driver what {@link VtdDriver.assign} is called on */
  constructor(driver: VtdDriver, domain: Domain, sid: number) {
    this.#driver = driver;
    this.domain = domain;
    this.sid = sid;
  }

  /** The domain's driver set its message up. Upstream: a physical interrupt is bound to a vector. */
  bindMsi(address: number, data: number): void {
    this.#address = address;
    this.#data = data;
    this.#bound = true;
  }

  unbindMsi(): void {
    this.#bound = false;
  }

  /**
   * The device sends its message: through the table of interrupts to the hypervisor, and from there to
   * the domain.
   */
  message(): void {
    if (this.#gone || !this.#driver.deliver(this) || !this.#bound) this.counters.lost++;
    else {
      this.counters.interrupts++;
      this.domain.injectMsi(this.#address, this.#data);
    }
  }

  /** @returns the line to be written about it; null when there were enough */
  faulted(fault: DmaFault): string | null {
    this.lastFault = fault;
    this.counters.faults++;
    const left = LINES_MAX - this.counters.faults;
    return left < 0 ? null : left > 0 ? fault.text : fault.text + LAST_LINE;
  }

  /** The device is nobody's: what it asks for faults from now on. */
  release(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#driver.release(this);
  }
}
