import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { GuestImageError, systemCode } from './error.ts';
import { megabytes } from './report.ts';

/** Temporary files that a killed build left are removed after so long, milliseconds. */
const STALE_MS = 24 * 3600 * 1000;

/** `$XDG_CACHE_HOME/xengt`, or `~/.cache/xengt`. */
export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'xengt');
}

/** How a file is opened for writing. Tests pass one whose disk is full. */
export type OpenForWrite = (path: string, flags: string) => Promise<FileHandle>;

/**
 * A cache by content. What is under its final name is whole: everything is written under another name, flushed to the
 * disk and then renamed.
 *
 *     blobs/<sha256>            a downloaded file
 *     parts/<sha256>[.<pid>]    as much of it as has come so far; with a pid while that process writes it
 *     images/<id>/              a finished guest image
 *     tmp/<random>              something being written
 */
export class Store {
  readonly root: string;
  readonly #open: OpenForWrite;

  constructor(root: string, openForWrite: OpenForWrite = open) {
    this.root = root;
    this.#open = openForWrite;
  }

  /** Makes the directories. @throws GuestImageError CACHE_UNUSABLE, DISK_FULL */
  async prepare(): Promise<void> {
    await this.guard(async () => {
      for (const name of ['blobs', 'parts', 'images', 'tmp'])
        await mkdir(join(this.root, name), { recursive: true });
      for (const name of await readdir(join(this.root, 'tmp'))) {
        const path = join(this.root, 'tmp', name);
        const info = await stat(path).catch(() => null);
        if (info && Date.now() - info.mtimeMs > STALE_MS)
          await rm(path, { recursive: true, force: true });
      }
      for (const name of await readdir(join(this.root, 'parts'))) {
        const [sha256, pid] = name.split('.') as [string, string?];
        if (pid !== undefined && !isAlive(Number(pid))) {
          await rename(join(this.root, 'parts', name), join(this.root, 'parts', sha256)).catch(
            () => {},
          );
        }
      }
    });
  }

  blobPath(sha256: string): string {
    return join(this.root, 'blobs', sha256);
  }

  /** Where this process writes a partial download. */
  partPath(sha256: string): string {
    return join(this.root, 'parts', `${sha256}.${process.pid}`);
  }

  imagePath(id: string): string {
    return join(this.root, 'images', id);
  }

  /** Bytes of a whole blob, or -1. */
  async blobBytes(sha256: string): Promise<number> {
    const info = await stat(this.blobPath(sha256)).catch(() => null);
    return info?.isFile() ? info.size : -1;
  }

  /** Takes over what an earlier attempt left, so that no other process appends to it. @returns its bytes, 0 for nothing */
  async claimPart(sha256: string): Promise<number> {
    await rename(join(this.root, 'parts', sha256), this.partPath(sha256)).catch(() => {});
    const info = await stat(this.partPath(sha256)).catch(() => null);
    return info?.size ?? 0;
  }

  /** Leaves a partial download for a later attempt. */
  async releasePart(sha256: string): Promise<void> {
    await rename(this.partPath(sha256), join(this.root, 'parts', sha256)).catch(() => {});
  }

  /** Opens a partial download to write it anew or to append to it. */
  openPart(sha256: string, flags: 'a' | 'w'): Promise<FileHandle> {
    return this.guard(() => this.#open(this.partPath(sha256), flags));
  }

  /** Gives a finished, verified part its final name. The handle has been flushed and closed. */
  async keepPart(sha256: string): Promise<string> {
    const path = this.blobPath(sha256);
    await this.guard(async () => {
      await rename(this.partPath(sha256), path);
      await syncDirectory(dirname(path));
    });
    return path;
  }

  /**
   * Writes a directory of files and gives it its name in one step; when another process was faster, its result stands.
   * @returns the directory
   */
  async publishImage(
    id: string,
    files: ReadonlyMap<string, Uint8Array>,
    replace: boolean,
  ): Promise<string> {
    const into = this.imagePath(id);
    const temporary = join(this.root, 'tmp', randomBytes(8).toString('hex'));
    try {
      await this.guard(async () => {
        await mkdir(temporary);
        for (const [name, data] of files) await this.#writeFile(join(temporary, name), data);
        await syncDirectory(temporary);
        if (replace) await rm(into, { recursive: true, force: true });
        try {
          await rename(temporary, into);
        } catch (error) {
          if (!['ENOTEMPTY', 'EEXIST'].includes(systemCode(error))) throw error;
        }
        await syncDirectory(dirname(into));
      });
      return into;
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  /** Refuses early when the disk cannot hold `bytes` more. */
  async requireSpace(bytes: number): Promise<void> {
    const info = await statfs(this.root).catch(() => null);
    if (info === null) return;
    const free = info.bavail * info.bsize;
    if (free < bytes)
      throw diskFull(this.root, `${megabytes(bytes)} are needed, ${megabytes(free)} are free`);
  }

  /** Runs file system work and turns its failures into typed errors. */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.fsError(error);
    }
  }

  fsError(error: unknown): unknown {
    const code = systemCode(error);
    if (code === 'ENOSPC' || code === 'EDQUOT')
      return diskFull(
        this.root,
        code === 'EDQUOT' ? 'your quota is used up' : 'no space is left',
        error,
      );
    if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ELOOP', 'EISDIR'].includes(code)) {
      const message = `cannot write to the cache directory ${this.root}: ${(error as Error).message}. Set XDG_CACHE_HOME to a directory you own.`;
      return new GuestImageError('CACHE_UNUSABLE', message, error);
    }
    return error;
  }

  async #writeFile(path: string, data: Uint8Array): Promise<void> {
    const file = await this.#open(path, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** SHA-256 of a file, hex. @throws as the file system does */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
    hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** SHA-256 of bytes or text, hex. */
export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A file's bytes, or null when it is not there. */
export async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function diskFull(root: string, what: string, cause?: unknown): GuestImageError {
  return new GuestImageError(
    'DISK_FULL',
    `the disk of ${root} is full: ${what}. Free some space or set XDG_CACHE_HOME to another disk; nothing half-written was kept.`,
    cause,
  );
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch {
    // Some file systems refuse to flush a directory; the rename itself has been done.
  } finally {
    await handle.close();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
