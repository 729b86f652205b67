import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { WebSocketServer } from 'ws';
import { fromLoopback, labApp } from './app.ts';
import { MOVE_PATH, MOVE_PROTOCOL } from './domain-life.ts';
import type { HostView } from './host-view.ts';
import { removeRunState, runDirectory, runningHosts, writeRunState } from './run-state.ts';
import { serveSocket } from './socket.ts';

/** Port of the lab page when none is asked for: the graphics device's id. */
export const DEFAULT_LAB_PORT = 8412;
/** The only address it listens on. */
const LOOPBACK = '127.0.0.1';

/** The lab server could not start. The message says why and what to do. */
export class LabServerError extends Error {
  readonly code: 'PORT_IN_USE' | 'PORT_NOT_ALLOWED' | 'LISTEN_FAILED';
  constructor(code: LabServerError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'LabServerError';
    this.code = code;
  }
}

export interface LabServerOptions {
  /** TCP port on 127.0.0.1; 0 takes any that is free. Default {@link DEFAULT_LAB_PORT}. */
  readonly port?: number;
  /** Where to tell other commands about it. Default {@link runDirectory}. */
  readonly runDirectory?: string;
}

/** A lab server that listens. */
export interface LabServer {
  /** e.g. `http://127.0.0.1:8412`. */
  readonly url: string;
  readonly port: number;
  /** Ends every connection and takes back the run-state file. */
  close(): Promise<void>;
}

/**
 * Serves the lab page over a host, to this machine only.
 *
 * @throws LabServerError when the port cannot be had
 */
export async function startLabServer(
  view: HostView,
  options: LabServerOptions = {},
): Promise<LabServer> {
  const directory = options.runDirectory ?? runDirectory();
  const server = createAdaptorServer({ fetch: labApp(view).fetch }) as Server;
  await listen(server, options.port ?? DEFAULT_LAB_PORT, directory);
  const { port } = server.address() as AddressInfo;
  const url = `http://${LOOPBACK}:${port}`;

  const sockets = new WebSocketServer({ noServer: true, maxPayload: 65536 });
  server.on('upgrade', (request, socket, head) => {
    const { host, origin, upgrade } = request.headers;
    const moves = request.url === MOVE_PATH && upgrade === MOVE_PROTOCOL;
    if (moves && view.life !== null && fromLoopback(host, origin)) {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${MOVE_PROTOCOL}\r\n\r\n`,
      );
      void view.life.receive(socket, head);
      return;
    }
    if (request.url !== '/api/live' || !fromLoopback(host, origin)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => serveSocket(client, view));
  });
  await writeRunState(directory, {
    version: 1,
    pid: process.pid,
    url,
    port,
    started: new Date().toISOString(),
  });
  return {
    url,
    port,
    close: async () => {
      await removeRunState(directory, port);
      for (const client of sockets.clients) client.terminate();
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, port: number, directory: string): Promise<void> {
  const error = await new Promise<NodeJS.ErrnoException | null>((done) => {
    server.once('error', done);
    server.listen(port, LOOPBACK, () => {
      server.off('error', done);
      done(null);
    });
  });
  if (error === null) return;
  if (error.code === 'EADDRINUSE') {
    const other = (await runningHosts(directory)).find((h) => h.port === port);
    const who =
      other === undefined
        ? 'another program listens there'
        : `another xengt host (process ${other.pid}, started ${other.started}) has its lab page there`;
    throw new LabServerError(
      'PORT_IN_USE',
      `port ${port} on ${LOOPBACK} is taken: ${who}; stop it or choose another port with --port`,
      error,
    );
  }
  if (error.code === 'EACCES') {
    throw new LabServerError(
      'PORT_NOT_ALLOWED',
      `port ${port} may not be used by this user; choose one above 1023 with --port`,
      error,
    );
  }
  throw new LabServerError(
    'LISTEN_FAILED',
    `cannot listen on ${LOOPBACK}:${port}: ${error.message}`,
    error,
  );
}
