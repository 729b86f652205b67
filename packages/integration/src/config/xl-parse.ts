/** A place in a file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A value as written, with its place. */
export type XlValue =
  | { readonly kind: 'string'; readonly at: Position; readonly text: string }
  | { readonly kind: 'number'; readonly at: Position; readonly number: number }
  | { readonly kind: 'list'; readonly at: Position; readonly items: readonly XlValue[] };

/** One `key = value`. */
export interface XlEntry {
  readonly key: string;
  readonly at: Position;
  readonly value: XlValue;
}

export interface XlIssue {
  readonly at: Position;
  readonly message: string;
}

export interface XlFile {
  readonly entries: readonly XlEntry[];
  /** Syntax errors; reading goes on at the next line after each. */
  readonly issues: readonly XlIssue[];
}

/** Lists inside lists, at most: enough for any file, little enough for any stack. */
const MAX_DEPTH = 8;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0' };

/** What of a string is no quote, escape or end of its line. */
const PLAIN = /[^"'\\\n]+/y;

/** Most of a word that a message repeats. */
const SHOWN_CHARS = 60;

/** A word as a message repeats it. */
export function shown(word: string): string {
  return word.length > SHOWN_CHARS ? `${word.slice(0, SHOWN_CHARS)}...` : word;
}

/** Thrown and caught inside this file: leaves the statement that is wrong. */
class SyntaxFault extends Error {
  readonly at: Position;
  constructor(at: Position, message: string) {
    super(message);
    this.at = at;
  }
}

/**
 * Reads the format of `xl` domain files: `key = value`, ended by a line's end or `;`. Values are
 * quoted strings, numbers (decimal, 0x, 0 octal) and bracketed lists, which may span lines; `#`
 * starts a comment. See xl.cfg(5) and libxl's `libxlu_cfg`.
 */
export function parseXl(text: string): XlFile {
  return new XlReader(text).file();
}

class XlReader {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  file(): XlFile {
    const entries: XlEntry[] = [];
    const issues: XlIssue[] = [];
    for (;;) {
      this.#skip(true);
      if (this.#at >= this.#text.length) return { entries, issues };
      if (this.#take(';')) continue;
      try {
        entries.push(this.#entry());
      } catch (fault) {
        if (!(fault instanceof SyntaxFault)) throw fault;
        issues.push({ at: fault.at, message: fault.message });
        this.#skipLine();
      }
    }
  }

  #entry(): XlEntry {
    const at = this.#here();
    const key = this.#match(/[A-Za-z_][A-Za-z0-9_]*/y);
    if (key === null) throw this.#expected('a key', at);
    this.#skip(false);
    if (!this.#take('=')) throw this.#expected(`"=" after ${shown(key)}`);
    this.#skip(false);
    const value = this.#value(0, `a value for ${shown(key)}`);
    this.#skip(false);
    const next = this.#text[this.#at];
    if (next !== undefined && next !== '\n' && next !== ';') {
      throw this.#expected(`the end of the line after the value of ${shown(key)}`);
    }
    return { key, at, value };
  }

  #value(depth: number, what: string): XlValue {
    const at = this.#here();
    const c = this.#text[this.#at];
    if (c === '"' || c === "'") return { kind: 'string', at, text: this.#string(c, at) };
    if (c === '[') return { kind: 'list', at, items: this.#list(depth, at) };
    const digits = this.#match(/[-+]?[0-9][A-Za-z0-9_.]*/y);
    if (digits !== null) return { kind: 'number', at, number: toNumber(digits, at) };
    const word = /[^\s,;\]#]+/y;
    word.lastIndex = this.#at;
    if (/[A-Za-z]/.test(c ?? '')) {
      throw new SyntaxFault(
        at,
        `expected ${what}, found ${shown(word.exec(this.#text)?.[0] ?? '')}: quote strings`,
      );
    }
    throw this.#expected(what, at);
  }

  #list(depth: number, open: Position): XlValue[] {
    if (depth === MAX_DEPTH)
      throw new SyntaxFault(open, `lists are nested deeper than ${MAX_DEPTH}`);
    this.#at++;
    const items: XlValue[] = [];
    for (;;) {
      this.#skip(true);
      if (this.#at >= this.#text.length) throw new SyntaxFault(open, 'this list is never closed');
      if (this.#take(']')) return items;
      items.push(this.#value(depth + 1, 'a value or "]"'));
      this.#skip(true);
      if (this.#take(',') || this.#text[this.#at] === ']') continue;
      if (this.#at >= this.#text.length) throw new SyntaxFault(open, 'this list is never closed');
      throw this.#expected('"," or "]"');
    }
  }

  #string(quote: string, open: Position): string {
    let out = '';
    this.#at++;
    for (; ; this.#at++) {
      out += this.#match(PLAIN) ?? '';
      const c = this.#text[this.#at];
      if (c === undefined || c === '\n') throw new SyntaxFault(open, 'this string is never closed');
      if (c === quote) break;
      if (c !== '\\') {
        out += c;
        continue;
      }
      this.#at++;
      const hex = this.#match(/x[0-9A-Fa-f]{2}/y);
      const e = this.#text[this.#at] ?? '\n';
      if (hex !== null) {
        out += String.fromCharCode(Number.parseInt(hex.slice(1), 16));
        this.#at--;
      } else if (e === '\n') {
        throw new SyntaxFault(open, 'this string is never closed');
      } else out += ESCAPES[e] ?? e;
    }
    this.#at++;
    return out;
  }

  /** Passes blanks and comments; line ends too when they mean nothing here. */
  #skip(lines: boolean): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at];
      if (c === '#') {
        while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') this.#at++;
        this.#at--;
      } else if (c === '\n') {
        if (!lines) return;
        this.#line++;
        this.#lineStart = this.#at + 1;
      } else if (c !== ' ' && c !== '\t' && c !== '\r' && c !== '\ufeff') return;
    }
  }

  #skipLine(): void {
    while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') this.#at++;
  }

  #take(c: string): boolean {
    if (this.#text[this.#at] !== c) return false;
    this.#at++;
    return true;
  }

  #match(sticky: RegExp): string | null {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #here(): Position {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  #expected(what: string, at: Position = this.#here()): SyntaxFault {
    const c = this.#text[this.#at];
    const found = c === undefined ? 'the end of the file' : c === '\n' ? 'the end of the line' : c;
    return new SyntaxFault(at, `expected ${what}, found ${found}`);
  }
}

function toNumber(digits: string, at: Position): number {
  const [, sign, body] = /^([-+]?)(.*)$/.exec(digits) as unknown as [string, string, string];
  const octal = /^0[0-7]+$/.test(body) ? `0o${body.slice(1)}` : body;
  const n = /^(0x[0-9A-Fa-f]+|0o[0-7]+|0|[1-9][0-9]*)$/.test(octal) ? Number(octal) : Number.NaN;
  if (!Number.isSafeInteger(n)) throw new SyntaxFault(at, `${shown(digits)} is not a whole number`);
  return sign === '-' ? -n : n;
}
