import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeCpio } from './cpio.ts';
import { GuestImageError, throwIfAborted } from './error.ts';
import type { FileTree } from './file-tree.ts';
import type { BuildMachine } from './machine.ts';
import type { PackageRow } from './package-index.ts';
import { openDirectory, openMirror, type PackageSource } from './package-source.ts';
import { pickPackages } from './pick-packages.ts';
import { type GuestProfile, type GuestProgram, PROFILES, type ProfileName } from './profile.ts';
import { compilePrograms, hashGuestFiles, readGuestFiles } from './programs.ts';
import {
  GUEST_ARCHITECTURE,
  GUEST_CMDLINE,
  GUEST_SUITE,
  KERNEL_FLAVOURS,
  type KernelFlavour,
  PROGRAM_SOURCE_DIRECTORY,
  RECIPE_VERSION,
  REQUIRED_MODULES,
  recipeText,
} from './recipe.ts';
import { type GuestReporter, megabytes, silentReporter } from './report.ts';
import { type UnpackedGuest, unpackGuest } from './root-file-system.ts';
import {
  defaultCacheDir,
  type OpenForWrite,
  readIfThere,
  Store,
  sha256,
  sha256File,
} from './store.ts';
import { v86BuildMachine } from './v86-machine.ts';

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

/** What image is wanted, and from where. */
export interface GuestImageOptions {
  readonly flavour?: KernelFlavour;
  /** What the user space consists of. Default `base`. */
  readonly profile?: ProfileName;
  /** A directory of .deb files; nothing is fetched then. */
  readonly packages?: string;
  /** Root of a Debian mirror. */
  readonly mirror?: string;
  /** Ask the mirror even if an image for the same request is there: newer packages make a newer image. */
  readonly refresh?: boolean;
  /** Build anew even if this very image is there. */
  readonly force?: boolean;
  /** Kernel modules besides i915. */
  readonly extraModules?: readonly string[];
  readonly cacheDir?: string;
  /** Where our C programs are compiled; an emulated PC by default. Null leaves them out. */
  readonly machine?: BuildMachine | null;
  readonly openForWrite?: OpenForWrite;
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
/** What an image and its temporary copy take on disk, bytes, about. */
const IMAGE_ROOM = 120e6;
const BUILD_MEMORY = 256 << 20;

interface Manifest extends Omit<GuestImage, keyof typeof FILES | 'profile'> {
  readonly manifestVersion: number;
  /** Absent for `base`. */
  readonly profile?: ProfileName;
  /** Hash of the options, for finding an image without asking a mirror. */
  readonly request: string;
  readonly files: Readonly<
    Record<keyof typeof FILES, { readonly bytes: number; readonly sha256: string }>
  >;
}

/**
 * Builds a guest image from Debian packages, or finds the one that is there.
 *
 * @param progress hears what is done; {@link silentReporter} if nobody should
 * @param signal stops the build; nothing half-written stays
 * @throws GuestImageError
 */
export async function buildGuestImage(
  options: GuestImageOptions = {},
  progress: GuestReporter = silentReporter,
  signal?: AbortSignal,
): Promise<GuestImage> {
  const flavour = options.flavour ?? '686';
  if (!KERNEL_FLAVOURS.includes(flavour)) {
    throw new GuestImageError(
      'BAD_OPTION',
      `there is no kernel flavour "${flavour}"; choose one of ${KERNEL_FLAVOURS.join(', ')}.`,
    );
  }
  const name = options.profile ?? 'base';
  const profile = PROFILES[name];
  if (profile === undefined) {
    throw new GuestImageError(
      'BAD_OPTION',
      `there is no guest profile "${name}"; choose one of ${Object.keys(PROFILES).join(', ')}.`,
    );
  }
  const store = new Store(options.cacheDir ?? defaultCacheDir(), options.openForWrite);
  await store.prepare();
  const guestFiles = new Map(
    [...(await readGuestFiles())].filter(
      ([file]) => file === 'init' || profile.programs.length > 0,
    ),
  );
  const ourFiles = hashGuestFiles(guestFiles);
  const extra = options.extraModules ?? [];
  const withPrograms = options.machine !== null;
  const otherProfile = name === 'base' ? '' : `${name} ${hashProfile(profile)}`;
  const request = sha256(
    JSON.stringify([
      RECIPE_VERSION,
      flavour,
      [...extra].sort(),
      ourFiles,
      withPrograms,
      options.mirror ?? '',
      options.packages ?? '',
      ...(otherProfile === '' ? [] : [otherProfile]),
    ]),
  );
  if (!options.refresh && !options.force && options.packages === undefined) {
    const known = (await manifests(store)).filter((m) => m.request === request).at(-1);
    if (known) return checkImage(store, known);
  }
  progress.begin('index');
  const sources = await openSources(options, profile, store, progress, signal);
  try {
    const picked = pickPackages(
      sources.system.index,
      flavour,
      sources.user.index,
      profile.packages,
    );
    const id = sha256(
      `${recipeText(
        flavour,
        otherProfile,
        extra,
        picked.map((p) => p.row),
        ourFiles,
      )}${withPrograms}`,
    ).slice(0, 16);
    if (!options.force) {
      const known = await readManifest(store, id);
      if (known) return await checkImage(store, known);
    }
    progress.begin('download');
    const paths = new Map<PackageRow, string>();
    for (const source of new Set([sources.system, sources.user])) {
      const rows = picked.filter((p) => p.from === source.index).map((p) => p.row);
      for (const [row, path] of await source.fetch(rows, progress, signal)) paths.set(row, path);
    }
    throwIfAborted(signal);
    await store.requireSpace(IMAGE_ROOM);
    progress.begin('unpack');
    const guest = await unpackGuest(
      {
        packages: picked.map(({ row, role }) => ({ row, role, path: paths.get(row) as string })),
        requiredModules: [...REQUIRED_MODULES, ...extra],
        profile,
      },
      progress,
      signal,
    );
    addGuestFiles(guest.tree, guestFiles);
    const programs = withPrograms ? profile.programs : [];
    if (programs.length > 0)
      await addPrograms(guest, programs, options.machine ?? v86BuildMachine, progress, signal);
    progress.begin('pack');
    return await publish(
      store,
      {
        id,
        request,
        flavour,
        guest,
        rows: picked.map((p) => p.row),
        profile: name,
        programs: programs.map((p) => p.name),
        replace: options.force ?? false,
      },
      progress,
    );
  } finally {
    sources.system.close();
    sources.user.close();
  }
}

/** A change of a profile makes another image. */
function hashProfile(profile: GuestProfile): string {
  return sha256(
    JSON.stringify(profile, (_, value) => (value instanceof RegExp ? value.source : value)),
  );
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

/** Kernel and firmware come from one suite, the user space of a profile maybe from another. */
async function openSources(
  options: GuestImageOptions,
  profile: GuestProfile,
  store: Store,
  progress: GuestReporter,
  signal?: AbortSignal,
): Promise<{ system: PackageSource; user: PackageSource }> {
  const open = (suite: string): Promise<PackageSource> =>
    options.packages !== undefined
      ? openDirectory(options.packages, GUEST_ARCHITECTURE, progress, signal)
      : openMirror(
          { suite, architecture: GUEST_ARCHITECTURE, mirror: options.mirror },
          store,
          progress,
          signal,
        );
  const system = await open(GUEST_SUITE);
  if (options.packages !== undefined || profile.suite === GUEST_SUITE)
    return { system, user: system };
  try {
    return { system, user: await open(profile.suite) };
  } catch (error) {
    system.close();
    throw error;
  }
}

function addGuestFiles(tree: FileTree, files: ReadonlyMap<string, Uint8Array>): void {
  for (const path of ['proc', 'sys', 'dev', 'run', 'tmp', 'root', 'etc'])
    tree.add(path, { kind: 'directory', mode: 0o755 });
  // The kernel opens /dev/console before /init mounts anything.
  tree.add('dev/console', { kind: 'device', mode: 0o600, major: 5, minor: 1 });
  tree.addText('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  tree.addText('etc/group', 'root:x:0:\n');
  for (const [name, data] of files) {
    if (name === 'init') tree.add('init', { kind: 'file', mode: 0o755, data });
    else tree.add(`${PROGRAM_SOURCE_DIRECTORY}/${name}`, { kind: 'file', mode: 0o644, data });
  }
}

async function addPrograms(
  guest: UnpackedGuest,
  wanted: readonly GuestProgram[],
  machine: BuildMachine,
  progress: GuestReporter,
  signal?: AbortSignal,
): Promise<void> {
  progress.begin('compile');
  const programs = await compilePrograms(
    machine,
    {
      kernel: guest.kernel,
      initrd: writeCpio(guest.tree.toCpio()),
      bios: guest.bios,
      vgaBios: guest.vgaBios,
      cmdline: GUEST_CMDLINE.join(' '),
      memoryBytes: BUILD_MEMORY,
    },
    wanted,
    progress,
    signal,
  );
  for (const [name, data] of programs)
    guest.tree.add(`usr/bin/${name}`, { kind: 'file', mode: 0o755, data });
}

interface Finished {
  readonly id: string;
  readonly request: string;
  readonly flavour: KernelFlavour;
  readonly guest: UnpackedGuest;
  readonly rows: readonly PackageRow[];
  readonly profile: ProfileName;
  readonly programs: readonly string[];
  readonly replace: boolean;
}

async function publish(store: Store, f: Finished, progress: GuestReporter): Promise<GuestImage> {
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

async function manifests(store: Store): Promise<Manifest[]> {
  const ids = await readdir(join(store.root, 'images')).catch(() => []);
  const all = await Promise.all(ids.map((id) => readManifest(store, id).catch(() => null)));
  return all.filter((m) => m !== null).sort((a, b) => a.built.localeCompare(b.built));
}

async function readManifest(store: Store, id: string): Promise<Manifest | null> {
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

async function checkImage(store: Store, manifest: Manifest): Promise<GuestImage> {
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
