import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseStanzas } from './deb822.ts';

/** One archive that the machine's own apt is set up to use. */
export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Keyring file of `Signed-By`, or ''. */
  readonly signedBy: string;
}

/** How the machine's apt reaches its archives. */
export interface AptConfig {
  readonly sources: readonly AptSource[];
  /** `Acquire::<scheme>::Proxy[::<host>]`, by "scheme" or "scheme::host"; "DIRECT" means none. */
  readonly proxies: ReadonlyMap<string, string>;
  /** `Acquire::https::CAInfo`: a file of certificates, or ''. */
  readonly caInfo: string;
}

/** The archive that is asked when nothing else is known. */
export const DEFAULT_MIRROR = 'http://deb.debian.org/debian';
/** Overrides the mirror. */
export const MIRROR_VARIABLE = 'XENGT_DEBIAN_MIRROR';

/** Reads `/etc/apt` and `apt-config dump`. On a machine without apt all parts are empty. */
export async function readAptConfig(
  etc = '/etc/apt',
  dump: () => Promise<string> = aptConfigDump,
): Promise<AptConfig> {
  const settings = parseAptDump(await dump());
  const sources: AptSource[] = [];
  const files = [
    'sources.list',
    ...(await names(join(etc, 'sources.list.d'))).map((n) => join('sources.list.d', n)),
  ];
  for (const name of files) {
    const text = await readFile(join(etc, name), 'utf8').catch(() => '');
    if (name.endsWith('.sources')) sources.push(...parseSourcesFile(text));
    else if (name.endsWith('.list')) sources.push(...parseListFile(text));
  }
  const proxies = new Map<string, string>();
  for (const [key, value] of settings) {
    const m = /^acquire::(https?)::proxy(?:::(.+))?$/.exec(key);
    if (m && value !== '') proxies.set(m[2] ? `${m[1]}::${m[2]}` : (m[1] as string), value);
  }
  return { sources, proxies, caInfo: settings.get('acquire::https::cainfo') ?? '' };
}

/** `Key "value";` lines, keys in lower case. */
export function parseAptDump(text: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const m of text.matchAll(/^(\S+) "(.*)";$/gm))
    settings.set((m[1] as string).toLowerCase(), m[2] as string);
  return settings;
}

/** One-line style: `deb [options] uri suite component...`. @see sources.list(5) */
export function parseListFile(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const raw of text.split('\n')) {
    const m = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*(.*)$/.exec(raw.replace(/#.*/, ''));
    if (!m) continue;
    const signedBy = /signed-by=(\S+)/.exec(m[1] ?? '')?.[1] ?? '';
    sources.push({
      uri: m[2] as string,
      suites: [m[3] as string],
      components: words(m[4]),
      signedBy,
    });
  }
  return sources;
}

/** deb822 style (`*.sources`). A paragraph with `Enabled: no` is skipped. */
export function parseSourcesFile(text: string): AptSource[] {
  return parseStanzas(text).flatMap((s) => {
    if (!words(s.get('types')).includes('deb') || /^(no|false|0)$/i.test(s.get('enabled') ?? ''))
      return [];
    const signedBy = s.get('signed-by') ?? '';
    return words(s.get('uris')).map((uri) => ({
      uri,
      suites: words(s.get('suites')),
      components: words(s.get('components')),
      // An inline key is no file; the default keyring is used instead.
      signedBy: signedBy.startsWith('/') && !signedBy.includes('\n') ? signedBy : '',
    }));
  });
}

/** A place to fetch Debian from, and who says so. */
export interface MirrorChoice {
  readonly uri: string;
  readonly from: 'option' | 'environment' | 'apt' | 'default';
  readonly signedBy: string;
}

/**
 * The mirrors to try, best first: an explicit one alone; else those that the machine's apt uses for this suite, then
 * those it uses for another Debian suite, then Debian's own.
 */
export function chooseMirrors(
  apt: AptConfig,
  suite: string,
  explicit: { readonly option?: string | undefined; readonly environment?: string | undefined },
): MirrorChoice[] {
  if (explicit.option) return [{ uri: trimSlash(explicit.option), from: 'option', signedBy: '' }];
  if (explicit.environment)
    return [{ uri: trimSlash(explicit.environment), from: 'environment', signedBy: '' }];
  const choices: MirrorChoice[] = [];
  const add = (choice: MirrorChoice) => {
    if (!choices.some((c) => c.uri === choice.uri)) choices.push(choice);
  };
  const usable = apt.sources.filter(
    (s) => /^(https?|file):/.test(s.uri) && s.components.includes('main'),
  );
  for (const s of usable) {
    if (s.suites.includes(suite)) add({ uri: trimSlash(s.uri), from: 'apt', signedBy: s.signedBy });
  }
  for (const s of usable) {
    // "/debian" and not "/debian-security" or "/ubuntu": the main archive, which has every suite.
    if (/\/debian\/?$/.test(s.uri))
      add({ uri: trimSlash(s.uri), from: 'apt', signedBy: s.signedBy });
  }
  add({ uri: DEFAULT_MIRROR, from: 'default', signedBy: '' });
  return choices;
}

function aptConfigDump(): Promise<string> {
  return new Promise((resolve) => {
    execFile('apt-config', ['dump'], { timeout: 10_000, maxBuffer: 1 << 24 }, (error, stdout) =>
      resolve(error ? '' : stdout),
    );
  });
}

async function names(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort();
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((w) => w !== '');
}

function trimSlash(uri: string): string {
  return uri.replace(/\/+$/, '');
}
