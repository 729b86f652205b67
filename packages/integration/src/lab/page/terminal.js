// @ts-check
/** Lines kept of a console. */
const MAX_LINES = 1000;

/**
 * The text of a serial console: lines, with carriage return, backspace and the few escape sequences
 * that line editors use; colours and cursor addressing are passed over.
 */
export class Terminal {
  /** @type {string[]} */
  #lines = [''];
  #column = 0;
  /** What of an unfinished escape sequence has come so far. */
  #pending = '';
  #home = false;

  /** @param {string} text */
  write(text) {
    for (const c of text) {
      if (this.#pending !== '') this.#escape(c);
      else if (c === '\x1b') this.#pending = c;
      else this.#put(c);
    }
  }

  get text() {
    return this.#lines.join('\n');
  }

  /** @param {string} c */
  #put(c) {
    if (c === '\n') {
      this.#lines.push('');
      if (this.#lines.length > MAX_LINES) this.#lines.splice(0, this.#lines.length - MAX_LINES);
    } else if (c === '\r') this.#column = 0;
    else if (c === '\b') this.#column = Math.max(0, this.#column - 1);
    else if (c === '\t') this.#type(' '.repeat(8 - (this.#column % 8)));
    else if (c >= ' ' && c !== '\x7f') this.#type(c);
    this.#home = false;
  }

  get #line() {
    return this.#lines[this.#lines.length - 1] ?? '';
  }

  set #line(text) {
    this.#lines[this.#lines.length - 1] = text;
  }

  /** @param {string} text */
  #type(text) {
    const line = this.#line.padEnd(this.#column);
    this.#line = line.slice(0, this.#column) + text + line.slice(this.#column + text.length);
    this.#column += text.length;
  }

  /** @param {string} c */
  #escape(c) {
    this.#pending += c;
    const s = this.#pending;
    if (s.length === 2) {
      if (c === '[' || c === ']' || c === '(' || c === ')') return;
    } else if (s[1] === '[') {
      if ((c >= '0' && c <= '?') || c === ' ') {
        if (s.length < 32) return;
      } else this.#control(c, s.slice(2, -1));
    } else if (s[1] === ']' && c !== '\x07' && s.length < 256) return;
    this.#pending = '';
  }

  /** @param {string} final @param {string} parameters */
  #control(final, parameters) {
    const n = Number.parseInt(parameters, 10) || 0;
    const line = this.#line;
    if (final === 'K') this.#line = n === 0 ? line.slice(0, this.#column) : '';
    else if (final === 'C') this.#column += Math.max(1, n);
    else if (final === 'D') this.#column = Math.max(0, this.#column - Math.max(1, n));
    else if (final === 'G') this.#column = Math.max(0, n - 1);
    else if (final === 'P') {
      this.#line = line.slice(0, this.#column) + line.slice(this.#column + Math.max(1, n));
    } else if (final === 'H') this.#home = true;
    else if (final === 'J' && (n === 2 || this.#home)) {
      this.#lines = [''];
      this.#column = 0;
    } else if (final === 'J') this.#line = line.slice(0, this.#column);
  }
}
