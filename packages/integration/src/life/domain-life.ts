import { setImmediate } from 'node:timers/promises';
import {
  isErrno,
  isRefusal,
  packVgpu,
  STOP_WAIT_NS,
  unpackVgpu,
  type VgpuStateV1,
  type Vgt,
} from '@xengt/linux-vgt';
import type { VcpuEngine } from '@xengt/xen-vgt';
import type { Hardware } from '../host/disk.ts';
import type { Host } from '../host/host.ts';
import type { GuestOrigin, HostDomain } from '../host/host-domain.ts';
import type { MachineStateV1 } from '../host/machine.ts';
import { packedError, packRam, unpackRam } from './ram-pages.ts';
import { type DomainIdentity, identityError, LifeError, type SavedDomain } from './saved-domain.ts';

const MIB = 2 ** 20;
const NS_PER_MS = 1e6;

/** Makes the engine that a guest is put into. */
export type EngineMaker = (memoryMiB: number, hardware?: Hardware) => Promise<VcpuEngine>;

/** What a host's guests run on. */
export interface GuestMaker {
  readonly emulator: string;
  readonly make: EngineMaker;
}

/** A domain with a vGPU of its own, which may be taken away from its host. */
export function movableDomain(host: Host, domid: number): { domain: HostDomain; vgt: Vgt } {
  const domain = host.domains.get(domid);
  const { vgt } = host;
  if (domain === undefined) throw new LifeError('NO_DOMAIN', `there is no domain ${domid}`);
  if (domid === 0 || vgt === null) {
    throw new LifeError(
      'NOT_THIS_DOMAIN',
      `the physical display is the one of ${domain.name}: it stays`,
    );
  }
  const { state, reason } = domain.domain;
  if (domain.domain.over) {
    throw new LifeError('WRONG_STATE', `${domain.name} is over: ${state}, ${reason}`);
  }
  if (host.passthrough.owner === domain.domain) {
    throw new LifeError('NOT_THIS_DOMAIN', `${domain.name} has the GPU itself: it stays`);
  }
  if (domain.vgpu?.alive !== true) {
    throw new LifeError('WRONG_STATE', `${domain.name} has no vGPU that works`);
  }
  return { domain, vgt };
}

/**
 * Does something with a domain that nobody else may do meanwhile.
 *
 * @throws LifeError WRONG_STATE when somebody does
 */
export async function exclusively<T>(
  host: Host,
  domid: number,
  run: (domain: HostDomain) => Promise<T>,
): Promise<T> {
  const { domain } = movableDomain(host, domid);
  if (domain.leaving) {
    throw new LifeError('WRONG_STATE', `${domain.name} is being saved or moved already`);
  }
  domain.leaving = true;
  try {
    return await run(domain);
  } finally {
    domain.leaving = false;
  }
}

/** @throws LifeError when a domain ended, or was destroyed, while it was waited for */
export function stillThere(host: Host, domain: HostDomain): void {
  if (host.domains.get(domain.domid) === domain && !domain.domain.over) return;
  throw new LifeError('WRONG_STATE', `${domain.name} ended meanwhile`);
}

/** What a domain is. */
export function identityOf(host: Host, domain: HostDomain): DomainIdentity {
  return {
    name: domain.name,
    memoryMiB: domain.domain.ramBytes / MIB,
    ...domain.origin,
    deviceId: host.device.model.deviceId,
    apertureMiB: host.device.apertureBytes / MIB,
  };
}

/** Processor and engines stand still; the domain's pictures leave the physical screens. */
export interface Stopped {
  /** Whether its processor ran. */
  readonly ran: boolean;
  readonly shown: boolean;
  /** When the engines began to be taken from it, and when it had lost them; host time, ms. */
  readonly askedAt: number;
  readonly stoppedAt: number;
  /** Processor time of this process when the engines began to be taken, ms. */
  readonly cpuMs: number;
}

/** Processor time of this process so far, ms: time that other programs took is no part of it. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Pauses a domain and takes the engines from it, while others go on.
 *
 * @param force engines that are not done after 200 ms are reset: the guest's driver sees a hang
 * @throws LifeError GPU_BUSY: the domain goes on then
 */
export async function stopDomain(host: Host, domid: number, force: boolean): Promise<Stopped> {
  const { domain, vgt } = movableDomain(host, domid);
  const vgpu = domain.vgpu as NonNullable<HostDomain['vgpu']>;
  const ran = domain.domain.state === 'running';
  const shown = vgt.foreground.vm === vgpu;
  domain.domain.pause();
  if (shown) vgt.showForeground(vgt.dom0);
  const askedAt = performance.now();
  const cpuMs = processorMs();
  vgt.lifecycle.requestStop(vgpu);
  const until = host.loop.clock.now + STOP_WAIT_NS;
  while (!vgt.lifecycle.stopped(vgpu) && host.loop.clock.now < until && vgpu.alive) {
    host.loop.kick();
    await setImmediate();
  }
  stillThere(host, domain);
  const stopped: Stopped = { ran, shown, askedAt, stoppedAt: performance.now(), cpuMs };
  if (vgt.lifecycle.stopped(vgpu) && vgpu.alive) return stopped;
  if (force && vgt.lifecycle.stop(vgpu, true) === null) return stopped;
  resumeDomain(host, domid, stopped);
  throw new LifeError(
    'GPU_BUSY',
    `${domain.name} keeps the engines busy for more than ${STOP_WAIT_NS / NS_PER_MS} ms`,
  );
}

/** Takes {@link stopDomain} back. */
export function resumeDomain(host: Host, domid: number, was: Pick<Stopped, 'ran' | 'shown'>): void {
  const domain = host.domains.get(domid);
  const vgpu = domain?.vgpu ?? null;
  if (domain === undefined || vgpu === null || host.vgt === null) return;
  host.vgt.lifecycle.start(vgpu);
  if (was.shown) host.vgt.setForeground(domid);
  if (was.ran) domain.domain.resume();
  host.loop.kick();
}

/** State of a stopped domain's vGPU. */
export function vgpuState(vgt: Vgt, domain: HostDomain): VgpuStateV1 {
  const state = vgt.lifecycle.save(domain.vgpu as NonNullable<HostDomain['vgpu']>);
  if (isErrno(state)) throw new LifeError('WRONG_STATE', `${domain.name}: its vGPU is ${state}`);
  return state;
}

/** What becomes of a domain once it is saved. */
export type AfterSave = 'destroy' | 'pause' | 'continue';

/**
 * Takes a whole domain as a value.
 *
 * @throws LifeError; the domain goes on then
 */
export function saveDomain(
  host: Host,
  domid: number,
  o: { readonly after?: AfterSave; readonly force?: boolean } = {},
): Promise<SavedDomain> {
  return exclusively(host, domid, (domain) => save(host, domain, o));
}

async function save(
  host: Host,
  domain: HostDomain,
  o: { readonly after?: AfterSave; readonly force?: boolean },
): Promise<SavedDomain> {
  const { domid } = domain;
  const { vgt } = movableDomain(host, domid);
  const was = await stopDomain(host, domid, o.force ?? false);
  try {
    const { engine } = domain.domain;
    const saved: SavedDomain = {
      identity: identityOf(host, domain),
      saved: new Date().toISOString(),
      machine: domain.machine.exportState(),
      engine: engine.saveMachine(),
      vgpu: packVgpu(vgpuState(vgt, domain)),
      ram: await packRam(engine.ram.bytes, () => setImmediate()),
    };
    stillThere(host, domain);
    const after = o.after ?? 'destroy';
    if (after === 'destroy') host.destroyDomain(domid);
    else resumeDomain(host, domid, after === 'pause' ? { ...was, ran: false } : was);
    return saved;
  } catch (error) {
    if (host.domains.get(domid) === domain) resumeDomain(host, domid, was);
    throw error;
  }
}

/** A guest on its way into a host. */
export interface Arrival {
  readonly domid: number;
  readonly name: string;
  readonly engine: VcpuEngine;
  readonly origin: GuestOrigin;
  readonly machine: MachineStateV1;
  readonly vgpu: VgpuStateV1;
  readonly before?: HostDomain;
}

/**
 * Gives a guest, whose memory and machine are in its engine, a domain. It stands still.
 *
 * @param prepared its vGPU is there already, empty
 * @throws LifeError DOES_NOT_FIT: then nothing of it is left, but the engine, which is nobody's
 */
export function placeArrival(host: Host, a: Arrival, prepared: boolean): HostDomain {
  const { vgt } = host;
  if (vgt === null) throw new LifeError('DOES_NOT_FIT', 'this host gives its GPU to Domain-0 only');
  const refused = (why: string): LifeError =>
    new LifeError('DOES_NOT_FIT', `${a.name} does not fit this host: ${why}`);
  const placed = host.placeDomain(a, () => {
    const there = prepared ? vgt.vm(a.domid) : undefined;
    if (there === undefined) {
      const made = vgt.lifecycle.restore(a.domid, a.vgpu);
      if (isRefusal(made)) throw refused(made.message);
      return made;
    }
    const wrong = vgt.lifecycle.load(there, a.vgpu, true);
    if (wrong !== null) throw refused(wrong.message);
    return there;
  });
  const wrong = placed.machine.importState(a.machine);
  if (wrong === null) return placed;
  host.releaseDomain(a.domid);
  throw refused(wrong);
}

/**
 * Makes a domain of a saved one.
 *
 * @param domid default: the lowest that is free
 * @throws LifeError, EngineError; then nothing has changed
 */
export async function restoreDomain(
  host: Host,
  saved: SavedDomain,
  o: { readonly guests: GuestMaker; readonly domid?: number; readonly paused?: boolean },
): Promise<HostDomain> {
  const { identity } = saved;
  const refused = (why: string): LifeError =>
    new LifeError('DOES_NOT_FIT', `${identity.name} does not fit this host: ${why}`);
  const { deviceId } = host.device.model;
  const apertureMiB = host.device.apertureBytes / MIB;
  const other = identityError(identity, { ...o.guests, deviceId, apertureMiB });
  if (other !== null) throw refused(other);
  if (host.vgt === null) throw refused("its GPU is Domain-0's alone");
  const vgpu = unpackVgpu(saved.vgpu);
  if (typeof vgpu === 'string') throw refused(vgpu);
  const short = host.vgt.partition.shortage(vgpu.header.slice);
  if (short !== null) throw refused(short);
  const wrong = packedError(saved.ram, identity.memoryMiB * MIB);
  if (wrong !== null) throw refused(wrong);
  const engine = await o.guests.make(identity.memoryMiB, identity.hardware);
  try {
    unpackRam(saved.ram, engine.ram.bytes);
    engine.restoreMachine(saved.engine);
    const { name, emulator, image, hardware, request } = identity;
    const domid = o.domid ?? host.freeDomid();
    const origin = {
      emulator,
      image,
      ...(hardware === undefined ? {} : { hardware }),
      ...(request === undefined ? {} : { request }),
    };
    const { machine } = saved;
    const placed = placeArrival(host, { domid, name, engine, origin, machine, vgpu }, false);
    resumeDomain(host, domid, { ran: true, shown: false });
    if (o.paused === true) placed.domain.pause();
    return placed;
  } catch (error) {
    engine.destroy();
    throw error;
  }
}
