import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { type ConsoleInput, type ConsoleOptions, consoleSession } from './console-session.ts';
import { type CliHost, cliHost } from './testing/cli.ts';

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
    timeoutMs: Number.POSITIVE_INFINITY,
    idle: async () => true,
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

describe('once the input is over', () => {
  const piped = (more: Partial<ConsoleOptions>) => {
    const made = session(Readable.from([Buffer.from('make\n')]), { lines: 0, ...more });
    made.socket.emit('message', Buffer.from('#> '));
    return made;
  };

  test('a guest that computes in silence is waited for, and what it says then is heard', async () => {
    let asked = 0;
    const { said, socket, ended } = piped({
      idle: async () => {
        asked++;
        if (asked === 2) socket.emit('message', Buffer.from('done\n'));
        return asked > 2;
      },
    });
    expect(await ended).toEqual({ kind: 'quiet' });
    expect([said, asked, socket.readyState]).toEqual([['', 'done\n'], 3, 3]);
  });

  test('silence counts from what was said last', async () => {
    let asked = 0;
    const { said, socket, ended } = piped({
      quietMs: 400,
      idle: async () => {
        if (asked++ < 4) socket.emit('message', Buffer.from(`${asked}`));
        return true;
      },
    });
    expect(await ended).toEqual({ kind: 'quiet' });
    expect(said.join('')).toBe('1234');
  });

  test('a guest that is never done is left when it has lasted too long', async () => {
    const { ended } = piped({ timeoutMs: 300, idle: async () => false });
    expect(await ended).toEqual({ kind: 'timeout' });
  });

  test('a host that has gone is waited for no longer', async () => {
    const { ended } = piped({ idle: async () => Promise.reject(new Error('no answer')) });
    expect(await ended).toEqual({ kind: 'quiet' });
  });
});

describe('xengt console from a pipe', () => {
  let lab: CliHost | null = null;
  afterEach(async () => {
    await lab?.close();
    lab = null;
  });

  test('ends when the domain is idle; with --timeout also when it is not, and says so', async () => {
    lab = await cliHost();
    const { xengt, host } = lab;
    const console = (...flags: string[]) =>
      xengt(['console', '--quiet', '0', ...flags, 'Domain-0'], {
        input: Readable.from([Buffer.from('date\n')]),
      });
    // Its processor never halts.
    expect(await console('--timeout', '1')).toEqual({
      code: 1,
      out: '',
      err: 'xengt: the guest was not silent and idle for 0 s within 1 s\n',
    });
    host.domains.get(0)?.domain.pause();
    expect(await console()).toEqual({ code: 0, out: '', err: '' });
    expect((await console('--timeout', '0')).err).toContain(
      'timeout "0": expected a whole number from 1 to 1000000',
    );
  });
});
