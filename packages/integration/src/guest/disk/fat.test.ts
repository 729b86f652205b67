import { expect, test } from 'vitest';
import { fatImage } from './fat.ts';

/** Reads a FAT16 by its boot sector, as a driver does. */
function read(image: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(image.buffer);
  const u16 = (at: number): number => view.getUint16(at, true);
  const cluster = view.getUint8(13) * 512;
  const fat = u16(14) * 512;
  const fats = view.getUint8(16);
  const fatBytes = u16(22) * 512;
  const root = fat + fats * fatBytes;
  const data = root + u16(17) * 32;
  expect(view.getUint32(32, true) * 512).toBe(image.length);
  expect(image.subarray(fat, fat + fatBytes)).toEqual(image.subarray(fat + fatBytes, root));
  const chain = (first: number): Uint8Array => {
    const parts: number[] = [];
    for (let c = first; c >= 2 && c < 0xfff8; c = u16(fat + c * 2)) {
      const at = data + (c - 2) * cluster;
      parts.push(...image.subarray(at, at + cluster));
    }
    return Uint8Array.from(parts);
  };
  const files = new Map<string, Uint8Array>();
  const walk = (bytes: Uint8Array, path: string): void => {
    const entries = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let long = '';
    for (let at = 0; at + 32 <= bytes.length && bytes[at] !== 0; at += 32) {
      const attributes = bytes[at + 11] as number;
      if (attributes === 0x0f) {
        const places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
        const codes = places.map((p) => entries.getUint16(at + p, true));
        const end = codes.indexOf(0);
        long = String.fromCharCode(...(end < 0 ? codes : codes.slice(0, end))) + long;
        continue;
      }
      const short = String.fromCharCode(...bytes.subarray(at, at + 11));
      const name =
        long !== ''
          ? long
          : [short.slice(0, 8).trim(), short.slice(8).trim()].filter((p) => p !== '').join('.');
      long = '';
      if ((attributes & 8) !== 0 || name.startsWith('.')) continue;
      const content = chain(entries.getUint16(at + 26, true));
      if ((attributes & 0x10) !== 0) walk(content, `${path}${name}/`);
      else files.set(path + name, content.subarray(0, entries.getUint32(at + 28, true)));
    }
  };
  walk(image.slice(root, data), '');
  return files;
}

test('files come back under their long names, in directories, of any length', () => {
  const files = new Map<string, Uint8Array>([
    ['boot/vmlinuz', new Uint8Array(70_000).map((_, i) => i)],
    ['boot/grub/grub.cfg', new TextEncoder().encode('set timeout=1\n')],
    ['boot/grub/i386-pc/gfxterm_background.mod', Uint8Array.of(1)],
    ['boot/grub/i386-pc/gfxterm_menu.mod', Uint8Array.of(2)],
    ['boot/grub/i386-pc/thirteen_.mod', Uint8Array.of(3)],
    ['boot/empty', new Uint8Array(0)],
    ['README.TXT', Uint8Array.of(4)],
    ...Array.from(
      { length: 40 },
      (_, i) => [`boot/many/a rather long name ${i}`, Uint8Array.of(i)] as const,
    ),
  ]);
  const image = fatImage(
    [...files].map(([path, data]) => ({ path, data })),
    1 << 20,
    2048,
  );
  expect(read(image)).toEqual(files);
});

test('larger content takes larger clusters, and it stays a FAT16', () => {
  const image = fatImage([{ path: 'a', data: new Uint8Array(40 << 20) }], 0, 63);
  const view = new DataView(image.buffer);
  const data =
    (view.getUint16(14, true) + 2 * view.getUint16(22, true)) * 512 + view.getUint16(17, true) * 32;
  const clusters = (image.length - data) / (view.getUint8(13) * 512);
  expect(clusters).toBeGreaterThanOrEqual(4085);
  expect(clusters).toBeLessThan(65525);
  expect(view.getUint32(28, true)).toBe(63);
});
