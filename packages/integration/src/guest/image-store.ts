import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeCpio } from './cpio.ts';
import { GuestImageError } from './error.ts';
import type { PackageRow } from './package-index.ts';
import type { ProfileName } from './profile.ts';
import { GUEST_CMDLINE, type KernelFlavour } from './recipe.ts';
import { type GuestReporter, megabytes } from './report.ts';
import type { UnpackedGuest } from './root-file-system.ts';
import { defaultCacheDir, readIfThere, Store, sha256, sha256File } from './store.ts';

/** A package that an image was made of. */
export interface ImagePackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sha256: string;
}

/** A finished guest image: files that exist and have been checked. */
export interface GuestImage {
  /** 16 hex digits of a SHA-256 over recipe, package versions and checksums, and our own sources. */
  readonly id: string;
  /** Path of the bzImage. */
  readonly kernel: string;
  /** Path of the initramfs, an uncompressed cpio archive. */
  readonly initrd: string;
  readonly bios: string;
  readonly vgaBios: string;
  /** e.g. "6.1.0-50-686", what `uname -r` says. */
  readonly kernelRelease: string;
  readonly flavour: KernelFlavour;
  readonly profile: ProfileName;
  /** Kernel command line to start from; see guest/init for words of our own. */
  readonly cmdline: readonly string[];
  /** Modules in the initramfs. */
  readonly modules: readonly string[];
  /** Our own programs in `/usr/bin`. */
  readonly programs: readonly string[];
  readonly packages: readonly ImagePackage[];
  /** Bytes of all files. */
  readonly bytes: number;
  /** ISO date of the build. */
  readonly built: string;
}

/** Version of image.json. */
const MANIFEST_VERSION = 1;
const FILES = {
  kernel: 'vmlinuz',
  initrd: 'initrd.cpio',
  bios: 'bios.bin',
  vgaBios: 'vgabios.bin',
} as const;
const MANIFEST = 'image.json';
/** `image.json`. */
export interface Manifest extends Omit<GuestImage, keyof typeof FILES | 'profile'> {
  readonly manifestVersion: number;
  /** Absent for `base`. */
  readonly profile?: ProfileName;
  /** Hash of the options, for finding an image without asking a mirror. */
  readonly request: string;
  readonly files: Readonly<
    Record<keyof typeof FILES, { readonly bytes: number; readonly sha256: string }>
  >;
}

/** All images in the cache, oldest first. Damaged ones are left out. */
export async function listGuestImages(cacheDir: string = defaultCacheDir()): Promise<GuestImage[]> {
  const store = new Store(cacheDir);
  return (await manifests(store)).map((m) => imageOf(store, m));
}

/**
 * An image by its id, or by the first digits of it, with every file checked.
 * @throws GuestImageError NO_IMAGE, CORRUPT_IMAGE
 */
export async function loadGuestImage(
  id: string,
  cacheDir: string = defaultCacheDir(),
): Promise<GuestImage> {
  const store = new Store(cacheDir);
  const found = (await manifests(store)).filter((m) => m.id.startsWith(id));
  if (found.length !== 1) {
    const why =
      found.length === 0 ? 'there is no guest image' : `${found.length} guest images begin with`;
    throw new GuestImageError(
      'NO_IMAGE',
      `${why} "${id}" in ${store.root}. See xengt guest list, or make one with xengt guest build.`,
    );
  }
  return checkImage(store, found[0] as Manifest);
}

/** An image whose files are all there, in memory. */
export interface FinishedImage {
  readonly id: string;
  readonly request: string;
  readonly flavour: KernelFlavour;
  readonly guest: UnpackedGuest;
  readonly rows: readonly PackageRow[];
  readonly profile: ProfileName;
  readonly programs: readonly string[];
  readonly replace: boolean;
}

/** Puts an image into the cache, whole or not at all. */
export async function publishImage(
  store: Store,
  f: FinishedImage,
  progress: GuestReporter,
): Promise<GuestImage> {
  const { guest } = f;
  const content = {
    kernel: guest.kernel,
    initrd: writeCpio(guest.tree.toCpio()),
    bios: guest.bios,
    vgaBios: guest.vgaBios,
  };
  const facts = (data: Uint8Array) => ({ bytes: data.length, sha256: sha256(data) });
  const manifest: Manifest = {
    manifestVersion: MANIFEST_VERSION,
    id: f.id,
    request: f.request,
    kernelRelease: guest.kernelRelease,
    flavour: f.flavour,
    cmdline: GUEST_CMDLINE,
    modules: guest.modules,
    ...(f.profile === 'base' ? {} : { profile: f.profile }),
    programs: f.programs,
    packages: f.rows.map(({ name, version, architecture, sha256: sum }) => ({
      name,
      version,
      architecture,
      sha256: sum,
    })),
    bytes: Object.values(content).reduce((sum, d) => sum + d.length, 0),
    built: new Date().toISOString(),
    files: {
      kernel: facts(content.kernel),
      initrd: facts(content.initrd),
      bios: facts(content.bios),
      vgaBios: facts(content.vgaBios),
    },
  };
  const files = new Map<string, Uint8Array>();
  for (const [key, name] of Object.entries(FILES))
    files.set(name, content[key as keyof typeof FILES]);
  files.set(MANIFEST, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  await store.publishImage(f.id, files, f.replace);
  progress.end(
    'pack',
    `image ${f.id}: kernel ${guest.kernelRelease}, initramfs ${megabytes(content.initrd.length)}`,
  );
  return imageOf(store, manifest);
}

/** What is said of all images in a cache, oldest first; damaged ones are left out. */
export async function manifests(store: Store): Promise<Manifest[]> {
  const ids = await readdir(join(store.root, 'images')).catch(() => []);
  const all = await Promise.all(ids.map((id) => readManifest(store, id).catch(() => null)));
  return all.filter((m) => m !== null).sort((a, b) => a.built.localeCompare(b.built));
}

/** What is said of one image; null when there is none. @throws GuestImageError CORRUPT_IMAGE */
export async function readManifest(store: Store, id: string): Promise<Manifest | null> {
  const data = await readIfThere(join(store.imagePath(id), MANIFEST));
  if (!data) return null;
  try {
    const manifest = JSON.parse(Buffer.from(data).toString('utf8')) as Manifest;
    if (manifest.manifestVersion === MANIFEST_VERSION && manifest.id === id) return manifest;
  } catch {
    // Told apart below from a manifest that is not there.
  }
  throw corrupt(store, id, `its ${MANIFEST} cannot be read`);
}

/** @throws GuestImageError CORRUPT_IMAGE when a file is not what was built */
export async function checkImage(store: Store, manifest: Manifest): Promise<GuestImage> {
  for (const [key, name] of Object.entries(FILES)) {
    const path = join(store.imagePath(manifest.id), name);
    const want = manifest.files[key as keyof typeof FILES];
    const found = await sha256File(path).catch(() => '');
    if (found !== want.sha256)
      throw corrupt(
        store,
        manifest.id,
        `${path} is ${found === '' ? 'missing' : 'not what was built'}`,
      );
  }
  return imageOf(store, manifest);
}

function corrupt(store: Store, id: string, what: string): GuestImageError {
  return new GuestImageError(
    'CORRUPT_IMAGE',
    `guest image ${id} in ${store.root} is damaged: ${what}. Build it again with xengt guest build --force.`,
  );
}

function imageOf(store: Store, m: Manifest): GuestImage {
  const path = (name: string) => join(store.imagePath(m.id), name);
  const { id, kernelRelease, flavour, cmdline, modules, programs, packages, bytes, built } = m;
  return {
    id,
    kernel: path(FILES.kernel),
    initrd: path(FILES.initrd),
    bios: path(FILES.bios),
    vgaBios: path(FILES.vgaBios),
    kernelRelease,
    flavour,
    profile: m.profile ?? 'base',
    cmdline,
    modules,
    programs,
    packages,
    bytes,
    built,
  };
}

/** The bytes of an image's boot files. */
export async function readGuestImage(
  image: GuestImage,
): Promise<{ kernel: Uint8Array; initrd: Uint8Array; bios: Uint8Array; vgaBios: Uint8Array }> {
  const [kernel, initrd, bios, vgaBios] = await Promise.all(
    [image.kernel, image.initrd, image.bios, image.vgaBios].map((p) => readFile(p)),
  );
  return {
    kernel: kernel as Uint8Array,
    initrd: initrd as Uint8Array,
    bios: bios as Uint8Array,
    vgaBios: vgaBios as Uint8Array,
  };
}
