import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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
disk = [ 'guest.img' ]
stdvga=0 ; vnc=1
vgt = 1
vgt_low_gm_sz = 128   # MiB
vgt_high_gm_sz = 384
vgt_fence_sz = 0x4
vgt_primary = 1
vgt_cap = 20
vgt_monitor_config_file = "/etc/vgt/monitor.cfg"
`;

function issuesOf(text: string): string[] {
  const got = parseGuestConfig(text, 'g.cfg');
  return got.ok ? [] : formatIssues(got.issues).split('\n');
}

describe('domain file', () => {
  test('control case: every key of an upstream file is read', () => {
    expect(parseGuestConfig(UPSTREAM, 'g.cfg')).toEqual({
      ok: true,
      ignored: ['vif', 'stdvga', 'vnc'],
      config: {
        name: 'guest1',
        memory: 1024,
        kernel: '/usr/lib/xen/boot/hvmloader',
        ramdisk: null,
        disk: 'guest.img',
        extra: '',
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
      'g.cfg:7:1: frobnicate is no key of a domain file; known are name, type, builder, memory, ' +
        'maxmem, vcpus, kernel, ramdisk, extra, root, disk, vgt, vgt_low_gm_sz, vgt_high_gm_sz, ' +
        'vgt_fence_sz, vgt_primary, vgt_weight, vgt_cap, vgt_monitor_config_file, monitors',
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
      'disk = [ "a" "b" ]',
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
      'g.cfg:9:14: expected "," or "]", found "',
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

  test('no key is both known and ignored', () => {
    for (const { key } of GUEST_KEYS) expect(IGNORED_KEYS.has(key)).toBe(false);
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
