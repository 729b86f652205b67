import { readFile } from 'node:fs/promises';
import { type Deb, decompress, openDeb, readAll } from './deb.ts';
import { elfFacts } from './elf.ts';
import { FormatError, GuestImageError, throwIfAborted } from './error.ts';
import { FileTree } from './file-tree.ts';
import { type KernelModule, moduleName, modulesDep, pickModules } from './kmod.ts';
import { modulesDepBin } from './kmod-index.ts';
import type { PackageRow } from './package-index.ts';
import type { GuestProfile } from './profile.ts';
import { FIRMWARE, INCLUDE_DIRECTORIES, LIBRARY_DIRECTORIES } from './recipe.ts';
import type { GuestReporter } from './report.ts';
import { sha256 } from './store.ts';

/** What the packages give: the boot files, and the root file system without the programs of ours. */
export interface UnpackedGuest {
  readonly kernel: Uint8Array;
  readonly kernelRelease: string;
  readonly bios: Uint8Array;
  readonly vgaBios: Uint8Array;
  readonly tree: FileTree;
  /** Names of the modules it holds. */
  readonly modules: readonly string[];
}

/** A package's part in a guest. */
export type PackageRole = 'kernel' | 'firmware' | 'files';

/** What to unpack. */
export interface UnpackRequest {
  readonly packages: readonly {
    readonly row: PackageRow;
    readonly path: string;
    readonly role: PackageRole;
  }[];
  readonly requiredModules: readonly string[];
  /** Which files are kept, and which modules there may be. */
  readonly profile: GuestProfile;
}

/**
 * Unpacks packages into a guest's kernel, firmware and root file system.
 * @throws GuestImageError BAD_DEB, BAD_CHECKSUM, WRONG_ARCHITECTURE, NO_I915, FILE_MISSING, ABORTED
 */
export async function unpackGuest(
  request: UnpackRequest,
  reporter: GuestReporter,
  signal?: AbortSignal,
): Promise<UnpackedGuest> {
  const all = new FileTree();
  const tree = new FileTree();
  let kernel: KernelPackage | null = null;
  const firmware = new FileTree();
  const total = request.packages.reduce((sum, p) => sum + p.row.bytes, 0);
  let done = 0;
  for (const { row, path, role } of request.packages) {
    throwIfAborted(signal);
    reporter.progress('unpack', done, total, row.name);
    const deb = await openChecked(row, path);
    if (role === 'kernel') kernel = await readKernelPackage(row, deb, signal);
    else {
      const into = role === 'firmware' ? firmware : all;
      const skip = role === 'firmware' ? null : request.profile.skipped;
      for await (const file of deb.files((p) => skip === null || !skip.test(p)))
        into.addDebFile(file);
    }
    done += row.bytes;
  }
  if (!kernel)
    throw new GuestImageError(
      'PACKAGE_MISSING',
      'no kernel package was given: a guest needs linux-image-686.',
    );
  const modules = addModules(tree, kernel, request);
  keepFiles(all, tree, request.profile.kept);
  const boot = (path: string): Uint8Array => {
    const data = firmware.file(path);
    if (!data)
      throw new GuestImageError(
        'FILE_MISSING',
        `the package seabios has no ${path}. Use Debian's seabios of bookworm.`,
      );
    return data;
  };
  const result = {
    kernel: kernel.image,
    kernelRelease: kernel.release,
    bios: boot(FIRMWARE.bios),
    vgaBios: boot(FIRMWARE.vgaBios),
    tree,
    modules,
  };
  reporter.end('unpack', `${request.packages.length} packages, ${modules.length} kernel modules`);
  return result;
}

async function openChecked(row: PackageRow, path: string): Promise<Deb> {
  const bytes = await readFile(path);
  const found = sha256(bytes);
  if (found !== row.sha256) {
    throw new GuestImageError(
      'BAD_CHECKSUM',
      `${path} has changed: SHA256 ${found}, expected ${row.sha256}. Remove it and run xengt guest build again.`,
    );
  }
  return openDeb(bytes, `${path} (${row.name})`);
}

interface KernelPackage {
  readonly name: string;
  readonly image: Uint8Array;
  readonly release: string;
  readonly modules: Map<string, KernelModule>;
  readonly builtin: Set<string>;
}

/** Reads a linux-image package: its bzImage, its modules and the list of what is built in. */
async function readKernelPackage(
  row: PackageRow,
  deb: Deb,
  signal: AbortSignal | undefined,
): Promise<KernelPackage> {
  let image: Uint8Array | null = null;
  let release = '';
  const modules = new Map<string, KernelModule>();
  const builtin = new Set<string>();
  const name = `the kernel package ${row.name} ${row.version}`;
  for await (const file of deb.files((p) => /^boot\/vmlinuz-|^(usr\/)?lib\/modules\//.test(p))) {
    throwIfAborted(signal);
    if (file.type !== 'file') continue;
    if (file.path.startsWith('boot/')) {
      image = file.data;
      release = file.path.slice('boot/vmlinuz-'.length);
      continue;
    }
    const path = file.path.replace(/^(usr\/)?lib\/modules\/[^/]+\//, '');
    if (path === 'modules.builtin') {
      for (const line of Buffer.from(file.data).toString('latin1').split('\n'))
        if (line !== '') builtin.add(moduleName(line));
    }
    const m = /^(.+\.ko)(\.[a-z]+)?$/.exec(path);
    if (m)
      modules.set(moduleName(path), {
        name: moduleName(path),
        path: m[1] as string,
        data: await moduleBytes(file.path, file.data),
      });
  }
  if (!image)
    throw new GuestImageError(
      'FILE_MISSING',
      `${name} has no boot/vmlinuz-*. Use Debian's linux-image-686 or linux-image-686-pae.`,
    );
  // The boot sector's signature and "HdrS". @see Linux Documentation/x86/boot.rst
  if (
    image.length < 0x206 ||
    Buffer.from(image.subarray(0x202, 0x206)).toString('latin1') !== 'HdrS'
  ) {
    throw new GuestImageError(
      'BAD_DEB',
      `${name} holds a boot/vmlinuz-${release} that is no bzImage.`,
    );
  }
  return { name, image, release, modules, builtin };
}

async function moduleBytes(path: string, data: Uint8Array): Promise<Uint8Array> {
  return path.endsWith('.ko') ? data : readAll(decompress(path, data));
}

function addModules(tree: FileTree, kernel: KernelPackage, request: UnpackRequest): string[] {
  const wanted = [
    ...request.requiredModules,
    ...request.profile.modules.filter((m) => kernel.modules.has(m)),
  ];
  const picked = pickModules(kernel.modules, kernel.builtin, wanted, kernel.name);
  const root = `usr/lib/modules/${kernel.release}`;
  for (const module of picked.keys())
    tree.add(`${root}/${module.path}`, { kind: 'file', mode: 0o644, data: module.data });
  tree.addText(`${root}/modules.dep`, modulesDep(picked));
  if (request.profile.moduleIndex)
    tree.add(`${root}/modules.dep.bin`, { kind: 'file', mode: 0o644, data: modulesDepBin(picked) });
  return [...picked.keys()].map((m) => m.name).sort();
}

/** Copies the wanted files and every shared library and C header that they need. */
function keepFiles(all: FileTree, into: FileTree, kept: readonly RegExp[]): void {
  const queue = all.paths().filter((p) => kept.some((r) => r.test(p)));
  const seen = new Set<string>();
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    if (seen.has(path)) continue;
    seen.add(path);
    if (!all.copyTo(into, path)) continue; // a link to a package that is not taken
    const data = all.file(path);
    if (path.endsWith('.h') && data !== null) queue.push(...includedHeaders(all, path, data));
    const facts = data === null ? null : elfOf(path, data);
    for (const needed of facts === null ? [] : [facts.interpreter, ...facts.needed]) {
      if (needed === '') continue;
      const at = needed.startsWith('/') ? needed : findLibrary(all, needed);
      if (at === null || all.resolve(at) === null) {
        throw new GuestImageError(
          'FILE_MISSING',
          `${path} needs ${needed}, which none of the packages has. Add its i386 package.`,
        );
      }
      queue.push(at.replace(/^\/+/, ''));
    }
  }
}

/** The headers that a header includes, as far as the packages have them. */
function includedHeaders(all: FileTree, path: string, data: Uint8Array): string[] {
  const beside = path.slice(0, path.lastIndexOf('/'));
  const text = Buffer.from(data).toString('latin1');
  return [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]/gm)].flatMap((m) => {
    const at = [beside, ...INCLUDE_DIRECTORIES]
      .map((directory) => `${directory}/${m[1]}`)
      .find((p) => all.resolve(p) !== null);
    return at === undefined ? [] : [at];
  });
}

function findLibrary(all: FileTree, name: string): string | null {
  for (const directory of LIBRARY_DIRECTORIES)
    if (all.resolve(`${directory}/${name}`) !== null) return `${directory}/${name}`;
  return null;
}

function elfOf(path: string, data: Uint8Array): ReturnType<typeof elfFacts> {
  try {
    return elfFacts(data);
  } catch (error) {
    if (error instanceof FormatError)
      throw new GuestImageError('BAD_DEB', `${path} ${error.message}.`, error);
    throw error;
  }
}
