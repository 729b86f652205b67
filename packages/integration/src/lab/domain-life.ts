import type { Duplex } from 'node:stream';
import type { DomainRequest } from '../config/request.ts';

/** A domain as it came into a host. */
export interface DomainArrived {
  readonly domain: number;
  readonly name: string;
}

/** A domain that was made from its file. */
export interface DomainCreated extends DomainArrived {
  /** What did not work in the guest, a sentence; it is there all the same. */
  readonly warning: string | null;
}

/** A device that became assignable, or is Domain-0's again. */
export interface AssignableDone {
  /** In full: `0000:00:02.0`. */
  readonly device: string;
  /** What was not as whoever asked may have thought, a sentence; it is as they asked all the same. */
  readonly warning: string | null;
}

export interface DomainSaved {
  readonly domain: number;
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** What became of the domain. */
  readonly after: 'destroy' | 'pause' | 'continue';
}

/** How a domain was moved; times in milliseconds. */
export interface DomainMoved extends DomainArrived {
  /** From the engines being taken from it here to its vGPU going on there. */
  readonly gpuStallMs: number;
  /** Of it, processor time of the hosts: the stall on a machine that does nothing else. */
  readonly stallCpuMs: number;
  readonly pausedMs: number;
  readonly totalMs: number;
  readonly rounds: number;
  readonly bytes: number;
  readonly lastBytes: number;
}

/** What may be done with a host's domains. Each throws an error with a code and a sentence. */
export interface DomainLife {
  create(request: DomainRequest, o: { readonly paused: boolean }): Promise<DomainCreated>;
  destroy(domain: number): DomainArrived;
  shutdown(domain: number): DomainArrived;
  reboot(domain: number, o: { readonly force: boolean }): DomainArrived;
  /** Devices that wait for a domain, those that are made to, and those that Domain-0 gets back. */
  assignable(): readonly string[];
  addAssignable(device: string): Promise<AssignableDone>;
  removeAssignable(device: string, o: { readonly rebind: boolean }): Promise<AssignableDone>;
  pause(domain: number): DomainArrived;
  unpause(domain: number): DomainArrived;
  /** @param path absolute, on the host's machine */
  save(
    domain: number,
    path: string,
    o: { readonly after: DomainSaved['after']; readonly force: boolean },
  ): Promise<DomainSaved>;
  restore(path: string, o: { readonly paused: boolean }): Promise<DomainArrived>;
  /** @param url of the other host's lab server */
  migrate(domain: number, url: string, o: { readonly force: boolean }): Promise<DomainMoved>;
  /** Another host sends a domain over this connection. */
  receive(stream: Duplex, head: Buffer): Promise<void>;
}

/** Path of the request that becomes a connection of two hosts, and the protocol it asks for. */
export const MOVE_PATH = '/api/migrate';
export const MOVE_PROTOCOL = 'xengt-domain';
