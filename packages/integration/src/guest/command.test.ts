import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Listr } from 'listr2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runGuestBuild, runGuestList } from './command.ts';
import { GuestImageError } from './error.ts';
import { buildTasks, plainReporter } from './progress.ts';
import type { GuestReporter } from './report.ts';
import { makeDeb } from './testing/debs.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'xengt-command-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

function io() {
  const out: string[] = [];
  const err: string[] = [];
  const stderr = {
    isTTY: false,
    write: (text: string) => err.push(text),
  } as unknown as NodeJS.WriteStream;
  return { out, err, io: { stdout: { write: (text: string) => out.push(text) }, stderr } };
}

describe('xengt guest', () => {
  test('list says how to make the first image; with --json it is an empty list', async () => {
    const a = io();
    expect(await runGuestList({ cacheDir: root }, a.io)).toBe(0);
    expect(a.out.join('')).toBe(`no guest images in ${root}; make one with: xengt guest build\n`);
    const b = io();
    await runGuestList({ cacheDir: root, json: true }, b.io);
    expect(JSON.parse(b.out.join(''))).toEqual({ cacheDir: root, images: [] });
  });

  test('a wrong option ends with status 2, its sentence on stderr', async () => {
    const c = io();
    expect(await runGuestBuild({ cacheDir: root, kernel: 'amd64' }, c.io)).toBe(2);
    expect(c.err.join('')).toBe(
      'xengt: there is no kernel flavour "amd64"; choose one of 686, 686-pae.\n',
    );
    expect(c.out).toEqual([]);
  });

  test('a failed build ends with status 1; with --json one document tells code and message', async () => {
    await writeFile(join(root, 'x.deb'), await makeDeb({ name: 'x' }));
    const c = io();
    expect(
      await runGuestBuild({ cacheDir: join(root, 'cache'), packages: root, json: true }, c.io),
    ).toBe(1);
    const document = JSON.parse(c.out.join(''));
    expect(document.error.code).toBe('PACKAGE_MISSING');
    expect(document.error.message).toContain('linux-image-686');
    expect(c.err.at(-1)).toBe(`xengt: ${document.error.message}\n`);
    expect(c.err.join('')).toContain('Package index: 1 .deb files of ');
  });
});

describe('progress', () => {
  test('plain lines: begin, end, notes, and a long step now and then', () => {
    const lines: string[] = [];
    let now = 0;
    const r = plainReporter(
      (l) => lines.push(l),
      () => now,
    );
    r.begin('download');
    r.progress('download', 1e6, 4e6);
    now = 5000;
    r.progress('download', 2e6, 4e6);
    r.note('slow');
    r.end('download', '3 packages');
    expect(lines).toEqual([
      'Packages ...',
      'Packages: 50 %, 2.0 MB of 4.0 MB',
      'note: slow',
      'Packages: 3 packages',
    ]);
  });

  async function run(build: (r: GuestReporter) => Promise<number>) {
    const { tasks, result } = buildTasks(build);
    const list = new Listr(tasks, { renderer: 'silent' });
    await list.run().catch(() => {});
    return {
      states: list.tasks.map((t) => [t.title, t.state]),
      result: await result().catch((e: Error) => e),
    };
  }

  test('tasks: done steps show what they did, steps that were not needed are skipped', async () => {
    const { states, result } = await run(async (r) => {
      r.begin('index');
      r.end('index', '5 packages');
      return 7;
    });
    expect(result).toBe(7);
    expect(states[0]).toEqual(['Package index: 5 packages', 'COMPLETED']);
    expect(states[1]).toEqual(['Packages', 'SKIPPED']);
    expect(states).toHaveLength(5);
  });

  test('tasks: the step in which it failed fails, the ones before it are done', async () => {
    const { states, result } = await run(async (r) => {
      r.begin('index');
      r.end('index', 'ok');
      r.begin('download');
      throw new GuestImageError('DISK_FULL', 'full');
    });
    expect(result).toMatchObject({ code: 'DISK_FULL' });
    expect(states.slice(0, 2)).toEqual([
      ['Package index: ok', 'COMPLETED'],
      ['Packages', 'FAILED'],
    ]);
  });
});
