import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Actions } from '../src/cli/context.ts';
import { buildGuestImage, type GuestImage } from '../src/guest/image.ts';
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
  return (await xengt(['console', '--lines', '0', '--quiet', '5', domain], `${command}\n`)).out;
}
const free = (): string | undefined => host.vgt?.partition.describe();

test('[S5] [U1] [S6] three xl files: real guests start, are listed, saved, restored, destroyed', {
  timeout: 12 * MINUTES,
}, async () => {
  const before = free();
  const more = {
    'debian.cfg': [],
    // The state of a guest of this size is there already.
    'setup-guide.cfg': ['memory=512'],
    'own-kernel.cfg': [`kernel="${image.kernel}"; ramdisk="${image.initrd}"`],
  };
  for (const [file, assignments] of Object.entries(more)) {
    const made = await xengt(['create', '-q', join(EXAMPLES, file), ...assignments]);
    expect([file, made.code, made.err]).toEqual([file, 0, '']);
  }
  const { out } = await xengt(['list']);
  expect(out.split('\n').map((line) => line.split(/ +/)[0])).toEqual([
    ...['Name', 'debian', 'vgtHVM1', 'own-kernel', ''],
  ]);
  // The third has just begun; the others' drivers are there.
  expect(host.domains.get(1)?.driver).toBe('i915');
  expect(host.domains.get(2)?.driver).toBe('i915');
  const own = host.domains.get(3);
  await own?.console.waitForShell(LONG_MS);
  expect(await says('own-kernel', 'cat /proc/cmdline; lsmod | grep -c ^i915')).toMatch(
    /root=\/dev\/ram0 console=ttyS0 .*xengt\.modprobe=i915\n1\n/,
  );

  const saved = join(directory, 'debian.xengt');
  expect((await xengt(['save', 'debian', saved])).code).toBe(0);
  expect(host.vgt?.vm(1)).toBeUndefined();
  expect((await xengt(['restore', saved])).out).toBe('debian restored as domain 1\n');
  expect(
    await says('debian', 'hostname; basename $(readlink /sys/class/drm/card0/device/driver)'),
  ).toBe('debian\ni915\n#> ');
  const busy = JSON.parse((await xengt(['list', '--json', 'own-kernel'])).out);
  expect(busy.domains[0].seconds).toBeGreaterThan(1);

  // Its file says that it starts again.
  expect((await xengt(['reboot', 'debian'])).code).toBe(0);
  const again = async (): Promise<string> => (await xengt(['dmesg'])).out;
  await expect
    .poll(again, { timeout: LONG_MS, interval: 1000 })
    .toContain('d1 debian: started again');

  for (const name of ['debian', 'vgtHVM1', 'own-kernel']) {
    expect(await xengt(['destroy', name])).toEqual({ code: 0, out: '', err: '' });
  }
  expect(free()).toBe(before);
  expect(host.hypervisor.domains).toEqual([]);
});
