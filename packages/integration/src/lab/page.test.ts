import { describe, expect, test } from 'vitest';
import { FakeHost } from './fake-host.ts';
import { consoleMessage, ScreenFeed } from './screen-feed.ts';

interface Terminal {
  write(text: string): void;
  readonly text: string;
}
const { Terminal } = (await import(new URL('./page/terminal.js', import.meta.url).href)) as {
  Terminal: new () => Terminal;
};
const { decodeMessage, keyBytes } = (await import(
  new URL('./page/screen.js', import.meta.url).href
)) as {
  decodeMessage: (buffer: ArrayBuffer) => Record<string, unknown> | null;
  keyBytes: (e: object) => string;
};

function textOf(...parts: string[]): string {
  const t = new Terminal();
  for (const p of parts) t.write(p);
  return t.text;
}

describe('console text', () => {
  test('lines, carriage return, backspace and tab', () => {
    expect(textOf('one\r\ntwo\r\n')).toBe('one\ntwo\n');
    expect(textOf('10%\r100%')).toBe('100%');
    expect(textOf('abc\b\bX')).toBe('aXc');
    expect(textOf('a\tb')).toBe('a       b');
  });

  test('erasing works, colours are passed over, also across messages', () => {
    expect(textOf('abc\b\b\x1b[K')).toBe('a');
    expect(textOf('\x1b[1;3', '2mgreen\x1b', '[0m!')).toBe('green!');
    expect(textOf('\x1b]0;title\x07x')).toBe('x');
    expect(textOf('old\r\n\x1b[H\x1b[Jnew')).toBe('new');
    expect(textOf(`\x1b[${'1'.repeat(500)}`, 'm ok').endsWith(' ok')).toBe(true);
  });

  test('a console keeps its last 1000 lines', () => {
    const text = textOf('x\n'.repeat(5000));
    expect(text.split('\n')).toHaveLength(1000);
  });
});

describe('messages', () => {
  test('the page reads what the feed writes', () => {
    const message = new ScreenFeed(new FakeHost()).next(1, 'E') as Uint8Array<ArrayBuffer>;
    expect(decodeMessage(message.buffer)).toMatchObject({
      kind: 'rows',
      domain: 1,
      port: 'E',
      width: 2,
      height: 2,
      first: 0,
      rows: 2,
    });
    const text = consoleMessage(300, new TextEncoder().encode('hi')) as Uint8Array<ArrayBuffer>;
    const got = decodeMessage(text.buffer) as { domain: number; bytes: Uint8Array };
    expect([got.domain, ...got.bytes]).toEqual([300, 104, 105]);
    expect(decodeMessage(new ArrayBuffer(2))).toBeNull();
  });

  test('keys become what a terminal sends; Tab and browser shortcuts stay the browser’s', () => {
    const key = (k: string, more = {}): string => keyBytes({ key: k, ...more });
    expect(['a', ' ', 'Enter', 'Backspace', 'ArrowUp'].map((k) => key(k))).toEqual([
      'a',
      ' ',
      '\r',
      '\x7f',
      '\x1b[A',
    ]);
    expect(key('c', { ctrlKey: true })).toBe('\x03');
    expect(key('i', { ctrlKey: true })).toBe('\t');
    for (const [k, more] of [
      ['Tab', {}],
      ['r', { ctrlKey: true }],
      ['t', { ctrlKey: true }],
      ['x', { altKey: true }],
      ['F5', {}],
    ] as const) {
      expect(key(k, more)).toBe('');
    }
  });
});
