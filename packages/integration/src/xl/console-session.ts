import type { WebSocket } from 'ws';

/** Where a person's keys come from: stdin. */
export interface ConsoleInput {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
  on(event: 'data', listener: (data: Buffer) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  off(event: 'data', listener: (data: Buffer) => void): unknown;
  off(event: 'end', listener: () => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

export interface ConsoleOptions {
  readonly input: ConsoleInput;
  readonly out: (bytes: Uint8Array) => void;
  /** Ends the session. */
  readonly signal: AbortSignal;
  /**
   * Once its input is over, a session without a terminal ends when the guest has been silent and idle for
   * so long, and at the latest after `timeoutMs`. Milliseconds.
   */
  readonly quietMs: number;
  readonly timeoutMs: number;
  /** Whether the guest's processor has nothing to do. */
  readonly idle: () => Promise<boolean>;
  /** Lines of what was said before that are shown. */
  readonly lines: number;
}

/** How a session ended: the person left, the input is over, it lasted too long, or the host says why. */
export type ConsoleEnd =
  | { readonly kind: 'left' | 'quiet' | 'timeout' }
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string };

/** ^] as for telnet and `xl console`. */
const LEAVE = 0x1d;
/** What of a file is typed at a time, and how often: a guest's serial port takes 16 bytes a turn. */
const PIECE_BYTES = 512;
const PIECE_MS = 100;
/** How often it is asked whether a guest is idle. */
const ASK_MS = 250;
const NEWLINE = 0x0a;
const ENTER = 0x0d;

/**
 * Connects a person, or a file, with a domain's console. On a terminal every key goes to the guest but
 * ^], which leaves. Elsewhere the input is typed as a guest reads it, and the session ends once it is over
 * and the guest has been silent and idle for a while: one that computes is not done.
 */
export function consoleSession(socket: WebSocket, o: ConsoleOptions): Promise<ConsoleEnd> {
  const { input } = o;
  const terminal = input.isTTY === true;
  const pieces: Buffer[] = [];
  /** When the input was over. */
  let overAt = Number.POSITIVE_INFINITY;
  /** When it last said something, was typed to, or was seen at work; when that was last asked. */
  let busyAt = performance.now();
  let askedAt = Number.NEGATIVE_INFINITY;
  let first = true;
  return new Promise((resolve) => {
    const heard = (data: Buffer): void => {
      busyAt = performance.now();
      o.out(first ? lastLines(data, o.lines) : data);
      first = false;
    };
    const typed = (data: Buffer): void => {
      if (!terminal) {
        for (let at = 0; at < data.length; at += PIECE_BYTES) {
          pieces.push(data.subarray(at, at + PIECE_BYTES));
        }
        if (pieces.length > 0) input.pause();
        return;
      }
      const leave = data.indexOf(LEAVE);
      const keys = leave < 0 ? data : data.subarray(0, leave);
      if (keys.length > 0 && socket.readyState === socket.OPEN) socket.send(keys);
      if (leave >= 0) end({ kind: 'left' });
    };
    const ended = (): void => {
      overAt = performance.now();
    };
    /** Asks whether the guest is idle, now and then. */
    const look = async (now: number): Promise<void> => {
      if (now - askedAt < ASK_MS) return;
      askedAt = Number.POSITIVE_INFINITY;
      const idle = await o.idle().catch(() => true);
      askedAt = performance.now();
      if (!idle) busyAt = askedAt;
      else if (askedAt - busyAt > o.quietMs) end({ kind: 'quiet' });
    };
    const turn = setInterval(() => {
      if (terminal || first) return;
      const now = performance.now();
      const piece = pieces.shift();
      if (piece !== undefined) {
        socket.send(enters(piece));
        busyAt = now;
        if (pieces.length === 0) input.resume();
      } else if (now - overAt > o.timeoutMs) end({ kind: 'timeout' });
      else if (now >= overAt) void look(now);
    }, PIECE_MS);
    const closed = (code: number, reason: Buffer): void =>
      end({ kind: 'closed', code, reason: reason.toString('utf8') });
    const stopped = (): void => end({ kind: 'left' });
    const end = (how: ConsoleEnd): void => {
      clearInterval(turn);
      input.off('data', typed);
      input.off('end', ended);
      if (terminal) input.setRawMode?.(false);
      input.pause();
      o.signal.removeEventListener('abort', stopped);
      socket.off('message', heard);
      socket.off('close', closed);
      socket.on('error', () => {});
      socket.terminate();
      resolve(how);
    };
    socket.on('message', heard);
    socket.on('close', closed);
    socket.on('error', (error) => closed(0, Buffer.from(error.message)));
    o.signal.addEventListener('abort', stopped, { once: true });
    input.on('data', typed);
    input.on('end', ended);
    if (terminal) input.setRawMode?.(true);
    input.resume();
    if (o.signal.aborted) stopped();
  });
}

/** A file's line ends as the key that makes them. */
function enters(piece: Buffer): Buffer {
  return Buffer.from(piece.map((byte) => (byte === NEWLINE ? ENTER : byte)));
}

/** The last lines of what was said before. */
function lastLines(data: Buffer, lines: number): Buffer {
  let at = data.length;
  for (let left = lines; left > 0 && at > 0; left--) at = data.lastIndexOf(NEWLINE, at - 1);
  return lines === 0 ? Buffer.alloc(0) : data.subarray(at <= 0 ? 0 : at + 1);
}
