import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openDeb } from '../deb.ts';
import { GuestImageError, throwIfAborted } from '../error.ts';
import type { GuestImage } from '../image-store.ts';
import { packagesMissing } from '../package-index.ts';
import { openDirectory, openMirror } from '../package-source.ts';
import { GUEST_ARCHITECTURE, GUEST_SUITE } from '../recipe.ts';
import { type GuestReporter, megabytes, silentReporter } from '../report.ts';
import { defaultCacheDir, Store, sha256 } from '../store.ts';
import { menuBackground } from './background.ts';
import { type DiskFile, fatImage } from './fat.ts';
import { CORE_MODULES, GRUB_HOME, GRUB_PREFIX, grubConfig } from './grub-config.ts';
import { GRUB_DIRECTORY, type GrubFile, grubBootSector, grubCore } from './grub-core.ts';

/** Raise when the same packages and options would make another disk. */
const DISK_VERSION = 1;
const PACKAGES = ['grub-pc-bin', 'grub-common'] as const;
const FONT = 'usr/share/grub/unicode.pf2';
const SECTOR = 512;
/** Where the one partition begins, sectors; the core image lies before it. */
const PARTITION_AT = 2048;
const SPARE_BYTES: number = 4 << 20;
/** Partition table: entry 0, active, FAT16 by LBA, no cylinders that mean anything. */
const ENTRY_AT: number = 0x1be - 0x1b8;
const ACTIVE = 0x80,
  TYPE_FAT16_LBA = 0x0e,
  NO_CHS = [0xfe, 0xff, 0xff] as const;
const SIGNATURE = 0x47544758;

export interface BootDiskOptions {
  /** Size of the menu, WIDTHxHEIGHT. Default 1024x768; GRUB's `auto` where the monitor has no such mode. */
  readonly gfxmode?: string;
  /** Seconds until the kernel starts by itself; -1 waits for a key. Default 10. */
  readonly timeout?: number;
  /** More words for the kernel's command line. */
  readonly extra?: string;
  /** A directory of .deb files; nothing is fetched then. */
  readonly packages?: string;
  /** Root of a Debian mirror. */
  readonly mirror?: string;
  readonly cacheDir?: string;
}

/**
 * A disk from which a guest boots through GRUB in graphics mode: Debian's own GRUB, and the kernel and
 * initial RAM disk of a guest image. Made once and found again. No root rights, no tools.
 *
 * @returns its path
 * @throws GuestImageError
 */
export async function buildBootDisk(
  image: GuestImage,
  options: BootDiskOptions = {},
  progress: GuestReporter = silentReporter,
  signal?: AbortSignal,
): Promise<string> {
  const { gfxmode = '1024x768', timeout = 10, extra = '' } = options;
  if (!/^(auto|\d{3,4}x\d{3,4})$/.test(gfxmode)) {
    throw new GuestImageError(
      'BAD_OPTION',
      `the menu's size "${gfxmode}" is not WIDTHxHEIGHT or auto`,
    );
  }
  const cmdline = [...image.cmdline, ...(extra === '' ? [] : [extra])];
  const config = grubConfig({ kernelRelease: image.kernelRelease, cmdline, gfxmode, timeout });
  const cacheDir = options.cacheDir ?? defaultCacheDir();
  const key = sha256(JSON.stringify([DISK_VERSION, image.id, config, options.packages ?? '']));
  const path = join(cacheDir, 'disks', `${key.slice(0, 16)}.img`);
  if ((await stat(path).catch(() => null)) !== null) return path;
  const grub = await readGrub(options, new Store(cacheDir), progress, signal);
  const [kernel, initrd] = await Promise.all([readFile(image.kernel), readFile(image.initrd)]);
  throwIfAborted(signal);
  const disk = bootDiskImage(grub, { kernel, initrd, config });
  await writeWhole(path, disk);
  progress.end('pack', `boot disk ${path}: ${megabytes(disk.length)}`);
  return path;
}

async function readGrub(
  options: BootDiskOptions,
  store: Store,
  progress: GuestReporter,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  await store.prepare();
  progress.begin('index');
  const { packages, mirror } = options;
  const source =
    packages !== undefined
      ? await openDirectory(packages, GUEST_ARCHITECTURE, progress, signal)
      : await openMirror(
          { suite: GUEST_SUITE, architecture: GUEST_ARCHITECTURE, mirror },
          store,
          progress,
          signal,
        );
  try {
    const rows = PACKAGES.map((name) => source.index.get(name));
    const missing = PACKAGES.filter((_, i) => rows[i] === undefined);
    if (missing.length > 0) throw packagesMissing(missing, source.index.origin);
    progress.begin('download');
    const wanted = rows.filter((row) => row !== undefined);
    const files = new Map<string, Uint8Array>();
    progress.begin('unpack');
    for (const [row, path] of await source.fetch(wanted, progress, signal)) {
      const deb = await openDeb(await readFile(path), `${path} (${row.name})`);
      const ours = (name: string): boolean =>
        name.startsWith(`${GRUB_DIRECTORY}/`) || name === FONT;
      for await (const file of deb.files(ours)) {
        if (file.type === 'file') files.set(file.path, file.data);
      }
    }
    return files;
  } finally {
    source.close();
  }
}

/**
 * The disk itself: boot sector, core image, and a partition with everything else.
 *
 * @param grub files of Debian's packages, by path
 */
export function bootDiskImage(
  grub: ReadonlyMap<string, Uint8Array>,
  content: { readonly kernel: Uint8Array; readonly initrd: Uint8Array; readonly config: string },
): Uint8Array {
  const file: GrubFile = (name) => grub.get(`${GRUB_DIRECTORY}/${name}`) ?? null;
  const core = grubCore(file, CORE_MODULES, GRUB_PREFIX);
  const font = grub.get(FONT);
  if (font === undefined) {
    throw new GuestImageError('FILE_MISSING', `the package grub-common has no ${FONT}.`);
  }
  const files: DiskFile[] = [
    { path: 'boot/vmlinuz', data: content.kernel },
    { path: 'boot/initrd.img', data: content.initrd },
    { path: `${GRUB_HOME}/grub.cfg`, data: new TextEncoder().encode(content.config) },
    { path: `${GRUB_HOME}/background.png`, data: menuBackground() },
    { path: `${GRUB_HOME}/fonts/unicode.pf2`, data: font },
  ];
  for (const [path, data] of grub) {
    const name = path.slice(GRUB_DIRECTORY.length + 1);
    if (path.startsWith(GRUB_DIRECTORY) && /\.(mod|lst)$/.test(name)) {
      files.push({ path: `${GRUB_HOME}/i386-pc/${name}`, data });
    }
  }
  const partition = fatImage(files, SPARE_BYTES, PARTITION_AT);
  const disk = new Uint8Array(PARTITION_AT * SECTOR + partition.length);
  const table = new Uint8Array(0x1fe - 0x1b8);
  const view = new DataView(table.buffer);
  view.setUint32(0, SIGNATURE, true);
  table.set([ACTIVE, ...NO_CHS, TYPE_FAT16_LBA, ...NO_CHS], ENTRY_AT);
  view.setUint32(ENTRY_AT + 8, PARTITION_AT, true);
  view.setUint32(ENTRY_AT + 12, partition.length / SECTOR, true);
  disk.set(grubBootSector(file, table));
  disk.set(core, SECTOR);
  disk.set(partition, PARTITION_AT * SECTOR);
  return disk;
}

/** The file is there whole, or not at all. */
async function writeWhole(path: string, data: Uint8Array): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(part, data);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
