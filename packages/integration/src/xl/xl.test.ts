import { readdirSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DISK_FORM } from '../config/disk-spec.ts';
import { MONITOR_FORM } from '../config/monitor-spec.ts';
import { LabClientError } from '../lab/client.ts';
import { type CliHost, cliHost } from './testing/cli.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/xl', import.meta.url));
/** The least that passes for a kernel: its signature, and a byte behind its real-mode part. */
const KERNEL = new Uint8Array(4096);
KERNEL.set([0x48, 0x64, 0x72, 0x53], 0x202);

let lab: CliHost;
beforeEach(async () => {
  lab = await cliHost();
});
afterEach(() => lab.close());

/** A busy machine may need a while. */
const SOON = { timeout: 30_000 };
const path = (name: string): string => join(lab.directory, name);
async function file(name: string, text: string): Promise<string> {
  await writeFile(path(name), text);
  return path(name);
}
/** All that a failed create could leave behind. */
async function traces() {
  const { host, directory, server } = lab;
  return {
    domains: [...host.domains.keys()],
    known: host.hypervisor.domains.map((d) => d.domid),
    instances: host.vgt?.vms.map((vm) => vm.domid),
    partition: host.vgt?.partition.describe(),
    socket: server.socket,
    run: await readdir(join(directory, 'run')),
  };
}

describe('[S5] three files of the kind that the setup guide shows', () => {
  test('there are three', () => {
    expect(readdirSync(EXAMPLES).sort()).toEqual([
      'debian.cfg',
      'own-kernel.cfg',
      'setup-guide.cfg',
    ]);
  });

  // biome-ignore format: a file a line
  const FILES: [name: string, domain: string, mib: number, low: number, high: number, fences: number, notes: number][] = [
    ['debian.cfg',      'debian',     512, 32, 224, 4, 0],
    ['setup-guide.cfg', 'vgtHVM1',    256, 32, 160, 4, 16],
    ['own-kernel.cfg',  'own-kernel', 256, 16,  64, 2, 0],
  ];
  test.each(FILES)('%s starts, is listed, saved, restored and destroyed', async (...row) => {
    const [name, domain, mib, low, high, fences, notes] = row;
    await writeFile(path('vmlinuz'), KERNEL);
    await writeFile(path('initrd.cpio'), 'x');
    const own =
      name === 'own-kernel.cfg'
        ? [`kernel="${path('vmlinuz')}"`, `ramdisk="${path('initrd.cpio')}"`]
        : [];
    const before = await traces();
    const made = await lab.xengt(['create', join(EXAMPLES, name), ...own]);
    expect([made.code, made.out]).toEqual([0, `${domain} is domain 1\n`]);
    expect(made.err.split('\n').length - 1).toBe(notes);
    expect(lab.host.vgt?.vm(1)?.slice).toMatchObject({
      lowBytes: low << 20,
      highBytes: high << 20,
      fences,
    });
    const line = `${domain.padEnd(40)}     1 ${String(mib).padStart(5)}     1     r-----      0.0\n`;
    expect((await lab.xengt(['list'])).out.split('\n').slice(2).join('\n')).toBe(line);

    const saved = path('saved');
    expect((await lab.xengt(['save', domain, saved])).out).toMatch(/ saved to /);
    expect(await traces()).toEqual(before);
    expect((await lab.xengt(['restore', saved])).out).toBe(`${domain} restored as domain 1\n`);
    expect((await lab.xengt(['list', domain])).out).toContain(line);
    expect(lab.host.vgt?.vm(1)?.slice).toMatchObject({ lowBytes: low << 20, fences });

    expect(await lab.xengt(['destroy', domain])).toEqual({ code: 0, out: '', err: '' });
    expect(await traces()).toEqual(before);
  });

  test('what is left out is told with place and reason', async () => {
    const dry = await lab.xengt(['create', '-n', join(EXAMPLES, 'setup-guide.cfg')]);
    expect([dry.code, dry.out]).toEqual([0, '']);
    const notes = dry.err.split('\n').map((line) => line.replace(/^.*\/setup-guide\.cfg:/, ''));
    expect(notes).toEqual(
      expect.arrayContaining([
        "4:1: kernel is left out: hvmloader's part is built in",
        '8:1: vcpus: a guest has one virtual processor',
        '9:1: vif is left out: guests have no network',
        expect.stringMatching(
          /^1\d:1: vnc is left out: screens are on the lab page, and `xengt screenshot` saves them$/,
        ) as unknown as string,
      ]),
    );
    const json = JSON.parse(
      (await lab.xengt(['create', '-n', '--json', join(EXAMPLES, 'setup-guide.cfg')])).out,
    );
    expect(json.config).toMatchObject({ name: 'vgtHVM1', kernel: null, vgt: { lowGm: 32 } });
    expect(json.notes[0]).toMatchObject({ line: 4, column: 1, key: 'kernel' });
    expect(lab.host.domains.size).toBe(1);
  });
});

const WHOLE = (of: string): string => `allowed: a whole number ${of}`;
/** A file, and all that is said about it; @ is its name, # its directory. */
// biome-ignore format: a file a line, or two
const BROKEN: [what: string, text: string, said: string[]][] = [
  ['no name',              'memory=64',                         ['@:1:1: name is missing; a domain needs one, e.g. name = "guest1"']],
  ['a name with blanks',   'name="a b"',                        ['@:1:6: name: found "a b"; allowed: a string of 1 to 64 letters, digits, "_", "." and "-"']],
  ['a name that is there', '\nname="Domain-0"',                 ['@:2:6: name: there is a domain Domain-0 already, domain 0']],
  ['too little memory',    'name="a"\nmemory = 8',              [`@:2:10: memory: found 8; ${WHOLE('of MiB from 64 to 2048')}`]],
  ['memory as words',      'name="a"\nmemory = "lots"',         [`@:2:10: memory: found "lots"; ${WHOLE('of MiB from 64 to 2048')}`]],
  ['an open string',       'name="a\nmemory=64',                ['@:1:6: this string is never closed']],
  ['an open list',         'name="a"\ndisk=["x,hda"',           ['@:2:6: this list is never closed']],
  ['no value',             'name="a"\nvgt=',                    ['@:2:5: expected a value for vgt, found the end of the file']],
  ['no quotes',            'name=a',                            ['@:1:6: expected a value for name, found a: quote strings']],
  ['a key twice',          'name="a"\nvgt=1\nvgt=1',            ['@:3:1: vgt is set again; it was set on line 2']],
  ['a misspelt key',       'name="a"\nvgt_fence_size=4',        ['@:2:1: vgt_fence_size is no key of a domain file; did you mean vgt_fence_sz?']],
  ['vgt neither 0 nor 1',  'name="a"\n  vgt = 2',               ['@:2:9: vgt: found 2; allowed: 0 or 1']],
  ['too many fences',      'name="a"\nvgt_fence_sz=64',         [`@:2:14: vgt_fence_sz: found 64; ${WHOLE('from 1 to 32')}`]],
  ['more than is free',    'name="a"\nvgt_low_gm_sz=200\nvgt_high_gm_sz=2000', [
    '@:2:15: vgt_low_gm_sz: 200 MiB of aperture asked for; 128 are free',
    '@:3:16: vgt_high_gm_sz: 2000 MiB of hidden graphics memory asked for; 1388 are free']],
  ['shared and given away', 'name="a"\nvgt=1\ngfx_passthru=1',  ['@:3:1: gfx_passthru and vgt are both set: a GPU is shared or given away']],
  ['an absent kernel',     'name="a"\nkernel="none"',           ['@:2:8: kernel: "none" cannot be read (ENOENT)']],
  ['a kernel that is none', 'name="a"\nkernel="#/broken.cfg"',  ['@:2:8: kernel: "#/broken.cfg" is no Linux kernel (bzImage)']],
  ['an absent ramdisk',    'name="a"\nramdisk="none"',          ['@:2:9: ramdisk: "none" cannot be read (ENOENT)']],
  ['a disk of another form', 'name="a"\ndisk=["/x,qcow2,hda,w"]', [`@:2:7: disk: found "/x,qcow2,hda,w"; allowed: a list of at most 3 of ${DISK_FORM}`]],
  ['an absent disk',       'name="a"\ndisk=["none,hda,w"]',     ['@:2:6: disk: "none" cannot be read (ENOENT)']],
  ['a disk that is none',  'name="a"\ndisk=["#,hda,w"]',        ['@:2:6: disk: "#" is no file']],
  ['a disk cut short',     'name="a"\ndisk=["#/broken.cfg,hda,w"]', [expect.stringMatching(/^@:2:6: disk: "#\/broken.cfg" has \d+ bytes: no whole sectors of 512$/) as unknown as string]],
  ['an absent monitor file', 'name="a"\nvgt_monitor_config_file="none"', ['@:2:25: vgt_monitor_config_file: "none" cannot be read (ENOENT)']],
  ['no monitor file',      'name="a"\nvgt_monitor_config_file="#/broken.cfg"', [expect.stringMatching(/^@:2:25: vgt_monitor_config_file: "#\/broken.cfg": \d+ monitors; a file describes 1 to 3$/) as unknown as string]],
  ['a monitor on no port', 'name="a"\nmonitors=["Z:1024x768"]', [`@:2:11: monitors: found "Z:1024x768"; allowed: a list of 1 to 3 of ${MONITOR_FORM}`]],
  ['an end that is none',  'name="a"\non_crash="explode"',      ['@:2:10: on_crash: found "explode"; allowed: "destroy", "restart" or "preserve"']],
  ['much at once',         'name="a\nmemory=1\nkernel=4\nfrob=1\nvgt=7', [
    '@:1:6: this string is never closed',
    `@:2:8: memory: found 1; ${WHOLE('of MiB from 64 to 2048')}`,
    '@:3:8: kernel: found 4; allowed: a path',
    expect.stringMatching(/^@:4:1: frob is no key of a domain file; /) as unknown as string,
    '@:5:5: vgt: found 7; allowed: 0 or 1']],
];

describe('broken files', () => {
  test('are more than twenty', () => expect(BROKEN.length).toBeGreaterThan(20));

  test.each(BROKEN)('%s: told exactly, and nothing is half created', async (_, text, said) => {
    const name = await file('broken.cfg', text.replaceAll('#', lab.directory));
    const before = await traces();
    const { code, out, err } = await lab.xengt(['create', '-q', name]);
    expect([code, out]).toEqual([2, '']);
    const told = err
      .split('\n')
      .slice(0, -1)
      .map((line) =>
        line
          .replace(/^xengt: /, '')
          .replaceAll(name, '@')
          .replaceAll(lab.directory, '#'),
      )
      .map((line) => line.replaceAll('"@"', '"#/broken.cfg"'));
    expect(told).toEqual(said);
    const json = JSON.parse((await lab.xengt(['create', '--json', name])).out);
    expect(json.error.code).toBe('BAD_CONFIG');
    expect(json.error.issues).toHaveLength(said.length);
    expect(await traces()).toEqual(before);
    expect(lab.source.engines).toEqual([]);
  });
});

const GUEST = 'name="g"\nmemory=64\nvgt_low_gm_sz=16\nvgt_high_gm_sz=64\n';
const create = async (more = ''): Promise<number> => {
  const made = await lab.xengt(['create', await file('g.cfg', GUEST + more)]);
  expect(made).toEqual({ code: 0, out: expect.stringMatching(/^g is domain \d+\n$/), err: '' });
  return Number(/\d+/.exec(made.out)?.[0]);
};
const said = async (): Promise<string[]> =>
  (await lab.xengt(['dmesg'])).out
    .replaceAll(/^\(XEN\) \[.*?\] /gm, '')
    .split('\n')
    .slice(0, -1);

describe('[U3] a create that fails later', () => {
  test.each(['prepare', 'start'] as const)('in %s: nothing of it is left', async (where) => {
    const name = await file('g.cfg', GUEST);
    const before = await traces();
    lab.source.fails = where;
    expect((await lab.xengt(['create', name])).code).toBeGreaterThan(0);
    expect(await traces()).toEqual(before);
    expect(lab.source.engines.every((engine) => engine.ended !== null)).toBe(true);
    lab.source.fails = null;
    expect(await create()).toBe(1);
  });

  test('two at once of one name: one is made', async () => {
    const name = await file('g.cfg', GUEST);
    const both = await Promise.all([lab.xengt(['create', name]), lab.xengt(['create', name])]);
    expect(both.map((ran) => ran.code).sort()).toEqual([0, 2]);
    expect([...lab.host.domains.keys()]).toEqual([0, 1]);
  });

  test('a guest whose driver does not come up is there, with a warning', async () => {
    lab.source.warning = 'its driver did not come up: no';
    const name = await file('g.cfg', GUEST);
    expect(await lab.xengt(['create', name])).toEqual({
      code: 0,
      out: 'g is domain 1\n',
      err: 'xengt: g: its driver did not come up: no\n',
    });
    expect((await said()).at(-1)).toBe('xl: d1 g: its driver did not come up: no');
  });
});

describe('what becomes of a domain', () => {
  const ends = (kind: 'reboot' | 'power-off' | 'crash'): void =>
    lab.source.engines.at(-1)?.stop({ kind, reason: 'by the test' });
  const later = (seconds: number): void => {
    const { now } = performance;
    vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + seconds * 1000);
  };
  afterEach(() => vi.restoreAllMocks());

  test('-p leaves it paused before it has run', async () => {
    const made = await lab.xengt(['create', '-p', await file('g.cfg', GUEST)]);
    expect(made.out).toBe('g is domain 1\n');
    expect(lab.host.domains.get(1)?.domain.state).toBe('paused');
    expect((await lab.xengt(['list', 'g'])).out).toContain('--p---');
    await lab.xengt(['unpause', 'g']);
    expect((await lab.xengt(['list', '1'])).out).toContain('r-----');
  });

  test('one that powers off or crashes is destroyed, as a rule', async () => {
    const before = await traces();
    for (const kind of ['power-off', 'crash'] as const) {
      await create();
      ends(kind);
      await expect.poll(traces, SOON).toEqual(before);
    }
  });

  test('one that is to be preserved stays, and is listed as it ended', async () => {
    await create('on_crash="preserve"');
    ends('crash');
    await expect.poll(async () => (await lab.xengt(['list', 'g'])).out, SOON).toContain('----c-');
    expect((await lab.xengt(['destroy', 'g'])).code).toBe(0);
    expect(lab.host.domains.size).toBe(1);
  });

  test('one that reboots starts again; not the fourth time that it ends at once', async () => {
    await create();
    const reboots = async (made: number): Promise<void> => {
      ends('reboot');
      await expect.poll(() => lab.source.engines.length, SOON).toBe(made);
      await expect.poll(() => lab.host.domains.get(1)?.domain.state, SOON).toBe('running');
    };
    for (const made of [2, 3]) await reboots(made);
    // It has lived for a while: that begins anew.
    later(10);
    await reboots(4);
    vi.restoreAllMocks();
    for (const made of [5, 6, 7]) await reboots(made);
    ends('reboot');
    await expect.poll(() => lab.host.domains.size, SOON).toBe(1);
    expect(lab.source.engines.length).toBe(7);
    const lines = await said();
    expect(lines.some((line) => line.startsWith('xl: d1 g: started again as domain 1'))).toBe(true);
    expect(lines.at(-1)).toMatch(/^xl: d1 g: ended .* s after its start once more: not again$/);
  });

  test('one that was saved and restored is started again from its file', async () => {
    await create();
    await lab.xengt(['save', 'g', path('saved')]);
    await lab.xengt(['restore', path('saved')]);
    later(10);
    await lab.xengt(['reboot', '-F', 'g']);
    await expect.poll(() => lab.source.engines.length, SOON).toBe(2);
    await expect.poll(() => lab.host.domains.get(1)?.domain.state, SOON).toBe('running');
  });

  test('shutdown presses the power button, and says when nobody listens', async () => {
    await create();
    expect(await lab.xengt(['shutdown', 'g'])).toEqual({
      code: 1,
      out: '',
      err:
        'xengt: g does not listen to its power button: its system is not up, or has no driver for ' +
        'it; xengt destroy ends it\n',
    });
    const [engine] = lab.source.engines;
    if (engine === undefined) throw new Error('no engine');
    engine.listensToPower = true;
    const down = lab.xengt(['shutdown', '-w', 'g']);
    await expect.poll(() => engine.powerPresses, SOON).toBe(1);
    engine.stop({ kind: 'power-off', reason: 'ACPI S5' });
    expect(await down).toEqual({ code: 0, out: '', err: '' });
    expect(lab.host.domains.has(1)).toBe(false);
  });

  test('reboot types Ctrl-Alt-Del; Domain-0 is not for these', async () => {
    await create();
    expect((await lab.xengt(['reboot', '--all'])).code).toBe(0);
    expect(lab.source.engines[0]?.scancodesIn).toEqual([
      ...[0x1d, 0x38, 0xe0, 0x53],
      ...[0xe0, 0xd3, 0xb8, 0x9d],
    ]);
    for (const verb of ['reboot', 'shutdown', 'destroy']) {
      expect((await lab.xengt([verb, '0'])).err).toBe(
        'xengt: the host ends with Domain-0, and Domain-0 with it\n',
      );
    }
    await lab.xengt(['pause', 'g']);
    expect((await lab.xengt(['shutdown', 'g'])).err).toBe('xengt: g is paused, not running\n');
    expect((await lab.xengt(['destroy'])).code).toBe(2);
    expect((await lab.xengt(['destroy', 'x'])).err).toBe(
      'xengt: there is no domain x; there are 0 (Domain-0), 1 (g)\n',
    );
  });
});

test('assignments, and paths from where the command is', async () => {
  await writeFile(path('k'), KERNEL);
  const name = await file('g.cfg', `${GUEST}kernel="k"\nextra="a"`);
  const made = await lab.xengt(['create', name, `kernel="${path('k')}"`, 'extra="b"; memory=65']);
  expect(made).toMatchObject({ code: 0, err: '' });
  expect(lab.source.plans[0]).toMatchObject({ memoryMiB: 65, extra: 'b' });
  expect(lab.source.plans[0]?.kernel?.length).toBe(KERNEL.length);
  expect((await lab.xengt(['create', name, 'memory=1'])).err).toContain('argument 1:1:8: memory: ');
});

test('gfx_passthru asks for the whole GPU; a host that has not lent it says so, with the place', async () => {
  const before = await traces();
  const name = await file('p.cfg', 'name="p"\nmemory=64\ngfx_passthru=1');
  const { code, err } = await lab.xengt(['create', name]);
  expect(code).toBe(2);
  expect(err).toMatch(/^xengt: .*p\.cfg:3:14: /);
  expect(await traces()).toEqual(before);
});

test('without a host there is an error, but a file is checked all the same', async () => {
  await lab.server.close();
  const name = await file('g.cfg', GUEST);
  expect((await lab.xengt(['create', '-n', name])).code).toBe(0);
  expect((await lab.xengt(['create', name])).err).toContain('xengt: no host is running (looked in');
  expect((await lab.xengt(['list', '--socket', path('none')])).err).toBe(
    `xengt: the host at ${path('none')} does not answer\n`,
  );
  expect(new LabClientError('X', 'y').details).toEqual({});
  expect(await readFile(name, 'utf8')).toBe(GUEST);
});
