import { FormatError } from './error.ts';

/** One member of an `ar` archive, the outside of a .deb. */
export interface ArMember {
  readonly name: string;
  readonly data: Uint8Array;
}

const MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;
const latin1 = new TextDecoder('latin1');

/**
 * Lists the members of an `ar` archive. The data are views, not copies.
 * @throws FormatError for a wrong magic, a bad header, or a member that runs past the end.
 * @see ar(5), deb(5)
 */
export function readAr(bytes: Uint8Array): ArMember[] {
  if (latin1.decode(bytes.subarray(0, MAGIC.length)) !== MAGIC) {
    throw new FormatError(`does not begin with the ar magic "!<arch>" (found ${hexHead(bytes)})`);
  }
  const members: ArMember[] = [];
  for (let at = MAGIC.length; at < bytes.length; ) {
    if (at + HEADER_BYTES > bytes.length)
      throw new FormatError(`is cut off in a member header at byte ${at}`);
    const header = latin1.decode(bytes.subarray(at, at + HEADER_BYTES));
    const size = header.slice(48, 58).trim();
    if (!header.endsWith('`\n') || !/^\d+$/.test(size)) {
      throw new FormatError(`has a broken member header at byte ${at}`);
    }
    const from = at + HEADER_BYTES;
    const to = from + Number(size);
    const name = header.slice(0, 16).trimEnd().replace(/\/$/, '');
    if (to > bytes.length) {
      throw new FormatError(
        `is truncated: member "${name}" should end at byte ${to}, the file ends at ${bytes.length}`,
      );
    }
    members.push({ name, data: bytes.subarray(from, to) });
    at = to + (to & 1);
  }
  return members;
}

/** Writes an `ar` archive with zero times and owners, as `ar` in deterministic mode does. */
export function writeAr(members: readonly ArMember[]): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from(MAGIC, 'latin1')];
  for (const { name, data } of members) {
    const fields = [
      name.padEnd(16),
      '0'.padEnd(12),
      '0'.padEnd(6),
      '0'.padEnd(6),
      '100644'.padEnd(8),
    ];
    parts.push(
      Buffer.from(`${fields.join('')}${String(data.length).padEnd(10)}\`\n`, 'latin1'),
      data,
    );
    if (data.length & 1) parts.push(Buffer.from('\n', 'latin1'));
  }
  return Buffer.concat(parts);
}

function hexHead(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'an empty file';
  return Buffer.from(bytes.subarray(0, MAGIC.length)).toString('hex');
}
