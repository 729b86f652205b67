import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Actions } from '../src/cli/context.ts';
import { buildGuestImage } from '../src/guest/image.ts';
import type { GuestImage } from '../src/guest/image-store.ts';
import { defaultCacheDir } from '../src/guest/store.ts';
import { readGuestFiles } from '../src/host/guest-files.ts';
import { DEFAULT_MONITORS, Host } from '../src/host/host.ts';
import { LiveHostView } from '../src/host/view.ts';
import { findHost } from '../src/lab/client.ts';
import { type LabServer, startLabServer } from '../src/lab/server.ts';
import { guestsOf, HostLife } from '../src/life/host-life.ts';
import { ImageGuests } from '../src/xl/guest-source.ts';
import { type Ran, ran } from '../src/xl/testing/cli.ts';
import { LONG_MS } from './fixture.ts';

const EXAMPLES = fileURLToPath(new URL('../examples/xl', import.meta.url));
const MINUTES = 60_000;

let directory: string;
let host: Host;
let server: LabServer;
let image: GuestImage;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xengt-xl-guest-'));
  image = await buildGuestImage();
  const files = await readGuestFiles(image);
  host = new Host({ monitors: DEFAULT_MONITORS });
  const source = new ImageGuests(host, files, defaultCacheDir());
  const life = new HostLife(
    host,
    () => guestsOf(files),
    () => source,
  );
  server = await startLabServer(new LiveHostView(host, life), {
    port: null,
    runDirectory: directory,
  });
});
afterAll(async () => {
  await server?.close();
  host?.close();
  await rm(directory, { recursive: true });
});

function xengt(words: readonly string[], typed: string | null = null): Promise<Ran> {
  const actions = { findHost: (choice) => findHost(choice, directory) } as Actions;
  const input = typed === null ? {} : { input: Readable.from([Buffer.from(typed)]) };
  return ran(words, input, actions);
}
/** Types commands at a guest's console, as from a pipe. @returns what it said */
async function says(domain: string, command: string): Promise<string> {
  return (await xengt(['console', '--lines', '0', domain], `${command}\n`)).out;
}
const free = (): string | undefined => host.vgt?.partition.describe();

/** What the kinds of files need beside themselves, and what their guests say. */
const FILES: [file: string, domain: string, more: () => string[], command: string, said: RegExp][] =
  [
    [
      'debian.cfg',
      'debian',
      () => [],
      'basename $(readlink /sys/class/drm/card0/device/driver)',
      /^i915\n/,
    ],
    [
      'setup-guide.cfg',
      'vgtHVM1',
      // The state of a guest of this size is there already.
      () => ['memory=512'],
      'hostname; ls /dev/dri',
      /^vgtHVM1\n.*card0/s,
    ],
    [
      'own-kernel.cfg',
      'own-kernel',
      () => [`kernel="${image.kernel}"; ramdisk="${image.initrd}"`],
      'cat /proc/cmdline; lsmod | grep -c ^i915',
      /root=\/dev\/ram0 console=ttyS0 .*xengt\.modprobe=i915\n1\n/,
    ],
  ];

test.each(FILES)(
  '[S5] [U1] [S6] %s: a real guest starts, is listed, saved, restored, destroyed',
  {
    timeout: 12 * MINUTES,
  },
  async (file, name, more, command, said) => {
    const before = free();
    const made = await xengt(['create', '-q', join(EXAMPLES, file), ...more()]);
    expect(made).toEqual({ code: 0, out: `${name} is domain 1\n`, err: '' });
    const { out } = await xengt(['list']);
    expect(out.split('\n').map((line) => line.split(/ +/)[0])).toEqual(['Name', name, '']);
    // One with a kernel of its own has just begun; the others' drivers are there.
    const guest = host.domains.get(1);
    if (file === 'own-kernel.cfg') await guest?.console.waitForShell(LONG_MS);
    else expect(guest?.driver).toBe('i915');
    expect(await says(name, command)).toMatch(said);

    const saved = join(directory, 'saved.xengt');
    expect((await xengt(['save', name, saved])).code).toBe(0);
    expect([host.vgt?.vm(1), free()]).toEqual([undefined, before]);
    expect((await xengt(['restore', saved])).out).toBe(`${name} restored as domain 1\n`);
    expect(await says(name, command)).toMatch(said);
    const listed = JSON.parse((await xengt(['list', '--json', name])).out);
    expect(listed.domains[0]).toMatchObject({ state: 'running', seconds: expect.any(Number) });

    if (file === 'debian.cfg') {
      // Its system reboots on Ctrl-Alt-Del, and its file says that it starts again then.
      expect((await xengt(['reboot', name])).code).toBe(0);
      const dmesg = async (): Promise<string> => (await xengt(['dmesg'])).out;
      await expect.poll(dmesg, { timeout: LONG_MS, interval: 1000 }).toContain('started again as');
      expect(await says(name, command)).toMatch(said);
    }
    // Those of the built image listen to their power button.
    const end = file === 'own-kernel.cfg' ? ['destroy'] : ['shutdown', '-w'];
    expect(await xengt([...end, name])).toEqual({ code: 0, out: '', err: '' });
    expect((await xengt(['dmesg'])).out.includes(`${name}: shutdown: ACPI S5`)).toBe(
      end[0] === 'shutdown',
    );
    expect(free()).toBe(before);
    expect(host.hypervisor.domains).toEqual([]);
  },
);
