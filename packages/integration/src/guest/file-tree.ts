import { type CpioEntry, MODE_TYPE } from './cpio.ts';
import type { DebFile } from './deb.ts';

/** What stands at a path. */
export type TreeNode =
  | { readonly kind: 'directory'; readonly mode: number }
  | { readonly kind: 'file'; readonly mode: number; readonly data: Uint8Array }
  | { readonly kind: 'symlink'; readonly target: string }
  | {
      readonly kind: 'device';
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

/** Top-level directories that a merged-/usr Debian replaces by links. */
const MERGED: readonly string[] = ['bin', 'sbin', 'lib'];
const MAX_LINKS = 16;

/**
 * A root file system in memory, merged-/usr: `bin/x` and `usr/bin/x` are the same file, as on an installed Debian 12.
 * Paths have no leading slash.
 */
export class FileTree {
  readonly #nodes = new Map<string, TreeNode>();

  constructor() {
    for (const name of MERGED) this.#nodes.set(name, { kind: 'symlink', target: `usr/${name}` });
    for (const path of ['usr', ...MERGED.map((name) => `usr/${name}`)])
      this.#nodes.set(path, { kind: 'directory', mode: 0o755 });
  }

  /** Puts a node at a path and makes the directories above it. A directory never replaces what is there. */
  add(path: string, node: TreeNode): void {
    const at = merged(path);
    for (let slash = at.lastIndexOf('/'); slash > 0; slash = at.lastIndexOf('/', slash - 1)) {
      const parent = at.slice(0, slash);
      if (this.#nodes.has(parent)) break;
      this.#nodes.set(parent, { kind: 'directory', mode: 0o755 });
    }
    if (node.kind === 'directory' && this.#nodes.has(at)) return;
    this.#nodes.set(at, node);
  }

  addText(path: string, text: string, mode = 0o644): void {
    this.add(path, { kind: 'file', mode, data: Buffer.from(text, 'utf8') });
  }

  /** Adds a file of a package. A hard link becomes a second name of the same bytes. */
  addDebFile(file: DebFile): void {
    if (file.type === 'directory') this.add(file.path, { kind: 'directory', mode: file.mode });
    else if (file.type === 'symlink') this.add(file.path, { kind: 'symlink', target: file.target });
    else if (file.type === 'file')
      this.add(file.path, { kind: 'file', mode: file.mode, data: file.data });
    else {
      const node = this.get(file.target.replace(/^(\.?\/)+/, ''));
      if (node) this.add(file.path, node);
    }
  }

  /** The node at a path itself; a link is not followed. */
  get(path: string): TreeNode | undefined {
    return this.#nodes.get(merged(path));
  }

  /** Where a path leads when its last component's links are followed, or null. */
  resolve(path: string): string | null {
    let at = merged(path);
    for (let k = 0; k < MAX_LINKS; k++) {
      const node = this.#nodes.get(at);
      if (!node) return null;
      if (node.kind !== 'symlink') return at;
      at = merged(joinLink(at, node.target));
    }
    return null;
  }

  /** A file's bytes, links followed, or null. */
  file(path: string): Uint8Array | null {
    const at = this.resolve(path);
    const node = at === null ? undefined : this.#nodes.get(at);
    return node?.kind === 'file' ? node.data : null;
  }

  /** All paths in order. */
  paths(): string[] {
    return [...this.#nodes.keys()].sort();
  }

  /** Copies a path with all links on the way to its file. @returns false when it leads nowhere */
  copyTo(into: FileTree, path: string): boolean {
    let at = merged(path);
    for (let k = 0; k < MAX_LINKS; k++) {
      const node = this.#nodes.get(at);
      if (!node) return false;
      into.add(at, node);
      if (node.kind !== 'symlink') return true;
      at = merged(joinLink(at, node.target));
    }
    return false;
  }

  /** The tree as cpio entries; a directory comes before what is in it. */
  toCpio(): CpioEntry[] {
    return this.paths().map((path) => cpioEntry(path, this.#nodes.get(path) as TreeNode));
  }
}

function cpioEntry(path: string, node: TreeNode): CpioEntry {
  switch (node.kind) {
    case 'directory':
      return { path, mode: MODE_TYPE.directory | node.mode };
    case 'file':
      return { path, mode: MODE_TYPE.file | node.mode, data: node.data };
    case 'symlink':
      return { path, mode: MODE_TYPE.symlink | 0o777, data: Buffer.from(node.target, 'utf8') };
    case 'device':
      return {
        path,
        mode: MODE_TYPE.charDevice | node.mode,
        device: { major: node.major, minor: node.minor },
      };
  }
}

function merged(path: string): string {
  const clean = path.replace(/^\/+/, '').replace(/\/+$/, '');
  const slash = clean.indexOf('/');
  return slash > 0 && MERGED.includes(clean.slice(0, slash)) ? `usr/${clean}` : clean;
}

function joinLink(from: string, target: string): string {
  const parts = target.startsWith('/') ? [] : from.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}
