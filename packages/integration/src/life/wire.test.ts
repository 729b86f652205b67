import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Host } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';
import { BCS, DATA_GFN, RCS, type ScriptedGuest } from '../host/testing/scripted-guest.ts';
import { receiveDomain } from './receive.ts';
import { sendDomain } from './send.ts';
import { addScripted, again, SCRIPTED, scriptedHost, until } from './testing/lab.ts';
import { HELLO, PAGES, READY, Wire } from './wire.ts';

const store = (gma: number, value: number): number[] => [(0x20 << 23) | 0x400002, 0, gma, value];
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function host(...args: Parameters<typeof scriptedHost>): Host {
  const made = scriptedHost(...args);
  closing.push(() => made.close());
  return made;
}

/** Both ends of a connection through the machine's own network. */
async function connection(): Promise<[Socket, Socket]> {
  const server: Server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const { port } = server.address() as { port: number };
  const accepted = new Promise<Socket>((done) => server.once('connection', done));
  const here = connect(port, '127.0.0.1');
  const there = await accepted;
  closing.push(() => {
    here.destroy();
    there.destroy();
    server.close();
  });
  return [here, there];
}

async function worker(on: Host, domid = 1): Promise<ScriptedGuest> {
  const guest = await addScripted(on, domid);
  for (const e of [RCS, BCS]) guest.startRing(e);
  return guest;
}
const messageOf = (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => 'nothing was wrong',
    (error: Error) => error.message,
  );

describe('over a connection', () => {
  test('a guest that works and writes its memory arrives whole', async () => {
    const [a, b] = [host(), host()];
    const guest = await worker(a);
    for (let i = 0; i < 1024; i++) guest.poke(0x400 + i, [i + 1, ~i]);
    const [here, there] = await connection();
    const received = receiveDomain(b, SCRIPTED, new Wire(there));
    // It goes on writing while the first round is on its way.
    let writes = 0;
    const stop = setInterval(() => {
      if (guest.domain.state !== 'running') return;
      writes++;
      guest.poke(0x400 + (writes % 1024), [0x10000 + writes], 2);
      guest.submit(BCS, store(guest.dataGma + 4, writes));
    }, 0);
    const report = await sendDomain(a, 1, new Wire(here));
    clearInterval(stop);
    const placed = await received;
    expect([a.domains.size, a.vgt?.vms.length, b.domains.size]).toEqual([0, 1, 1]);
    expect([placed.name, placed.domain.state]).toEqual(['scripted1', 'running']);
    const moved = again(guest, placed);
    for (let i = 0; i < 1024; i++) {
      expect([moved.peek(0x400 + i), moved.peek(0x400 + i, 1)]).toEqual([i + 1, ~i]);
    }
    for (let w = Math.max(1, writes - 1000); w <= writes; w++) {
      expect(moved.peek(0x400 + (w % 1024), 2)).toBe(0x10000 + w);
    }
    await until(() => moved.peek(DATA_GFN, 1) === writes);
    expect(moved.peek(DATA_GFN, 1)).toBe(writes);
    moved.submit(RCS, store(moved.dataGma, 99));
    await until(() => moved.peek(DATA_GFN) === 99);
    expect(moved.peek(DATA_GFN)).toBe(99);
    expect(report.bytes).toBeGreaterThan(4 << 20);
    expect(report.lastBytes).toBeLessThan(report.bytes);
    expect(report.gpuStallMs).toBeLessThanOrEqual(report.pausedMs);
    expect(report.domid).toBe(1);
  });

  test('where it does not fit, the other host says why, and it goes on here', async () => {
    const a = host();
    const guest = await worker(a);
    const b = host({ dom0LowMiB: 130 });
    const [here, there] = await connection();
    const received = messageOf(receiveDomain(b, SCRIPTED, new Wire(there)));
    const sent = await messageOf(sendDomain(a, 1, new Wire(here)));
    expect(sent).toBe(
      'scripted1 does not fit the other host: aperture from 120 to 136 MiB is not free; free: 130-248 MiB',
    );
    expect(await received).toBe(sent);
    expect([guest.domain.state, b.vgt?.vms.length, b.domains.size]).toEqual(['running', 1, 0]);
  });

  test('another emulator is refused before anything is made', async () => {
    const [a, b] = [host(), host()];
    await worker(a);
    const [here, there] = await connection();
    const other = { emulator: 'v86 0.5.462', make: SCRIPTED.make };
    void messageOf(receiveDomain(b, other, new Wire(there)));
    expect(await messageOf(sendDomain(a, 1, new Wire(here)))).toBe(
      "scripted1 does not fit the other host: it runs on scripted 1, this host's guests on v86 0.5.462",
    );
  });

  test('a connection that ends in the middle leaves the guest here and nothing there', async () => {
    const [a, b] = [host(), host()];
    const guest = await worker(a);
    for (let i = 0; i < 1024; i++) guest.poke(0x400 + i, [i + 1]);
    const [here, there] = await connection();
    const wire = new Wire(there);
    const next = wire.next.bind(wire);
    let frames = 0;
    wire.next = async () => {
      if (++frames === 3) there.destroy();
      return next();
    };
    const received = messageOf(receiveDomain(b, SCRIPTED, wire));
    expect(await messageOf(sendDomain(a, 1, new Wire(here)))).toMatch(
      /^the connection to the other host is lost: /,
    );
    await received;
    expect([b.vgt?.vms.length, b.domains.size, b.hypervisor.domains.length]).toEqual([1, 0, 0]);
    expect([guest.domain.state, guest.vgpu.sched.stopped]).toEqual(['running', false]);
    guest.submit(RCS, store(guest.dataGma, 5));
    await until(() => guest.peek(DATA_GFN) === 5);
    expect(guest.peek(DATA_GFN)).toBe(5);
  });

  test.each<[string, (wire: Wire) => Promise<void>]>([
    ['no greeting', (w) => w.send(PAGES, Buffer.alloc(4))],
    ['a greeting that is no JSON', (w) => w.send(HELLO, Buffer.from('{'))],
    ['a greeting without a slice', (w) => w.sendJson(HELLO, { version: 1, identity: {} })],
    ['a frame without end', (w) => w.send(HELLO, Buffer.alloc(0), Buffer.alloc(0)).then(() => {})],
  ])('%s is refused', async (_, say) => {
    const b = host();
    const [here, there] = await connection();
    const received = messageOf(receiveDomain(b, SCRIPTED, new Wire(there)));
    const wire = new Wire(here);
    await say(wire);
    wire.close();
    expect(await received).toMatch(/the other host (said|speaks)|is lost/);
    expect([b.vgt?.vms.length, b.domains.size]).toEqual([1, 0]);
  });

  test.each<[string, (count: number) => Buffer]>([
    [
      'beyond its memory',
      () => {
        const frame = Buffer.alloc(4 + 4 + 4096);
        frame.writeUInt32LE(1, 0);
        frame.writeUInt32LE(0xfffff, 4);
        return frame;
      },
    ],
    ['cut short', () => Buffer.from([1, 0, 0, 0, 5])],
    ['without a number', () => Buffer.alloc(1)],
  ])('pages %s are refused', async (_, frame) => {
    const [a, b] = [host(), host()];
    const guest = await worker(a);
    const domain = a.domains.get(1) as HostDomain;
    const [here, there] = await connection();
    const received = messageOf(receiveDomain(b, SCRIPTED, new Wire(there)));
    const wire = new Wire(here);
    const identity = {
      name: domain.name,
      memoryMiB: 32,
      ...domain.origin,
      deviceId: 0x0412,
      apertureMiB: 256,
    };
    await wire.sendJson(HELLO, { version: 1, identity, slice: guest.vgpu.slice, primary: true });
    expect((await wire.next()).kind).toBe(READY);
    await wire.send(PAGES, frame(1));
    expect(await received).toMatch(/^pages cut short$|^a page beyond its memory$/);
    expect([b.vgt?.vms.length, b.domains.size]).toEqual([1, 0]);
  });
});
