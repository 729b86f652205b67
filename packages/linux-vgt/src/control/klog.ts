import type { Clock } from '@xengt/hsw-device';
import type { Errno } from '../errno.ts';
import { type ControlNode, textOf } from './node.ts';
import { leadingNumber } from './parse.ts';

/** Upstream's sizes: 4 buffers of 256 KiB; and what may be asked for instead. */
const SUBBUF_BYTES = 262_144;
const SUBBUFS = 4;
const SUBBUF_MIN = 4096;
const SUBBUF_MAX: number = 1 << 20;
const SUBBUFS_MAX = 64;

/**
 * The mediator's own log, in memory: lines about VMs that come, go, are stopped or are shown. What
 * nobody has read when all buffers are full is not overwritten; later lines are dropped and counted.
 * Upstream: klog.c over relayfs.
 */
export class Klog {
  enabled = false;
  subbufBytes: number = SUBBUF_BYTES;
  subbufs: number = SUBBUFS;
  /** Lines that found no room. */
  dropped = 0;
  readonly #clock: Clock;
  /** Null before `create`. */
  #ring: Uint8Array | null = null;
  #head = 0;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes the buffers; what was in them is gone. */
  create(): void {
    this.#ring = new Uint8Array(this.subbufBytes * this.subbufs);
    this.#head = 0;
    this.#count = 0;
  }

  get created(): boolean {
    return this.#ring !== null;
  }

  /** Adds a line, if anybody wants the log. @param text ASCII, without a line feed */
  say(text: string): void {
    const ring = this.#ring;
    if (!this.enabled || ring === null) return;
    const line = `[${(this.#clock.now / 1e9).toFixed(6)}] ${text}\n`;
    if (this.#count + line.length > ring.length) {
      this.dropped++;
      return;
    }
    let at = (this.#head + this.#count) % ring.length;
    for (let i = 0; i < line.length; i++) {
      ring[at] = line.charCodeAt(i);
      at = (at + 1) % ring.length;
    }
    this.#count += line.length;
  }

  /** Everything that was not read yet, whose room is free again. */
  take(): Uint8Array {
    const ring = this.#ring;
    const out = new Uint8Array(this.#count);
    if (ring === null) return out;
    for (let i = 0; i < out.length; i++) out[i] = ring[(this.#head + i) % ring.length] as number;
    this.#head = (this.#head + this.#count) % ring.length;
    this.#count = 0;
    return out;
  }
}

/** Files of debugfs /vgt/klog. Reading `cpu0` consumes. */
export function klogNodes(log: Klog): [string, ControlNode][] {
  const size = (
    get: () => number,
    set: (value: number) => void,
    min: number,
    max: number,
  ): ControlNode => ({
    read: () => `${get()}\n`,
    write: (data) => {
      const value = leadingNumber(textOf(data));
      if (value === undefined || value < min || value > max) return 'EINVAL';
      // As relayfs: buffers that are there keep their size.
      if (log.created) return 'EBUSY';
      set(value);
      return null;
    },
  });
  return [
    [
      'klog/enabled',
      {
        read: () => `${log.enabled ? 1 : 0}\n`,
        write: (data): Errno | null => {
          const value = leadingNumber(textOf(data));
          if (value !== 0 && value !== 1) return 'EINVAL';
          if (!log.created) return 'ENODEV';
          log.enabled = value === 1;
          return null;
        },
      },
    ],
    [
      'klog/create',
      {
        read: () => `${log.created ? 1 : 0}\n`,
        write: (data): Errno | null => {
          if (leadingNumber(textOf(data)) !== 1) return 'EINVAL';
          log.create();
          return null;
        },
      },
    ],
    [
      'klog/subbuf_size',
      size(
        () => log.subbufBytes,
        (value) => {
          log.subbufBytes = value;
        },
        SUBBUF_MIN,
        SUBBUF_MAX,
      ),
    ],
    [
      'klog/n_subbufs',
      size(
        () => log.subbufs,
        (value) => {
          log.subbufs = value;
        },
        1,
        SUBBUFS_MAX,
      ),
    ],
    ['klog/dropped', { read: () => `${log.dropped}\n` }],
    ['klog/cpu0', { read: () => log.take() }],
  ];
}
