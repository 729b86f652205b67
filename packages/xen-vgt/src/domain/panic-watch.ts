/** Longest console line that is looked at; the rest of a longer one is passed over. */
const LINE_BYTES = 256;

/**
 * A Linux kernel's own word that it is dead, at the start of a console line, after the time stamp
 * if there is one. Linux: kernel/panic.c `panic`.
 */
const PANIC = /^(?:\[ *\d+\.\d+\] )?Kernel panic - not syncing: (.*)$/;

/** Finds the end of a guest in what it prints: a panicked kernel goes on executing for ever. */
export class PanicWatch {
  readonly #line = new Uint8Array(LINE_BYTES);
  #length = 0;
  readonly #found: (reason: string) => void;

  /** @param found is told the kernel's reason, e.g. `Attempted to kill init!` */
  constructor(found: (reason: string) => void) {
    this.#found = found;
  }

  /** Takes one byte of console output. */
  push(byte: number): void {
    if (byte !== 10) {
      if (this.#length < LINE_BYTES && byte !== 13) this.#line[this.#length++] = byte;
      return;
    }
    const length = this.#length;
    this.#length = 0;
    // Only a line of that length can be one; the others are not made into text.
    if (length < 28) return;
    const match = PANIC.exec(String.fromCharCode(...this.#line.subarray(0, length)));
    if (match !== null) this.#found(match[1] as string);
  }
}
