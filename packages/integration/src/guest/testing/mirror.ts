import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../store.ts';
import { makeDeb, packagesParagraph, type TestDeb } from './debs.ts';

/** A Debian mirror on this machine's loopback, for tests. */
export interface TestMirror {
  readonly uri: string;
  /** Paths asked for, in order, with their Range header if there was one. */
  readonly requests: string[];
  /** Bytes by path; may be changed. */
  readonly files: Map<string, Uint8Array>;
  /** Called first; returns true when it has answered. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean;
  close(): Promise<void>;
}

/** Serves files, with ranges. */
export async function serveFiles(files: Map<string, Uint8Array>): Promise<TestMirror> {
  const mirror = {
    requests: [] as string[],
    files,
    answer: (_request: IncomingMessage, _response: ServerResponse) => false,
  };
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    const range = request.headers.range;
    mirror.requests.push(range === undefined ? path : `${path} ${range}`);
    if (mirror.answer(request, response)) return;
    const data = files.get(path);
    if (!data) {
      response.writeHead(404).end();
      return;
    }
    const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
    response
      .writeHead(from > 0 ? 206 : 200, { 'content-length': data.length - from })
      .end(data.subarray(from));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(mirror, {
    uri,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** Serves packages as a mirror, by suite. Its InRelease files are not signed by anyone. */
export async function serveDebian(
  suites: Readonly<Record<string, readonly TestDeb[]>>,
): Promise<TestMirror> {
  const files = new Map<string, Uint8Array>();
  for (const [suite, debs] of Object.entries(suites)) await addSuite(files, suite, debs);
  const mirror = await serveFiles(files);
  return Object.assign(mirror, { uri: `${mirror.uri}/debian` });
}

async function addSuite(
  files: Map<string, Uint8Array>,
  suite: string,
  debs: readonly TestDeb[],
): Promise<void> {
  const paragraphs: string[] = [];
  for (const deb of debs) {
    const bytes = await makeDeb(deb);
    const filename = `pool/${deb.name}${deb.version === undefined ? '' : `_${deb.version}`}.deb`;
    files.set(`/debian/${filename}`, bytes);
    paragraphs.push(packagesParagraph(deb, filename, bytes.length, sha256(bytes)));
  }
  const packages = gzipSync(`${paragraphs.join('\n\n')}\n`);
  files.set(`/debian/dists/${suite}/main/binary-i386/Packages.gz`, packages);
  const release = `Suite: some\nCodename: ${suite}\nArchitectures: all i386\nComponents: main\nSHA256:\n ${sha256(packages)} ${packages.length} main/binary-i386/Packages.gz\n`;
  const inRelease = `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${release}\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n`;
  files.set(`/debian/dists/${suite}/InRelease`, Buffer.from(inRelease));
}
