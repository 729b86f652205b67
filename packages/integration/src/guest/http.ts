import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import type { Readable } from 'node:stream';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { AptConfig } from './apt-config.ts';
import { GuestImageError, systemCode } from './error.ts';

/** An answer to a GET: the body is a stream that must be read or destroyed. */
export interface HttpAnswer {
  readonly status: number;
  /** Content-Length, bytes; 0 when the server does not say. */
  readonly bytes: number;
  readonly body: Readable;
}

const MAX_REDIRECTS = 6;
/** A transfer that brings nothing for so long has stalled, milliseconds. */
const STALL_MS = 30_000;

/** Fetches `http:`, `https:` and `file:` addresses the way the machine's apt does: same proxies, same certificates. */
export class HttpClient {
  readonly #apt: AptConfig;
  readonly #env: NodeJS.ProcessEnv;
  readonly #agents = new Map<string, HttpAgent | HttpsAgent>();
  #certificates: string[] | null = null;

  constructor(apt: AptConfig, env: NodeJS.ProcessEnv = process.env) {
    this.#apt = apt;
    this.#env = env;
  }

  /**
   * @param from asks for the bytes from this one on; the answer has status 206 when the server does so
   * @returns whatever the server answers, redirects followed
   * @throws GuestImageError NO_NETWORK when there is no answer, ABORTED
   */
  async get(url: string, from: number, signal: AbortSignal | undefined): Promise<HttpAnswer> {
    let at = new URL(url);
    for (let k = 0; k < MAX_REDIRECTS; k++) {
      if (at.protocol === 'file:') return fileAnswer(at, from);
      const message = await this.#request(at, from, signal);
      const status = message.statusCode ?? 0;
      const { location } = message.headers;
      if (status >= 301 && status <= 308 && status !== 304 && location !== undefined) {
        message.resume();
        at = new URL(location, at);
        continue;
      }
      return { status, bytes: Number(message.headers['content-length'] ?? 0), body: message };
    }
    throw new GuestImageError(
      'HTTP_STATUS',
      `${url} was redirected more than ${MAX_REDIRECTS} times. Choose another mirror.`,
    );
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  /** The proxy for an address, or '' for none: apt's settings first, then the environment's. */
  proxyFor(url: URL): string {
    const scheme = url.protocol.slice(0, -1);
    const fromApt =
      this.#apt.proxies.get(`${scheme}::${url.hostname}`) ??
      this.#apt.proxies.get(scheme) ??
      (scheme === 'https' ? this.#apt.proxies.get('http') : undefined);
    if (fromApt !== undefined) return fromApt.toUpperCase() === 'DIRECT' ? '' : fromApt;
    const env = (name: string) => this.#env[name.toLowerCase()] ?? this.#env[name] ?? '';
    const skip = env('NO_PROXY')
      .split(',')
      .map((h) => h.trim().replace(/^\*?\./, ''))
      .filter((h) => h !== '');
    if (skip.some((h) => h === '*' || url.hostname === h || url.hostname.endsWith(`.${h}`)))
      return '';
    return env(`${scheme.toUpperCase()}_PROXY`);
  }

  async #request(
    url: URL,
    from: number,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    const secure = url.protocol === 'https:';
    if (!secure && url.protocol !== 'http:') {
      throw new GuestImageError(
        'BAD_OPTION',
        `cannot fetch ${url.href}: only http:, https: and file: mirrors are known.`,
      );
    }
    const agent = await this.#agent(url, secure);
    const headers: Record<string, string> = {
      'user-agent': 'xengt',
      'accept-encoding': 'identity',
    };
    if (from > 0) headers['range'] = `bytes=${from}-`;
    return new Promise((resolve, reject) => {
      const request = (secure ? httpsGet : httpGet)(
        url,
        { agent, headers, ...(signal ? { signal } : {}) },
        resolve,
      );
      request.setTimeout(STALL_MS, () =>
        request.destroy(new Error(`no data for ${STALL_MS / 1000} s`)),
      );
      request.on('error', (error) => reject(networkError(url.href, error, signal)));
    });
  }

  async #agent(url: URL, secure: boolean): Promise<HttpAgent | HttpsAgent> {
    const proxy = this.proxyFor(url);
    const key = `${secure} ${proxy}`;
    let agent = this.#agents.get(key);
    if (!agent) {
      const common = {
        keepAlive: true,
        ...(proxy === '' ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
      };
      agent = secure
        ? new HttpsAgent({ ...common, ca: await this.#trusted() })
        : new HttpAgent(common);
      this.#agents.set(key, agent);
    }
    return agent;
  }

  /** Node's own, the system's, and apt's own certificates, because apt trusts the last two. */
  async #trusted(): Promise<string[]> {
    if (!this.#certificates) {
      const own =
        this.#apt.caInfo === '' ? '' : await readFile(this.#apt.caInfo, 'utf8').catch(() => '');
      const stores = (['default', 'system', 'extra'] as const).flatMap((store) =>
        // Node before 22.15 cannot tell; what it ships itself has to do there.
        tls.getCACertificates ? tls.getCACertificates(store) : tls.rootCertificates,
      );
      this.#certificates = [...new Set(stores), ...(own === '' ? [] : [own])];
    }
    return this.#certificates;
  }
}

/** Turns a failed transfer into a typed error. */
export function networkError(
  url: string,
  error: unknown,
  signal: AbortSignal | undefined,
): GuestImageError {
  if (error instanceof GuestImageError) return error;
  if (signal?.aborted)
    return new GuestImageError(
      'ABORTED',
      'stopped before the guest image was finished; nothing half-written was kept',
      error,
    );
  const code = systemCode(error);
  const why =
    code === 'ENOTFOUND' || code === 'EAI_AGAIN'
      ? 'its name does not resolve'
      : (error as Error).message || code;
  return new GuestImageError(
    'NO_NETWORK',
    `cannot reach ${url}: ${why}. Check the network or the proxy, name another mirror with XENGT_DEBIAN_MIRROR or --mirror, ` +
      'or bring the .deb files yourself with --packages DIR.',
    error,
  );
}

async function fileAnswer(url: URL, from: number): Promise<HttpAnswer> {
  const path = fileURLToPath(url);
  const info = await stat(path).catch(() => null);
  const body = createReadStream(info?.isFile() ? path : '/dev/null', { start: from });
  return {
    status: info?.isFile() ? (from > 0 ? 206 : 200) : 404,
    bytes: info ? Math.max(0, info.size - from) : 0,
    body,
  };
}
