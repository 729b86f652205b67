import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MonitorKind } from './edid-build.ts';
import { parseEdid } from './edid-parse.ts';
import { makeMonitor } from './monitor.ts';
import { MODES, type ModeName, refreshHz } from './timings.ts';

const KINDS: readonly MonitorKind[] = ['vga', 'hdmi', 'dp'];
/** Modes that a detailed timing can tell. */
const NAMES = (Object.keys(MODES) as ModeName[]).filter((name) => MODES[name].width < 4096);
/** Debian's decoder, an independent judge where it is installed. */
const DECODER: string = ['edid', 'decode'].join('-');
const decoder = spawnSync(DECODER, ['--help']).error === undefined;

const anyMonitor = fc.record({
  kind: fc.constantFrom(...KINDS),
  mode: fc.constantFrom(...NAMES),
  serial: fc.nat(),
  name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 ]{0,11}[A-Za-z0-9]$/),
});

describe('EDID', () => {
  test('what is built is parsed back without an error', () => {
    fc.assert(
      fc.property(anyMonitor, (spec) => {
        const info = parseEdid(makeMonitor(spec).edid);
        expect(info.errors).toEqual([]);
        // A descriptor counts in 10 kHz.
        const pixelKhz = Math.round(MODES[spec.mode].pixelKhz / 10) * 10;
        expect(info.timings[0]).toEqual({ ...MODES[spec.mode], pixelKhz });
        expect(info).toMatchObject({
          vendor: 'XGT',
          name: spec.name,
          serial: spec.serial,
          digital: spec.kind !== 'vga',
          hdmi: spec.kind === 'hdmi',
          audio: spec.kind === 'hdmi',
        });
      }),
    );
  });

  test('every byte counts: one changed byte is an error', () => {
    const edid = makeMonitor({ kind: 'hdmi', mode: '1920x1080' }).edid;
    fc.assert(
      fc.property(fc.nat(edid.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bad = edid.slice();
        bad[at] = (bad[at] as number) ^ change;
        expect(parseEdid(bad).errors).not.toEqual([]);
      }),
    );
  });

  test('no bytes at all make the parser throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        parseEdid(bytes);
      }),
    );
  });

  test('a mode that is too wide for a detailed timing is told by its code', () => {
    const info = parseEdid(makeMonitor({ kind: 'hdmi', mode: '4096x2160' }).edid);
    expect(info.errors).toEqual([]);
    expect(info.vics[0]).toBe(95);
    expect(info.vics).toContain(100);
    expect(info.timings[0]).toMatchObject({ width: 3840, height: 2160, pixelKhz: 297000 });
  });

  test('extensions other than CTA-861 are refused by name', () => {
    const edid = makeMonitor({ kind: 'hdmi' }).edid.slice();
    const change = (edid[128] as number) - 0x70;
    edid[128] = 0x70;
    edid[255] = ((edid[255] as number) + change) & 0xff;
    expect(parseEdid(edid).errors).toEqual([
      'block 1: DisplayID is not supported, only CTA-861 is',
    ]);
  });

  test('modes are near 60 Hz, the largest near 30, with sync inside blanking', () => {
    for (const [name, t] of Object.entries(MODES)) {
      const rate = t.height > 2000 ? 30 : 60;
      expect(Math.abs(refreshHz(t) - rate), name).toBeLessThan(0.5);
      expect(t.width < t.hsyncStart && t.hsyncStart < t.hsyncEnd && t.hsyncEnd < t.htotal).toBe(
        true,
      );
      expect(t.height < t.vsyncStart && t.vsyncStart < t.vsyncEnd && t.vsyncEnd < t.vtotal).toBe(
        true,
      );
    }
  });

  test.skipIf(!decoder)('edid-decode finds every monitor conformant', { timeout: 60_000 }, () => {
    const dir = mkdtempSync(join(tmpdir(), 'edid-'));
    try {
      for (const kind of KINDS) {
        for (const mode of NAMES) {
          const file = join(dir, 'x.bin');
          writeFileSync(file, makeMonitor({ kind, mode }).edid);
          const said = execFileSync(DECODER, ['-c', file], { encoding: 'utf8' });
          expect(said, `${kind} ${mode}`).toMatch(/EDID conformity: PASS/);
          const first = /DTD 1: +(\d+x\d+) .* ([\d.]+) MHz/.exec(said);
          expect(first?.[1]).toBe(mode);
          expect(Math.abs(Number(first?.[2]) * 1000 - MODES[mode].pixelKhz)).toBeLessThan(6);
        }
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
