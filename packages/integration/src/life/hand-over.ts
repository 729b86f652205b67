import { isRefusal } from '@xengt/linux-vgt';
import type { Host } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';
import {
  type Arrival,
  exclusively,
  identityOf,
  movableDomain,
  placeArrival,
  processorMs,
  resumeDomain,
  stopDomain,
  vgpuState,
} from './domain-life.ts';
import { identityError, LifeError } from './saved-domain.ts';

const MIB = 2 ** 20;

/** How a move went; times in milliseconds of the host. */
export interface MoveReport {
  readonly domid: number;
  /** From the engines being asked back to the vGPU going on elsewhere. */
  readonly gpuStallMs: number;
  /** Of it, processor time of the hosts: the stall on a machine that does nothing else. */
  readonly stallCpuMs: number;
  /** From the processor's last instruction here to its first there. */
  readonly pausedMs: number;
  readonly totalMs: number;
  /** Rounds of memory that were sent while the guest went on, and bytes sent in all and at the end. */
  readonly rounds: number;
  readonly bytes: number;
  readonly lastBytes: number;
}

/**
 * Moves a domain to another host of this process. Its engine goes over as it is, memory and all, so
 * nothing is copied; only the vGPU changes its machine.
 *
 * @throws LifeError; the domain goes on where it was then
 */
export function handOver(
  from: Host,
  domid: number,
  to: Host,
  o: { readonly domid?: number; readonly force?: boolean } = {},
): Promise<MoveReport & { readonly domain: HostDomain }> {
  return exclusively(from, domid, () => move(from, domid, to, o));
}

async function move(
  from: Host,
  domid: number,
  to: Host,
  o: { readonly domid?: number; readonly force?: boolean },
): Promise<MoveReport & { readonly domain: HostDomain }> {
  const start = performance.now();
  const { domain, vgt } = movableDomain(from, domid);
  const target = o.domid ?? to.freeDomid();
  const identity = identityOf(from, domain);
  const { name } = identity;
  const refused = (why: string): LifeError =>
    new LifeError('DOES_NOT_FIT', `${name} does not fit the other host: ${why}`);
  const { deviceId } = to.device.model;
  const apertureMiB = to.device.apertureBytes / MIB;
  const other = identityError(identity, { ...identity, deviceId, apertureMiB });
  if (other !== null) throw refused(other);
  if (to.vgt === null) throw refused("its GPU is Domain-0's alone");
  const { slice, primary } = domain.vgpu as NonNullable<HostDomain['vgpu']>;
  const prepared = to.vgt.lifecycle.prepare(target, slice, primary);
  if (isRefusal(prepared)) throw refused(prepared.message);
  const pausedAt = performance.now();
  const was = await stopDomain(from, domid, o.force ?? false).catch((error: unknown) => {
    to.vgt?.destroyVgpu(target);
    throw error;
  });
  const arrival: Omit<Arrival, 'engine'> = {
    domid: target,
    name,
    origin: domain.origin,
    machine: domain.machine.exportState(),
    vgpu: vgpuState(vgt, domain),
    before: domain,
  };
  const engine = from.releaseDomain(domid);
  let placed: HostDomain;
  try {
    placed = placeArrival(to, { ...arrival, engine }, true);
  } catch (error) {
    to.vgt.destroyVgpu(target);
    placeArrival(from, { ...arrival, engine, domid }, false);
    resumeDomain(from, domid, was);
    throw error;
  }
  resumeDomain(to, target, was);
  const end = performance.now();
  return {
    domain: placed,
    domid: target,
    gpuStallMs: end - was.askedAt,
    stallCpuMs: processorMs() - was.cpuMs,
    pausedMs: end - pausedAt,
    totalMs: end - start,
    rounds: 0,
    bytes: 0,
    lastBytes: 0,
  };
}
