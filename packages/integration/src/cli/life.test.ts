import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Host } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';
import { BCS, DATA_GFN, type ScriptedGuest } from '../host/testing/scripted-guest.ts';
import { LiveHostView } from '../host/view.ts';
import { findHost } from '../lab/client.ts';
import { type LabServer, startLabServer } from '../lab/server.ts';
import { HostLife } from '../life/host-life.ts';
import { addScripted, again, SCRIPTED, scriptedHost, until } from '../life/testing/lab.ts';
import type { Actions } from './context.ts';
import { runXengt } from './run.ts';

let directory: string;
let hosts: Host[] = [];
let servers: LabServer[] = [];
let guest: ScriptedGuest;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xengt-life-cli-'));
  hosts = [scriptedHost(), scriptedHost()];
  servers = [];
  for (const host of hosts) {
    await addScripted(host, 0, 'Domain-0');
    const view = new LiveHostView(host, new HostLife(host, () => SCRIPTED));
    servers.push(await startLabServer(view, { port: 0, runDirectory: directory }));
  }
  guest = await addScripted(hosts[0] as Host, 1, 'guest');
  guest.startRing(BCS);
});
afterEach(async () => {
  for (const server of servers) await server.close();
  for (const host of hosts) host.close();
  await rm(directory, { recursive: true });
});

async function xengt(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const io = {
    out: (text: string) => {
      out += text;
    },
    bytes: () => {},
    err: (text: string) => {
      err += text;
    },
    signal: new AbortController().signal,
  };
  const actions = { findHost: (choice) => findHost(choice, directory) } as Actions;
  return { code: await runXengt(words, '0.1.0', io, actions), out, err };
}
const on = (i: number): string[] => ['--port', String(servers[i]?.port)];

test('pause and unpause, by name and by number; twice is refused', async () => {
  expect(await xengt('pause', 'guest', ...on(0))).toEqual({ code: 0, out: '', err: '' });
  expect(guest.domain.state).toBe('paused');
  expect(await xengt('pause', '1', ...on(0))).toEqual({
    code: 1,
    out: '',
    err: 'xengt: guest is paused, not running\n',
  });
  expect((await xengt('unpause', '1', ...on(0))).code).toBe(0);
  expect(guest.domain.state).toBe('running');
  expect(await xengt('pause', 'nobody', ...on(0))).toEqual({
    code: 2,
    out: '',
    err: 'xengt: there is no domain nobody; there are 0 (Domain-0), 1 (guest)\n',
  });
});

test('save, restore on another host, as text and as JSON', async () => {
  const file = join(directory, 'guest.xengt');
  guest.poke(DATA_GFN, [5]);
  const saved = await xengt('save', 'guest', file, ...on(0));
  expect(saved).toMatchObject({ code: 0, err: '' });
  expect(saved.out).toMatch(/^guest saved to \/.*guest\.xengt, \d+\.\d MiB\n$/);
  expect(hosts[0]?.domains.size).toBe(1);
  const restored = await xengt('restore', file, '--json', ...on(1));
  expect(JSON.parse(restored.out)).toEqual({ domain: 1, name: 'guest' });
  expect(hosts[1]?.domains.get(1)?.domain.engine.ram.words[DATA_GFN * 1024]).toBe(5);
  expect((await xengt('save', '-c', 'guest', file, ...on(1))).code).toBe(0);
  expect(hosts[1]?.domains.get(1)?.domain.state).toBe('running');
  expect((await stat(file)).size).toBeGreaterThan(1000);
});

test('what goes wrong is told, and nothing changes', async () => {
  const nowhere = join(directory, 'no', 'such');
  const failed = await xengt('save', 'guest', nowhere, ...on(0));
  expect(failed).toEqual({
    code: 1,
    out: '',
    err: `xengt: ${nowhere}: cannot be written (ENOENT)\n`,
  });
  expect(guest.domain.state).toBe('running');
  expect((await xengt('save', 'Domain-0', nowhere, ...on(0))).err).toBe(
    'xengt: the physical display is the one of Domain-0: it stays\n',
  );
  expect((await xengt('restore', nowhere, ...on(0))).err).toBe(
    `xengt: ${nowhere}: cannot be read (ENOENT)\n`,
  );
  expect((await xengt('save', '-c', '-p', 'guest', nowhere, ...on(0))).code).toBe(2);
  expect((await xengt('migrate', 'guest', '--to', '1', ...on(0))).err).toMatch(
    /^xengt: no host runs with its lab page on port 1 /,
  );
});

test('migrate between two servers: the guest works on, the figures are told', async () => {
  guest.submit(BCS, [(0x20 << 23) | 0x400002, 0, guest.dataGma, 42]);
  const moved = await xengt(
    'migrate',
    'guest',
    ...on(0),
    '--to',
    String(servers[1]?.port),
    '--json',
  );
  expect([moved.code, moved.err]).toEqual([0, '']);
  expect(JSON.parse(moved.out)).toMatchObject({ domain: 1, name: 'guest' });
  const report = JSON.parse(moved.out) as Record<string, number>;
  for (const key of ['gpuStallMs', 'pausedMs', 'totalMs', 'rounds', 'bytes', 'lastBytes']) {
    expect([key, report[key]]).toEqual([key, expect.any(Number)]);
  }
  const there = hosts[1]?.domains.get(1);
  if (there === undefined) throw new Error('it is not there');
  const now = again(guest, there);
  await until(() => now.peek(DATA_GFN) === 42);
  expect(now.peek(DATA_GFN)).toBe(42);
  expect(hosts[0]?.domains.has(1)).toBe(false);
  const back = await xengt('migrate', '1', ...on(1), '--to', String(servers[0]?.port));
  expect(back.out).toMatch(/^guest is domain 1 there; its GPU stood still for \d+ ms, /);
});

test('to another process and back: memory, rings and the work in them', async () => {
  const script = fileURLToPath(new URL('../life/testing/host-process.ts', import.meta.url));
  const other = spawn(process.execPath, ['--conditions=source', script, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const port = await new Promise<string>((resolve, reject) => {
      other.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()));
      other.once('exit', (code) => reject(new Error(`the other host ended with ${code}`)));
    });
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 20; i++) {
        const at = guest.dataGma + i * 4;
        guest.submit(BCS, [(0x20 << 23) | 0x400002, 0, at, round * 100 + i]);
      }
      const away = await xengt('migrate', 'guest', ...on(0), '--to', port, '--json');
      expect([away.code, away.err]).toEqual([0, '']);
      expect(hosts[0]?.domains.has(1)).toBe(false);
      const home = await xengt(
        ...['migrate', 'guest', '--port', port, '--to', String(servers[0]?.port), '--json'],
      );
      expect([home.code, home.err]).toEqual([0, '']);
      guest = again(guest, hosts[0]?.domains.get(1) as HostDomain);
      await until(() => guest.peek(DATA_GFN, 19) === round * 100 + 19);
      for (let i = 0; i < 20; i++) expect(guest.peek(DATA_GFN, i)).toBe(round * 100 + i);
    }
  } finally {
    other.stdin.end();
    await new Promise((resolve) => other.once('close', resolve));
  }
});

test('a request of another site is none of a host', async () => {
  const url = `http://127.0.0.1:${servers[0]?.port}/api/domains/1/pause`;
  const answer = await fetch(url, { method: 'POST', headers: { origin: 'http://elsewhere' } });
  expect(answer.status).toBe(403);
  const bad = await fetch(url, { method: 'POST', body: '{"path":"x"}' });
  expect([bad.status, await bad.json()]).toEqual([
    400,
    { error: { code: 'BAD_REQUEST', message: expect.stringMatching(/^path: /) as string } },
  ]);
  expect(guest.domain.state).toBe('running');
});
