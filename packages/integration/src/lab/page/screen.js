// @ts-check
/** Kinds of binary messages; see screen-feed.ts. */
const SCREEN = 1;
const DARK = 2;
const CONSOLE = 3;
const SCREEN_HEADER_BYTES = 12;
const CONSOLE_HEADER_BYTES = 4;

/**
 * A binary message of the server, taken apart.
 * @typedef {{ kind: 'rows', domain: number, port: string, width: number, height: number, first: number, rows: number, pixels: Uint8ClampedArray<ArrayBuffer> }
 *   | { kind: 'dark', domain: number, port: string }
 *   | { kind: 'console', domain: number, bytes: Uint8Array }} Message
 */

/** @param {ArrayBuffer} buffer @returns {Message | null} */
export function decodeMessage(buffer) {
  if (buffer.byteLength < CONSOLE_HEADER_BYTES) return null;
  const view = new DataView(buffer);
  const domain = view.getUint16(2, true);
  const port = String.fromCharCode(view.getUint8(1));
  switch (view.getUint8(0)) {
    case SCREEN:
      return {
        kind: 'rows',
        domain,
        port,
        width: view.getUint16(4, true),
        height: view.getUint16(6, true),
        first: view.getUint16(8, true),
        rows: view.getUint16(10, true),
        pixels: new Uint8ClampedArray(buffer, SCREEN_HEADER_BYTES),
      };
    case DARK:
      return { kind: 'dark', domain, port };
    case CONSOLE:
      return { kind: 'console', domain, bytes: new Uint8Array(buffer, CONSOLE_HEADER_BYTES) };
    default:
      return null;
  }
}

/** What a key sends to a serial console; '' when it is the browser's. @param {KeyboardEvent} e */
export function keyBytes(e) {
  if (e.altKey || e.metaKey || e.isComposing) return '';
  if (e.ctrlKey) {
    return /^[a-eiklnpuwz]$/.test(e.key) ? String.fromCharCode(e.key.charCodeAt(0) & 0x1f) : '';
  }
  if (e.key.length === 1) return e.key;
  return KEYS[/** @type {keyof typeof KEYS} */ (e.key)] ?? '';
}

const KEYS = {
  Enter: '\r',
  Backspace: '\x7f',
  Escape: '\x1b',
  Delete: '\x1b[3~',
  ArrowUp: '\x1b[A',
  ArrowDown: '\x1b[B',
  ArrowRight: '\x1b[C',
  ArrowLeft: '\x1b[D',
  Home: '\x1b[H',
  End: '\x1b[F',
};
