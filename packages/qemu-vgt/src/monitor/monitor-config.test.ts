import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatMonitorConfig,
  type MonitorRecord,
  monitorType,
  monitorWrites,
  parseMonitorConfig,
} from './monitor-config.ts';

function edid(fill: number): Uint8Array {
  const bytes = new Uint8Array(128).fill(fill);
  bytes[126] = 0;
  return bytes;
}

/** The binary form, by hand. */
function binary(count: number, ...records: Uint8Array[]): Uint8Array {
  return Uint8Array.from([0, count, ...records.flatMap((r) => [...r])]);
}
const raw = (port: number, override: number, block: Uint8Array): Uint8Array =>
  Uint8Array.from([port, override, ...block]);

const HDMI_B = raw(0x01, 0x01, edid(0x11));
const DP_C = raw(0x12, 0x03, edid(0x22));
const CRT = raw(0x04, 0x04, edid(0x33));
const ascii = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

describe('monitor configuration file', () => {
  test('[U9] one to three binary records are accepted; other counts are rejected without a write', () => {
    const three = parseMonitorConfig(binary(3, HDMI_B, DP_C, CRT));
    expect(three.issues).toEqual([]);
    expect(three.records.map((r) => [r.port, r.override, r.dp])).toEqual([
      ['B', 'B', false],
      ['C', 'D', true],
      ['E', 'E', false],
    ]);
    for (const count of [0, 4, 255]) {
      const got = parseMonitorConfig(binary(count, HDMI_B, DP_C, CRT, CRT));
      expect(got).toEqual({
        records: [],
        issues: [`${count} monitors; a file describes 1 to 3`],
      });
      expect(monitorWrites(1, got.records)).toEqual([]);
    }
  });

  test('[U10] the text form gives what the binary form gives', () => {
    const { records } = parseMonitorConfig(binary(2, HDMI_B, DP_C));
    const text = formatMonitorConfig(records);
    expect(text.split('\n').slice(0, 4)).toEqual([
      '# number of monitors',
      '02',
      '# PORT_B, follows PORT_B',
      '01 01',
    ]);
    expect(parseMonitorConfig(ascii(text))).toEqual({ records, issues: [] });
    const noComments = text.replace(/#.*\n/g, '').toUpperCase();
    expect(parseMonitorConfig(ascii(noComments))).toEqual({ records, issues: [] });
  });

  test('[U11] an EDID with an extension block rejects the whole file', () => {
    const extended = edid(0x22);
    extended[126] = 1;
    expect(parseMonitorConfig(binary(2, HDMI_B, raw(2, 2, extended)))).toEqual({
      records: [],
      issues: ['monitor 2: its EDID has 1 extension blocks; 0 are taken'],
    });
  });

  test('[U12] each record writes override, type, EDID and flush, in that order', () => {
    const { records } = parseMonitorConfig(binary(2, HDMI_B, DP_C));
    expect(monitorWrites(3, records)).toEqual([
      { path: 'vm3/PORT_B/port_override', data: 'PORT_B' },
      { path: 'vm3/PORT_B/type', data: '5' },
      { path: 'vm3/PORT_B/edid', data: edid(0x11) },
      { path: 'vm3/PORT_B/connection', data: 'flush' },
      { path: 'vm3/PORT_C/port_override', data: 'PORT_D' },
      { path: 'vm3/PORT_C/type', data: '3' },
      { path: 'vm3/PORT_C/edid', data: edid(0x22) },
      { path: 'vm3/PORT_C/connection', data: 'flush' },
    ]);
  });

  test('type numbers are the mediator’s', () => {
    const all = (['A', 'B', 'C', 'D', 'E'] as const).map((p) => [
      monitorType(p, false),
      monitorType(p, true),
    ]);
    expect(all).toEqual([
      [1, 1],
      [5, 2],
      [6, 3],
      [7, 4],
      [0, 0],
    ]);
  });

  test('all faults of a file are told at once', () => {
    const bad = edid(0);
    bad[126] = 2;
    expect(parseMonitorConfig(binary(2, raw(5, 9, bad), raw(1, 1, bad))).issues).toEqual([
      'monitor 1: port 5; ports are 0 (A) to 4 (E)',
      'monitor 1: override port 9; ports are 0 (A) to 4 (E)',
      'monitor 1: its EDID has 2 extension blocks; 0 are taken',
      'monitor 2: its EDID has 2 extension blocks; 0 are taken',
    ]);
    expect(parseMonitorConfig(new Uint8Array()).issues).toEqual(['the file is empty']);
    expect(parseMonitorConfig(binary(1, HDMI_B.subarray(0, 100))).issues).toEqual([
      '1 monitors take 130 bytes, the file has 100',
    ]);
  });

  test('any bytes are either read or refused, and any records survive the text form', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const got = parseMonitorConfig(bytes);
        expect(got.records.length === 0).toBe(got.issues.length > 0);
      }),
    );
    const port = fc.constantFrom('A', 'B', 'C', 'D', 'E');
    const record: fc.Arbitrary<MonitorRecord> = fc.record({
      port,
      override: port,
      dp: fc.boolean(),
      edid: fc.uint8Array({ minLength: 128, maxLength: 128 }).map((e) => {
        e[126] = 0;
        return e;
      }),
    });
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 3 }), (records) => {
        const got = parseMonitorConfig(ascii(formatMonitorConfig(records)));
        expect(got).toEqual({ records, issues: [] });
      }),
    );
  });
});
