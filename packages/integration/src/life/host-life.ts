import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import type { DomainRequest } from '../config/request.ts';
import { guestEngine } from '../host/guest-engine.ts';
import type { GuestFiles } from '../host/guest-files.ts';
import type { Host } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';
import {
  type AssignableDone,
  type DomainArrived,
  type DomainCreated,
  type DomainLife,
  type DomainMoved,
  type DomainSaved,
  MOVE_PATH,
  MOVE_PROTOCOL,
} from '../lab/domain-life.ts';
import type { GuestSource } from '../xl/guest-source.ts';
import { Toolstack } from '../xl/toolstack.ts';
import { type GuestMaker, restoreDomain, saveDomain } from './domain-life.ts';
import { receiveDomain } from './receive.ts';
import { LifeError } from './saved-domain.ts';
import { readSaved, writeSaved } from './saved-file.ts';
import { sendDomain } from './send.ts';
import { Wire } from './wire.ts';

/** Guests that run on an image's emulator. */
export function guestsOf(files: GuestFiles): GuestMaker {
  return {
    emulator: files.emulator,
    make: (memoryMiB, hardware) => guestEngine(files, memoryMiB, 'state', hardware),
  };
}

/** What the lab server and the command line do with a host's domains. */
export class HostLife implements DomainLife {
  readonly #host: Host;
  readonly #guests: () => GuestMaker | null;
  readonly #toolstack: Toolstack;

  /**
   * @param guests makes engines for domains that come; null while the host cannot yet
   * @param source where guests of domain files come from; null likewise
   */
  constructor(
    host: Host,
    guests: () => GuestMaker | null,
    source: () => GuestSource | null = (): null => null,
  ) {
    this.#host = host;
    this.#guests = guests;
    this.#toolstack = new Toolstack(host, source);
  }

  create(request: DomainRequest, o: { readonly paused: boolean }): Promise<DomainCreated> {
    return this.#toolstack.create(request, o);
  }

  destroy(domid: number): DomainArrived {
    return this.#toolstack.destroy(domid);
  }

  shutdown(domid: number): DomainArrived {
    return this.#toolstack.shutdown(domid);
  }

  reboot(domid: number, { force }: { readonly force: boolean }): DomainArrived {
    return this.#toolstack.reboot(domid, force);
  }

  assignable(): readonly string[] {
    return this.#toolstack.devices.list();
  }

  addAssignable(device: string): Promise<AssignableDone> {
    const { devices } = this.#toolstack;
    return this.#toolstack.oneByOne(() => devices.add(device));
  }

  removeAssignable(device: string, o: { readonly rebind: boolean }): Promise<AssignableDone> {
    const { devices } = this.#toolstack;
    return this.#toolstack.oneByOne(() => devices.remove(device, o.rebind));
  }

  #domain(domid: number): HostDomain {
    const domain = this.#host.domains.get(domid);
    if (domain === undefined) throw new LifeError('NO_DOMAIN', `there is no domain ${domid}`);
    return domain;
  }

  #maker(): GuestMaker {
    const guests = this.#guests();
    if (guests !== null) return guests;
    throw new LifeError('WRONG_STATE', 'the host is still starting: it has no guest image yet');
  }

  pause(domid: number): DomainArrived {
    return this.#turn(domid, 'running', 'paused');
  }

  unpause(domid: number): DomainArrived {
    return this.#turn(domid, 'paused', 'running');
  }

  #turn(domid: number, from: string, to: 'paused' | 'running'): DomainArrived {
    const { domain, name } = this.#domain(domid);
    if (domain.state !== from) {
      throw new LifeError('WRONG_STATE', `${name} is ${domain.state}, not ${from}`);
    }
    if (to === 'paused') domain.pause();
    else domain.resume();
    return { domain: domid, name };
  }

  async save(
    domid: number,
    path: string,
    o: { readonly after: DomainSaved['after']; readonly force: boolean },
  ): Promise<DomainSaved> {
    const { name } = this.#domain(domid);
    const running = this.#domain(domid).domain.state === 'running';
    // It is destroyed once the file is there, and not before.
    const saved = await saveDomain(this.#host, domid, {
      force: o.force,
      after: o.after === 'continue' ? 'continue' : 'pause',
    });
    try {
      const bytes = await writeSaved(path, saved);
      if (o.after === 'destroy') this.#host.destroyDomain(domid);
      return { domain: domid, name, path, bytes, after: o.after };
    } catch (error) {
      if (running) this.#host.domains.get(domid)?.domain.resume();
      throw error;
    }
  }

  async restore(path: string, o: { readonly paused: boolean }): Promise<DomainArrived> {
    const guests = this.#maker();
    const saved = await readSaved(path);
    const { domid, name } = await restoreDomain(this.#host, saved, { guests, paused: o.paused });
    return { domain: domid, name };
  }

  async migrate(domid: number, url: string, o: { readonly force: boolean }): Promise<DomainMoved> {
    const { name } = this.#domain(domid);
    const wire = await dial(url);
    try {
      const { domid: domain, ...report } = await sendDomain(this.#host, domid, wire, o);
      return { domain, name, ...report };
    } finally {
      wire.close();
    }
  }

  async receive(stream: Duplex, head: Buffer): Promise<void> {
    const wire = new Wire(stream, head);
    // Why it was refused went to whoever sent it.
    await receiveDomain(this.#host, this.#maker(), wire).catch(() => {});
  }
}

/** Opens a connection to another host. @throws LifeError NOT_MOVED */
function dial(url: string): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const refused = (why: string): void =>
      reject(new LifeError('NOT_MOVED', `the host at ${url} does not take domains: ${why}`));
    const asked = request(`${url}${MOVE_PATH}`, {
      headers: { connection: 'Upgrade', upgrade: MOVE_PROTOCOL },
    });
    asked.on('upgrade', (_, socket, head) => {
      socket.setNoDelay(true);
      resolve(new Wire(socket, head));
    });
    asked.on('response', (answer) => {
      answer.resume();
      refused(`it answered ${answer.statusCode}`);
    });
    asked.on('error', (error) => refused(error.message));
    asked.end();
  });
}
