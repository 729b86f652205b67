/** Bytes kept for a guest that does not read. */
const QUEUE_BYTES: number = 1 << 16;
/** Bytes a 16550 takes before it must be read: what a guest expects to find at once. */
const FIFO_BYTES = 16;

/** Input on its way to a guest: handed over at safe points, a FIFO's worth at a time. */
export class InputQueue {
  /** Bytes thrown away because the queue was full. */
  dropped = 0;
  readonly #bytes = new Uint8Array(QUEUE_BYTES);
  #head = 0;
  #count = 0;

  get empty(): boolean {
    return this.#count === 0;
  }

  /** What is still to be handed over. */
  get waiting(): number[] {
    return Array.from(
      { length: this.#count },
      (_, i) => this.#bytes[(this.#head + i) % QUEUE_BYTES] as number,
    );
  }

  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#count === QUEUE_BYTES) {
        this.dropped++;
        continue;
      }
      this.#bytes[(this.#head + this.#count) % QUEUE_BYTES] = byte;
      this.#count++;
    }
  }

  /** Gives `take` as many bytes as fit beside the `held` ones that the guest has not read yet. */
  feed(held: number, take: (byte: number) => void): void {
    for (let room = FIFO_BYTES - held; room > 0 && this.#count > 0; room--) {
      const byte = this.#bytes[this.#head] as number;
      this.#head = (this.#head + 1) % QUEUE_BYTES;
      this.#count--;
      take(byte);
    }
  }
}
