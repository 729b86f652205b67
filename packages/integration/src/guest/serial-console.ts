/** What a command in the guest's shell gave. */
export interface ShellResult {
  /** Standard output and error, without carriage returns and without the last line feed. */
  readonly output: string;
  /** Exit status, 0 to 255. */
  readonly status: number;
}

/** The guest did not say what was waited for in time, or it is gone. */
export class ConsoleError extends Error {
  readonly code: 'DEADLINE' | 'CLOSED';
  /** The last bytes that the guest did send. */
  readonly tail: string;

  constructor(code: ConsoleError['code'], message: string, tail: string) {
    super(`${message}. The console ends with:\n${tail}`);
    this.name = 'ConsoleError';
    this.code = code;
    this.tail = tail;
  }
}

interface Waiter {
  /** Where what is waited for ends in `text`, or -1; nothing before `from` has changed since the last look. */
  readonly find: (text: string, from: number) => number;
  readonly resolve: (text: string) => void;
  readonly reject: (error: ConsoleError) => void;
}

/** A line longer than this does not fit the guest's terminal input. @see termios(3), canonical mode */
const MAX_LINE_BYTES = 4000;
/** Characters kept while nobody waits for them. */
const KEPT_CHARS = 1 << 20;
const TAIL_CHARS = 1500;
/** A wait ends after so many times its deadline of the host's own time, however slow the guest's is. */
const PATIENCE = 8;
const RECHECK_MS = 250;

/**
 * Drives a guest's serial console: waits for what it prints, runs commands in its shell. Knows no emulator.
 *
 * Deadlines are milliseconds of the clock that the guest runs on, which a busy host slows down.
 */
export class SerialConsole {
  readonly #send: (bytes: Uint8Array) => void;
  readonly #now: () => number;
  readonly #decoder = new TextDecoder();
  #pending = '';
  /** Characters of #pending that a look has seen. */
  #seen = 0;
  #lookDue = false;
  #waiter: Waiter | null = null;
  #closed = '';
  #tail = '';
  #commands = 0;
  #busy: Promise<unknown> = Promise.resolve();

  /**
   * @param send delivers bytes to the guest's serial port
   * @param now the guest's clock, milliseconds; default the host's
   */
  constructor(
    send: (bytes: Uint8Array) => void,
    now: () => number = (): number => performance.now(),
  ) {
    this.#send = send;
    this.#now = now;
  }

  /** To be called with each byte, or bytes, that the guest sends. */
  receive(bytes: number | Uint8Array): void {
    const chunk = typeof bytes === 'number' ? Uint8Array.of(bytes) : bytes;
    const text = this.#decoder.decode(chunk, { stream: true }).replaceAll('\r', '');
    this.#pending += text;
    if (this.#pending.length > 2 * KEPT_CHARS) {
      this.#pending = this.#pending.slice(-KEPT_CHARS);
      this.#seen = 0;
    }
    this.#tail = (this.#tail + text).slice(-TAIL_CHARS);
    // One look after a burst of bytes: a look per byte of a long output would be quadratic.
    if (this.#waiter !== null && !this.#lookDue) {
      this.#lookDue = true;
      queueMicrotask(() => this.#look());
    }
  }

  /** To be called when the guest has ended. Who waits is told so. */
  close(reason: string): void {
    this.#closed = reason;
    this.#waiter?.reject(
      new ConsoleError(
        'CLOSED',
        `the guest ended (${reason}) while its console was waited for`,
        this.#tail,
      ),
    );
  }

  /** The last text the guest sent. */
  get tail(): string {
    return this.#tail;
  }

  sendText(text: string): void {
    this.#send(Buffer.from(text, 'utf8'));
  }

  /**
   * Waits for a pattern. What was printed before the call and not yet waited for counts.
   * @returns everything up to and including the match
   * @throws ConsoleError DEADLINE, CLOSED
   */
  expect(pattern: RegExp, deadlineMs: number): Promise<string> {
    const find = (text: string) => {
      const found = pattern.exec(text);
      return found ? found.index + found[0].length : -1;
    };
    return this.#wait(find, String(pattern), deadlineMs);
  }

  /** Waits for the serial shell of {@link file://../../guest/init}. */
  async waitForShell(deadlineMs: number): Promise<void> {
    await this.expect(/XENGT-SHELL .*\n[\s\S]*#> /, deadlineMs);
  }

  /**
   * Runs a command in the guest's shell; commands of several callers run one after the other.
   * @param command one line of POSIX shell, at most about 4000 bytes
   * @throws ConsoleError
   */
  sh(command: string, deadlineMs: number): Promise<ShellResult> {
    const run = this.#busy.then(() => this.#run(command, deadlineMs));
    this.#busy = run.catch(() => {});
    return run;
  }

  /** Like {@link sh}, but an exit status other than 0 is an error. @returns the output */
  async check(command: string, deadlineMs: number): Promise<string> {
    const { output, status } = await this.sh(command, deadlineMs);
    if (status !== 0)
      throw new Error(`"${command}" ended with status ${status} in the guest: ${output}`);
    return output;
  }

  /** Copies a file out of the guest. */
  async download(path: string, deadlineMs: number): Promise<Uint8Array> {
    return Buffer.from(await this.check(`base64 '${path}'`, deadlineMs), 'base64');
  }

  /** Copies a file into the guest. */
  async upload(path: string, data: Uint8Array, deadlineMs: number): Promise<void> {
    const piece = 2400;
    await this.check(`: >'${path}'`, deadlineMs);
    for (let at = 0; at < data.length; at += piece) {
      const text = Buffer.from(data.subarray(at, at + piece)).toString('base64');
      await this.check(`printf %s '${text}' | base64 -d >>'${path}'`, deadlineMs);
    }
  }

  async #run(command: string, deadlineMs: number): Promise<ShellResult> {
    const id = `${++this.#commands}x`;
    // The marks are split by quotes, so an echo of the command does not look like them.
    const line = `echo "@B""${id}"; ${command}; echo "@E""${id}=$?"\n`;
    if (Buffer.byteLength(line) > MAX_LINE_BYTES || command.includes('\n')) {
      throw new Error(
        `a guest command must be one line of at most ${MAX_LINE_BYTES} bytes; use upload() for more`,
      );
    }
    this.#take(this.#pending.length);
    this.sendText(line);
    const mark = `@E${id}=`;
    const find = (text: string, from: number) => {
      const at = text.indexOf(mark, Math.max(0, from - mark.length - 4));
      return at < 0 ? -1 : text.indexOf('\n', at) + 1 || -1;
    };
    const text = await this.#wait(find, `the end of "${command}"`, deadlineMs);
    const begin = text.indexOf(`@B${id}\n`);
    const to = text.lastIndexOf(mark);
    return {
      output: text.slice(begin < 0 ? 0 : begin + id.length + 3, to).replace(/\n$/, ''),
      status: Number(text.slice(to + mark.length)),
    };
  }

  #wait(find: Waiter['find'], what: string, deadlineMs: number): Promise<string> {
    if (this.#waiter) throw new Error('the console is waited for already: one at a time');
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiter = null;
      };
      const began = this.#now();
      const hostBegan = performance.now();
      const late = (): void => {
        const left = deadlineMs - (this.#now() - began);
        if (left > 0 && performance.now() - hostBegan < deadlineMs * PATIENCE) {
          timer = setTimeout(late, RECHECK_MS);
          return;
        }
        done();
        reject(
          new ConsoleError(
            'DEADLINE',
            `the console did not show ${what} within ${deadlineMs / 1000} s`,
            this.#tail,
          ),
        );
      };
      let timer = setTimeout(late, Math.min(deadlineMs, RECHECK_MS));
      this.#waiter = {
        find,
        resolve: (text) => {
          done();
          resolve(text);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#seen = 0;
      this.#look();
      if (this.#closed !== '') this.close(this.#closed);
    });
  }

  #look(): void {
    this.#lookDue = false;
    const waiter = this.#waiter;
    if (!waiter) return;
    const end = waiter.find(this.#pending, this.#seen);
    this.#seen = this.#pending.length;
    if (end >= 0) waiter.resolve(this.#take(end));
  }

  #take(chars: number): string {
    const text = this.#pending.slice(0, chars);
    this.#pending = this.#pending.slice(chars);
    this.#seen = 0;
    return text;
  }
}
