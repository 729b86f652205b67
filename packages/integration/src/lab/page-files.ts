import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../package-root.ts';

/** Files of the page by the path they are asked for. */
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/lab.css': ['lab.css', 'text/css; charset=utf-8'],
  '/lab.js': ['lab.js', 'text/javascript; charset=utf-8'],
  '/screen.js': ['screen.js', 'text/javascript; charset=utf-8'],
  '/terminal.js': ['terminal.js', 'text/javascript; charset=utf-8'],
};

/** @returns a file of the page with its media type; null when there is none of that path */
export async function pageFile(
  path: string,
): Promise<{ readonly body: Uint8Array<ArrayBuffer>; readonly type: string } | null> {
  const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  if (file === undefined) return null;
  return {
    body: await readFile(join(packageRoot(), 'src', 'lab', 'page', file[0])),
    type: file[1],
  };
}
