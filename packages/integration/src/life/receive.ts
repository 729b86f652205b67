import { isRefusal, type Slice, unpackVgpu } from '@xengt/linux-vgt';
import type { VcpuEngine } from '@xengt/xen-vgt';
import * as v from 'valibot';
import type { Host } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';
import type { MachineStateV1 } from '../host/machine.ts';
import { type GuestMaker, placeArrival, processorMs, resumeDomain } from './domain-life.ts';
import { PAGE, withEmpty } from './ram-pages.ts';
import { type DomainIdentity, identityError, LifeError } from './saved-domain.ts';
import { pagesBytes } from './send.ts';
import { COMMIT, ENGINE, HELLO, PAGES, READY, REFUSED, RUNNING, VGPU, type Wire } from './wire.ts';

const MIB = 2 ** 20;
/** No engine's machine is larger, bytes. */
const MACHINE_MAX: number = 128 * MIB;
const number: v.GenericSchema<number> = v.number();
const helloSchema = v.object({
  version: v.literal(1),
  identity: v.object({
    name: v.string(),
    memoryMiB: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2048)),
    emulator: v.string(),
    image: v.string(),
    deviceId: number,
    apertureMiB: number,
  }),
  slice: v.object({
    lowBase: number,
    lowBytes: number,
    highBase: number,
    highBytes: number,
    fenceBase: number,
    fences: number,
    shared: v.boolean(),
  }),
  primary: v.boolean(),
});
const commitSchema = v.object({
  machine: v.looseObject({ version: v.literal(1) }),
  ran: v.boolean(),
  shown: v.boolean(),
});

/**
 * Takes the domain that the other end of a connection sends.
 *
 * @throws LifeError when it does not fit or the connection ends; nothing of it is here then
 */
export async function receiveDomain(
  host: Host,
  guests: GuestMaker,
  wire: Wire,
): Promise<HostDomain> {
  const arrival = new ArrivingDomain(host, guests);
  try {
    const domid = await arrival.begin(await frameOf(wire, HELLO));
    await wire.sendJson(READY, { domid });
    let placed: HostDomain | null = null;
    while (placed === null) {
      const { kind, payload } = await wire.next();
      placed = arrival.take(kind, payload);
    }
    await wire.sendJson(RUNNING, { domid, cpuMs: arrival.cpuMs });
    return placed;
  } catch (error) {
    arrival.drop();
    await wire.send(REFUSED, Buffer.from((error as Error).message)).catch(() => {});
    throw error;
  } finally {
    wire.close();
  }
}

async function frameOf(wire: Wire, wanted: number): Promise<Buffer> {
  const { kind, payload } = await wire.next();
  if (kind !== wanted) throw new LifeError('NOT_MOVED', 'the other host speaks another language');
  return payload;
}

/** What of a domain has arrived. */
class ArrivingDomain {
  readonly #host: Host;
  readonly #guests: GuestMaker;
  #engine: VcpuEngine | null = null;
  #identity: DomainIdentity | null = null;
  #domid = -1;
  #prepared = false;
  #vgpu: Buffer | null = null;
  #machine: Buffer | null = null;
  /** Processor time that its last part took, ms. */
  cpuMs = 0;

  constructor(host: Host, guests: GuestMaker) {
    this.#host = host;
    this.#guests = guests;
  }

  #refused(why: string): LifeError {
    const name = this.#identity?.name ?? 'the domain';
    return new LifeError('DOES_NOT_FIT', `${name} does not fit the other host: ${why}`);
  }

  /** Checks that it fits, and makes its engine and an empty vGPU. @returns its domid */
  async begin(payload: Buffer): Promise<number> {
    const { identity, slice, primary } = parse(helloSchema, payload);
    const host = this.#host;
    this.#identity = identity;
    const { deviceId } = host.device.model;
    const apertureMiB = host.device.apertureBytes / MIB;
    const other = identityError(identity, { ...this.#guests, deviceId, apertureMiB });
    if (other !== null) throw this.#refused(other);
    if (host.vgt === null) throw this.#refused("its GPU is Domain-0's alone");
    const domid = host.freeDomid();
    const made = host.vgt.lifecycle.prepare(domid, slice as Slice, primary);
    if (isRefusal(made)) throw this.#refused(made.message);
    this.#domid = domid;
    this.#prepared = true;
    this.#engine = await this.#guests.make(identity.memoryMiB);
    return domid;
  }

  /** Takes a frame. @returns the domain, once it goes on here */
  take(kind: number, payload: Buffer): HostDomain | null {
    if (kind === PAGES) this.#pages(payload);
    else if (kind === VGPU) this.#vgpu = payload;
    else if (kind === ENGINE) this.#machine = payload;
    else if (kind === COMMIT) return this.#commit(parse(commitSchema, payload));
    else throw new LifeError('NOT_MOVED', `frame ${kind} is none of a domain's`);
    return null;
  }

  #pages(payload: Buffer): void {
    const ram = (this.#engine as VcpuEngine).ram.bytes;
    const count = payload.length < 4 ? -1 : payload.readUInt32LE(0);
    if (payload.length !== pagesBytes(count)) throw new LifeError('NOT_MOVED', 'pages cut short');
    for (let i = 0; i < count; i++) {
      const at = payload.readUInt32LE(4 + i * 4) * PAGE;
      if (at + PAGE > ram.length) throw new LifeError('NOT_MOVED', 'a page beyond its memory');
      const from = 4 + count * 4 + i * PAGE;
      ram.set(payload.subarray(from, from + PAGE), at);
    }
  }

  #commit({ machine, ran, shown }: v.InferOutput<typeof commitSchema>): HostDomain {
    const host = this.#host;
    const began = processorMs();
    const engine = this.#engine as VcpuEngine;
    const { name, emulator, image } = this.#identity as DomainIdentity;
    if (this.#machine === null || this.#vgpu === null) {
      throw new LifeError('NOT_MOVED', 'a domain without machine or vGPU');
    }
    const vgpu = unpackVgpu(this.#vgpu);
    if (typeof vgpu === 'string') throw this.#refused(vgpu);
    const state = withEmpty(this.#machine, MACHINE_MAX);
    if (state === null) throw new LifeError('NOT_MOVED', 'a machine cut short');
    engine.restoreMachine(state);
    const domid = this.#domid;
    const placed = placeArrival(
      host,
      {
        domid,
        name,
        engine,
        origin: { emulator, image },
        machine: machine as unknown as MachineStateV1,
        vgpu,
      },
      true,
    );
    this.#engine = null;
    this.#prepared = false;
    resumeDomain(host, domid, { ran: true, shown });
    if (!ran) placed.domain.pause();
    this.cpuMs = processorMs() - began;
    return placed;
  }

  /** Nothing of it stays. */
  drop(): void {
    if (this.#prepared) this.#host.vgt?.destroyVgpu(this.#domid);
    this.#engine?.destroy();
  }
}

function parse<T extends v.GenericSchema>(schema: T, payload: Buffer): v.InferOutput<T> {
  let value: unknown = null;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    // What is no JSON is none of the schema's either.
  }
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) {
    throw new LifeError('NOT_MOVED', `the other host said ${parsed.issues[0].message}`);
  }
  return parsed.output;
}
