import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseTraceFilter } from '@xengt/hsw-device';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Host } from '../host/host.ts';
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
