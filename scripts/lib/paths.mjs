import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone's top directory, absolute. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Where vitest leaves its counts, one JSON file a project. */
export const RESULTS = join(ROOT, 'test-results');

/** The user's cache directory for this project; holds the pinned pnpm. */
export function cacheDir() {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'xengt');
}
