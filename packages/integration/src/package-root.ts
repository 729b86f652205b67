import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const NAME = '@xengt/integration';

interface Manifest {
  readonly name?: unknown;
  readonly version?: unknown;
}

/** The directory this package lies in, whether it runs from its sources or from its build. */
export function packageRoot(): string {
  return find().root;
}

/** This package's version. */
export function packageVersion(): string {
  return String(find().manifest.version);
}

function find(): { readonly root: string; readonly manifest: Manifest } {
  for (let root = import.meta.dirname; root !== dirname(root); root = dirname(root)) {
    const manifest = manifestIn(root);
    if (manifest?.name === NAME) return { root, manifest };
  }
  throw new Error(`${NAME} is not in any directory above ${import.meta.dirname}`);
}

function manifestIn(directory: string): Manifest | null {
  try {
    return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return null;
  }
}
