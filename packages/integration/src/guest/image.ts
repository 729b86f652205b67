import { writeCpio } from './cpio.ts';
import { GuestImageError, throwIfAborted } from './error.ts';
import type { FileTree } from './file-tree.ts';
import {
  checkImage,
  type GuestImage,
  manifests,
  publishImage,
  readManifest,
} from './image-store.ts';
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
import { type GuestReporter, silentReporter } from './report.ts';
import { type UnpackedGuest, unpackGuest } from './root-file-system.ts';
import { defaultCacheDir, type OpenForWrite, Store, sha256 } from './store.ts';
import { v86BuildMachine } from './v86-machine.ts';

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

/** What an image and its temporary copy take on disk, bytes, about. */
const IMAGE_ROOM = 120e6;
const BUILD_MEMORY = 256 << 20;

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
    return await publishImage(
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
