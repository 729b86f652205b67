import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GuestImageError } from './error.ts';
import { buildGuestImage, type GuestImageOptions } from './image.ts';
import { type GuestImage, listGuestImages, loadGuestImage, readGuestImage } from './image-store.ts';
import type { BuildMachine } from './machine.ts';
import type { GuestReporter } from './report.ts';
import { sha256 } from './store.ts';
import { makeDeb, type TestDeb } from './testing/debs.ts';
import { serveDebian, type TestMirror } from './testing/mirror.ts';
import { testIgtPackages, testPackages } from './testing/packages.ts';

let root: string;
let cacheDir: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'xengt-image-'));
  cacheDir = join(root, 'cache');
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Puts packages in a directory, as a user would who has no network. */
async function directoryOf(debs: readonly TestDeb[]): Promise<string> {
  const directory = await mkdtemp(join(root, 'debs-'));
  for (const deb of debs)
    await writeFile(
      join(directory, `${deb.name}_${deb.architecture ?? 'i386'}.deb`),
      await makeDeb(deb),
    );
  return directory;
}

async function build(
  debs: readonly TestDeb[],
  options: GuestImageOptions = {},
  reporter?: GuestReporter,
): Promise<GuestImage> {
  return buildGuestImage(
    { cacheDir, machine: null, packages: await directoryOf(debs), ...options },
    reporter,
  );
}

const failure = (work: Promise<unknown>): Promise<GuestImageError> =>
  work.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: GuestImageError) => error,
  );

/** Nothing half-written: no image and nothing temporary. */
async function expectNothingKept(): Promise<void> {
  expect([
    ...(await readdir(join(cacheDir, 'images'))),
    ...(await readdir(join(cacheDir, 'tmp'))),
  ]).toEqual([]);
}

/** Paths in a cpio archive. */
async function pathsOf(image: GuestImage): Promise<string[]> {
  const text = (await readFile(image.initrd)).toString('latin1');
  return [...text.matchAll(/070701[0-9A-F]{104}([^\0]+)\0/g)].map((m) => m[1] as string);
}

const changed = (name: string, change: (deb: TestDeb) => TestDeb) =>
  testPackages((all) => all.map((d) => (d.name === name ? change(d) : d)));
const without = (...names: string[]) =>
  testPackages((all) => all.filter((d) => !names.includes(d.name)));
const KERNEL = 'linux-image-6.1.0-99-686';

describe('a guest image from .deb files', () => {
  test('control case: kernel, firmware, wanted modules, programs, libraries and headers, nothing else', async () => {
    const image = await build(testPackages());
    expect(image).toMatchObject({
      kernelRelease: '6.1.0-99-686',
      flavour: '686',
      programs: [],
      modules: ['drm', 'drm_kms_helper', 'i915'],
    });
    expect(image.packages.map((p) => p.name)).toContain('libcairo2');
    const boot = await readGuestImage(image);
    expect(Buffer.from(boot.bios).toString()).toBe('bios');
    expect(Buffer.from(boot.vgaBios).toString()).toBe('vga bios');
    expect(boot.kernel).toHaveLength(0x400);
    const paths = await pathsOf(image);
    for (const path of [
      'init',
      'dev/console',
      'bin',
      'usr/bin/busybox',
      'usr/bin/modetest',
      'usr/libexec/igt-gpu-tools/benchmarks/gem_blt',
      'usr/lib/i386-linux-gnu/libcairo.so.2',
      'usr/lib/i386-linux-gnu/libcairo.so.2.1',
      'usr/lib/i386-linux-gnu/libc.so.6',
      'usr/lib/ld-linux.so.2',
      'usr/lib/modules/6.1.0-99-686/modules.dep',
      'usr/lib/modules/6.1.0-99-686/kernel/drivers/gpu/drm/i915/i915.ko',
      'usr/include/linux/i2c.h',
      'usr/include/libdrm/drm.h',
      'usr/src/xengt/gpuwork.c',
    ]) {
      expect(paths).toContain(path);
    }
    for (const no of [/nouveau/, /atm\.h/, /rpc\.h/, /share\/doc/, /System\.map/])
      expect(paths.filter((p) => no.test(p))).toEqual([]);
  });

  test('the same packages make the same image, which is found and not built again', async () => {
    const packages = await directoryOf(testPackages());
    const first = await buildGuestImage({ cacheDir, machine: null, packages });
    const steps: string[] = [];
    const reporter: GuestReporter = {
      begin: (s) => steps.push(s),
      progress() {},
      end() {},
      note() {},
    };
    const second = await buildGuestImage({ cacheDir, machine: null, packages }, reporter);
    expect(second).toEqual(first);
    expect(steps).toEqual(['index']);
    const third = await buildGuestImage({ cacheDir, machine: null, packages, force: true });
    expect(third.id).toBe(first.id);
    expect(await readFile(third.initrd)).toEqual(await readFile(first.initrd));
  });

  test('another version of one package makes another image; both are listed, oldest first', async () => {
    const a = await build(testPackages());
    const b = await build(changed('tcc', (d) => ({ ...d, version: '1.0-2' })));
    expect(b.id).not.toBe(a.id);
    expect((await listGuestImages(cacheDir)).map((i) => i.id)).toEqual([a.id, b.id]);
    expect((await loadGuestImage(b.id.slice(0, 8), cacheDir)).id).toBe(b.id);
    expect((await failure(loadGuestImage('zzzz', cacheDir))).message).toBe(
      `there is no guest image "zzzz" in ${cacheDir}. See xengt guest list, or make one with xengt guest build.`,
    );
  });

  test('without the meta package the newest kernel of the flavour is taken', async () => {
    const debs = testPackages((all) => [
      ...all.filter((d) => d.name !== 'linux-image-686'),
      ...all
        .filter((d) => d.name === KERNEL)
        .map((d) => ({ ...d, name: 'linux-image-6.1.0-100-686' })),
      { name: 'linux-image-6.1.0-101-686-pae' },
    ]);
    expect((await build(debs)).packages[0]?.name).toBe('linux-image-6.1.0-100-686');
  });

  test('a kernel package without i915', async () => {
    const error = await failure(
      build(
        changed(KERNEL, (d) => ({
          ...d,
          files: (d.files ?? []).filter((f) => !f.path.endsWith('i915.ko')),
        })),
      ),
    );
    expect(error.code).toBe('NO_I915');
    expect(error.message).toBe(
      `the kernel package ${KERNEL} 1.0-1 has no i915.ko (it holds 3 modules). Take Debian's linux-image-686 or linux-image-686-pae, not a cloud kernel.`,
    );
    await expectNothingKept();
  });

  test('packages of another architecture are named', async () => {
    const error = await failure(build(changed('libc6', (d) => ({ ...d, architecture: 'amd64' }))));
    expect(error.code).toBe('WRONG_ARCHITECTURE');
    expect(error.message).toMatch(
      /libc6_amd64\.deb is for amd64\. Guests are 32-bit PCs and need i386: fetch that file instead/,
    );
    const kernel = await failure(
      build(
        changed(KERNEL, (d) => ({ ...d, architecture: 'amd64' })).filter(
          (d) => d.name !== 'linux-image-686',
        ),
      ),
    );
    expect(kernel.message).toMatch(new RegExp(`${KERNEL}_amd64\\.deb is for amd64`));
    await expectNothingKept();
  });

  test('a stray package of another architecture does no harm', async () => {
    await build(
      testPackages((all) => [
        ...all,
        { name: 'libc6', architecture: 'amd64' },
        { name: 'vim', architecture: 'arm64' },
      ]),
    );
  });

  test('missing packages are listed all at once', async () => {
    const error = await failure(build(without('seabios', 'busybox-static')));
    expect(error.code).toBe('PACKAGE_MISSING');
    expect(error.message).toMatch(
      /lacks 2 packages that a guest needs: busybox-static; seabios\. Add the i386 \.deb files/,
    );
    expect((await failure(build(without('libcairo2', 'tcc')))).message).toMatch(
      /tcc; libcairo2 \| libcairo3 \(needed by intel-gpu-tools\)/,
    );
    expect((await failure(build([]))).message).toMatch(/holds no \.deb files/);
  });

  test('a .deb that is cut off or no .deb at all is named', async () => {
    const packages = await directoryOf(testPackages());
    const path = join(packages, 'tcc_i386.deb');
    await writeFile(path, (await readFile(path)).subarray(0, 300));
    const cut = await failure(buildGuestImage({ cacheDir, machine: null, packages }));
    expect(cut.code).toBe('BAD_DEB');
    expect(cut.message).toMatch(/tcc_i386\.deb is truncated/);
    await writeFile(path, '<html>');
    expect((await failure(buildGuestImage({ cacheDir, machine: null, packages }))).message).toMatch(
      /tcc_i386\.deb does not begin with the ar magic/,
    );
    await expectNothingKept();
  });

  test('a library that no package has is named with who needs it', async () => {
    const error = await failure(build(changed('libcairo2', (d) => ({ ...d, files: [] }))));
    expect(error.code).toBe('FILE_MISSING');
    expect(error.message).toBe(
      'usr/libexec/igt-gpu-tools/benchmarks/gem_blt needs libcairo.so.2, which none of the packages has. Add its i386 package.',
    );
  });

  test('a directory or flavour that does not exist is a wrong option', async () => {
    expect(
      (await failure(buildGuestImage({ cacheDir, packages: join(root, 'nowhere') }))).message,
    ).toMatch(/cannot read .*nowhere: ENOENT/);
    expect((await failure(buildGuestImage({ cacheDir, flavour: 'amd64' as '686' }))).message).toBe(
      'there is no kernel flavour "amd64"; choose one of 686, 686-pae.',
    );
  });

  test('a profile that does not exist is a wrong option', async () => {
    const error = await failure(build(testPackages(), { profile: 'x11' as 'igt' }));
    expect(error.code).toBe('BAD_OPTION');
    expect(error.message).toBe('there is no guest profile "x11"; choose one of base, igt.');
  });

  test('a full disk leaves no image', async () => {
    const error = await failure(
      build(testPackages(), {
        openForWrite: async () => {
          throw Object.assign(new Error('ENOSPC: no space left on device, open'), {
            code: 'ENOSPC',
          });
        },
      }),
    );
    expect(error.code).toBe('DISK_FULL');
    await expectNothingKept();
  });

  test('a cache directory that cannot be made', async () => {
    await writeFile(join(root, 'file'), '');
    const error = await failure(build(testPackages(), { cacheDir: join(root, 'file', 'cache') }));
    expect(error.code).toBe('CACHE_UNUSABLE');
    expect(error.message).toMatch(/Set XDG_CACHE_HOME to a directory you own\.$/);
  });

  test('a damaged image is found out and built again by force', async () => {
    const packages = await directoryOf(testPackages());
    const image = await buildGuestImage({ cacheDir, machine: null, packages });
    await writeFile(image.initrd, 'cut');
    const error = await failure(loadGuestImage(image.id, cacheDir));
    expect(error.code).toBe('CORRUPT_IMAGE');
    expect(error.message).toBe(
      `guest image ${image.id} in ${cacheDir} is damaged: ${image.initrd} is not what was built. Build it again with xengt guest build --force.`,
    );
    expect((await failure(buildGuestImage({ cacheDir, machine: null, packages }))).code).toBe(
      'CORRUPT_IMAGE',
    );
    await buildGuestImage({ cacheDir, machine: null, packages, force: true });
    await loadGuestImage(image.id, cacheDir);
    await writeFile(join(cacheDir, 'images', image.id, 'image.json'), '{');
    expect((await failure(buildGuestImage({ cacheDir, machine: null, packages }))).message).toMatch(
      /its image\.json cannot be read/,
    );
    expect(await listGuestImages(cacheDir)).toEqual([]);
  });

  test('a build that is stopped ends as such', async () => {
    const stop = new AbortController();
    const reporter: GuestReporter = {
      begin: (s) => s === 'unpack' && stop.abort(),
      progress() {},
      end() {},
      note() {},
    };
    const packages = await directoryOf(testPackages());
    const error = await failure(
      buildGuestImage({ cacheDir, machine: null, packages }, reporter, stop.signal),
    );
    expect(error.code).toBe('ABORTED');
    await expectNothingKept();
  });
});

describe('our own programs', () => {
  /** A machine whose serial port answers as the guest's shell would. */
  function fakeMachine(compile: (name: string) => { output: string; status: number }) {
    const machine = {
      stopped: 0,
      async boot(_config: unknown, onSerial: (byte: number) => void) {
        const say = (text: string) =>
          setTimeout(() => {
            for (const b of Buffer.from(text)) onSerial(b);
          }, 0);
        say('XENGT-INIT 1.0\nXENGT-SHELL 1.1\n\n#> ');
        return {
          send(bytes: Uint8Array) {
            const line = Buffer.from(bytes).toString();
            const [, id, command] = /^echo "@B""(\w+)"; (.*); echo/.exec(line) as unknown as [
              string,
              string,
              string,
            ];
            const name = /\/tmp\/(\w+)/.exec(command)?.[1] ?? '';
            const data = Buffer.from(`the program ${name}`);
            let answer = { output: '', status: 0 };
            if (command.startsWith('tcc')) answer = compile(name);
            else if (command.startsWith('sha256sum'))
              answer.output = `${sha256(data)}  /tmp/${name}`;
            else if (command.startsWith('base64')) answer.output = data.toString('base64');
            say(`@B${id}\n${answer.output}\n@E${id}=${answer.status}\n#> `);
          },
          async stop() {
            machine.stopped++;
          },
        };
      },
    };
    return machine satisfies BuildMachine;
  }

  test('are compiled in a guest and put into the image', async () => {
    const machine = fakeMachine(() => ({ output: '', status: 0 }));
    const image = await build(testPackages(), { machine });
    expect(image.programs).toEqual(['gpuwork', 'fbpattern', 'drmnodes', 'gpuhang', 'barwidths']);
    expect(await pathsOf(image)).toEqual(
      expect.arrayContaining(['usr/bin/gpuwork', 'usr/bin/fbpattern', 'usr/bin/drmnodes']),
    );
    expect((await readFile(image.initrd)).includes('the program fbpattern')).toBe(true);
    expect(machine.stopped).toBe(1);
  });

  test("that do not compile stop the build with the compiler's words", async () => {
    const machine = fakeMachine((name) => ({
      output: `${name}.c:1: error: ';' expected`,
      status: name === 'fbpattern' ? 1 : 0,
    }));
    const error = await failure(build(testPackages(), { machine }));
    expect(error.code).toBe('COMPILE_FAILED');
    expect(error.message).toBe(
      "fbpattern.c does not compile in the guest:\nfbpattern.c:1: error: ';' expected",
    );
    expect(machine.stopped).toBe(1);
    await expectNothingKept();
  });
});

describe('a guest image from a mirror', () => {
  let mirror: TestMirror;
  beforeEach(async () => {
    mirror = await serveDebian({ bookworm: testPackages(), sid: testIgtPackages() });
  });
  afterEach(() => mirror.close());
  /** The test's mirror has no good signature, so it is only of use where nothing can look at it. */
  const trusting = () => buildGuestImage({ cacheDir, machine: null, mirror: mirror.uri });

  test('without gpgv: built, with a note; the second time nothing is asked of the mirror', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '';
    try {
      const notes: string[] = [];
      const reporter: GuestReporter = {
        begin() {},
        progress() {},
        end() {},
        note: (t) => notes.push(t),
      };
      const image = await buildGuestImage(
        { cacheDir, machine: null, mirror: mirror.uri },
        reporter,
      );
      expect(notes).toHaveLength(1);
      expect(notes[0]).toMatch(
        /signature of .*InRelease not verified: .* is installed|not verified: gpgv is not installed/,
      );
      const asked = mirror.requests.length;
      expect((await trusting()).id).toBe(image.id);
      expect(mirror.requests).toHaveLength(asked);
      await buildGuestImage({ cacheDir, machine: null, mirror: mirror.uri, refresh: true });
      expect(mirror.requests.slice(asked)).toEqual(['/debian/dists/bookworm/InRelease']);
      mirror.files.set('/debian/pool/tcc.deb', Buffer.from('changed'));
      await rm(join(cacheDir, 'blobs'), { recursive: true });
      await mkdir(join(cacheDir, 'blobs'));
      const error = await failure(
        buildGuestImage({ cacheDir, machine: null, mirror: mirror.uri, force: true }),
      );
      expect(error.code).toBe('BAD_CHECKSUM');
      expect(error.message).toMatch(
        /tcc\.deb is not what the package index promises: it has 7 bytes, expected \d+/,
      );
      expect((await listGuestImages(cacheDir)).map((i) => i.id)).toEqual([image.id]);
    } finally {
      process.env['PATH'] = path;
    }
  });

  test("IGT's tests: kernel of one suite, programs and their C library of another", async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '';
    try {
      const base = await trusting();
      const options = { cacheDir, machine: null, mirror: mirror.uri, profile: 'igt' } as const;
      const image = await buildGuestImage(options);
      expect(image).toMatchObject({ profile: 'igt', kernelRelease: '6.1.0-99-686', programs: [] });
      expect(base.profile).toBe('base');
      expect(image.id).not.toBe(base.id);
      const versions = new Map(image.packages.map((p) => [p.name, p.version]));
      expect(versions.get('libc6')).toBe('2.43-7');
      expect(versions.get('busybox-static')).toBe('1.0-1');
      const asked = mirror.requests.length;
      expect((await buildGuestImage(options)).id).toBe(image.id);
      expect((await trusting()).id).toBe(base.id);
      expect(mirror.requests).toHaveLength(asked);
      const paths = await pathsOf(image);
      const tests = 'usr/libexec/igt-gpu-tools';
      expect(paths).toEqual(
        expect.arrayContaining([
          `${tests}/gem_basic`,
          `${tests}/intel-ci-tests/i915/default/bat.testlist`,
          'usr/share/igt-gpu-tools/pass.png',
          'usr/lib/i386-linux-gnu/libc.so.6',
          'usr/lib/modules/6.1.0-99-686/modules.dep.bin',
        ]),
      );
      expect(paths.filter((p) => /\/xe_|\/xe\/|nouveau|amd_/.test(p))).toEqual([]);
    } finally {
      process.env['PATH'] = path;
    }
  });

  test('a mirror that answers nothing', async () => {
    await mirror.close();
    const error = await failure(trusting());
    expect(error.code).toBe('NO_NETWORK');
    expect(error.message).toMatch(/bring the \.deb files yourself with --packages DIR/);
    await expectNothingKept();
  });

  test('an address that is no mirror', async () => {
    mirror.files.set('/debian/dists/bookworm/InRelease', Buffer.from('<html>welcome</html>'));
    const error = await failure(trusting());
    expect(error.code).toBe('BAD_INDEX');
    expect(error.message).toMatch(
      /is no signed Release file\. Is this address the root of a Debian mirror\?$/,
    );
  });
});
