import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AptConfig,
  chooseMirrors,
  DEFAULT_MIRROR,
  parseListFile,
  parseSourcesFile,
  readAptConfig,
} from './apt-config.ts';
import { HttpClient } from './http.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xengt-apt-'));
  await mkdir(join(directory, 'sources.list.d'));
  await writeFile(
    join(directory, 'sources.list'),
    '# nothing\ndeb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian/ bookworm main contrib # x\ndeb-src http://src.example/debian bookworm main\n',
  );
  await writeFile(
    join(directory, 'sources.list.d', 'extra.sources'),
    'Types: deb deb-src\nURIs: https://a.example/debian https://b.example/debian\nSuites: trixie trixie-updates\nComponents: main\nSigned-By: /usr/share/keyrings/k.gpg\n\nEnabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n',
  );
  await writeFile(
    join(directory, 'sources.list.d', 'old.list.save'),
    'deb http://saved.example/debian bookworm main\n',
  );
});
afterAll(() => rm(directory, { recursive: true }));

describe('apt settings', () => {
  test('one-line and deb822 sources, without sources of sources, disabled ones and backups', async () => {
    const config = await readAptConfig(directory, async () => '');
    expect(
      config.sources.map((s) => [s.uri, s.suites.join(' '), s.components.join(' '), s.signedBy]),
    ).toEqual([
      ['http://mirror.example/debian/', 'bookworm', 'main contrib', '/k.gpg'],
      ['https://a.example/debian', 'trixie trixie-updates', 'main', '/usr/share/keyrings/k.gpg'],
      ['https://b.example/debian', 'trixie trixie-updates', 'main', '/usr/share/keyrings/k.gpg'],
    ]);
  });

  test('proxies and certificates of apt-config dump', async () => {
    const dump =
      'Acquire "";\nAcquire::http::Proxy "http://proxy.example:3142/";\nAcquire::HTTP::Proxy::local.example "DIRECT";\nAcquire::https::CaInfo "/etc/ca.pem";\n';
    const config = await readAptConfig(directory, async () => dump);
    expect([...config.proxies]).toEqual([
      ['http', 'http://proxy.example:3142/'],
      ['http::local.example', 'DIRECT'],
    ]);
    expect(config.caInfo).toBe('/etc/ca.pem');
    const client = new HttpClient(config, {
      https_proxy: 'http://env.example:1',
      NO_PROXY: 'x.example',
    });
    expect(client.proxyFor(new URL('http://deb.example/debian'))).toBe(
      'http://proxy.example:3142/',
    );
    expect(client.proxyFor(new URL('http://local.example/debian'))).toBe('');
  });

  test('without apt settings the environment decides, and no_proxy exempts hosts and domains', () => {
    const client = new HttpClient(
      { sources: [], proxies: new Map(), caInfo: '' },
      { http_proxy: 'http://p:1', HTTPS_PROXY: 'http://q:2', no_proxy: 'localhost, .corp.example' },
    );
    expect(client.proxyFor(new URL('http://deb.example/'))).toBe('http://p:1');
    expect(client.proxyFor(new URL('https://deb.example/'))).toBe('http://q:2');
    expect(client.proxyFor(new URL('http://deb.corp.example/'))).toBe('');
    expect(client.proxyFor(new URL('http://localhost/'))).toBe('');
  });

  test('lines that are no sources are passed over', () => {
    expect(parseListFile('deb\n\n# deb http://x y z\nfoo http://x y z\n')).toEqual([]);
    expect(
      parseSourcesFile(
        'Types: deb\nURIs: http://x/debian\nSuites: sid\nComponents: main\nSigned-By:\n -----BEGIN PGP\n',
      )[0]?.signedBy,
    ).toBe('');
  });
});

describe('the choice of a mirror', () => {
  const source = (uri: string, suites: string[], components = ['main']) => ({
    uri,
    suites,
    components,
    signedBy: '',
  });
  const apt = (...sources: AptConfig['sources']): AptConfig => ({
    sources,
    proxies: new Map(),
    caInfo: '',
  });
  const uris = (config: AptConfig, explicit = {}) =>
    chooseMirrors(config, 'bookworm', explicit).map((c) => `${c.from} ${c.uri}`);

  test('an option alone, then the environment alone', () => {
    const config = apt(source('http://m/debian', ['bookworm']));
    expect(uris(config, { option: 'http://o/debian/', environment: 'http://e/debian' })).toEqual([
      'option http://o/debian',
    ]);
    expect(uris(config, { environment: 'http://e/debian' })).toEqual([
      'environment http://e/debian',
    ]);
  });

  test('the mirror that apt uses for this suite, then one for another suite, then the official one', () => {
    const config = apt(
      source('http://other/debian', ['trixie']),
      source('http://m/debian', ['bookworm', 'bookworm-updates']),
      source('http://m/debian-security', ['bookworm-security']),
    );
    expect(uris(config)).toEqual([
      'apt http://m/debian',
      'apt http://other/debian',
      `default ${DEFAULT_MIRROR}`,
    ]);
  });

  test('on Ubuntu, with CD-ROMs, or without apt it is the official one', () => {
    expect(
      uris(
        apt(source('http://archive.example/ubuntu', ['noble']), source('cdrom:[x]/', ['bookworm'])),
      ),
    ).toEqual([`default ${DEFAULT_MIRROR}`]);
    expect(uris(apt(source('http://m/debian', ['bookworm'], ['contrib'])))).toEqual(
      ['apt http://m/debian', `default ${DEFAULT_MIRROR}`].slice(1),
    );
    expect(uris(apt())).toEqual([`default ${DEFAULT_MIRROR}`]);
  });
});
