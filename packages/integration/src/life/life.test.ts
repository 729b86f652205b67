import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packVgpu, unpackVgpu, type VgpuStateV1 } from '@xengt/linux-vgt';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../host/host.ts';
import { BCS, DATA_GFN, RCS, type ScriptedGuest } from '../host/testing/scripted-guest.ts';
import { LiveHostView } from '../host/view.ts';
import { restoreDomain, resumeDomain, saveDomain, stopDomain } from './domain-life.ts';
import { handOver } from './hand-over.ts';
import type { SavedDomain } from './saved-domain.ts';
import { decodeSaved, encodeSaved, readSaved, writeSaved } from './saved-file.ts';
import { addScripted, again, SCRIPTED, scriptedHost, until } from './testing/lab.ts';

const store = (gma: number, value: number): number[] => [(0x20 << 23) | 0x400002, 0, gma, value];

let directory = '';
const hosts: Host[] = [];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xengt-life-'));
});
afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
});
afterAll(() => rm(directory, { recursive: true }));

function host(...args: Parameters<typeof scriptedHost>): Host {
  const made = scriptedHost(...args);
  hosts.push(made);
  return made;
}

/** A guest with work on two engines under way; `value` tells its results. */
function work(guest: ScriptedGuest, value: number): void {
  for (let i = 0; i < 30; i++) {
    for (const e of [RCS, BCS]) {
      guest.submit(e, store(guest.dataGma + e * 0x1000 + i * 4, value + i * 10 + e));
    }
  }
}
function done(guest: ScriptedGuest, value: number): boolean {
  for (let i = 0; i < 30; i++) {
    for (const e of [RCS, BCS]) {
      if (guest.peek(DATA_GFN + e, i) !== value + i * 10 + e) return false;
    }
  }
  return true;
}
async function worker(on: Host, domid = 1): Promise<ScriptedGuest> {
  const guest = await addScripted(on, domid);
  for (const e of [RCS, BCS]) guest.startRing(e);
  return guest;
}
const why = (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => 'nothing was wrong',
    (error: Error) => error.message,
  );

describe('save and restore', () => {
  test('a domain at work goes on in another host, and its file says all', async () => {
    const a = host();
    let guest = await worker(a);
    work(guest, 1000);
    const saved = await saveDomain(a, 1);
    expect([a.domains.size, a.hypervisor.domains.length, a.vgt?.vms.length]).toEqual([0, 0, 1]);
    const path = join(directory, 'guest.xengt');
    expect(await writeSaved(path, saved)).toBe((await stat(path)).size);
    const b = host();
    await addScripted(b, 0);
    const there = await restoreDomain(b, await readSaved(path), { guests: SCRIPTED });
    expect([there.name, there.domid, there.domain.state]).toEqual(['scripted1', 1, 'running']);
    guest = again(guest, there);
    await until(() => done(guest, 1000));
    expect(done(guest, 1000)).toBe(true);
    work(guest, 5000);
    await until(() => done(guest, 5000));
    expect(done(guest, 5000)).toBe(true);
  });

  test.each([
    ['continue', 'running'],
    ['pause', 'paused'],
  ] as const)(
    '%s: the domain is %s afterwards, and the copy is of that moment',
    async (after, state) => {
      const a = host();
      const guest = await worker(a);
      guest.poke(DATA_GFN + 5, [77]);
      const saved = await saveDomain(a, 1, { after });
      expect(a.domains.get(1)?.domain.state).toBe(state);
      guest.poke(DATA_GFN + 5, [78]);
      const copy = await restoreDomain(host(), saved, { guests: SCRIPTED, domid: 4, paused: true });
      expect([copy.domid, copy.domain.state]).toEqual([4, 'paused']);
      expect(again(guest, copy).peek(DATA_GFN + 5)).toBe(77);
      work(guest, 300);
      await until(() => done(guest, 300));
      expect(done(guest, 300)).toBe(true);
    },
  );

  test('what cannot be saved says why, and goes on', async () => {
    const a = host();
    await addScripted(a, 0, 'Domain-0');
    const guest = await worker(a);
    expect(await why(saveDomain(a, 7))).toBe('there is no domain 7');
    expect(await why(saveDomain(a, 0))).toBe(
      'the physical display is the one of Domain-0: it stays',
    );
    guest.poke(0x30, [(0x31 << 23) | 0, guest.batchGma]);
    guest.submit(RCS, [0x31 << 23, guest.batchGma]);
    await until(() => a.vgt?.renderOwner === guest.vgpu);
    expect(await why(saveDomain(a, 1))).toBe(
      'scripted1 keeps the engines busy for more than 200 ms',
    );
    expect([guest.domain.state, guest.vgpu.sched.stopped]).toEqual(['running', false]);
    expect((await saveDomain(a, 1, { force: true, after: 'continue' })).identity.name).toBe(
      'scripted1',
    );
    guest.domain.crash('by the test');
    expect(await why(saveDomain(a, 1))).toBe('scripted1 is over: crashed, by the test');
  });

  test('saved twice at once, or destroyed meanwhile: one of both is refused, nothing is left', async () => {
    const a = host();
    const guest = await worker(a);
    work(guest, 100);
    const [first, second] = await Promise.all([
      why(saveDomain(a, 1, { after: 'continue' })),
      why(saveDomain(a, 1)),
    ]);
    expect([first, second]).toEqual([
      'nothing was wrong',
      'scripted1 is being saved or moved already',
    ]);
    expect(guest.domain.state).toBe('running');
    for (let turns = 0; turns < 12; turns++) {
      const on = host();
      const one = await worker(on);
      work(one, turns);
      const saving = why(saveDomain(on, 1));
      for (let i = 0; i < turns; i++) await new Promise((next) => setImmediate(next));
      on.destroyDomain(1);
      const other = await worker(on);
      expect(await saving).toMatch(/^(nothing was wrong|scripted1 ended meanwhile)$/);
      expect([on.domains.size, on.vgt?.vms.length, other.domain.state]).toEqual([1, 2, 'running']);
      work(other, 700);
      await until(() => done(other, 700));
      expect(done(other, 700)).toBe(true);
    }
  });

  test('a domain in the foreground leaves it for dom0', async () => {
    const a = host();
    await addScripted(a, 0);
    const guest = await worker(a);
    guest.write(0x78804, 1);
    expect(a.vgt?.setForeground(1)).toBeNull();
    const was = await stopDomain(a, 1, false);
    expect([was.shown, a.vgt?.foreground.vm?.domid]).toEqual([true, 0]);
    resumeDomain(a, 1, was);
    expect(a.vgt?.foreground.vm?.domid).toBe(1);
  });
});

describe('a saved domain that a host does not take', () => {
  let saved: SavedDomain;
  beforeAll(async () => {
    const a = scriptedHost();
    await worker(a);
    saved = await saveDomain(a, 1);
    a.close();
  });
  const refusal = async (of: SavedDomain, to: Host): Promise<string> => {
    const before = to.vgt?.partition.describe();
    const message = await why(restoreDomain(to, of, { guests: SCRIPTED }));
    expect(to.vgt?.partition.describe()).toBe(before);
    expect([to.domains.size, to.hypervisor.domains.length]).toEqual([0, 0]);
    return message;
  };

  test('control case: an equal host does', async () => {
    expect((await restoreDomain(host(), saved, { guests: SCRIPTED })).domid).toBe(1);
  });

  test('each reason is named', async () => {
    const identity = (changes: object): SavedDomain => ({
      ...saved,
      identity: { ...saved.identity, ...changes },
    });
    const at = 'scripted1 does not fit this host: ';
    expect(await refusal(identity({ emulator: 'v86 0.5.1' }), host())).toBe(
      `${at}it runs on v86 0.5.1, this host's guests on scripted 1`,
    );
    expect(await refusal(saved, host({}, { deviceId: 0x0a16 }))).toBe(
      `${at}its GPU is 8086:0412, this host's is 8086:0a16`,
    );
    expect(await refusal(saved, host({}, { apertureMiB: 512 }))).toBe(
      `${at}its aperture has 256 MiB, this host's has 512`,
    );
    expect(await refusal(saved, host({ dom0LowMiB: 130 }))).toBe(
      `${at}aperture from 120 to 136 MiB is not free; free: 130-248 MiB`,
    );
    expect(await refusal(identity({ memoryMiB: 16 }), host())).toBe(
      `${at}a bitmap of another size of memory`,
    );
    expect(await refusal({ ...saved, vgpu: saved.vgpu.slice(1) }, host())).toMatch(
      /does not fit this host: a vGPU image has no \d+ bytes$/,
    );
    const state = unpackVgpu(saved.vgpu) as VgpuStateV1;
    const foreign = packVgpu({ ...state, header: { ...state.header, ccid: 1 } });
    expect(await refusal({ ...saved, vgpu: foreign }, host())).toBe(
      `${at}CCID 0x1 names memory outside the VM's`,
    );
    expect(await refusal({ ...saved, engine: new Uint8Array(3) }, host())).toBe(
      'a machine state has a header',
    );
  });
});

describe('the file of a saved domain', () => {
  let bytes: Uint8Array;
  let saved: SavedDomain;
  beforeAll(async () => {
    const a = scriptedHost();
    const guest = await worker(a);
    guest.poke(DATA_GFN, [1, 2, 3]);
    saved = await saveDomain(a, 1);
    bytes = await encodeSaved(saved);
    a.close();
  });
  const read = (of: Uint8Array): Promise<string> => why(decodeSaved(of, 'g.xengt'));
  const changed = (at: number, to?: number): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    copy[at] = to ?? (copy[at] as number) ^ 1;
    return copy;
  };

  test('reads back as it was written', async () => {
    const got = await decodeSaved(bytes, 'g.xengt');
    expect(got.identity).toEqual(saved.identity);
    for (const key of ['engine', 'vgpu'] as const) {
      expect(Buffer.compare(got[key], saved[key])).toBe(0);
    }
    expect(Buffer.compare(got.ram.pages, saved.ram.pages)).toBe(0);
    expect(got.machine).toEqual(JSON.parse(JSON.stringify(saved.machine)));
  });

  test('damaged, foreign, newer: it says which', async () => {
    const header = 48 + Buffer.from(bytes).readUInt32LE(12);
    expect(await read(Buffer.from('#!/bin/sh\nexit\n'))).toBe(
      'g.xengt: no saved domain: it does not begin with XENGTSAV',
    );
    expect(await read(new Uint8Array(0))).toMatch(/^g.xengt: no saved domain/);
    expect(await read(changed(8, 2))).toBe(
      'g.xengt: saved by a newer xengt, in format 2; this one reads format 1',
    );
    expect(await read(changed(8, 0))).toBe('g.xengt: in format 0; this xengt reads format 1');
    expect(await read(changed(60))).toBe('g.xengt: its header is damaged');
    expect(await read(bytes.slice(0, 20))).toBe('g.xengt: it ends after 20 bytes, in its header');
    expect(await read(bytes.slice(0, header - 1))).toMatch(
      /^g.xengt: it ends after \d+ bytes, in its header$/,
    );
    expect(await read(bytes.slice(0, -5))).toBe(
      `g.xengt: it ends after ${bytes.length - 5} of ${bytes.length} bytes`,
    );
    expect(await read(Buffer.concat([bytes, Buffer.alloc(3)]))).toBe(
      'g.xengt: 3 bytes follow its end',
    );
    expect(await read(changed(header))).toBe('g.xengt: its section engine is damaged');
    expect(await read(changed(bytes.length - 1))).toBe('g.xengt: its section pages is damaged');
  });

  test('files that cannot be read or written say so', async () => {
    const nowhere = join(directory, 'no', 'such');
    expect(await why(readSaved(nowhere))).toBe(`${nowhere}: cannot be read (ENOENT)`);
    expect(await why(writeSaved(nowhere, saved))).toBe(`${nowhere}: cannot be written (ENOENT)`);
    const cut = join(directory, 'cut');
    await writeFile(cut, bytes.slice(0, 100));
    expect(await why(readSaved(cut))).toContain('cut: it ends after 100 bytes');
    expect((await readFile(cut)).length).toBe(100);
  });
});

test('whoever listens to a host hears the consoles of domains that come later, and only there', async () => {
  const [a, b] = [host(), host()];
  const guest = await worker(a);
  const heard: string[] = [];
  const stops = [a, b].map((h, i) =>
    new LiveHostView(h).onConsole((domid, bytes) =>
      heard.push(`${'ab'[i]}${domid} ${String.fromCharCode(...bytes)}`),
    ),
  );
  const say = async (text: string): Promise<void> => {
    guest.engine.print(text);
    await new Promise((next) => setImmediate(next));
  };
  await say('one');
  await handOver(a, 1, b, { domid: 4 });
  await say('two');
  for (const stop of stops) stop();
  await say('three');
  expect(heard).toEqual(['a1 one', 'b4 two']);
});

describe('moved to another host of the same process', () => {
  test('a guest at work, twenty times there and back: every result is right', async () => {
    const pair = [host(), host()] as const;
    let guest = await worker(pair[0]);
    const stalls: number[] = [];
    for (let round = 0; round < 20; round++) {
      work(guest, round * 1000);
      const [from, to] = round % 2 === 0 ? pair : [pair[1], pair[0]];
      const moved = await handOver(from, 1, to, { domid: 1 });
      stalls.push(moved.gpuStallMs);
      expect([from.domains.size, to.domains.size]).toEqual([0, 1]);
      expect(moved.domain.domain.engine).toBe(guest.engine);
      guest = again(guest, moved.domain);
      await until(() => done(guest, round * 1000));
      expect(done(guest, round * 1000)).toBe(true);
    }
    expect(Math.min(...stalls)).toBeGreaterThan(0);
    expect(pair.map((h) => h.vgt?.vms.length)).toEqual([1, 2].reverse());
  });

  test('where it does not fit it is not sent; where it is refused it comes back', async () => {
    const a = host();
    const guest = await worker(a);
    expect(await why(handOver(a, 1, host({ dom0LowMiB: 130 })))).toBe(
      'scripted1 does not fit the other host: aperture from 120 to 136 MiB is not free; free: 130-248 MiB',
    );
    const b = host();
    const { lifecycle } = b.vgt as NonNullable<Host['vgt']>;
    lifecycle.load = () => ({ code: 'BAD_STATE', message: 'by the test' });
    expect(await why(handOver(a, 1, b))).toBe('scripted1 does not fit this host: by the test');
    expect([b.domains.size, b.vgt?.vms.length, a.domains.size]).toEqual([0, 1, 1]);
    const back = again(guest, a.domains.get(1) as NonNullable<ReturnType<Host['domains']['get']>>);
    expect(back.domain.state).toBe('running');
    work(back, 40);
    await until(() => done(back, 40));
    expect(done(back, 40)).toBe(true);
  });
});
