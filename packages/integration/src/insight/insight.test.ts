import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { AubWriter, errorState, parseTraceFilter } from '@xengt/hsw-device';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Host } from '../host/host.ts';
import { commandBuffers } from './dumps.ts';
import { TraceFile } from './trace-file.ts';
import { unclaimedOf } from './unclaimed.ts';

const CS_GPR0 = 0x2600;
const NOWHERE = 0x180000;

let directory = '';
let host: Host;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xengt-insight-'));
});
afterAll(() => rm(directory, { recursive: true }));
beforeEach(() => {
  host = new Host({ mode: 'direct' });
});
afterEach(() => host.close());

test('a trace in a file is a line an event, and all of them are there at the end', async () => {
  const path = join(directory, 'trace.txt');
  const trace = new TraceFile(host, path, parseTraceFilter('write'));
  for (let i = 0; i < 10_000; i++) {
    host.device.mmio.write(CS_GPR0, 4, i);
    if (i % 1000 === 0) host.loop.poll();
  }
  trace.close();
  host.device.mmio.write(CS_GPR0, 4, 0);
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(lines).toHaveLength(10_000);
  expect(lines.at(-1)).toMatch(/gpu write .*GPR.* = 0x0000270f$/);
  expect(trace.lost).toBe(0);
});

test('a name that ends in .jsonl gets JSON', async () => {
  const path = join(directory, 'trace.jsonl');
  const trace = new TraceFile(host, path, {});
  host.device.mmio.read(NOWHERE, 4);
  trace.close();
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
    kind: 'read',
    source: 'gpu',
    offset: NOWHERE,
    claimed: false,
  });
});

test('a file that cannot be made is told before anything runs', () => {
  expect(() => new TraceFile(host, join(directory, 'absent', 'x'), {})).toThrow(/ENOENT/);
});

test('what drivers touch and nobody has is listed by register', () => {
  host.device.mmio.write(NOWHERE, 4, 3);
  host.device.mmio.read(CS_GPR0, 4);
  expect(unclaimedOf(host)).toEqual([
    { source: 'gpu', offset: NOWHERE, reads: 0, writes: 1, last: 3 },
  ]);
});

const DEFAULTS = { engine: 'VCS', address: 0x40 } as const;
const PIPE_CONTROL = 0x7a000003;

function found(file: Uint8Array | string): [string, string, number, number | undefined][] {
  const bytes = typeof file === 'string' ? new TextEncoder().encode(file) : file;
  return commandBuffers(bytes, DEFAULTS).map((b) => [b.title, b.engine, b.address, b.dwords[0]]);
}

test('an error state gives its rings and batches, not its status pages', () => {
  expect(found(errorState(host.device))).toEqual([]);
  host.device.mmio.write(0x2203c, 4, 1);
  expect(found(errorState(host.device))).toEqual([['bcs0 ring', 'BCS', 0, 0]]);
});

test('a buffer that a kernel compressed is inflated', () => {
  const packed = deflateSync(new Uint8Array(Int32Array.of(PIPE_CONTROL, 1, 2, 3).buffer));
  const words = new Uint32Array(
    new Uint8Array([...packed, 0, 0, 0]).slice(0, (packed.length + 3) & ~3).buffer,
  );
  const text = [...words].map((word) => {
    let group = '';
    for (let i = 0, v = word; i < 5; i++, v = Math.floor(v / 85))
      group = String.fromCharCode(33 + (v % 85)) + group;
    return word === 0 ? 'z' : group;
  });
  const state = `rcs0 --- batch = 0x00000000 00002000\n:${text.join('')}\n`;
  expect(found(state)).toEqual([['rcs0 batch', 'RCS', 0x2000, PIPE_CONTROL]]);
  expect(found('rcs0 --- batch = 0x00000000 00002000\n:zzzz\n')).toEqual([]);
});

test('an AUB file gives its submissions with the memory of then', () => {
  const writer = new AubWriter(0x0412, 1 << 20);
  writer.memory(0x3000, Int32Array.of(PIPE_CONTROL));
  writer.ring(4 << 8, 0x1000, Int32Array.of(0x18800100 | 0, 0x3000));
  const [buffer] = commandBuffers(writer.bytes(), DEFAULTS);
  expect([buffer?.title, buffer?.level, buffer?.memory?.(0x3000)]).toEqual([
    'BCS submission 0',
    0,
    PIPE_CONTROL,
  ]);
});

test('dwords in hexadecimal, with an address or without; anything else is dwords', () => {
  expect(found('7a000003 00000001\n')).toEqual([['dump', 'VCS', 0x40, PIPE_CONTROL]]);
  expect(found('offsets and dwords\n0x2000: 0x7a000003\n')).toEqual([
    ['dump', 'VCS', 0x2000, PIPE_CONTROL],
  ]);
  expect(found(Uint8Array.of(3, 0, 0, 0x7a, 9))).toEqual([['binary', 'VCS', 0x40, PIPE_CONTROL]]);
});
