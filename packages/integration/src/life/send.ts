import { setImmediate } from 'node:timers/promises';
import { keepUsedFrames, packVgpu } from '@xengt/linux-vgt';
import type { Host } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';
import {
  exclusively,
  identityOf,
  movableDomain,
  processorMs,
  resumeDomain,
  type Stopped,
  stillThere,
  stopDomain,
  vgpuState,
} from './domain-life.ts';
import type { MoveReport } from './hand-over.ts';
import { PAGE, SentPages, withoutEmpty } from './ram-pages.ts';
import { LifeError } from './saved-domain.ts';
import { COMMIT, ENGINE, HELLO, PAGES, READY, REFUSED, RUNNING, VGPU, type Wire } from './wire.ts';

/** Pages that are looked at in one turn of the event loop while the guest goes on: 8 MiB. */
const TURN_PAGES = 2048;
/** Rounds of memory at most, and pages that are few enough to be sent with the guest standing. */
const ROUNDS_MAX = 8;
const FEW_PAGES = 2048;

/**
 * Moves a domain to the host at the other end of a connection. Its memory goes over while it works, in
 * rounds, each of what changed since the one before; what is left goes over while it stands.
 *
 * @throws LifeError; the domain goes on here then, unless it is LOST after the other host was told to go on
 */
export function sendDomain(
  host: Host,
  domid: number,
  wire: Wire,
  o: { readonly force?: boolean } = {},
): Promise<MoveReport> {
  return exclusively(host, domid, () => send(host, domid, wire, o));
}

async function send(
  host: Host,
  domid: number,
  wire: Wire,
  o: { readonly force?: boolean },
): Promise<MoveReport> {
  const start = performance.now();
  const { domain, vgt } = movableDomain(host, domid);
  const vgpu = domain.vgpu as NonNullable<HostDomain['vgpu']>;
  const { slice, primary } = vgpu;
  const { hardware, request: _, ...identity } = identityOf(host, domain);
  if (hardware !== undefined) {
    throw new LifeError(
      'NOT_THIS_DOMAIN',
      `${domain.name} has disks, or a VGA, of its own choice, which stay: save and restore it`,
    );
  }
  await wire.sendJson(HELLO, { version: 1, identity, slice, primary });
  const target = (await answer<{ domid: number }>(wire, READY)).domid;
  const { engine } = domain.domain;
  const pages = new SentPages(engine.ram.bytes);
  const rounds = await precopy(pages, wire);
  stillThere(host, domain);

  const ran = domain.domain.state === 'running';
  const pausedAt = performance.now();
  domain.domain.pause();
  let was: Stopped = {
    ran,
    shown: false,
    askedAt: pausedAt,
    stoppedAt: pausedAt,
    cpuMs: processorMs(),
  };
  let told = false;
  try {
    const before = wire.sent;
    // The engines end what they have meanwhile; what they write is sent once they have been stopped.
    await sendChanges(pages, wire, 0, pages.pages, null);
    was = { ...(await stopDomain(host, domid, o.force ?? false)), ran };
    const written = new Uint8Array(pages.pages / 8).fill(0xff);
    keepUsedFrames(vgt, vgpu, written);
    await sendChanges(pages, wire, 0, pages.pages, written);
    await wire.send(VGPU, packVgpu(vgpuState(vgt, domain)));
    await wire.send(ENGINE, ...withoutEmpty(engine.saveMachine()));
    told = true;
    await wire.sendJson(COMMIT, { machine: domain.machine.exportState(), ran, shown: was.shown });
    const there = await answer<{ cpuMs: number }>(wire, RUNNING);
    const stallCpuMs = processorMs() - was.cpuMs + there.cpuMs;
    const end = performance.now();
    const lastBytes = wire.sent - before;
    host.destroyDomain(domid);
    return {
      domid: target,
      gpuStallMs: end - was.askedAt,
      stallCpuMs,
      pausedMs: end - pausedAt,
      totalMs: end - start,
      rounds,
      bytes: wire.sent,
      lastBytes,
    };
  } catch (error) {
    const lost = error instanceof LifeError && error.code === 'LOST';
    if (told && lost) {
      throw new LifeError(
        'LOST',
        `${error.message}; ${domain.name} may run there already, so it stands still here`,
      );
    }
    if (host.domains.get(domid) === domain) resumeDomain(host, domid, was);
    throw error;
  }
}

/** @returns rounds, the first of all memory */
async function precopy(pages: SentPages, wire: Wire): Promise<number> {
  for (let round = 1; ; round++) {
    let changed = 0;
    for (let at = 0; at < pages.pages; at += TURN_PAGES) {
      const end = Math.min(at + TURN_PAGES, pages.pages);
      changed += await sendChanges(pages, wire, at, end, null);
      await setImmediate();
    }
    if (changed <= FEW_PAGES || round === ROUNDS_MAX) return round;
  }
}

async function sendChanges(
  pages: SentPages,
  wire: Wire,
  first: number,
  end: number,
  only: Uint8Array | null,
): Promise<number> {
  const numbers: number[] = [];
  const data: Buffer[] = [];
  // Copies: what is on its way must not change when the page is looked at again.
  pages.changes(
    first,
    end,
    (page, bytes) => {
      numbers.push(page);
      data.push(Buffer.from(bytes));
    },
    only,
  );
  for (let at = 0; at < numbers.length; at += TURN_PAGES) {
    const some = numbers.slice(at, at + TURN_PAGES);
    const head = Buffer.alloc(4 + some.length * 4);
    head.writeUInt32LE(some.length, 0);
    for (const [i, page] of some.entries()) head.writeUInt32LE(page, 4 + i * 4);
    await wire.send(PAGES, head, ...data.slice(at, at + some.length));
  }
  return numbers.length;
}

/** Bytes of memory that a frame of so many pages has. */
export function pagesBytes(count: number): number {
  return 4 + count * (4 + PAGE);
}

async function answer<T>(wire: Wire, wanted: number): Promise<T> {
  const { kind, payload } = await wire.next();
  const text = payload.toString('utf8');
  if (kind === REFUSED) throw new LifeError('NOT_MOVED', text);
  if (kind !== wanted) throw new LifeError('NOT_MOVED', 'the other host speaks another language');
  return JSON.parse(text) as T;
}
