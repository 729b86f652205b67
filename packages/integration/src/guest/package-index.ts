import {
  compareVersions,
  parseRelations,
  parseStanza,
  type Relation,
  type Stanza,
  satisfies,
} from './deb822.ts';
import { GuestImageError } from './error.ts';

/** One version of a package that can be had. */
export interface PackageRow {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Groups of alternatives; Pre-Depends first. */
  readonly depends: readonly (readonly Relation[])[];
  readonly provides: readonly Relation[];
  /** Path below the mirror's root, or of a local file. */
  readonly filename: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Packages by name, with what they provide. */
export class PackageIndex {
  readonly #byName = new Map<string, PackageRow>();
  readonly #providers = new Map<string, PackageRow[]>();
  readonly #foreign: readonly PackageRow[];
  /** Where the rows come from, for messages. */
  readonly origin: string;

  /** @param foreign packages of another architecture, known only so that a message can name them */
  constructor(rows: Iterable<PackageRow>, origin: string, foreign: readonly PackageRow[] = []) {
    this.origin = origin;
    this.#foreign = foreign;
    for (const row of rows) {
      const known = this.#byName.get(row.name);
      if (!known || compareVersions(row.version, known.version) > 0)
        this.#byName.set(row.name, row);
    }
    for (const row of this.#byName.values()) {
      for (const virtual of row.provides) {
        const list = this.#providers.get(virtual.name) ?? [];
        list.push(row);
        this.#providers.set(virtual.name, list);
      }
    }
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): PackageRow | undefined {
    return this.#byName.get(name);
  }

  /** Names of all packages for which a test holds. */
  names(test: (name: string) => boolean): string[] {
    return [...this.#byName.keys()].filter(test);
  }

  /** The package that answers a relation: one of that name with a fitting version, else a provider. */
  find(relation: Relation): PackageRow | null {
    const named = this.#byName.get(relation.name);
    if (named && satisfies(named.version, relation)) return named;
    for (const row of this.#providers.get(relation.name) ?? []) {
      const virtual = row.provides.find((p) => p.name === relation.name) as Relation;
      if (
        relation.operator === '' ||
        (virtual.version !== '' && satisfies(virtual.version, relation))
      )
        return row;
    }
    return null;
  }

  /** Packages of these names that are there for another architecture. */
  foreign(names: readonly string[]): PackageRow[] {
    return this.#foreign.filter((f) => names.includes(f.name));
  }

  /** Names of packages of another architecture that match. */
  foreignNames(pattern: RegExp): string[] {
    return this.#foreign.map((f) => f.name).filter((name) => pattern.test(name));
  }

  /**
   * The packages that `roots` need, themselves included, in the order found.
   * @param ignore names whose absence hurts nothing in a guest; neither they nor what only they need is taken
   * @throws GuestImageError PACKAGE_MISSING, which lists everything missing at once, or WRONG_ARCHITECTURE
   */
  closure(roots: readonly string[], ignore: ReadonlySet<string>): PackageRow[] {
    const picked = new Set<PackageRow>();
    const missing: string[] = [];
    const wrong: PackageRow[] = [];
    const queue: { group: readonly Relation[]; neededBy: string }[] = roots.map((name) => ({
      group: [{ name, operator: '', version: '' }],
      neededBy: '',
    }));
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { group, neededBy } = next;
      if (group.length === 0 || group.some((r) => ignore.has(r.name))) continue;
      const found = group.map((r) => this.find(r));
      if (found.some((row) => row !== null && picked.has(row))) continue;
      const row = found.find((r) => r !== null);
      if (!row) {
        wrong.push(...this.foreign(group.map((r) => r.name)));
        missing.push(
          `${group.map(showRelation).join(' | ')}${neededBy === '' ? '' : ` (needed by ${neededBy})`}`,
        );
        continue;
      }
      picked.add(row);
      for (const needed of row.depends) queue.push({ group: needed, neededBy: row.name });
    }
    if (wrong.length > 0) throw wrongArchitecture(wrong);
    if (missing.length > 0) throw packagesMissing(missing, this.origin);
    return [...picked];
  }
}

/** The error for packages that cannot be had. */
export function packagesMissing(missing: readonly string[], origin: string): GuestImageError {
  const list = [...new Set(missing)];
  return new GuestImageError(
    'PACKAGE_MISSING',
    `${origin} lacks ${list.length === 1 ? 'a package' : `${list.length} packages`} that a guest needs: ${list.join('; ')}. ` +
      'Add the i386 .deb files (on Debian: apt-get download NAME:i386), or use a Debian mirror with bookworm.',
  );
}

/** The error for .deb files of another architecture. */
export function wrongArchitecture(rows: readonly PackageRow[]): GuestImageError {
  const list = rows.map((r) => `${r.filename} is for ${r.architecture}`).join('; ');
  return new GuestImageError(
    'WRONG_ARCHITECTURE',
    `${list}. Guests are 32-bit PCs and need i386: fetch that file instead (on Debian: apt-get download NAME:i386).`,
  );
}

/** Reads a `Packages` file, keeping the rows of one architecture and of `all`. @throws GuestImageError BAD_INDEX */
export function parsePackages(text: string, architecture: string, url: string): PackageRow[] {
  const rows: PackageRow[] = [];
  for (const part of text.split('\n\n')) {
    if (part.trim() === '') continue;
    const stanza = parseStanza(part);
    const row = packageRow(
      stanza,
      stanza.get('filename') ?? '',
      Number(stanza.get('size')),
      stanza.get('sha256') ?? '',
    );
    if (
      !/^[0-9a-f]{64}$/.test(row.sha256) ||
      !(row.bytes > 0) ||
      row.filename === '' ||
      row.filename.includes('..')
    ) {
      throw new GuestImageError(
        'BAD_INDEX',
        `${url} has a damaged paragraph for package "${row.name}". Try again later or choose another mirror.`,
      );
    }
    if (row.architecture === architecture || row.architecture === 'all') rows.push(row);
  }
  if (rows.length === 0)
    throw new GuestImageError(
      'BAD_INDEX',
      `${url} lists no ${architecture} packages. Choose another mirror.`,
    );
  return rows;
}

/** A row from a package's control fields. */
export function packageRow(
  stanza: Stanza,
  filename: string,
  bytes: number,
  sha256: string,
): PackageRow {
  return {
    name: stanza.get('package') ?? '',
    version: stanza.get('version') ?? '',
    architecture: stanza.get('architecture') ?? '',
    depends: [
      ...parseRelations(stanza.get('pre-depends')),
      ...parseRelations(stanza.get('depends')),
    ],
    provides: parseRelations(stanza.get('provides')).flat(),
    filename,
    bytes,
    sha256,
  };
}

function showRelation(r: Relation): string {
  return r.operator === '' ? r.name : `${r.name} (${r.operator} ${r.version})`;
}
