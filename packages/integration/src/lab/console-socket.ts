import type { WebSocket } from 'ws';
import type { HostView } from './host-view.ts';

/** Path of the connection that is a domain's console. */
export const CONSOLE_PATH: RegExp = /^\/api\/domains\/(\d{1,5})\/console$/;
/** How often it is looked whether the domain is still there, ms. */
const LOOK_MS = 200;
/** Bytes that may wait for a client that does not read before it is dropped. */
const DEAD_BYTES = 16 << 20;
/** A close frame's reason. RFC 6455, 5.5. */
const REASON_MAX = 120;
/** Status of a close: done, or nothing of that name. */
const NORMAL = 1000,
  NOT_THERE = 4404;
const FINAL: ReadonlySet<string> = new Set(['shutdown', 'rebooted', 'crashed']);

/**
 * Serves a domain's serial console: first what it said lately, one message, then what it says; what the
 * client sends is typed. It ends, with a reason, when the domain does.
 */
export function serveConsole(socket: WebSocket, view: HostView, id: number): void {
  const find = () => view.domains().find((d) => d.id === id);
  const domain = find();
  if (domain === undefined) {
    socket.close(NOT_THERE, `there is no domain ${id}`);
    return;
  }
  const send = (bytes: Uint8Array): void => {
    if (socket.bufferedAmount > DEAD_BYTES) socket.terminate();
    else if (socket.readyState === socket.OPEN) socket.send(bytes);
  };
  send(view.consoleHistory(id));
  const stop = view.onConsole((from, bytes) => {
    if (from === id) send(bytes);
  });
  const look = setInterval(() => {
    const now = find();
    const why =
      now === undefined || now.name !== domain.name
        ? 'is gone'
        : FINAL.has(now.state)
          ? `${now.state}: ${now.reason}`
          : null;
    if (why !== null) socket.close(NORMAL, `${domain.name} ${why}`.slice(0, REASON_MAX));
  }, LOOK_MS);
  socket.on('message', (data: Buffer) => view.consoleInput(id, new Uint8Array(data)));
  socket.on('close', () => {
    stop();
    clearInterval(look);
  });
  socket.on('error', () => socket.terminate());
}
