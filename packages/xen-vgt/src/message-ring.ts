/** Characters kept. Xen: `conring_size`, 16 KiB for a small machine. */
const RING_CHARS = 16 << 10;
/** Longest line; what a guest caused may be in it. */
const LINE_CHARS = 240;
const NS_PER_US = 1000,
  US_PER_SECOND = 1e6;

/**
 * What the hypervisor has to say, the latest 16 KiB: a line for each thing that became of a domain,
 * with the time since the host was made. Printed as `xl dmesg` does. Whatever is repeated is counted
 * in the line before, so that a guest cannot drive the rest out.
 */
export class MessageRing {
  /** Lines that were driven out by later ones. */
  dropped = 0;
  readonly #now: () => number;
  readonly #lines: string[] = [];
  #chars = 0;
  #last = '';
  #again = 0;

  /** @param now time since the start, nanoseconds */
  constructor(now: () => number = (): number => 0) {
    this.#now = now;
  }

  /** Adds a line. Control characters in it are shown as dots. */
  log(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const line = text.slice(0, LINE_CHARS).replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '.');
    if (line === this.#last && this.#lines.length > 0) {
      this.#again++;
      this.#pop();
      this.#push(`${this.#stamp()} ${line} (${this.#again + 1} times)`);
      return;
    }
    this.#last = line;
    this.#again = 0;
    this.#push(`${this.#stamp()} ${line}`);
    while (this.#chars > RING_CHARS) {
      this.#chars -= (this.#lines.shift() as string).length + 1;
      this.dropped++;
    }
  }

  /** All lines, each ended by a line feed. */
  get text(): string {
    return this.#lines.map((line) => `${line}\n`).join('');
  }

  clear(): void {
    this.#lines.length = 0;
    this.#chars = 0;
    this.#last = '';
  }

  #stamp(): string {
    const us = Math.floor(this.#now() / NS_PER_US);
    const seconds = String(Math.floor(us / US_PER_SECOND)).padStart(5);
    return `(XEN) [${seconds}.${String(us % US_PER_SECOND).padStart(6, '0')}]`;
  }

  #push(line: string): void {
    this.#lines.push(line);
    this.#chars += line.length + 1;
  }

  #pop(): void {
    this.#chars -= (this.#lines.pop() as string).length + 1;
  }
}
