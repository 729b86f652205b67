import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DISK_FORM, parseDiskSpec } from './disk-spec.ts';
import { formatIssues, parseGuestConfig } from './guest-config.ts';
import { GUEST_KEYS, IGNORED_KEYS } from './guest-keys.ts';
import { parseMonitorSpec } from './monitor-spec.ts';
import { parseXl, type XlValue } from './xl-parse.ts';

const UPSTREAM = `# XenGT guest
kernel = "/usr/lib/xen/boot/hvmloader"
builder='hvm'
memory = 1024
name = "guest1"
vif = [ 'type=ioemu, mac=00:16:3e:00:00:01' ]
disk = [ 'file:guest.img,hda,w' ]
stdvga=0 ; vnc=1
videoram=16; on_crash='preserve'
vgt = 1
vgt_low_gm_sz = 128   # MiB
vgt_high_gm_sz = 384
vgt_fence_sz = 0x4
vgt_primary = 1
vgt_cap = 20
vgt_monitor_config_file = "/etc/vgt/monitor.cfg"
`;

const note = (line: number, column: number, key: string) => ({ file: 'g.cfg', line, column, key });

function issuesOf(text: string): string[] {
  const got = parseGuestConfig(text, 'g.cfg');
  return got.ok ? [] : formatIssues(got.issues).split('\n');
}

describe('domain file', () => {
  test('control case: every key of an upstream file is read', () => {
    expect(parseGuestConfig(UPSTREAM, 'g.cfg')).toEqual({
      ok: true,
      notes: [
        { ...note(6, 1, 'vif'), message: 'vif is left out: guests have no network' },
        {
          ...note(8, 12, 'vnc'),
          message:
            'vnc is left out: screens are on the lab page, and `xengt screenshot` saves them',
        },
        {
          ...note(2, 1, 'kernel'),
          message: "kernel is left out: hvmloader's part is built in",
        },
      ].sort((a, b) => a.line - b.line),
      config: {
        name: 'guest1',
        memory: 1024,
        kernel: null,
        ramdisk: null,
        disks: [{ path: 'guest.img', device: 'hda', readOnly: false }],
        extra: '',
        gfxPassthru: false,
        vga: 'std',
        videoRam: 16,
        on: { poweroff: 'destroy', reboot: 'restart', crash: 'preserve' },
        places: expect.objectContaining({
          memory: { file: 'g.cfg', line: 4, column: 10 },
        }) as object,
        vgt: {
          lowGm: 128,
          highGm: 384,
          fences: 4,
          primary: 1,
          weight: 256,
          cap: 20,
          monitorConfigFile: '/etc/vgt/monitor.cfg',
          monitors: [],
        },
      },
    });
  });

  test('[S7] omitted sizes take the defaults 64, 448 and 4', () => {
    const got = parseGuestConfig('name = "g"', 'g.cfg');
    expect(got.ok && got.config).toMatchObject({
      memory: 512,
      vgt: { lowGm: 64, highGm: 448, fences: 4, primary: -1 },
    });
  });

  test('vgt = 0 gives a domain without a virtual GPU; quoted numbers count', () => {
    const got = parseGuestConfig(
      'name="g"\nvgt="0"\nmemory="256"\nroot="/dev/sda"\nextra="quiet"',
      'g',
    );
    expect(got.ok && got.config).toMatchObject({
      vgt: null,
      memory: 256,
      extra: 'root=/dev/sda quiet',
    });
  });

  test('monitors are read into ports and modes', () => {
    const got = parseGuestConfig(
      'name="g"\nmonitors=["B:1920x1080@50","D:1280x1024",\n"E:1024x768"]',
      'g',
    );
    expect(got.ok && got.config.vgt?.monitors).toEqual([
      { port: 'B', kind: 'hdmi', width: 1920, height: 1080, refresh: 50 },
      { port: 'D', kind: 'dp', width: 1280, height: 1024, refresh: 60 },
      { port: 'E', kind: 'vga', width: 1024, height: 768, refresh: 60 },
    ]);
    expect(parseMonitorSpec('C:dp:800x600')).toMatchObject({ kind: 'dp' });
    expect(parseMonitorSpec('E:hdmi:800x600')).toBeNull();
    expect(parseMonitorSpec('B:100x100')).toBeNull();
  });

  test('all errors are told at once, with place, value found and values allowed', () => {
    const text = [
      'name = "no spaces"',
      'memory = 12',
      'vgt = 2',
      '  vgt_low_gm_sz = "lots"',
      'vgt_low_gm = 64',
      'vgt_fence_sz = 33',
      'frobnicate = 1',
      'memory = 256',
      'monitors = [ "B:1920x1080", "F:1x1" ]',
    ].join('\n');
    expect(issuesOf(text)).toEqual([
      'g.cfg:1:8: name: found "no spaces"; allowed: a string of 1 to 64 letters, digits, "_", "." and "-"',
      'g.cfg:2:10: memory: found 12; allowed: a whole number of MiB from 64 to 2048',
      'g.cfg:3:7: vgt: found 2; allowed: 0 or 1',
      'g.cfg:4:19: vgt_low_gm_sz: found "lots"; allowed: a whole number of MiB from 1 to 512',
      'g.cfg:5:1: vgt_low_gm is no key of a domain file; did you mean vgt_low_gm_sz?',
      'g.cfg:6:16: vgt_fence_sz: found 33; allowed: a whole number from 1 to 32',
      expect.stringMatching(
        /^g\.cfg:7:1: frobnicate is no key of a domain file; known are name, type, builder, memory, .*, monitors$/,
      ),
      'g.cfg:8:1: memory is set again; it was set on line 2',
      'g.cfg:9:29: monitors: found "F:1x1"; allowed: a list of 1 to 3 of PORT:WIDTHxHEIGHT[@HZ] or ' +
        'PORT:KIND:WIDTHxHEIGHT[@HZ], PORT A to E, KIND vga on E, hdmi on B C D, dp on A B C D, ' +
        '320x200 to 3840x2160, 24 to 120 Hz',
    ]);
  });

  test('syntax errors name the place and what was expected; reading goes on', () => {
    const text = [
      'name = "open',
      'memory 512',
      'vgt = yes',
      'vcpus = 1 2',
      '= 3',
      'extra =',
      'vgt_fence_sz = 4x',
      'vgt_primary = 2',
      'disk = [ "a,hda" "b" ]',
      'monitors = [ "B:800x600",',
    ].join('\n');
    expect(issuesOf(text)).toEqual([
      'g.cfg:1:8: this string is never closed',
      'g.cfg:2:8: expected "=" after memory, found 5',
      'g.cfg:3:7: expected a value for vgt, found yes: quote strings',
      'g.cfg:4:11: expected the end of the line after the value of vcpus, found 2',
      'g.cfg:5:1: expected a key, found =',
      'g.cfg:6:8: expected a value for extra, found the end of the line',
      'g.cfg:7:16: 4x is not a whole number',
      'g.cfg:8:15: vgt_primary: found 2; allowed: -1 (unset), 0 or 1',
      'g.cfg:9:18: expected "," or "]", found "',
      'g.cfg:10:12: this list is never closed',
    ]);
  });

  test('a file without a name, or with two kinds of monitors, is refused', () => {
    expect(issuesOf('')).toEqual([
      'g.cfg:1:1: name is missing; a domain needs one, e.g. name = "guest1"',
    ]);
    expect(issuesOf('name="g"\nmonitors=["B:800x600"]\nvgt_monitor_config_file="m"')).toEqual([
      'g.cfg:2:1: monitors and vgt_monitor_config_file are both set; keep one',
    ]);
  });

  test('[U2] vgt and gfx_passthru exclude each other', () => {
    expect(issuesOf('name="g"\nvgt=1\ngfx_passthru=1')).toEqual([
      'g.cfg:3:1: gfx_passthru and vgt are both set: a GPU is shared or given away',
    ]);
    // Each alone is fine, and so are both where one is 0.
    const one = (text: string) => parseGuestConfig(`name="g"\n${text}`, 'g');
    expect(one('gfx_passthru="igd"')).toMatchObject({ config: { gfxPassthru: true, vgt: null } });
    expect(one('gfx_passthru=1\nvgt=0')).toMatchObject({ config: { vgt: null } });
    expect(one('gfx_passthru=0\nvgt=1')).toMatchObject({ config: { gfxPassthru: false } });
  });

  test('assignments on the command line replace the file', () => {
    const more = ['memory=256; vgt_cap = 5', 'extra="quiet"', 'memory=128'];
    expect(parseGuestConfig('name="g"\nmemory=64\nextra="x"', 'g.cfg', more)).toMatchObject({
      config: {
        memory: 128,
        extra: 'quiet',
        vgt: { cap: 5 },
        places: { extra: { file: 'argument 2', line: 1, column: 7 }, name: { file: 'g.cfg' } },
      },
    });
    const bad = parseGuestConfig('name="g"\nmemory=4', 'g.cfg', ['memory=1', 'x']);
    expect(!bad.ok && formatIssues(bad.issues).split('\n')).toEqual([
      'argument 1:1:8: memory: found 1; allowed: a whole number of MiB from 64 to 2048',
      'argument 2:1:2: expected "=" after x, found the end of the file',
    ]);
  });

  test('no key is both known and ignored', () => {
    for (const { key } of GUEST_KEYS) expect(IGNORED_KEYS.has(key)).toBe(false);
  });
});

describe('disks', () => {
  // biome-ignore format: one form a line
  const FORMS: [text: string, path: string, device: string, readOnly: boolean][] = [
    ['file:/img/a b.img,hda,w',                          '/img/a b.img', 'hda', false],
    ['/img/a,raw,xvda,rw',                               '/img/a',       'hda', false],
    ['phy:/dev/vg/a,ioemu:hdb,r',                        '/dev/vg/a',    'hdb', true],
    ['tap:aio:/img/a,sda',                               '/img/a',       'hda', false],
    ['/img/a.iso,,hdc:cdrom,r',                          '/img/a.iso',   'cdrom', true],
    [',hdc,cdrom',                                       '',             'cdrom', true],
    ['format=raw, vdev=xvdb, access=ro, target=/a,b,c',  '/a,b,c',       'hdb', true],
  ];
  test.each(FORMS)('%s', (text, path, device, readOnly) => {
    expect(parseDiskSpec(text)).toEqual({ path, device, readOnly });
  });

  test.each([
    '/img/a', // no device
    '/img/a,qcow2,hda,w',
    '/img/a,hdc,w', // no CD
    '/img/a,hda,hdb',
    '/img/a,hda,x',
    ',hda',
    'vdev=hda,target=',
    'script=/x,vdev=hda,target=/a',
    '/img/a,access=constructor,hda',
  ])('control: %s is none', (text) => {
    expect(parseDiskSpec(text)).toBeNull();
  });

  test('a wrong one is told with its place, and so are two in one drive', () => {
    expect(issuesOf('name="g"\ndisk=["/a,hda", "/b,vhd,hdb"]')).toEqual([
      `g.cfg:2:17: disk: found "/b,vhd,hdb"; allowed: a list of at most 3 of ${DISK_FORM}`,
    ]);
    expect(issuesOf('name="g"\n disk=["/a,hda", "/b,xvda"]')).toEqual([
      'g.cfg:2:2: disk: hda is there twice',
    ]);
  });
});

describe('xl syntax', () => {
  const value = (text: string): XlValue | undefined => parseXl(`k = ${text}`).entries[0]?.value;

  test('numbers are decimal, hexadecimal or octal, with a sign', () => {
    const numbers = ['0', '42', '-1', '0x1F', '017'].map((t) => value(t));
    expect(numbers.map((n) => n?.kind === 'number' && n.number)).toEqual([0, 42, -1, 31, 15]);
    for (const bad of ['08', '1.5', '0x', '99999999999999999999']) {
      expect(parseXl(`k = ${bad}`).issues[0]?.message).toBe(`${bad} is not a whole number`);
    }
  });

  test('strings have escapes and either quote; # inside is no comment', () => {
    const texts = [`'a"b'`, `"a'b # c"`, `"\\"\\\\\\n\\x41"`].map((t) => value(t));
    expect(texts.map((t) => t?.kind === 'string' && t.text)).toEqual(['a"b', "a'b # c", '"\\\nA']);
  });

  test('lists nest, span lines, hold comments and may end in a comma', () => {
    const list = value('[ 1, # one\n [ "a" ],\n]');
    expect(list?.kind === 'list' && list.items.map((i) => [i.kind, i.at.line])).toEqual([
      ['number', 1],
      ['list', 2],
    ]);
    expect(parseXl(`k = ${'['.repeat(100)}`).issues[0]?.message).toBe(
      'lists are nested deeper than 8',
    );
  });

  test('any text is read to its end; printed values come back', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab=[]"\'#;\\\n ,01x-') }), (text) => {
        const { entries, issues } = parseXl(text);
        expect(entries.length + issues.length).toBeLessThanOrEqual(text.length);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (s) => {
        const quoted = `"${s.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`;
        const got = value(quoted);
        expect(got?.kind === 'string' && got.text).toBe(s);
      }),
    );
  });
});
