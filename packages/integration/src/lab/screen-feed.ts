import type { Frame, HostView } from './host-view.ts';

/** First byte of each binary message to the page. */
export const MESSAGE_SCREEN = 1,
  MESSAGE_DARK = 2,
  MESSAGE_CONSOLE = 3;
/** Bytes before the pixels of a screen message; all messages begin with kind, port, domain. */
export const SCREEN_HEADER_BYTES = 12,
  CONSOLE_HEADER_BYTES = 4;

/** What was last sent of one screen. */
interface Sent {
  width: number;
  height: number;
  generation: number;
  pixels: Uint32Array;
}

/**
 * Turns the screens one client watches into messages that carry only the rows that changed:
 *
 * ```
 * 0 kind 1 | 1 port letter | 2..3 domain | 4..5 width | 6..7 height | 8..9 first row | 10..11 rows | pixels
 * ```
 *
 * Numbers are little-endian. A message of kind 2 (4 bytes) says that a screen went dark.
 */
export class ScreenFeed {
  readonly #view: HostView;
  readonly #sent = new Map<string, Sent>();

  constructor(view: HostView) {
    this.#view = view;
  }

  /** @returns the next message for a screen; null when nothing changed */
  next(domain: number, port: string): Uint8Array | null {
    const key = `${domain}:${port}`;
    const sent = this.#sent.get(key);
    const info = this.#view.screens(domain).find((s) => s.port === port);
    if (
      sent !== undefined &&
      info?.generation !== undefined &&
      info.generation === sent.generation
    ) {
      return null;
    }
    const frame = info === undefined ? null : this.#view.frame(domain, port);
    if (frame === null) {
      if (sent === undefined) return null;
      this.#sent.delete(key);
      return head(MESSAGE_DARK, domain, port, 4);
    }
    const generation = info?.generation ?? -1;
    if (sent === undefined || sent.width !== frame.width || sent.height !== frame.height) {
      const { width, height } = frame;
      const fresh = { width, height, generation, pixels: pixelsOf(frame).slice() };
      this.#sent.set(key, fresh);
      return rows(domain, port, fresh, 0, height);
    }
    sent.generation = generation;
    const now = pixelsOf(frame);
    const first = firstDifference(sent.pixels, now);
    if (first < 0) return null;
    const firstRow = Math.floor(first / sent.width);
    const endRow = Math.floor(lastDifference(sent.pixels, now) / sent.width) + 1;
    const from = firstRow * sent.width;
    sent.pixels.set(now.subarray(from, endRow * sent.width), from);
    return rows(domain, port, sent, firstRow, endRow);
  }

  /** Forgets everything, so that each screen is sent whole again. */
  restart(): void {
    this.#sent.clear();
  }
}

/** The console message that carries `bytes`. */
export function consoleMessage(domain: number, bytes: Uint8Array): Uint8Array {
  const message = head(MESSAGE_CONSOLE, domain, '\0', CONSOLE_HEADER_BYTES + bytes.length);
  message.set(bytes, CONSOLE_HEADER_BYTES);
  return message;
}

function head(kind: number, domain: number, port: string, bytes: number): Uint8Array {
  const message = new Uint8Array(bytes);
  message[0] = kind;
  message[1] = port.charCodeAt(0);
  message[2] = domain;
  message[3] = domain >>> 8;
  return message;
}

function rows(domain: number, port: string, s: Sent, from: number, to: number): Uint8Array {
  const first = from * s.width;
  const end = to * s.width;
  const message = head(MESSAGE_SCREEN, domain, port, SCREEN_HEADER_BYTES + (end - first) * 4);
  const view = new DataView(message.buffer);
  view.setUint16(4, s.width, true);
  view.setUint16(6, s.height, true);
  view.setUint16(8, from, true);
  view.setUint16(10, to - from, true);
  const pixels = s.pixels;
  message.set(
    new Uint8Array(pixels.buffer, pixels.byteOffset + first * 4, (end - first) * 4),
    SCREEN_HEADER_BYTES,
  );
  return message;
}

/** The frame's pixels as words; a copy only where the bytes do not start on a word. */
function pixelsOf(frame: Frame): Uint32Array {
  const { rgba } = frame;
  const words = frame.width * frame.height;
  if (rgba.byteOffset % 4 === 0) return new Uint32Array(rgba.buffer, rgba.byteOffset, words);
  return new Uint32Array(rgba.slice().buffer, 0, words);
}

function firstDifference(a: Uint32Array, b: Uint32Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return i;
  return -1;
}

function lastDifference(a: Uint32Array, b: Uint32Array): number {
  for (let i = a.length - 1; i >= 0; i--) if (a[i] !== b[i]) return i;
  return -1;
}
