import type { DomainArrived, DomainMoved, DomainSaved } from './domain-life.ts';
import type { LabState } from './host-view.ts';
import { type RunState, runDirectory, runningHosts } from './run-state.ts';

/** Why a command could not talk to a running host. */
export class LabClientError extends Error {
  /** Our own cause, or the code the host answered with, e.g. `ENOENT`. */
  readonly code: string;
  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'LabClientError';
    this.code = code;
  }
}

/** What a control node holds. */
export type CtlAnswer =
  | { readonly path: string; readonly kind: 'file'; readonly data: string | Uint8Array }
  | { readonly path: string; readonly kind: 'directory'; readonly entries: readonly string[] };

/**
 * Finds the host to talk to: the one on `port`, or the only one that runs.
 *
 * @throws LabClientError when there is none, or more than one to choose from
 */
export async function findHost(port: number | null, directory?: string): Promise<LabClient> {
  const where = directory ?? runDirectory();
  const hosts = await runningHosts(where);
  const wanted = port === null ? hosts : hosts.filter((h) => h.port === port);
  if (wanted.length > 1) throw new LabClientError('MANY_HOSTS', manyHosts(wanted));
  const host = wanted[0];
  if (host !== undefined) return new LabClient(host.url);
  throw new LabClientError(
    'NO_HOST',
    port === null
      ? `no host is running (looked in ${where}); start one with \`xengt demo\``
      : `no host runs with its lab page on port ${port} (looked in ${where})`,
  );
}

function manyHosts(hosts: readonly RunState[]): string {
  const list = hosts.map((h) => `${h.port} (process ${h.pid})`).join(', ');
  return `${hosts.length} hosts are running, with lab pages on ports ${list}; choose one with --port`;
}

/** Talks to a host's lab server. Every method throws LabClientError when the host says no. */
export class LabClient {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async state(): Promise<LabState> {
    return (await (await this.#ask('/api/state')).json()) as LabState;
  }

  /** A PNG of what is on a domain's port. */
  async screenshot(domain: number, port: string): Promise<Uint8Array> {
    const answer = await this.#ask(`/api/screens/${domain}/${port}.png`);
    return new Uint8Array(await answer.arrayBuffer());
  }

  async ctlRead(path: string): Promise<CtlAnswer> {
    const answer = (await (await this.#ask(ctlUrl(path))).json()) as {
      path: string;
      kind: 'file' | 'directory';
      text?: string;
      base64?: string;
      entries?: string[];
    };
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
    return (await answer.json()) as T;
  }

  async #ask(path: string, init: RequestInit = {}): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(this.url + path, init);
    } catch (cause) {
      throw new LabClientError('NO_ANSWER', `the host at ${this.url} does not answer`, cause);
    }
    if (answer.ok) return answer;
    const body = (await answer.json().catch(() => null)) as {
      error?: { code?: string; message?: string };
    } | null;
    throw new LabClientError(
      body?.error?.code ?? 'BAD_ANSWER',
      body?.error?.message ?? `the host at ${this.url} answered ${answer.status}`,
    );
  }
}

function ctlUrl(path: string): string {
  const clean = path.replace(/^\/+|\/+$/g, '');
  return `/api/ctl/${clean.split('/').map(encodeURIComponent).join('/')}`;
}
