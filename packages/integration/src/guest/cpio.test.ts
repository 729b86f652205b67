import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CpioEntry, MODE_TYPE, writeCpio } from './cpio.ts';

/** A second reading of the format, as the kernel's init/initramfs.c states it: 13 fields of 8 hex digits. */
function read(bytes: Uint8Array): { path: string; fields: number[]; data: Uint8Array }[] {
  const found = [];
  for (let at = 0; ; ) {
    const header = Buffer.from(bytes.subarray(at, at + 110)).toString('latin1');
    expect(header.slice(0, 6)).toBe('070701');
    const fields = Array.from({ length: 13 }, (_, k) =>
      Number.parseInt(header.slice(6 + 8 * k, 14 + 8 * k), 16),
    );
    const size = fields[6] as number;
    const nameBytes = fields[11] as number;
    const path = Buffer.from(bytes.subarray(at + 110, at + 110 + nameBytes - 1)).toString('utf8');
    expect(bytes[at + 110 + nameBytes - 1]).toBe(0);
    const from = Math.ceil((at + 110 + nameBytes) / 4) * 4;
    at = Math.ceil((from + size) / 4) * 4;
    if (path === 'TRAILER!!!') {
      expect(at).toBe(bytes.length);
      return found;
    }
    found.push({ path, fields, data: bytes.slice(from, from + size) });
  }
}

describe('cpio newc', () => {
  test('a second reader gets back what was written, for all lengths of name and data', () => {
    const entry = fc.record({
      path: fc.stringMatching(/^[a-zä/]{1,12}$/),
      data: fc.uint8Array({ maxLength: 12 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), (list) => {
        const entries: CpioEntry[] = list.map((e) => ({ ...e, mode: MODE_TYPE.file | 0o644 }));
        const back = read(writeCpio(entries));
        expect(back.map((e) => ({ path: e.path, data: e.data }))).toEqual(
          list.map((e) => ({ path: e.path, data: Uint8Array.from(e.data) })),
        );
      }),
    );
  });

  test('modes, device numbers and inode numbers are in their fields', () => {
    const [directory, device] = read(
      writeCpio([
        { path: 'dev', mode: MODE_TYPE.directory | 0o755 },
        { path: 'dev/console', mode: MODE_TYPE.charDevice | 0o600, device: { major: 5, minor: 1 } },
      ]),
    );
    // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    expect(directory?.fields).toEqual([1, 0o40755, 0, 0, 2, 0, 0, 0, 0, 0, 0, 4, 0]);
    expect(device?.fields).toEqual([2, 0o20600, 0, 0, 1, 0, 0, 0, 0, 5, 1, 12, 0]);
  });
});
