import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fetchBlob, fetchBlobs, fetchText } from './download.ts';
import type { GuestImageError } from './error.ts';
import { HttpClient } from './http.ts';
import { Store, sha256 } from './store.ts';
import { serveFiles, type TestMirror } from './testing/mirror.ts';

const APT = { sources: [], proxies: new Map<string, string>(), caInfo: '' };
const DATA = Buffer.alloc(300_000, 'the same text again and again ');
const SUM = sha256(DATA);

let root: string;
let mirror: TestMirror;
let client: HttpClient;
let store: Store;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'xengt-download-'));
  mirror = await serveFiles(new Map([['/a.deb', DATA]]));
  client = new HttpClient(APT, {});
  store = new Store(root);
  await store.prepare();
});
afterEach(async () => {
  client.close();
  await mirror.close();
  await rm(root, { recursive: true, force: true });
});

const wanted = () => ({ url: `${mirror.uri}/a.deb`, sha256: SUM, bytes: DATA.length });
const failure = (work: Promise<unknown>): Promise<GuestImageError> =>
  work.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: GuestImageError) => error,
  );

describe('downloads', () => {
  test('control case: a file arrives once, whole, under its checksum, and its bytes are counted', async () => {
    let bytes = 0;
    const path = await fetchBlob(client, store, wanted(), (n) => (bytes += n));
    expect(sha256(await readFile(path))).toBe(SUM);
    expect(bytes).toBe(DATA.length);
    await fetchBlob(client, store, wanted(), () => {});
    expect(mirror.requests).toEqual(['/a.deb']);
    expect(await readdir(join(root, 'parts'))).toEqual([]);
  });

  test('a broken connection is taken up where it ended', async () => {
    let breakOff = (): void => {};
    mirror.answer = (_request, response) => {
      if (mirror.requests.length > 1) return false;
      response.writeHead(200, { 'content-length': DATA.length });
      response.write(DATA.subarray(0, 120_000));
      breakOff = (): void => void response.destroy();
      return true;
    };
    // Only once some of it has arrived: a reset also throws away what the receiver has not read.
    const path = await fetchBlob(client, store, wanted(), (bytes) => {
      if (bytes > 0) breakOff();
    });
    expect(sha256(await readFile(path))).toBe(SUM);
    expect(mirror.requests).toHaveLength(2);
    expect(mirror.requests[1]).toMatch(/^\/a\.deb bytes=\d+-$/);
  });

  test('what an earlier process left is used, and fetched whole by a server without ranges', async () => {
    await writeFile(join(root, 'parts', SUM), DATA.subarray(0, 50_000));
    mirror.answer = (_request, response) => {
      response.writeHead(200).end(DATA);
      return true;
    };
    expect(sha256(await readFile(await fetchBlob(client, store, wanted(), () => {})))).toBe(SUM);
    expect(mirror.requests).toEqual(['/a.deb bytes=50000-']);
  });

  test('parts of a process that is gone are taken over', async () => {
    await writeFile(join(root, 'parts', `${SUM}.999999999`), DATA.subarray(0, 7));
    await store.prepare();
    await fetchBlob(client, store, wanted(), () => {});
    expect(mirror.requests).toEqual(['/a.deb bytes=7-']);
  });

  test('a wrong content is fetched once more, then refused, and leaves nothing', async () => {
    mirror.files.set('/a.deb', Buffer.alloc(DATA.length, 'other'));
    const error = await failure(fetchBlob(client, store, wanted(), () => {}));
    expect(error.code).toBe('BAD_CHECKSUM');
    expect(error.message).toContain(`/a.deb is not what the package index promises: SHA256 `);
    expect(error.message).toContain(`expected ${SUM}`);
    expect(mirror.requests).toHaveLength(2);
    expect([
      ...(await readdir(join(root, 'parts'))),
      ...(await readdir(join(root, 'blobs'))),
    ]).toEqual([]);
  });

  test('a damaged part is noticed and replaced', async () => {
    await writeFile(join(root, 'parts', SUM), Buffer.alloc(1000, 'x'));
    expect(sha256(await readFile(await fetchBlob(client, store, wanted(), () => {})))).toBe(SUM);
  });

  test('a file the mirror lacks', async () => {
    mirror.files.clear();
    const error = await failure(fetchBlob(client, store, wanted(), () => {}));
    expect(error.code).toBe('HTTP_STATUS');
    expect(error.message).toMatch(/answered with HTTP status 404\. The mirror does not have it/);
    expect(mirror.requests).toHaveLength(1);
  });

  test('a busy server is asked again', async () => {
    mirror.answer = (_request, response) => {
      if (mirror.requests.length > 1) return false;
      response.writeHead(503).end();
      return true;
    };
    await fetchBlob(client, store, wanted(), () => {});
    expect(mirror.requests).toHaveLength(2);
  });

  test('no network', async () => {
    const { uri } = mirror;
    await mirror.close();
    const error = await failure(fetchText(client, `${uri}/InRelease`, 1000));
    expect(error.code).toBe('NO_NETWORK');
    expect(error.message).toMatch(
      /^cannot reach http:\/\/127\.0\.0\.1:\d+\/InRelease: connect ECONNREFUSED .*\. Check the network or the proxy, name another mirror with XENGT_DEBIAN_MIRROR or --mirror, or bring the \.deb files yourself with --packages DIR\.$/,
    );
  });

  test('a full disk, and the rest is kept for the next time', async () => {
    const full = new Store(root, async (path, flags) => {
      const file = await open(path, flags);
      let left = 100_000;
      const write = file.write.bind(file);
      file.write = (async (data: Uint8Array) => {
        // As a real disk does: first a short write, then none.
        const room = Math.min(left, data.length);
        if (room === 0)
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
            code: 'ENOSPC',
          });
        left -= room;
        return write(data.subarray(0, room));
      }) as typeof file.write;
      return file;
    });
    const error = await failure(fetchBlob(client, full, wanted(), () => {}));
    expect(error.code).toBe('DISK_FULL');
    expect(error.message).toBe(
      `the disk of ${root} is full: no space is left. Free some space or set XDG_CACHE_HOME to another disk; nothing half-written was kept.`,
    );
    expect(await readdir(join(root, 'blobs'))).toEqual([]);
    await fetchBlob(client, store, wanted(), () => {});
    expect(mirror.requests[1]).toMatch(/bytes=[1-9]\d*-$/);
  });

  test('too little room is noticed before anything is fetched', async () => {
    const error = await failure(store.requireSpace(1e18));
    expect(error.code).toBe('DISK_FULL');
    expect(error.message).toMatch(/1000000000000\.0 MB are needed, [\d.]+ MB are free/);
  });

  test('a stop ends the transfer at once', async () => {
    const stop = new AbortController();
    mirror.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': DATA.length });
      response.write(DATA.subarray(0, 1000), () => setTimeout(() => stop.abort(), 20));
      return true;
    };
    const error = await failure(fetchBlob(client, store, wanted(), () => {}, stop.signal));
    expect(error.code).toBe('ABORTED');
    expect(await readdir(join(root, 'blobs'))).toEqual([]);
  });

  test('several files come a few at a time; the first failure stops the rest', async () => {
    const list = Array.from({ length: 12 }, (_, k) => Buffer.from(`file ${k}`)).map((data, k) => {
      mirror.files.set(`/${k}`, data);
      return { url: `${mirror.uri}/${k}`, sha256: sha256(data), bytes: data.length };
    });
    await fetchBlobs(client, store, list.slice(0, 6), () => {});
    expect(await readdir(join(root, 'blobs'))).toHaveLength(6);
    mirror.files.delete('/6');
    expect((await failure(fetchBlobs(client, store, list, () => {}))).code).toBe('HTTP_STATUS');
  });

  test('redirects are followed, in a circle only so far', async () => {
    mirror.answer = (request, response) => {
      if (request.url === '/a.deb') return false;
      response.writeHead(302, { location: request.url === '/old' ? '/a.deb' : '/circle' }).end();
      return true;
    };
    expect(await fetchText(client, `${mirror.uri}/old`, 1e6)).toBe(DATA.toString());
    expect((await failure(fetchText(client, `${mirror.uri}/circle`, 1e6))).message).toMatch(
      /redirected more than 6 times/,
    );
  });

  test('file: mirrors', async () => {
    await writeFile(join(root, 'x'), 'text');
    expect(await fetchText(client, pathToFileURL(join(root, 'x')).href, 10)).toBe('text');
    expect((await failure(fetchText(client, pathToFileURL(join(root, 'y')).href, 10))).code).toBe(
      'HTTP_STATUS',
    );
    expect((await failure(fetchText(client, pathToFileURL(join(root, 'x')).href, 3))).code).toBe(
      'BAD_INDEX',
    );
  });

  test('through a proxy', async () => {
    const seen: string[] = [];
    const proxy = createServer((request, response) => {
      seen.push(request.url ?? '');
      response.end('by proxy');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const uri = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const through = new HttpClient({ ...APT, proxies: new Map([['http', uri]]) }, {});
    try {
      expect(await fetchText(through, 'http://debian.invalid/InRelease', 100)).toBe('by proxy');
      expect(seen).toEqual(['http://debian.invalid/InRelease']);
    } finally {
      through.close();
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});
