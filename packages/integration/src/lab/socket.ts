import * as v from 'valibot';
import type { WebSocket } from 'ws';
import { type HostView, labState } from './host-view.ts';
import { consoleMessage, ScreenFeed } from './screen-feed.ts';

/** Time between two looks at the screens, ms, when looking is cheap. */
const FRAME_MS = 50;
/** Looking may take one part in this many of the host's thread. */
const SHARE = 8;
/** Time between two state messages, ms. */
const STATE_MS = 1000;
/** Bytes that may wait for a slow client before it misses frames, and before it is dropped. */
const SLOW_BYTES = 8 << 20,
  DEAD_BYTES = 64 << 20;
const MAX_WATCHED = 32;

const domain = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff));
/** What a client may say, as JSON text. */
const clientMessage = v.variant('type', [
  v.object({
    type: v.literal('watch'),
    screens: v.pipe(
      v.array(v.object({ domain, port: v.picklist(['A', 'B', 'C', 'D', 'E']) })),
      v.maxLength(MAX_WATCHED),
    ),
  }),
  v.object({ type: v.literal('input'), domain, text: v.pipe(v.string(), v.maxLength(4096)) }),
]);

/**
 * Serves one client of the lab page: its console history, then console output, the screens it
 * watches, and the state once a second. A client that does not keep up misses frames, not text.
 *
 * @returns stops serving; called when the server closes
 */
export function serveSocket(socket: WebSocket, view: HostView): () => void {
  const feed = new ScreenFeed(view);
  let watched: readonly { domain: number; port: string }[] = [];
  let frameTimer: NodeJS.Timeout | null = null;

  const send = (data: Uint8Array | string): void => {
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > DEAD_BYTES) socket.terminate();
    else socket.send(data);
  };
  const sendState = (): void => send(JSON.stringify({ type: 'state', state: labState(view) }));
  const look = (): void => {
    const began = performance.now();
    if (socket.bufferedAmount < SLOW_BYTES) {
      for (const w of watched) {
        const message = feed.next(w.domain, w.port);
        if (message !== null) send(message);
      }
    }
    const took = performance.now() - began;
    frameTimer = setTimeout(look, Math.max(FRAME_MS, took * SHARE));
  };

  const stopConsole = view.onConsole((id, bytes) => send(consoleMessage(id, bytes)));
  const stateTimer = setInterval(sendState, STATE_MS);
  socket.on('message', (data, binary) => {
    const said = binary ? null : v.safeParse(clientMessage, parse(String(data)));
    if (said === null || !said.success) {
      socket.close(1003, 'not a message of the lab page');
      return;
    }
    if (said.output.type === 'input') {
      view.consoleInput(said.output.domain, new TextEncoder().encode(said.output.text));
      return;
    }
    watched = said.output.screens;
    feed.restart();
    if (frameTimer === null) look();
  });
  const stop = (): void => {
    stopConsole();
    clearInterval(stateTimer);
    if (frameTimer !== null) clearTimeout(frameTimer);
  };
  socket.on('close', stop);
  socket.on('error', () => socket.terminate());
  sendState();
  for (const d of view.domains()) send(consoleMessage(d.id, view.consoleHistory(d.id)));
  return stop;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
