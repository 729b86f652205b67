import { request } from 'node:http';
import { WebSocket } from 'ws';
import type { DomainRequest } from '../config/request.ts';
import type {
  AssignableDone,
  DomainArrived,
  DomainCreated,
  DomainMoved,
  DomainSaved,
} from './domain-life.ts';
import type { HostInfo, LabState } from './host-view.ts';
import { type RunState, runDirectory, runningHosts } from './run-state.ts';

/** Why a command could not talk to a running host. */
export class LabClientError extends Error {
  /** Our own cause, or the code the host answered with, e.g. `ENOENT`. */
  readonly code: string;
  /** More facts for `--json`. */
  readonly details: object;
  constructor(code: string, message: string, cause?: unknown, details: object = {}) {
    super(message, { cause });
    this.name = 'LabClientError';
    this.code = code;
    this.details = details;
  }
}

/** What a control node holds. */
export type CtlAnswer =
  | { readonly path: string; readonly kind: 'file'; readonly data: string | Uint8Array }
  | { readonly path: string; readonly kind: 'directory'; readonly entries: readonly string[] };

/** Which host is meant: by its lab page's port, or by its socket; null means the only one. */
export type HostChoice = number | string | null;

/**
 * Finds the host to talk to.
 *
 * @throws LabClientError when there is none, or more than one to choose from
 */
export async function findHost(choice: HostChoice, directory?: string): Promise<LabClient> {
  if (typeof choice === 'string') return new LabClient('', choice);
  const where = directory ?? runDirectory();
  const hosts = await runningHosts(where);
  const wanted = choice === null ? hosts : hosts.filter((h) => h.port === choice);
  if (wanted.length > 1) throw new LabClientError('MANY_HOSTS', manyHosts(wanted));
  const host = wanted[0];
  if (host !== undefined) return new LabClient(host.url ?? '', host.socket);
  throw new LabClientError(
    'NO_HOST',
    choice === null
      ? `no host is running (looked in ${where}); start one with \`xengt demo\``
      : `no host runs with its lab page on port ${choice} (looked in ${where})`,
  );
}

function manyHosts(hosts: readonly RunState[]): string {
  const list = hosts
    .map((h) => `${h.port ?? `none, socket ${h.socket}`} (process ${h.pid})`)
    .join(', ');
  return (
    `${hosts.length} hosts are running, with lab pages on ports ${list}; choose one with --port or ` +
    '--socket'
  );
}

/** Talks to a host's lab server. Every method throws LabClientError when the host says no. */
export class LabClient {
  /** Of its lab page; '' when it has none. */
  readonly url: string;
  readonly #socket: string | null;

  /** @param socket its unix socket; null talks to the page's address */
  constructor(url: string, socket: string | null = null) {
    this.url = url;
    this.#socket = socket;
  }

  async state(): Promise<LabState> {
    return json(await this.#ask('/api/state'));
  }

  async info(): Promise<HostInfo> {
    return json(await this.#ask('/api/info'));
  }

  /** What the hypervisor said lately. */
  async messages(clear: boolean): Promise<string> {
    const path = '/api/messages';
    const said = clear ? this.#ask(`${path}/clear`, { method: 'POST' }) : this.#ask(path);
    return (await said).toString('utf8');
  }

  create(wanted: DomainRequest, o: { readonly paused: boolean }): Promise<DomainCreated> {
    return this.#post('/api/domains', { request: wanted, ...o });
  }

  destroy(domain: number): Promise<DomainArrived> {
    return this.#post(`/api/domains/${domain}/destroy`, {});
  }

  shutdown(domain: number): Promise<DomainArrived> {
    return this.#post(`/api/domains/${domain}/shutdown`, {});
  }

  reboot(domain: number, o: { readonly force: boolean }): Promise<DomainArrived> {
    return this.#post(`/api/domains/${domain}/reboot`, o);
  }

  /** Devices that wait for a domain. */
  async assignable(): Promise<readonly string[]> {
    const { devices } = json<{ devices: string[] }>(await this.#ask('/api/assignable'));
    return devices;
  }

  addAssignable(device: string): Promise<AssignableDone> {
    return this.#post('/api/assignable/add', { device });
  }

  removeAssignable(device: string, o: { readonly rebind: boolean }): Promise<AssignableDone> {
    return this.#post('/api/assignable/remove', { device, ...o });
  }

  /** A connection to a domain's console: see `serveConsole`. */
  console(domain: number): WebSocket {
    const path = `/api/domains/${domain}/console`;
    return this.#socket === null
      ? new WebSocket(`${this.url.replace(/^http/, 'ws')}${path}`)
      : new WebSocket(`ws+unix:${this.#socket}:${path}`);
  }

  /** A PNG of what is on a domain's port. */
  async screenshot(domain: number, port: string): Promise<Uint8Array> {
    return new Uint8Array(await this.#ask(`/api/screens/${domain}/${port}.png`));
  }

  async ctlRead(path: string): Promise<CtlAnswer> {
    const answer = json<{
      path: string;
      kind: 'file' | 'directory';
      text?: string;
      base64?: string;
      entries?: string[];
    }>(await this.#ask(ctlUrl(path)));
    if (answer.kind === 'directory') {
      return { path: answer.path, kind: 'directory', entries: answer.entries ?? [] };
    }
    const data =
      answer.base64 === undefined
        ? (answer.text ?? '')
        : new Uint8Array(Buffer.from(answer.base64, 'base64'));
    return { path: answer.path, kind: 'file', data };
  }

  async ctlWrite(path: string, data: string | Uint8Array<ArrayBuffer>): Promise<void> {
    const type = typeof data === 'string' ? 'text/plain' : 'application/octet-stream';
    await this.#ask(ctlUrl(path), {
      method: 'PUT',
      body: data,
      headers: { 'content-type': type },
    });
  }

  async setForeground(domain: number): Promise<void> {
    await this.#ask('/api/foreground', {
      method: 'POST',
      body: JSON.stringify({ domain }),
      headers: { 'content-type': 'application/json' },
    });
  }

  pause(domain: number): Promise<DomainArrived> {
    return this.#post(`/api/domains/${domain}/pause`, {});
  }

  unpause(domain: number): Promise<DomainArrived> {
    return this.#post(`/api/domains/${domain}/unpause`, {});
  }

  /** @param path absolute */
  save(
    domain: number,
    path: string,
    o: { readonly after: DomainSaved['after']; readonly force: boolean },
  ): Promise<DomainSaved> {
    return this.#post(`/api/domains/${domain}/save`, { path, ...o });
  }

  /** @param path absolute */
  restore(path: string, o: { readonly paused: boolean }): Promise<DomainArrived> {
    return this.#post('/api/restore', { path, ...o });
  }

  migrate(domain: number, to: LabClient, o: { readonly force: boolean }): Promise<DomainMoved> {
    return this.#post(`/api/domains/${domain}/migrate`, { to: to.url, ...o });
  }

  async #post<T>(path: string, body: object): Promise<T> {
    const answer = await this.#ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    return json(answer);
  }

  async #ask(path: string, o: Asked = {}): Promise<Buffer> {
    const where = this.#socket ?? this.url;
    const { status, body } = await this.#send(path, o).catch((cause: unknown) => {
      throw new LabClientError('NO_ANSWER', `the host at ${where} does not answer`, cause);
    });
    if (status === STATUS_OK) return body;
    const { error } = errorOf(body);
    const { code, message, ...details } = error ?? {};
    throw new LabClientError(
      code ?? 'BAD_ANSWER',
      message ?? `the host at ${where} answered ${status}`,
      undefined,
      details,
    );
  }

  #send(path: string, o: Asked): Promise<{ status: number; body: Buffer }> {
    const headers = { ...o.headers, host: 'localhost' };
    const to =
      this.#socket === null
        ? { host: '127.0.0.1', port: Number(new URL(this.url).port) }
        : { socketPath: this.#socket };
    return new Promise((done, reject) => {
      const asked = request({ ...to, path, method: o.method ?? 'GET', headers, agent: false });
      asked.on('error', reject);
      asked.on('response', (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () =>
          done({ status: answer.statusCode ?? 0, body: Buffer.concat(parts) }),
        );
      });
      asked.end(o.body);
    });
  }
}

const STATUS_OK = 200;

interface Asked {
  readonly method?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

function json<T>(body: Buffer): T {
  return JSON.parse(body.toString('utf8')) as T;
}

/** What an answer that is no success says, as far as it says anything. */
function errorOf(body: Buffer): {
  readonly error?: { readonly code?: string; readonly message?: string };
} {
  try {
    return json(body) ?? {};
  } catch {
    return {};
  }
}

function ctlUrl(path: string): string {
  const clean = path.replace(/^\/+|\/+$/g, '');
  return `/api/ctl/${clean.split('/').map(encodeURIComponent).join('/')}`;
}
