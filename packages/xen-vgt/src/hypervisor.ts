import type { MachineMemory } from '@xengt/hsw-device';
import { Domain } from './domain/domain.ts';
import type { Dom0Access } from './domain/surroundings.ts';
import { MessageRing } from './message-ring.ts';
import type { VcpuEngine } from './port/engine.ts';
import { EventChannels } from './request/event-channels.ts';

/** Machine addresses from here on hold HVMs, so that their frames need more than 32 address bits. */
const HVM_BASE: number = 2 ** 32;
/** The domain that drives the machine's devices. */
const HARDWARE_DOMAIN = 0;
/** Haswell client parts address 39 bits of physical memory. PRM vol.5 "GTT entry", bits 38:12. */
const MACHINE_END: number = 2 ** 39;

/** The host's mistake in making or removing a domain. */
export class DomainError extends Error {
  readonly code: 'DOMID_TAKEN' | 'NO_DOMAIN' | 'NO_MACHINE_SPACE';
  constructor(code: DomainError['code'], message: string) {
    super(message);
    this.name = 'DomainError';
    this.code = code;
  }
}

/** What a new domain is made of. */
export interface DomainConfig {
  readonly name: string;
  readonly engine: VcpuEngine;
  /** Default: the lowest that is free. 0 is Domain-0. */
  readonly domid?: number;
  /** How Domain-0's accesses come to the mediator. Default `deprivileged`. */
  readonly dom0?: Dom0Access;
}

/**
 * All domains of one machine. Domain-0's RAM lies at machine address 0, so its guest and machine
 * frames are equal; every other domain's lies above 4 GiB.
 */
export class Hypervisor {
  readonly #memory: MachineMemory;
  readonly #domains = new Map<number, Domain>();
  /** What became of its domains, in words. */
  readonly messages: MessageRing;
  /** Channels between guests' processors and Domain-0. */
  readonly channels: EventChannels = new EventChannels();

  constructor(memory: MachineMemory, messages: MessageRing = new MessageRing()) {
    this.#memory = memory;
    this.messages = messages;
  }

  #say(domain: Domain, what: string): void {
    this.messages.log(`d${domain.domid} ${domain.name}: ${what}`);
  }

  /** @throws DomainError when the domid is taken or the machine has no room for the RAM */
  createDomain(config: DomainConfig): Domain {
    const domid = config.domid ?? this.#freeDomid();
    if (this.#domains.has(domid)) {
      throw new DomainError('DOMID_TAKEN', `there is a domain ${domid} already`);
    }
    const words = config.engine.ram.words;
    const base = domid === 0 ? 0 : this.#freeBase(words.byteLength);
    const region = this.#memory.addRegion(base, words);
    const domain = new Domain(
      domid,
      config.name,
      config.engine,
      { base, region },
      {
        channels: this.channels,
        ...(config.dom0 === undefined ? {} : { dom0: config.dom0 }),
      },
    );
    this.#domains.set(domid, domain);
    this.#say(domain, `created, ${words.byteLength >>> 20} MiB at 0x${base.toString(16)}`);
    domain.onState((state) => {
      const why = domain.reason === '' ? '' : `: ${domain.reason}`;
      if (this.#domains.get(domid) === domain) this.#say(domain, `${state}${why}`);
    });
    return domain;
  }

  /**
   * Takes a domain apart without ending its guest, which somebody else goes on with: its engine, with
   * nothing of this hypervisor left in it. The domain is paused.
   *
   * @throws DomainError when it is not there
   */
  releaseDomain(domid: number): VcpuEngine {
    const domain = this.#domains.get(domid);
    if (domain === undefined) throw new DomainError('NO_DOMAIN', `there is no domain ${domid}`);
    const { engine } = domain;
    engine.detach();
    this.#domains.delete(domid);
    domain.release();
    this.#say(domain, 'given away');
    this.#memory.removeRegion(domain.placement.region);
    return engine;
  }

  /** Ends a domain and takes its RAM out of the machine. @throws DomainError when it is not there */
  destroyDomain(domid: number): void {
    const domain = this.#domains.get(domid);
    if (domain === undefined) throw new DomainError('NO_DOMAIN', `there is no domain ${domid}`);
    this.#domains.delete(domid);
    domain.shutdown('destroyed');
    domain.release();
    this.#say(domain, 'destroyed');
    this.#memory.removeRegion(domain.placement.region);
    domain.engine.destroy();
  }

  domain(domid: number): Domain | undefined {
    return this.#domains.get(domid);
  }

  /** Domains by ascending domid. */
  get domains(): readonly Domain[] {
    return [...this.#domains.values()].sort((a, b) => a.domid - b.domid);
  }

  /**
   * Machine frames of guest frames, many at once. Upstream: XENMEM_get_mfn_from_pfn.
   *
   * @param caller domid of who asks: only the hardware domain, 0, may
   * @returns how many were looked up: 0 when somebody else asks, the domain is unknown or there are
   * more than 2048
   */
  framesOf(caller: number, domid: number, gfns: Int32Array, into: Int32Array): number {
    const domain = caller === HARDWARE_DOMAIN ? this.#domains.get(domid) : undefined;
    if (domain === undefined || gfns.length > FRAMES_MAX || into.length < gfns.length) return 0;
    for (let i = 0; i < gfns.length; i++) into[i] = domain.gfnToMfn(gfns[i] as number);
    return gfns.length;
  }

  #freeDomid(): number {
    let domid = 0;
    while (this.#domains.has(domid)) domid++;
    return domid;
  }

  /** The lowest machine address from 4 GiB up where so many bytes are free. */
  #freeBase(bytes: number): number {
    const taken = [...this.#domains.values()]
      .filter((d) => d.placement.base >= HVM_BASE)
      .sort((a, b) => a.placement.base - b.placement.base);
    let base = HVM_BASE;
    for (const d of taken) {
      if (base + bytes <= d.placement.base) break;
      base = d.placement.base + d.ramBytes;
    }
    if (base + bytes > MACHINE_END) {
      throw new DomainError('NO_MACHINE_SPACE', `no room for ${bytes} bytes in 39 address bits`);
    }
    return base;
  }
}

/** Frames in one {@link Hypervisor.framesOf} call. Upstream: 2048 a hypercall. */
const FRAMES_MAX = 2048;
