import { describe, expect, test, vi } from 'vitest';
import { ConsoleError, SerialConsole } from './serial-console.ts';

/** A console whose other end is a function that answers each line sent. */
function consoleWith(answer: (line: string, say: (text: string) => void) => void): {
  console: SerialConsole;
  sent: string[];
} {
  const sent: string[] = [];
  const console: SerialConsole = new SerialConsole((bytes) => {
    const line = Buffer.from(bytes).toString();
    sent.push(line);
    setTimeout(() => answer(line, (text) => console.receive(Buffer.from(text))), 0);
  });
  return { console, sent };
}

/** Answers as a shell would: the output of `run` between the marks. */
function shell(run: (command: string) => { output: string; status: number }) {
  return consoleWith((line, say) => {
    const m = /^echo "@B""(\w+)"; (.*); echo "@E""\w+=\$\?"\n$/.exec(line);
    if (!m) throw new Error(`not a command: ${line}`);
    const { output, status } = run(m[2] as string);
    say(`@B${m[1]}\r\n${output.replaceAll('\n', '\r\n')}@E${m[1]}=${status}\r\n#> `);
  });
}

describe('expect', () => {
  test('what was printed before counts, and is used up', async () => {
    const { console } = consoleWith(() => {});
    console.receive(Buffer.from('one two'));
    expect(await console.expect(/one/, 100)).toBe('one');
    expect(await console.expect(/two/, 100)).toBe(' two');
  });

  test('bytes one at a time, with a character of several bytes', async () => {
    const { console } = consoleWith(() => {});
    const got = console.expect(/grün\n/, 1000);
    for (const byte of Buffer.from('so grün\r\n')) console.receive(byte);
    expect(await got).toBe('so grün\n');
  });

  test('a deadline is of the time that the guest had, up to a limit', async () => {
    vi.useFakeTimers();
    try {
      let guest = 0;
      const console = new SerialConsole(
        () => {},
        () => guest,
      );
      let error: unknown = null;
      const wait = (): void => {
        error = null;
        console.expect(/login/, 5000).catch((e: unknown) => {
          error = e;
        });
      };
      wait();
      await vi.advanceTimersByTimeAsync(20_000);
      expect(error).toBeNull();
      guest = 5000;
      await vi.advanceTimersByTimeAsync(5000);
      expect(error).toBeInstanceOf(ConsoleError);
      // A clock that stands still: the host's own time ends it.
      wait();
      await vi.advanceTimersByTimeAsync(39_000);
      expect(error).toBeNull();
      await vi.advanceTimersByTimeAsync(6000);
      expect(error).toBeInstanceOf(ConsoleError);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a deadline ends the wait with the last text', async () => {
    vi.useFakeTimers();
    try {
      const { console } = consoleWith(() => {});
      console.receive(Buffer.from('Kernel panic'));
      const waiting = console.expect(/login/, 5000).catch((e: unknown) => e);
      await vi.advanceTimersByTimeAsync(5000);
      const error = (await waiting) as ConsoleError;
      expect(error).toBeInstanceOf(ConsoleError);
      expect(error.message).toBe(
        'the console did not show /login/ within 5 s. The console ends with:\nKernel panic',
      );
      expect(error.code).toBe('DEADLINE');
    } finally {
      vi.useRealTimers();
    }
  });

  test('a guest that ends is told, now and to later waits', async () => {
    const { console } = consoleWith(() => {});
    const waiting = console.expect(/x/, 1000).catch((e: ConsoleError) => e.code);
    console.close('power-down');
    expect(await waiting).toBe('CLOSED');
    expect(await console.expect(/x/, 1000).catch((e: ConsoleError) => e.code)).toBe('CLOSED');
  });

  test('the shell is there when its mark and its prompt are', async () => {
    const { console } = consoleWith(() => {});
    const waiting = console.waitForShell(1000);
    console.receive(
      Buffer.from('#> \n[    1.0] XENGT\nXENGT-INIT 5.1\nXENGT-SHELL 5.2\n\n\nBusyBox v1\n'),
    );
    console.receive(Buffer.from('\n#> '));
    await waiting;
  });
});

describe('commands', () => {
  test('output and status, without carriage returns and marks', async () => {
    const { console } = shell((command) => ({ output: `ran ${command}\nline 2\n`, status: 3 }));
    expect(await console.sh('ls /', 1000)).toEqual({ output: 'ran ls /\nline 2', status: 3 });
    expect(await console.sh('true', 1000)).toEqual({ output: 'ran true\nline 2', status: 3 });
  });

  test('output without a last line feed, and none at all', async () => {
    const { console } = shell((command) => ({
      output: command === 'x' ? 'no end' : '',
      status: 0,
    }));
    expect((await console.sh('x', 1000)).output).toBe('no end');
    expect((await console.sh('y', 1000)).output).toBe('');
  });

  test('commands of several callers do not mix', async () => {
    const { console, sent } = shell((command) => ({ output: command, status: 0 }));
    const all = await Promise.all(['a', 'b', 'c'].map((c) => console.sh(c, 1000)));
    expect(all.map((r) => r.output)).toEqual(['a', 'b', 'c']);
    expect(sent).toHaveLength(3);
  });

  test('a terminal that echoes what is typed does no harm', async () => {
    const { console } = consoleWith((line, say) => {
      say(line.replace('\n', '\r\n'));
      say('@B1x\r\nout\r\n@E1x=0\r\n');
    });
    expect(await console.sh('cmd', 1000)).toEqual({ output: 'out', status: 0 });
  });

  test('check() makes a status other than 0 an error', async () => {
    const { console } = shell(() => ({ output: 'no such file\n', status: 2 }));
    await expect(console.check('cat x', 1000)).rejects.toThrow(
      '"cat x" ended with status 2 in the guest: no such file',
    );
  });

  test('a line that the terminal would cut is refused here', async () => {
    const { console } = shell(() => ({ output: '', status: 0 }));
    await expect(console.sh('x'.repeat(4000), 1000)).rejects.toThrow(/at most 4000 bytes/);
    await expect(console.sh('a\nb', 1000)).rejects.toThrow(/one line/);
    expect((await console.sh('ok', 1000)).status).toBe(0);
  });

  test('files go in and come out whole', async () => {
    const files = new Map<string, Buffer>();
    const { console, sent } = shell((command) => {
      const make = /^: >'(.*)'$/.exec(command);
      const add = /^printf %s '(.*)' \| base64 -d >>'(.*)'$/.exec(command);
      const read = /^base64 '(.*)'$/.exec(command);
      if (make) files.set(make[1] as string, Buffer.alloc(0));
      if (add)
        files.set(
          add[2] as string,
          Buffer.concat([
            files.get(add[2] as string) as Buffer,
            Buffer.from(add[1] as string, 'base64'),
          ]),
        );
      const text = read ? (files.get(read[1] as string) as Buffer).toString('base64') : '';
      return { output: text.replace(/(.{76})/g, '$1\n'), status: 0 };
    });
    const data = Buffer.from(Array.from({ length: 10_000 }, (_, k) => (k * 7919) & 255));
    await console.upload('/tmp/f', data, 1000);
    expect(sent.every((line) => line.length <= 4000)).toBe(true);
    expect(Buffer.from(await console.download('/tmp/f', 1000)).equals(data)).toBe(true);
  });

  test('a long output is taken in without going through it again and again', async () => {
    const long = 'x'.repeat(400_000);
    const { console } = consoleWith((_line, say) => {
      say('@B1x\n');
      let at = 0;
      const more = () => {
        for (let k = 0; k < 64 && at < long.length; k++, at += 50) say(long.slice(at, at + 50));
        if (at < long.length) setImmediate(more);
        else say('\n@E1x=0\n');
      };
      more();
    });
    const start = performance.now();
    expect((await console.sh('cat', 10_000)).output).toHaveLength(long.length);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
