import type { Duplex } from 'node:stream';
import { LifeError } from './saved-domain.ts';

/** What a frame between two hosts is. */
export const HELLO = 1,
  READY = 2,
  REFUSED = 3,
  PAGES = 4,
  VGPU = 5,
  ENGINE = 6,
  COMMIT = 7,
  RUNNING = 8;

/** A frame has eight bytes before it: kind and length, little endian. */
const HEAD = 8;
/** No frame is longer: an engine's machine is the longest. */
const FRAME_MAX: number = 128 << 20;

export interface Frame {
  readonly kind: number;
  readonly payload: Buffer;
}

/** Frames over a connection, in order. */
export class Wire {
  /** Bytes sent, heads included. */
  sent = 0;
  readonly #stream: Duplex;
  #chunks: Buffer[] = [];
  #have = 0;
  #over: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(stream: Duplex, head: Buffer = Buffer.alloc(0)) {
    this.#stream = stream;
    if (head.length > 0) this.#received(head);
    stream.on('data', (chunk: Buffer) => this.#received(chunk));
    const end = (error?: Error): void => {
      this.#over ??= error ?? new Error('the other host closed the connection');
      this.#wake?.();
    };
    stream.on('end', () => end());
    stream.on('close', () => end());
    stream.on('error', end);
  }

  #received(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    this.#wake?.();
  }

  /** Sends a frame; waits while the other side is behind. @throws LifeError LOST */
  async send(kind: number, ...parts: readonly Uint8Array[]): Promise<void> {
    if (this.#over !== null) throw this.#lost();
    const head = Buffer.alloc(HEAD);
    head.writeUInt32LE(kind, 0);
    head.writeUInt32LE(
      parts.reduce((n, part) => n + part.length, 0),
      4,
    );
    let room = true;
    // One write of the operating system for all parts: a frame of memory has a thousand.
    this.#stream.cork();
    for (const part of [head, ...parts]) {
      this.sent += part.length;
      room = this.#stream.write(part);
    }
    this.#stream.uncork();
    if (room) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        this.#stream.off('drain', go);
        this.#stream.off('close', go);
        resolve();
      };
      this.#stream.on('drain', go);
      this.#stream.on('close', go);
    });
  }

  sendJson(kind: number, value: unknown): Promise<void> {
    return this.send(kind, Buffer.from(JSON.stringify(value)));
  }

  /** The next frame. @throws LifeError LOST when the connection ends before it, or is not ours */
  async next(): Promise<Frame> {
    const head = await this.#take(HEAD);
    const length = head.readUInt32LE(4);
    if (length > FRAME_MAX)
      throw new LifeError('LOST', `a frame of ${length} bytes is none of ours`);
    return { kind: head.readUInt32LE(0), payload: await this.#take(length) };
  }

  async #take(bytes: number): Promise<Buffer> {
    while (this.#have < bytes) {
      if (this.#over !== null) throw this.#lost();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    const whole =
      this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = whole.length === bytes ? [] : [whole.subarray(bytes)];
    this.#have -= bytes;
    return whole.subarray(0, bytes);
  }

  #lost(): LifeError {
    return new LifeError(
      'LOST',
      `the connection to the other host is lost: ${this.#over?.message}`,
    );
  }

  close(): void {
    this.#stream.end();
  }
}
