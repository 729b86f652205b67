import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { GuestImageError, systemCode, throwIfAborted } from './error.ts';
import { type HttpAnswer, type HttpClient, networkError } from './http.ts';
import type { Store } from './store.ts';

/** A file whose content is known before it is fetched. */
export interface Wanted {
  readonly url: string;
  /** Hex. */
  readonly sha256: string;
  readonly bytes: number;
}

const ATTEMPTS = 4;
/** What rarely passes within seconds. */
const HOPELESS: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
const FIRST_PAUSE_MS = 300;
const CONCURRENCY = 4;

/** Fetches a small text whole. @throws GuestImageError HTTP_STATUS, NO_NETWORK */
export async function fetchText(
  client: HttpClient,
  url: string,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<string> {
  return retry(signal, async () => {
    const answer = await client.get(url, 0, signal);
    if (answer.status !== 200) throw badStatus(url, answer);
    const parts: Uint8Array[] = [];
    let total = 0;
    try {
      for await (const part of answer.body) {
        total += (part as Uint8Array).length;
        if (total > maxBytes)
          throw new GuestImageError(
            'BAD_INDEX',
            `${url} is larger than ${maxBytes} bytes. Choose another mirror.`,
          );
        parts.push(part as Uint8Array);
      }
    } catch (error) {
      throw networkError(url, error, signal);
    }
    return Buffer.concat(parts).toString('utf8');
  });
}

/**
 * Fetches a file into the store unless it is there, continuing an earlier attempt, and checks it.
 * @param onBytes is told of each number of bytes that arrives or is found there
 * @returns the path of the whole, verified file
 * @throws GuestImageError NO_NETWORK, HTTP_STATUS, BAD_CHECKSUM, DISK_FULL, ABORTED
 */
export async function fetchBlob(
  client: HttpClient,
  store: Store,
  wanted: Wanted,
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<string> {
  if ((await store.blobBytes(wanted.sha256)) === wanted.bytes) {
    onBytes(wanted.bytes);
    return store.blobPath(wanted.sha256);
  }
  let counted = 0;
  const count = (total: number) => {
    onBytes(total - counted);
    counted = total;
  };
  try {
    await retry(signal, () => attempt(client, store, wanted, count, signal));
  } catch (error) {
    await store.releasePart(wanted.sha256);
    throw error;
  }
  return store.keepPart(wanted.sha256);
}

/** Fetches several files, a few at a time. The first failure stops the others. */
export async function fetchBlobs(
  client: HttpClient,
  store: Store,
  list: readonly Wanted[],
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const queue = [...new Map(list.map((w) => [w.sha256, w])).values()];
  let failure: unknown = null;
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined && failure === null; next = queue.shift()) {
      try {
        await fetchBlob(client, store, next, onBytes, both);
      } catch (error) {
        failure ??= error;
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  throwIfAborted(signal);
  if (failure !== null) throw failure;
}

async function attempt(
  client: HttpClient,
  store: Store,
  wanted: Wanted,
  count: (total: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { url, sha256, bytes } = wanted;
  const part = store.partPath(sha256);
  const left = await store.claimPart(sha256);
  let have = left < bytes ? left : 0;
  const answer = await client.get(url, have, signal);
  if (answer.status !== 200 && answer.status !== 206) throw badStatus(url, answer);
  if (answer.status === 200) have = 0;
  if (answer.bytes > 0 && have + answer.bytes !== bytes) {
    answer.body.destroy();
    throw wrongContent(url, `it has ${have + answer.bytes} bytes, expected ${bytes}`);
  }
  const hash = createHash('sha256');
  if (have > 0) for await (const chunk of createReadStream(part)) hash.update(chunk as Uint8Array);
  const file = await store.openPart(sha256, have > 0 ? 'a' : 'w');
  let complete = false;
  try {
    count(have);
    for await (const chunk of iterate(answer, url, signal)) {
      have += chunk.length;
      if (have > bytes) break;
      hash.update(chunk);
      await store.guard(async () => writeWhole(file, chunk));
      count(have);
    }
    await store.guard(() => file.sync());
    complete = have >= bytes;
  } finally {
    answer.body.destroy();
    await file.close();
  }
  if (!complete)
    throw networkError(
      url,
      new Error(`the connection ended after ${have} of ${bytes} bytes`),
      signal,
    );
  const found = hash.digest('hex');
  if (found !== sha256 || have !== bytes) {
    await rm(part, { force: true });
    throw wrongContent(url, `SHA256 ${found}, expected ${sha256}`);
  }
}

function wrongContent(url: string, what: string): GuestImageError {
  return new GuestImageError(
    'BAD_CHECKSUM',
    `${url} is not what the package index promises: ${what}. The mirror may be in the middle of an update; ` +
      'try again later or choose another with --mirror.',
  );
}

async function writeWhole(
  file: { write(b: Uint8Array): Promise<{ bytesWritten: number }> },
  chunk: Uint8Array,
): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk.subarray(at))).bytesWritten;
}

async function* iterate(
  answer: HttpAnswer,
  url: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of answer.body) yield chunk as Uint8Array;
  } catch (error) {
    throw networkError(url, error, signal);
  }
}

/** Tries again what may pass: a broken connection, a busy server, and once a wrong checksum. */
async function retry<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  let wrongSums = 0;
  for (let k = 1; ; k++) {
    throwIfAborted(signal);
    try {
      return await work();
    } catch (error) {
      const code = error instanceof GuestImageError ? error.code : '';
      const passing =
        code === 'NO_NETWORK' ||
        (code === 'HTTP_STATUS' && error instanceof BusyError) ||
        (code === 'BAD_CHECKSUM' && wrongSums++ === 0);
      const attempts = HOPELESS.has(systemCode(error)) ? 2 : ATTEMPTS;
      if (!passing || k >= attempts || signal?.aborted) throw error;
      await delay(FIRST_PAUSE_MS * 2 ** (k - 1), undefined, signal ? { signal } : {}).catch(
        () => {},
      );
    }
  }
}

class BusyError extends GuestImageError {}

function badStatus(url: string, answer: HttpAnswer): GuestImageError {
  answer.body.destroy();
  const advice =
    answer.status === 404
      ? 'The mirror does not have it; choose another with --mirror or run again with --refresh.'
      : 'Try again later or choose another mirror with --mirror.';
  const Kind = answer.status >= 500 || answer.status === 429 ? BusyError : GuestImageError;
  return new Kind('HTTP_STATUS', `${url} answered with HTTP status ${answer.status}. ${advice}`);
}
