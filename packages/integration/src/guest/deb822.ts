/** One paragraph of a control file: field name in lower case to its value; continuation lines are joined by "\n". */
export type Stanza = ReadonlyMap<string, string>;

/** Reads one paragraph. Lines that are no field are skipped, so a damaged paragraph has fewer fields. @see deb822(5) */
export function parseStanza(text: string): Stanza {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (last !== '') fields.set(last, `${fields.get(last)}\n${line.slice(1)}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    last = line.slice(0, colon).toLowerCase();
    fields.set(last, line.slice(colon + 1).trim());
  }
  return fields;
}

/** Splits a file of paragraphs, which empty lines separate. */
export function parseStanzas(text: string): Stanza[] {
  return text
    .split(/\n(?:[ \t]*\n)+/)
    .filter((part) => part.trim() !== '')
    .map(parseStanza);
}

/** One package named in a relation field, e.g. `libc6 (>= 2.34)`. */
export interface Relation {
  readonly name: string;
  /** '' when any version will do. */
  readonly operator: '' | '<<' | '<=' | '=' | '>=' | '>>';
  readonly version: string;
}

/** Reads `Depends` and its like: a list (comma) of alternatives (bar). Architecture and build qualifiers are dropped. */
export function parseRelations(field: string | undefined): Relation[][] {
  if (field === undefined || field.trim() === '') return [];
  return field.split(',').map((group) =>
    group.split('|').flatMap((one) => {
      const m =
        /^\s*([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s)]+)\s*\))?/i.exec(
          one,
        );
      if (!m) return [];
      const written = m[2] ?? '';
      // "<" and ">" are the obsolete spellings of "<=" and ">=".
      const operator = (
        written === '<' ? '<=' : written === '>' ? '>=' : written
      ) as Relation['operator'];
      return [{ name: m[1] as string, operator, version: m[3] ?? '' }];
    }),
  );
}

/**
 * Orders two Debian versions: epoch, then upstream version, then revision; digits by value, other characters with `~`
 * before the end, letters before the rest.
 * @returns less than, equal to or greater than 0
 * @see deb-version(7)
 */
export function compareVersions(a: string, b: string): number {
  const x = splitVersion(a);
  const y = splitVersion(b);
  return (
    x.epoch - y.epoch || comparePart(x.upstream, y.upstream) || comparePart(x.revision, y.revision)
  );
}

/** Does `version` satisfy the relation? */
export function satisfies(version: string, relation: Relation): boolean {
  const order = relation.operator === '' ? 0 : compareVersions(version, relation.version);
  switch (relation.operator) {
    case '':
      return true;
    case '<<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>>':
      return order > 0;
  }
}

function splitVersion(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)) || 0,
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

function comparePart(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    // The run without digits, character by character; the end and a digit both weigh 0.
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const order = weight(a, i) - weight(b, j);
      if (order !== 0) return order;
      i++;
      j++;
    }
    const from = { i, j };
    while (i < a.length && isDigit(a, i)) i++;
    while (j < b.length && isDigit(b, j)) j++;
    const x = a.slice(from.i, i).replace(/^0+/, '');
    const y = b.slice(from.j, j).replace(/^0+/, '');
    if (x.length !== y.length) return x.length - y.length;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

function isDigit(s: string, i: number): boolean {
  const c = s.charCodeAt(i);
  return c >= 48 && c <= 57;
}

function weight(s: string, i: number): number {
  if (i >= s.length || isDigit(s, i)) return 0;
  const c = s.charCodeAt(i);
  if (c === 126) return -1; // ~
  const isLetter = (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
  return isLetter ? c : c + 256;
}
