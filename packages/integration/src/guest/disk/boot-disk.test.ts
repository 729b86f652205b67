import { expect, test } from 'vitest';
import { bootDiskImage } from './boot-disk.ts';
import { CORE_MODULES, grubConfig, MENU_SIZES } from './grub-config.ts';
import { GRUB_DIRECTORY, moduleClosure } from './grub-core.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** GRUB's files as far as their form matters. */
function grub(): Map<string, Uint8Array> {
  const elf = new Uint8Array(200);
  const view = new DataView(elf.buffer);
  view.setUint32(28, 52, true);
  view.setUint32(52 + 4, 100, true);
  view.setUint32(52 + 16, 50, true);
  const files = new Map([
    ['boot.img', new Uint8Array(512).fill(0xbb)],
    ['diskboot.img', new Uint8Array(512).fill(0xdd)],
    ['lzma_decompress.img', new Uint8Array(100)],
    ['kernel.img', elf],
    ['moddep.lst', text('normal: gettext crypto\ngettext:\ncrypto:\ngfxterm: font video\n')],
    ...[...CORE_MODULES, 'gettext', 'crypto'].map((m) => [`${m}.mod`, text(m)] as const),
  ]);
  // As an archive's reader gives them: parts of one buffer.
  const part = (data: Uint8Array): Buffer => Buffer.concat([Buffer.alloc(7), data]).subarray(7);
  const out = new Map<string, Uint8Array>(
    [...files].map(([name, data]) => [`${GRUB_DIRECTORY}/${name}`, part(data)]),
  );
  return out.set('usr/share/grub/unicode.pf2', text('PFF2'));
}

test('a disk has its boot code, core image and an active FAT16 partition behind them', () => {
  const disk = bootDiskImage(grub(), {
    kernel: text('kernel'),
    initrd: text('initrd'),
    config: 'set timeout=1',
  });
  const view = new DataView(disk.buffer);
  expect([disk[0], disk[0x66], disk[0x67], view.getUint16(510)]).toEqual([
    0xbb, 0x90, 0x90, 0xbbbb,
  ]);
  expect([disk[0x1be], disk[0x1c2], view.getUint32(0x1c6, true)]).toEqual([0x80, 0x0e, 2048]);
  expect(view.getUint32(0x1ca, true) * 512).toBe(disk.length - (1 << 20));
  expect(disk[512]).toBe(0xdd);
  const sectors = view.getUint16(512 + 0x1fc, true);
  const packed = view.getUint32(1024 + 8, true);
  expect(sectors).toBe(Math.ceil((100 + packed) / 512));
  // The kernel's segment, the header of the modules, each module with its own, and the prefix.
  expect(view.getUint32(1024 + 12, true)).toBeGreaterThan(50 + 12 + CORE_MODULES.length * 12);
  expect(new TextDecoder().decode(disk.subarray(2048 * 512 + 54, 2048 * 512 + 59))).toBe('FAT16');
});

test('a module comes after what it needs, and a file that is missing is named', () => {
  const file = (name: string): Uint8Array | null => grub().get(`${GRUB_DIRECTORY}/${name}`) ?? null;
  expect(moduleClosure(file, ['normal', 'crypto'])).toEqual(['gettext', 'crypto', 'normal']);
  const without = grub();
  without.delete(`${GRUB_DIRECTORY}/diskboot.img`);
  const content = { kernel: text(''), initrd: text(''), config: '' };
  expect(() => bootDiskImage(without, content)).toThrow(/grub-pc-bin has no diskboot.img/);
});

test('the menu has a kernel with the driver and one without, and each of its sizes', () => {
  const config = grubConfig({
    kernelRelease: '6.1.0',
    cmdline: ['console=ttyS0'],
    gfxmode: '1024x768',
    timeout: -1,
  });
  expect(config).toContain('linux /boot/vmlinuz console=ttyS0 xengt.modprobe=i915\n');
  expect(config).toContain('linux /boot/vmlinuz console=ttyS0\n');
  expect(config).toContain('set gfxpayload=keep');
  for (const size of MENU_SIZES) expect(config).toContain(`show_menu_at ${size}\n}`);
});
