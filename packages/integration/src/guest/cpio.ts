/** File type bits of a mode. @see inode(7) */
export const MODE_TYPE = {
  directory: 0o040000,
  file: 0o100000,
  symlink: 0o120000,
  charDevice: 0o020000,
} as const;

/** One entry of an initramfs. */
export interface CpioEntry {
  /** Path without a leading slash. */
  readonly path: string;
  /** Type and permission bits. */
  readonly mode: number;
  /** A file's bytes or a symbolic link's target. */
  readonly data?: Uint8Array;
  /** Device number of a device node. */
  readonly device?: { readonly major: number; readonly minor: number };
}

const HEADER_BYTES = 110;

/**
 * Writes a "newc" cpio archive, the form the kernel unpacks as initramfs. Owners are root, times are zero, inodes are
 * numbered in order, so the same entries always make the same bytes.
 * @see Linux Documentation/driver-api/early-userspace/buffer-format.rst
 */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const all: CpioEntry[] = [...entries, { path: 'TRAILER!!!', mode: 0 }];
  let total = 0;
  for (const e of all)
    total += pad4(HEADER_BYTES + Buffer.byteLength(e.path) + 1) + pad4(e.data?.length ?? 0);
  const out = new Uint8Array(total);
  const buffer = Buffer.from(out.buffer);
  let at = 0;
  all.forEach((e, k) => {
    const size = e.data?.length ?? 0;
    const nameBytes = Buffer.byteLength(e.path) + 1;
    const links = (e.mode & 0o170000) === MODE_TYPE.directory ? 2 : 1;
    // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    const fields = [
      k + 1,
      e.mode,
      0,
      0,
      links,
      0,
      size,
      0,
      0,
      e.device?.major ?? 0,
      e.device?.minor ?? 0,
      nameBytes,
      0,
    ];
    buffer.write(`070701${fields.map(hex8).join('')}`, at, 'latin1');
    buffer.write(e.path, at + HEADER_BYTES, 'utf8');
    at += pad4(HEADER_BYTES + nameBytes);
    if (e.data) out.set(e.data, at);
    at += pad4(size);
  });
  return out;
}

function pad4(bytes: number): number {
  return (bytes + 3) & ~3;
}

function hex8(value: number): string {
  return (value >>> 0).toString(16).toUpperCase().padStart(8, '0');
}
