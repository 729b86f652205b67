import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { labApp } from './app.ts';
import { findHost, LabClient } from './client.ts';
import { FakeHost, frame } from './fake-host.ts';
import { runDirectory, runningHosts, writeRunState } from './run-state.ts';
import { ScreenFeed } from './screen-feed.ts';
import { type LabServer, startLabServer } from './server.ts';

const LOCAL = { headers: { host: 'localhost' } };

describe('HTTP routes', () => {
  const host = new FakeHost();
  const app = labApp(host);
  const errorOf = async (r: Response): Promise<unknown> => [
    r.status,
    ((await r.json()) as { error: unknown }).error,
  ];

  test('the state lists domains, their screens, the foreground and counters', async () => {
    const got = await (await app.request('/api/state')).json();
    expect(got).toMatchObject({
      version: 1,
      foreground: 0,
      domains: [
        { id: 0, name: 'Domain-0', driver: 'i915', screens: [{ port: 'B', width: 4, height: 3 }] },
        { id: 1, vgpu: { lowGm: 64, highGm: 448, fences: 4 }, screens: [{ port: 'E' }] },
      ],
      counters: { commands: { RCS: 12, BCS: 3 } },
    });
  });

  test('a screen is a PNG of its pixels; a dark port is an error', async () => {
    const answer = await app.request('/api/screens/0/B.png');
    expect(answer.headers.get('content-type')).toBe('image/png');
    const image = decode(new Uint8Array(await answer.arrayBuffer()));
    expect([image.width, image.height, image.channels]).toEqual([4, 3, 3]);
    expect([...image.data.slice(0, 3)]).toEqual([0x11, 0x11, 0x11]);
    expect(await errorOf(await app.request('/api/screens/1/B.png'))).toEqual([
      404,
      { code: 'NO_SCREEN', message: 'domain 1 shows nothing on port B' },
    ]);
    expect((await app.request('/api/screens/x/B.png')).status).toBe(404);
  });

  test('the foreground moves, and a refusal says why', async () => {
    const post = (body: string): Response | Promise<Response> =>
      app.request('/api/foreground', { method: 'POST', body });
    expect(await (await post('{"domain":1}')).json()).toEqual({ foreground: 1 });
    expect(host.front).toBe(1);
    expect(await errorOf(await post('{"domain":7}'))).toEqual([
      409,
      { code: 'REFUSED', message: 'there is no domain 7' },
    ]);
    expect((await post('{"domain":"1"}')).status).toBe(400);
    expect((await post('nonsense')).status).toBe(400);
  });

  test('control nodes are read, listed and written; errors carry their names', async () => {
    const get = async (p: string): Promise<unknown> => (await app.request(`/api/ctl/${p}`)).json();
    expect(await get('control/foreground_vm')).toEqual({
      path: 'control/foreground_vm',
      kind: 'file',
      text: '0\n',
    });
    expect(await get('vm1/PORT_B/edid')).toMatchObject({ base64: 'AP//' });
    expect(await get('')).toEqual({ path: '', kind: 'directory', entries: ['control', 'vm1'] });
    expect(await errorOf(await app.request('/api/ctl/vm9'))).toEqual([
      404,
      { code: 'ENOENT', message: 'vm9: there is no such node (ENOENT)' },
    ]);
    const put = (body: string): Response | Promise<Response> =>
      app.request('/api/ctl/control/foreground_vm', {
        method: 'PUT',
        body,
        headers: { 'content-type': 'text/plain' },
      });
    expect((await put('1')).status).toBe(200);
    expect(host.nodes.get('control/foreground_vm')).toBe('1');
    expect(await errorOf(await put('bad'))).toEqual([
      400,
      {
        code: 'EINVAL',
        message: 'control/foreground_vm: the value does not fit the node (EINVAL)',
      },
    ]);
    expect((await put('x'.repeat((9 << 20) + 1))).status).toBe(413);
  });

  test('control case: a page of this server may ask; other sites and other names may not', async () => {
    const ask = async (headers: Record<string, string>): Promise<number> =>
      (await app.request('/api/state', { headers })).status;
    expect(await ask({ host: '127.0.0.1:8412', origin: 'http://127.0.0.1:8412' })).toBe(200);
    expect(await ask({ host: '127.0.0.1:8412', origin: 'https://example.org' })).toBe(403);
    expect(await ask({ host: 'rebound.example.org' })).toBe(403);
  });

  test('the page and its parts are served, nothing else is', async () => {
    const page = await app.request('/', LOCAL);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const html = await page.text();
    const parts = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((m) => m[1] as string);
    expect(parts.sort()).toEqual(['/lab.css', '/lab.js']);
    for (const part of [...parts, '/screen.js', '/terminal.js']) {
      expect((await app.request(part, LOCAL)).status).toBe(200);
    }
    for (const wrong of ['/app.ts', '/../app.ts', '/toString', '/%2e%2e/app.ts']) {
      expect((await app.request(wrong, LOCAL)).status).toBe(404);
    }
  });
});

describe('screen feed', () => {
  test('the first message is whole, the next has only the rows that changed, then there is none', () => {
    const host = new FakeHost();
    const feed = new ScreenFeed(host);
    const whole = feed.next(0, 'B') as Uint8Array;
    expect([...whole.subarray(0, 12)]).toEqual([1, 66, 0, 0, 4, 0, 3, 0, 0, 0, 3, 0]);
    expect(whole.length).toBe(12 + 4 * 3 * 4);
    expect(feed.next(0, 'B')).toBeNull();
    (host.frames.get('0:B')?.rgba as Uint8Array)[16 + 5] = 0x77;
    const part = feed.next(0, 'B') as Uint8Array;
    expect([...part.subarray(8, 12)]).toEqual([1, 0, 1, 0]);
    expect(part.length).toBe(12 + 16);
    expect(part[12 + 5]).toBe(0x77);
    expect(feed.next(0, 'B')).toBeNull();
  });

  test('a new size is sent whole; a screen that goes dark is told once', () => {
    const host = new FakeHost();
    const feed = new ScreenFeed(host);
    feed.next(0, 'B');
    host.frames.set('0:B', frame(8, 2, 0x33));
    expect((feed.next(0, 'B') as Uint8Array).length).toBe(12 + 64);
    host.frames.delete('0:B');
    expect([...(feed.next(0, 'B') as Uint8Array)]).toEqual([2, 66, 0, 0]);
    expect(feed.next(0, 'B')).toBeNull();
    expect(feed.next(5, 'A')).toBeNull();
  });

  test('an unchanged generation is believed without looking', () => {
    const host = new FakeHost();
    host.generation = 1;
    const feed = new ScreenFeed(host);
    feed.next(0, 'B');
    (host.frames.get('0:B')?.rgba as Uint8Array)[0] = 0x99;
    expect(feed.next(0, 'B')).toBeNull();
    host.generation = 2;
    expect(feed.next(0, 'B')).not.toBeNull();
  });
});

describe('server', () => {
  let directory: string;
  let server: LabServer | null = null;
  const host = new FakeHost();
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'xengt-lab-'));
  });
  afterEach(async () => {
    await server?.close();
    server = null;
    await rm(directory, { recursive: true });
  });
  const start = async (port = 0): Promise<LabServer> => {
    server = await startLabServer(host, { port, runDirectory: directory });
    return server;
  };

  test('other commands find it and talk to it; after it closes they do not', async () => {
    const { port } = await start();
    const client = await findHost(null, directory);
    expect((await client.state()).domains.map((d) => d.name)).toEqual(['Domain-0', 'guest1']);
    expect((await client.screenshot(1, 'E'))[1]).toBe(0x50);
    expect(await client.ctlRead('/vm1/PORT_B/edid/')).toEqual({
      path: 'vm1/PORT_B/edid',
      kind: 'file',
      data: Uint8Array.of(0, 255, 255),
    });
    await client.ctlWrite('control/foreground_vm', '1');
    expect(host.nodes.get('control/foreground_vm')).toBe('1');
    await client.setForeground(1);
    await expect(client.ctlRead('vm9')).rejects.toMatchObject({
      code: 'ENOENT',
      message: 'vm9: there is no such node (ENOENT)',
    });
    await server?.close();
    expect(await readdir(directory)).toEqual([]);
    await expect(findHost(null, directory)).rejects.toThrow(
      `no host is running (looked in ${directory}); start one with \`xengt demo\``,
    );
    await expect(findHost(port, directory)).rejects.toThrow(
      `no host runs with its lab page on port ${port} (looked in ${directory})`,
    );
    await expect(client.state()).rejects.toThrow(
      `the host at ${directory}/lab-${port}.sock does not answer`,
    );
  });

  test('a second host on the same port is refused with the first one named', async () => {
    const { port } = await start();
    const [first] = await runningHosts(directory);
    await expect(startLabServer(host, { port, runDirectory: directory })).rejects.toThrow(
      `port ${port} on 127.0.0.1 is taken: another xengt host (process ${process.pid}, started ` +
        `${first?.started}) has its lab page there; stop it or choose another port with --port`,
    );
    expect(await readdir(directory)).toHaveLength(2);
    const elsewhere = join(directory, 'empty');
    await expect(startLabServer(host, { port, runDirectory: elsewhere })).rejects.toThrow(
      `port ${port} on 127.0.0.1 is taken: another program listens there; stop it or choose ` +
        'another port with --port',
    );
  });

  test('with two hosts one has to be chosen; dead and damaged entries are passed over', async () => {
    const { port } = await start();
    const second = await startLabServer(host, { port: 0, runDirectory: directory });
    const ports = [port, second.port].map(Number).sort((a, b) => a - b);
    await expect(findHost(null, directory)).rejects.toThrow(
      `2 hosts are running, with lab pages on ports ${ports[0]} (process ${process.pid}), ` +
        `${ports[1]} (process ${process.pid}); choose one with --port or --socket`,
    );
    expect((await findHost(second.port, directory)).url).toBe(second.url);
    await second.close();
    await writeRunState(directory, {
      version: 1,
      pid: 2 ** 22 + 1,
      socket: '/nowhere',
      url: 'http://127.0.0.1:1',
      port: 1,
      started: '',
    });
    await writeFile(join(directory, 'lab-2.json'), '{"version":1');
    expect((await findHost(null, directory)).url).toBe(`http://127.0.0.1:${port}`);
  });

  test("the socket is its user's alone, and is there without a page too", async () => {
    server = await startLabServer(host, { port: null, runDirectory: directory });
    expect([server.port, server.url]).toEqual([null, null]);
    expect((await stat(server.socket)).mode & 0o777).toBe(0o600);
    const found = await findHost(null, directory);
    expect((await found.state()).domains).toHaveLength(2);
    expect((await (await findHost(server.socket)).info())['total_memory']).toBe(4096);
    // One that a host which ended badly left there is in nobody's way.
    await server.close();
    await writeFile(server.socket, '');
    server = await startLabServer(host, { port: null, runDirectory: directory });
    expect(await (await findHost(null, directory)).messages(false)).toContain('d1 guest1: running');
  });

  test('a socket whose path is too long is refused, and nothing listens then', async () => {
    const deep = join(directory, 'x'.repeat(100));
    await expect(startLabServer(host, { port: 0, runDirectory: deep })).rejects.toThrow(
      "a socket's path has at most 103 bytes; set XDG_RUNTIME_DIR to a shorter one",
    );
    expect(await readdir(directory)).toEqual([]);
  });

  test('what names files is asked for through the socket only', async () => {
    const { url } = await start();
    const page = new LabClient(url as string);
    const refused = { code: 'FORBIDDEN' };
    const wanted = { text: '', file: 'x', more: [], directory: '/' };
    await expect(page.create(wanted, { paused: false })).rejects.toMatchObject(refused);
    await expect(page.restore('/x', { paused: false })).rejects.toMatchObject(refused);
    const saved = page.save(1, '/x', { after: 'pause', force: false });
    await expect(saved).rejects.toMatchObject(refused);
    const own = await findHost(null, directory);
    await expect(own.restore('/x', { paused: false })).rejects.toMatchObject({ code: 'NO_LIFE' });
  });

  test('a console: what was said, what is said, what is typed, and its end', async () => {
    await start();
    const client = await findHost(null, directory);
    const socket = client.console(1);
    let heard = '';
    socket.on('message', (data: Buffer) => {
      heard += data.toString();
    });
    await expect.poll(() => heard, { timeout: 20_000 }).toBe('login: ');
    host.say(0, 'not mine');
    host.say(1, 'hello');
    await expect.poll(() => heard, { timeout: 20_000 }).toBe('login: hello');
    socket.send('root\r');
    await expect.poll(() => host.typed, { timeout: 20_000 }).toContain('1:root\r');
    const closed = new Promise((done) =>
      socket.on('close', (code, reason) => done([code, reason.toString()])),
    );
    host.list = host.list.map((d) => ({ ...d, state: 'crashed', reason: 'oh' }));
    expect(await closed).toEqual([1000, 'guest1 crashed: oh']);
    host.list = host.list.map((d) => ({ ...d, state: 'running', reason: '' }));
    await expect.poll(() => host.listeners, { timeout: 20_000 }).toBe(0);
    const none = client.console(9);
    const refused = new Promise((done) => none.on('close', (code) => done(code)));
    expect(await refused).toBe(4404);
  });

  test('the run directory follows the environment', () => {
    expect(runDirectory({ XDG_RUNTIME_DIR: '/run/user/1' })).toBe('/run/user/1/xengt');
    expect(runDirectory({ XDG_CACHE_HOME: '/c' })).toBe('/c/xengt/run');
  });

  test('a live connection carries state, console both ways, and watched screens', async () => {
    const { url } = await start();
    const socket = new WebSocket(`${url?.replace('http', 'ws')}/api/live`);
    const inbox: (string | Buffer)[] = [];
    let arrived = (): void => {};
    socket.on('message', (data, binary) => {
      inbox.push(binary ? (data as Buffer) : String(data));
      arrived();
    });
    const until = async (found: () => boolean): Promise<void> => {
      while (!found())
        await new Promise<void>((done) => {
          arrived = done;
        });
    };
    const heard = (text: string) => (): boolean =>
      inbox.some(
        (m) =>
          typeof m !== 'string' && m[0] === 3 && m[2] === 1 && m.subarray(4).toString() === text,
      );
    await until(heard('login: '));
    expect(JSON.parse(inbox[0] as string)).toMatchObject({ type: 'state', state: { version: 1 } });
    host.say(1, 'hello');
    await until(heard('hello'));
    socket.send(JSON.stringify({ type: 'watch', screens: [{ domain: 0, port: 'B' }] }));
    await until(() => inbox.some((m) => typeof m !== 'string' && m[0] === 1));
    socket.send(JSON.stringify({ type: 'input', domain: 1, text: 'root\r' }));
    const closed = new Promise<number>((done) => socket.on('close', done));
    socket.send('{"type":"unknown"}');
    expect(await closed).toBe(1003);
    expect(host.typed).toContain('1:root\r');
    await expect.poll(() => host.listeners, { timeout: 20_000 }).toBe(0);
  });

  test('a live connection from another site is refused', async () => {
    const { url } = await start();
    const socket = new WebSocket(`${url?.replace('http', 'ws')}/api/live`, {
      origin: 'http://evil.example',
    });
    const error = await new Promise<Error>((done) => socket.on('error', done));
    expect(error.message).toBe('Unexpected server response: 403');
  });

  test('a host that answers nonsense is an error, not a crash', async () => {
    const client = new LabClient('http://127.0.0.1:1');
    await expect(client.screenshot(0, 'B')).rejects.toMatchObject({ code: 'NO_ANSWER' });
  });
});
