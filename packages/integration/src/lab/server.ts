import { chmod, mkdir, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { WebSocketServer } from 'ws';
import { fromLoopback, labApp } from './app.ts';
import { CONSOLE_PATH, serveConsole } from './console-socket.ts';
import { MOVE_PATH, MOVE_PROTOCOL } from './domain-life.ts';
import type { HostView } from './host-view.ts';
import {
  removeRunState,
  runDirectory,
  runningHosts,
  socketPath,
  writeRunState,
} from './run-state.ts';
import { serveSocket } from './socket.ts';

/** Port of the lab page when none is asked for: the graphics device's id. */
export const DEFAULT_LAB_PORT = 8412;
/** The only address it listens on. */
const LOOPBACK = '127.0.0.1';
/** Longest path of a unix socket, bytes: Linux has 108 with the end, macOS 104. unix(7) */
const SOCKET_PATH_MAX = 103;

/** The lab server could not start. The message says why and what to do. */
export class LabServerError extends Error {
  readonly code: 'PORT_IN_USE' | 'PORT_NOT_ALLOWED' | 'LISTEN_FAILED' | 'SOCKET_PATH';
  constructor(code: LabServerError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'LabServerError';
    this.code = code;
  }
}

export interface LabServerOptions {
  /**
   * TCP port of the lab page on 127.0.0.1; 0 takes any that is free, null serves no page. Default
   * {@link DEFAULT_LAB_PORT}.
   */
  readonly port?: number | null;
  /** Where to tell other commands about it, and to listen for them. Default {@link runDirectory}. */
  readonly runDirectory?: string;
}

/** A lab server that listens. */
export interface LabServer {
  /** e.g. `http://127.0.0.1:8412`; null without a page. */
  readonly url: string | null;
  readonly port: number | null;
  /** Unix socket that commands talk to; its user's alone. */
  readonly socket: string;
  /** Ends every connection and takes back socket and run-state file. */
  close(): Promise<void>;
}

/**
 * Serves the lab page over a host, to this machine only, and commands through a unix socket, to this
 * user only.
 *
 * @throws LabServerError when port or socket cannot be had; nothing listens then
 */
export async function startLabServer(
  view: HostView,
  options: LabServerOptions = {},
): Promise<LabServer> {
  const directory = options.runDirectory ?? runDirectory();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 65536 });
  const wanted = options.port === undefined ? DEFAULT_LAB_PORT : options.port;
  const page = wanted === null ? null : httpServer(view, sockets, false);
  if (page !== null) await listen(page, wanted as number, directory);
  const port = page === null ? null : (page.address() as AddressInfo).port;
  const url = port === null ? null : `http://${LOOPBACK}:${port}`;
  const { pid } = process;
  const socket = socketPath(directory, { port, pid });
  const own = httpServer(view, sockets, true);
  try {
    await listenLocal(own, socket);
  } catch (error) {
    page?.close();
    throw error;
  }
  await writeRunState(directory, {
    version: 1,
    pid,
    socket,
    url,
    port,
    started: new Date().toISOString(),
  });
  return {
    url,
    port,
    socket,
    close: async () => {
      await removeRunState(directory, { port, pid });
      for (const client of sockets.clients) client.terminate();
      const servers = page === null ? [own] : [own, page];
      await Promise.all(
        servers.map(async (server) => {
          const closed = new Promise<void>((done) => server.close(() => done()));
          server.closeAllConnections();
          await closed;
        }),
      );
    },
  };
}

/** @param own whether only the host's own user reaches it */
function httpServer(view: HostView, sockets: WebSocketServer, own: boolean): Server {
  const server = createAdaptorServer({ fetch: labApp(view, own).fetch }) as Server;
  server.on('upgrade', (request, socket, head) => {
    const { host, origin, upgrade } = request.headers;
    const url = request.url ?? '';
    const moves = url === MOVE_PATH && upgrade === MOVE_PROTOCOL;
    if (moves && view.life !== null && fromLoopback(host, origin)) {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${MOVE_PROTOCOL}\r\n\r\n`,
      );
      void view.life.receive(socket, head);
      return;
    }
    const console = CONSOLE_PATH.exec(url);
    if ((console === null && url !== '/api/live') || !fromLoopback(host, origin)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      if (console === null) serveSocket(client, view);
      else serveConsole(client, view, Number(console[1]));
    });
  });
  return server;
}

/** Listens where only this user may connect. What an ended host left there is taken away. */
async function listenLocal(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX) {
    throw new LabServerError(
      'SOCKET_PATH',
      `${path}: a socket's path has at most ${SOCKET_PATH_MAX} bytes; set XDG_RUNTIME_DIR to a shorter one`,
    );
  }
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rm(path, { force: true });
    await new Promise<void>((done, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        done();
      });
    });
    await chmod(path, 0o600);
  } catch (error) {
    server.close();
    throw new LabServerError(
      'LISTEN_FAILED',
      `cannot listen on ${path}: ${(error as Error).message}`,
      error,
    );
  }
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
