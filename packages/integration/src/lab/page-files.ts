import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Files of the page by the path they are asked for. */
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/lab.css': ['lab.css', 'text/css; charset=utf-8'],
  '/lab.js': ['lab.js', 'text/javascript; charset=utf-8'],
  '/screen.js': ['screen.js', 'text/javascript; charset=utf-8'],
  '/terminal.js': ['terminal.js', 'text/javascript; charset=utf-8'],
};

/** The page lies in the package, beside the sources or beside the build: look upwards for it. */
function pageDirectory(): string {
  for (let dir = import.meta.dirname; dir !== dirname(dir); dir = dirname(dir)) {
    const page = join(dir, 'src', 'lab', 'page');
    if (existsSync(join(page, 'index.html'))) return page;
  }
  throw new Error(`the lab page's files are not in any directory above ${import.meta.dirname}`);
}

/** @returns a file of the page with its media type; null when there is none of that path */
export async function pageFile(
  path: string,
): Promise<{ readonly body: Uint8Array<ArrayBuffer>; readonly type: string } | null> {
  const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  if (file === undefined) return null;
  return { body: await readFile(join(pageDirectory(), file[0])), type: file[1] };
}
