import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import type { DomainInfo } from '../lab/host-view.ts';
import { type ConsoleInput, type ConsoleOptions, consoleSession } from './console-session.ts';
import { infoText, listText, stateLetters, topText, vcpuText } from './listing.ts';

const domain = (id: number, more: Partial<DomainInfo> = {}): DomainInfo => ({
  id,
  name: `guest${id}`,
  state: 'running',
  reason: '',
  memory: 512,
  seconds: 10,
  blocked: false,
  kernel: null,
  driver: null,
  vgpu: { lowGm: 64, highGm: 448, fences: 4, seconds: 4, busy: { RCS: 3, BCS: 1 } },
  ...more,
});

test('states are letters in their places', () => {
  const letters = (state: string, blocked = false): string =>
    stateLetters(domain(1, { state, blocked }));
  expect(letters('running')).toBe('r-----');
  expect(letters('running', true)).toBe('-b----');
  expect(letters('paused', true)).toBe('--p---');
  expect([letters('shutdown'), letters('rebooted')]).toEqual(['---s--', '---s--']);
  expect(letters('crashed')).toBe('----c-');
});

test("lists have xl's columns; a name cannot steer a terminal", () => {
  expect(
    listText([domain(1), domain(12, { name: 'x\x1b[2J', blocked: true, seconds: 1234.56 })]),
  ).toBe(
    'Name                                        ID   Mem VCPUs      State  Time(s)\n' +
      'guest1                                       1   512     1     r-----     10.0\n' +
      'x.[2J                                       12   512     1     -b----   1234.6\n',
  );
  expect(vcpuText([domain(1), domain(2, { state: 'paused' })])).toBe(
    'Name                                ID  VCPU  CPU State   Time(s)  Affinity (Hard / Soft)\n' +
      'guest1                               1     0    0   r--      10.0  all / all\n' +
      'guest2                               2     0    -   --p      10.0  all / all\n',
  );
  expect(infoText({ host: 'here', nr_cpus: 2 })).toBe(
    'host                   : here\nnr_cpus                : 2\n',
  );
});

test('top has what was taken since the sample before, of those that were there then', () => {
  const then = { at: 1000, domains: [domain(1)] };
  const vgpu = domain(1).vgpu as NonNullable<DomainInfo['vgpu']>;
  // The busiest engine of a moment need not be the busiest of a life.
  const busy = { ...vgpu, seconds: 3.2, busy: { RCS: 3.2, BCS: 1.5 } };
  const now = {
    at: 3000,
    domains: [domain(1, { seconds: 11, vgpu: busy }), domain(2, { vgpu: null })],
  };
  expect(topText(now, null).split('\n')[2]).toBe(
    '        guest1 r-----      11.0      -    524288     1     1      3.2      -      -      -',
  );
  expect(topText(now, then).split('\n')).toEqual([
    '2 domains: 2 running, 0 blocked, 0 paused, 0 crashed, 0 shut down',
    '          NAME  STATE   CPU(s) CPU(%)    MEM(k) VCPUS   ID   GPU(s) GPU(%) RCS(%) BCS(%)',
    '        guest1 r-----      11.0   50.0    524288     1     1      3.2   25.0   10.0   25.0',
    '        guest2 r-----      10.0      -    524288     1     2        -      -      -      -',
    '',
  ]);
  for (const line of topText(now, then, 40).split('\n'))
    expect(line.length).toBeLessThanOrEqual(40);
});

/** A connection to a console. */
class FakeSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  sent = '';
  send(data: Uint8Array): void {
    this.sent += Buffer.from(data).toString();
  }
  terminate(): void {
    this.readyState = 3;
  }
}
class FakeTerminal extends EventEmitter implements ConsoleInput {
  readonly isTTY = true;
  raw = false;
  setRawMode(on: boolean): void {
    this.raw = on;
  }
  resume(): void {}
  pause(): void {}
}

function session(input: ConsoleInput, more: Partial<ConsoleOptions> = {}) {
  const socket = new FakeSocket();
  const said: string[] = [];
  const ended = consoleSession(socket as unknown as WebSocket, {
    input,
    out: (bytes) => void said.push(Buffer.from(bytes).toString()),
    signal: new AbortController().signal,
    quietMs: 0,
    lines: 2,
    ...more,
  });
  return { socket, said, ended };
}

test('on a terminal every key goes to the guest, and ^] leaves it', async () => {
  const input = new FakeTerminal();
  const { socket, said, ended } = session(input);
  expect(input.raw).toBe(true);
  socket.emit('message', Buffer.from('one\ntwo\nthree\n#> '));
  socket.emit('message', Buffer.from('more\nand more\nlines\n'));
  input.emit('data', Buffer.from('ls\x03\r'));
  input.emit('data', Buffer.from('q\x1dlost'));
  expect(await ended).toEqual({ kind: 'left' });
  expect([socket.sent, input.raw]).toEqual(['ls\x03\rq', false]);
  expect(said).toEqual(['three\n#> ', 'more\nand more\nlines\n']);
  expect([input.listenerCount('data'), socket.listenerCount('message')]).toEqual([0, 0]);
});

test('a domain that ends, or a person that stops, ends it', async () => {
  const one = session(new FakeTerminal());
  one.socket.emit('close', 1000, Buffer.from('guest1 is gone'));
  expect(await one.ended).toEqual({ kind: 'closed', code: 1000, reason: 'guest1 is gone' });
  const stop = new AbortController();
  const two = session(new FakeTerminal(), { signal: stop.signal });
  stop.abort();
  expect(await two.ended).toEqual({ kind: 'left' });
  const lost = session(new FakeTerminal());
  lost.socket.emit('error', new Error('connect ENOENT'));
  expect(await lost.ended).toEqual({ kind: 'closed', code: 0, reason: 'connect ENOENT' });
});

test('a file is typed piece by piece once the guest is there, and then it is over', async () => {
  const text = `${'x'.repeat(700)}\nend\n`;
  const { socket, said, ended } = session(Readable.from([Buffer.from(text)]), { lines: 0 });
  socket.emit('message', Buffer.from('what was said before\n'));
  expect(await ended).toEqual({ kind: 'quiet' });
  expect(socket.sent).toBe(text.replaceAll('\n', '\r'));
  expect(said).toEqual(['']);
});
