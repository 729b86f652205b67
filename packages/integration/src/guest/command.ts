import { buildBootDisk } from './disk/boot-disk.ts';
import { GuestImageError } from './error.ts';
import { buildGuestImage, type GuestImageOptions } from './image.ts';
import { type GuestImage, listGuestImages } from './image-store.ts';
import type { ProfileName } from './profile.ts';
import { errorText, showBuild } from './progress.ts';
import type { KernelFlavour } from './recipe.ts';
import { megabytes } from './report.ts';
import { defaultCacheDir } from './store.ts';

/** Where a command writes and how it is stopped. */
export interface GuestCommandIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: NodeJS.WriteStream;
  readonly signal?: AbortSignal;
}

/** Flags of `xengt guest build`. */
export interface GuestBuildFlags {
  /** Kernel flavour: 686 or 686-pae. */
  readonly kernel?: string;
  /** User space: base, or igt for IGT's own tests. */
  readonly profile?: string;
  /** Directory of .deb files to use instead of a mirror. */
  readonly packages?: string;
  /** Root of a Debian mirror. */
  readonly mirror?: string;
  /** Look for newer packages even if an image is there. */
  readonly refresh?: boolean;
  /** Build anew even if the same image is there. */
  readonly force?: boolean;
  /** Print one JSON document. */
  readonly json?: boolean;
  readonly cacheDir?: string;
}

/** Flags of `xengt guest list`. */
export interface GuestListFlags {
  readonly json?: boolean;
  readonly cacheDir?: string;
}

/** Flags of `xengt guest disk`; the first three are options of `buildBootDisk`. */
export interface GuestDiskFlags {
  readonly gfxmode: string;
  readonly timeout: number;
  readonly extra: string;
  /** Directory of .deb files to use instead of a mirror. */
  readonly packages?: string;
  /** Root of a Debian mirror. */
  readonly mirror?: string;
  readonly json?: boolean;
}

/** Exit status: 0 done, 1 it failed, 2 wrong use. */
export type ExitStatus = 0 | 1 | 2;

/** `xengt guest build`: builds a guest image, or says that it is there. */
export async function runGuestBuild(
  flags: GuestBuildFlags,
  io: GuestCommandIo,
): Promise<ExitStatus> {
  const options: GuestImageOptions = {
    ...(flags.kernel === undefined ? {} : { flavour: flags.kernel as KernelFlavour }),
    ...(flags.profile === undefined ? {} : { profile: flags.profile as ProfileName }),
    ...(flags.packages === undefined ? {} : { packages: flags.packages }),
    ...(flags.mirror === undefined ? {} : { mirror: flags.mirror }),
    ...(flags.cacheDir === undefined ? {} : { cacheDir: flags.cacheDir }),
    refresh: flags.refresh ?? false,
    force: flags.force ?? false,
  };
  try {
    const image = await showBuild(
      (reporter) => buildGuestImage(options, reporter, io.signal),
      io.stderr,
    );
    io.stdout.write(
      flags.json ? json({ image }) : `${describe(image)}\n${image.kernel}\n${image.initrd}\n`,
    );
    return 0;
  } catch (error) {
    return fail(error, flags.json ?? false, io);
  }
}

/** `xengt guest list`: shows the images in the cache, the oldest first. */
export async function runGuestList(flags: GuestListFlags, io: GuestCommandIo): Promise<ExitStatus> {
  try {
    const cacheDir = flags.cacheDir ?? defaultCacheDir();
    const images = await listGuestImages(cacheDir);
    if (flags.json) io.stdout.write(json({ cacheDir, images }));
    else if (images.length === 0)
      io.stdout.write(`no guest images in ${cacheDir}; make one with: xengt guest build\n`);
    else io.stdout.write(images.map((i) => `${describe(i)}\n`).join(''));
    return 0;
  } catch (error) {
    return fail(error, flags.json ?? false, io);
  }
}

/** `xengt guest disk`: makes a disk of the guest image, with GRUB, and prints its path. */
export async function runGuestDisk(flags: GuestDiskFlags, io: GuestCommandIo): Promise<ExitStatus> {
  const { json: asJson = false, ...options } = flags;
  const { packages, mirror } = flags;
  const from = {
    ...(packages === undefined ? {} : { packages }),
    ...(mirror === undefined ? {} : { mirror }),
  };
  try {
    const image = await showBuild(
      (reporter) => buildGuestImage(from, reporter, io.signal),
      io.stderr,
    );
    const path = await showBuild(
      (reporter) => buildBootDisk(image, options, reporter, io.signal),
      io.stderr,
    );
    io.stdout.write(asJson ? json({ disk: path }) : `${path}\n`);
    return 0;
  } catch (error) {
    return fail(error, asJson, io);
  }
}

function describe(image: GuestImage): string {
  const date = image.built.slice(0, 16).replace('T', ' ');
  return `${image.id}  ${image.profile}  ${image.kernelRelease}  ${megabytes(image.bytes)}  ${image.packages.length} packages  ${date}`;
}

function fail(error: unknown, asJson: boolean, io: GuestCommandIo): ExitStatus {
  if (asJson) {
    const code = error instanceof GuestImageError ? error.code : 'INTERNAL';
    io.stdout.write(
      json({ error: { code, message: error instanceof Error ? error.message : String(error) } }),
    );
  }
  io.stderr.write(`${errorText(error)}\n`);
  return error instanceof GuestImageError && error.code === 'BAD_OPTION' ? 2 : 1;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
