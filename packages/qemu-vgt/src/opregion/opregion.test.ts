import { makeMonitor } from '@xengt/hsw-device';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  answerSwsci,
  buildOpRegion,
  OPREGION_BYTES,
  OPREGION_CLID,
  OPREGION_SWSCI_PARM,
  OPREGION_SWSCI_SCIC,
  OPREGION_VBT,
} from './opregion.ts';
import { buildVbt } from './vbt.ts';
import { type VbtPanel, vbtPanelOf } from './vbt-panel.ts';
import { DEFAULT_VBT_PORTS, type VbtPort, vbtPortsOf } from './vbt-ports.ts';

// What i915 6.1 reads, written again from intel_opregion.c and intel_bios.c, on a DataView.

interface Child {
  readonly type: number;
  readonly dvoPort: number;
  ddcPin: number;
  aux: number;
  readonly hdmiLevel: number;
}
interface Parsed {
  readonly version: number;
  readonly intCrt: boolean;
  readonly intLvds: boolean;
  readonly crtDdcPin: number;
  readonly ports: ReadonlyMap<string, Child>;
  /** What the driver would complain about or correct. */
  readonly remarks: string[];
}

function latin(v: DataView, at: number, n: number): string {
  return String.fromCharCode(...new Uint8Array(v.buffer, v.byteOffset + at, n));
}

/** intel_bios_is_valid_vbt. */
function isValid(v: DataView): boolean {
  if (v.byteLength < 48 || latin(v, 0, 4) !== '$VBT') return false;
  const size = v.getUint16(24, true);
  if (size > v.byteLength) return false;
  const bdb = v.getUint32(28, true);
  if (bdb + 22 > size) return false;
  return bdb + v.getUint16(bdb + 20, true) <= size;
}

/** find_raw_section: the block's data, or null. */
function section(v: DataView, id: number): DataView | null {
  const bdb = v.getUint32(28, true);
  const total = v.getUint16(bdb + 20, true);
  let at = v.getUint16(bdb + 18, true);
  while (at + 3 < total) {
    const current = v.getUint8(bdb + at);
    const size = v.getUint16(bdb + at + 1, true);
    at += 3;
    if (at + size > total) return null;
    if (current === id) return new DataView(v.buffer, v.byteOffset + bdb + at, size);
    at += size;
  }
  return null;
}

const PORT_OF_DVO: Record<number, string> = {
  0: 'A',
  10: 'A',
  1: 'B',
  7: 'B',
  2: 'C',
  8: 'C',
  3: 'D',
  9: 'D',
  12: 'E',
  11: 'E',
  6: 'E',
};
/** gmbus_pins of a PCH from Ibex Peak to Lynx Point. */
const VALID_PINS = [1, 2, 3, 4, 5, 6];

function parse(v: DataView): Parsed {
  const remarks: string[] = [];
  const version = v.getUint16(v.getUint32(28, true) + 16, true);
  const general = section(v, 1);
  const defs = section(v, 2);
  const driver = section(v, 12);
  if (general === null || defs === null || driver === null) throw new Error('block missing');
  const childSize = defs.getUint8(4);
  if (childSize !== 33) remarks.push(`child size ${childSize}`);
  const ports = new Map<string, Child>();
  for (let at = 5; at + childSize <= defs.byteLength; at += childSize) {
    const type = defs.getUint16(at + 2, true);
    if (type === 0) continue;
    const child: Child = {
      type,
      dvoPort: defs.getUint8(at + 16),
      ddcPin: defs.getUint8(at + 19),
      aux: defs.getUint8(at + 25),
      hdmiLevel: defs.getUint8(at + 7) & 0x1f,
    };
    const slave = defs.getUint8(at + 18);
    if (slave === 0x70 || slave === 0x72) remarks.push('SDVO');
    const port = PORT_OF_DVO[child.dvoPort];
    if (port === undefined) continue;
    if (ports.has(port)) remarks.push(`port ${port} twice`);
    if (port === 'A' && type & 0x10) remarks.push('DVI on port A');
    if (type & 0x10) {
      if (!VALID_PINS.includes(child.ddcPin)) remarks.push(`port ${port} pin ${child.ddcPin}`);
      if ([...ports.values()].some((p) => p.ddcPin === child.ddcPin && child.ddcPin !== 0)) {
        remarks.push(`port ${port} shares pin ${child.ddcPin}`);
      }
    }
    if (type & 4 && [...ports.values()].some((p) => p.aux === child.aux && child.aux !== 0)) {
      remarks.push(`port ${port} shares AUX ${child.aux}`);
    }
    ports.set(port, child);
  }
  return {
    version,
    intCrt: version >= 155 && (general.getUint8(4) & 1) === 1,
    intLvds: ((driver.getUint16(7, true) >>> 11) & 3) === 1,
    crtDdcPin: VALID_PINS.includes(defs.getUint8(0)) ? defs.getUint8(0) : 2,
    ports,
    remarks,
  };
}

function vbtOf(ports: readonly VbtPort[], panel: VbtPanel | null = null): DataView {
  const region = buildOpRegion(ports, panel);
  return new DataView(region.buffer, OPREGION_VBT, OPREGION_BYTES - OPREGION_VBT);
}

describe('OpRegion', () => {
  const region = buildOpRegion(DEFAULT_VBT_PORTS);
  const view = new DataView(region.buffer);

  test('has the signature, version 2.0, ACPI, SWSCI and ASLE mailboxes and an open lid', () => {
    expect(region.length).toBe(8192);
    expect(latin(view, 0, 16)).toBe('IntelGraphicsMem');
    expect(view.getUint32(16, true)).toBe(8);
    expect(view.getUint8(23)).toBe(2);
    expect(view.getUint32(88, true)).toBe(7);
    expect(view.getUint32(OPREGION_CLID, true)).toBe(3);
    // rvda and rvds are 0, so that i915 takes the VBT from mailbox 4 and pcon says "has displays".
    expect(view.getBigUint64(0x300 + 186, true)).toBe(0n);
    expect(view.getUint32(92 + 4, true)).toBe(0);
  });

  test('lists one ACPI display id per port', () => {
    const didl = [0, 1, 2, 3, 4].map((i) => view.getUint32(0x120 + i * 4, true));
    expect(didl).toEqual([0x80010100, 0x80010300, 0x80010301, 0x80010302, 0]);
  });
});

describe('VBT as i915 6.1 reads it', () => {
  test('control case: the table is valid and nothing in it needs correcting', () => {
    const vbt = vbtOf(DEFAULT_VBT_PORTS);
    expect(isValid(vbt)).toBe(true);
    expect(latin(vbt, 0, 20)).toBe('$VBT HASWELL        ');
    expect(parse(vbt).remarks).toEqual([]);
  });

  test('E is analogue, B is HDMI, C is both, D is DisplayPort; no local panel', () => {
    const got = parse(vbtOf(DEFAULT_VBT_PORTS));
    expect(got.version).toBe(175);
    expect(got.intCrt).toBe(true);
    expect(got.intLvds).toBe(false);
    expect(got.crtDdcPin).toBe(2);
    const outputs = [...got.ports].map(([name, c]) => ({
      name,
      crt: (c.type & 1) !== 0,
      hdmi: (c.type & 0x10) !== 0 && (c.type & 0x800) === 0,
      dp: (c.type & 4) !== 0,
      pin: c.ddcPin,
      aux: c.aux,
    }));
    expect(outputs).toEqual([
      { name: 'E', crt: true, hdmi: false, dp: false, pin: 2, aux: 0 },
      { name: 'B', crt: false, hdmi: true, dp: false, pin: 5, aux: 0 },
      { name: 'C', crt: false, hdmi: true, dp: true, pin: 4, aux: 0x20 },
      { name: 'D', crt: false, hdmi: false, dp: true, pin: 6, aux: 0x30 },
    ]);
  });

  test('[N20] a board whose B, C and D take any monitor offers DP, HDMI and DVI on each', () => {
    const any = DEFAULT_VBT_PORTS.map(
      (p): VbtPort => (p.ddi === 'E' ? p : { ...p, kind: 'dp++', aux: p.ddi }),
    );
    const got = parse(vbtOf(any));
    expect(got.remarks).toEqual([]);
    for (const ddi of ['B', 'C', 'D']) {
      // Digital, DisplayPort and TMDS, and not "no HDMI".
      expect((got.ports.get(ddi)?.type ?? 0) & 0x816).toBe(0x16);
    }
  });

  test('without an analogue port the driver is told so', () => {
    const got = parse(vbtOf(DEFAULT_VBT_PORTS.filter((p) => p.kind !== 'crt')));
    expect(got.intCrt).toBe(false);
    expect(got.ports.has('E')).toBe(false);
  });

  test('the device port table and the board wiring give the same ports', () => {
    const pins = [
      { name: 'A', gmbusPin: 0, aux: 0x64010 },
      { name: 'B', gmbusPin: 5, aux: 0xe4110 },
      { name: 'C', gmbusPin: 4, aux: 0xe4210 },
      { name: 'D', gmbusPin: 6, aux: 0xe4310 },
      { name: 'E', gmbusPin: 2, aux: 0 },
    ] as const;
    const desktop = { A: 'none', B: 'hdmi', C: 'dp++', D: 'dp', E: 'vga' } as const;
    expect(vbtPortsOf(pins, desktop)).toEqual(DEFAULT_VBT_PORTS);
    expect(vbtPortsOf(pins, { ...desktop, A: 'edp', B: 'none', E: 'none' })[0]).toEqual({
      ddi: 'A',
      kind: 'edp',
      gmbusPin: 0,
      aux: 'A',
    });
  });

  test('every byte counts: all bytes sum to 0, and one damaged length makes it invalid', () => {
    const vbt = buildVbt(DEFAULT_VBT_PORTS);
    expect(vbt.reduce((n, b) => n + b, 0) & 0xff).toBe(0);
    const damaged = vbt.slice();
    damaged[48 + 20] = 0xff;
    expect(isValid(new DataView(damaged.buffer))).toBe(false);
  });

  test('any table the check lets pass is read without a remark, ports unchanged', () => {
    const kinds: Record<VbtPort['ddi'], VbtPort['kind'][]> = {
      A: ['edp'],
      B: ['hdmi', 'dvi', 'dp', 'dp++'],
      C: ['hdmi', 'dvi', 'dp', 'dp++'],
      D: ['hdmi', 'dvi', 'dp', 'dp++'],
      E: ['crt'],
    };
    const pins = { A: 0, B: 5, C: 4, D: 6, E: 2 } as const;
    const port = (ddi: VbtPort['ddi']): fc.Arbitrary<VbtPort> =>
      fc.constantFrom(...kinds[ddi]).map((kind) => ({
        ddi,
        kind,
        gmbusPin: pins[ddi],
        aux: ddi === 'E' ? null : ddi,
      }));
    fc.assert(
      fc.property(
        fc
          .shuffledSubarray(['A', 'B', 'C', 'D', 'E'] as const)
          .chain((list) => fc.tuple(...list.map(port))),
        (ports) => {
          const got = parse(vbtOf(ports));
          expect(got.remarks).toEqual([]);
          expect([...got.ports.keys()]).toEqual(ports.map((p) => p.ddi));
        },
      ),
    );
  });

  test('a table that contradicts itself is refused with every reason', () => {
    expect(() =>
      buildVbt([
        { ddi: 'B', kind: 'hdmi', gmbusPin: 5, aux: null },
        { ddi: 'C', kind: 'dp', gmbusPin: 5, aux: null },
        { ddi: 'E', kind: 'hdmi', gmbusPin: 0, aux: null },
      ]),
    ).toThrow(
      'port table: DDI B and DDI C share GMBUS pin 5; DDI C is dp without an AUX channel; ' +
        'DDI E is hdmi without DDC pins; DDI E cannot be hdmi',
    );
  });
});

describe('a built-in panel as i915 6.1 reads it', () => {
  const ports: VbtPort[] = [...DEFAULT_VBT_PORTS, { ddi: 'A', kind: 'edp', gmbusPin: 0, aux: 'A' }];
  const { edid } = makeMonitor({ kind: 'edp', mode: '1920x1080' });
  const vbt = vbtOf(ports, vbtPanelOf(edid, 'Panel', 2, 2.7));
  const need = (id: number): DataView => {
    const found = section(vbt, id);
    if (found === null) throw new Error(`no block ${id}`);
    return found;
  };

  test('the child is an internal DisplayPort on DDI A and AUX A; nothing needs correcting', () => {
    const got = parse(vbt);
    expect(got.remarks).toEqual([]);
    const child = got.ports.get('A');
    expect([child?.dvoPort, child?.aux, (child?.type ?? 0) & 0x1004]).toEqual([10, 0x40, 0x1004]);
    expect(need(40).getUint8(0)).toBe(0);
  });

  test('the tables of panels lie where their pointers say: validate_lfp_data_ptrs', () => {
    const pointers = need(41);
    const data = need(42);
    const at = data.byteOffset - (vbt.byteOffset + vbt.getUint32(28, true));
    expect(pointers.getUint8(0)).toBe(3);
    for (let i = 0; i < 16; i++) {
      const [fp, timing, pnp] = [0, 3, 6].map((k) => pointers.getUint16(1 + i * 9 + k, true) - at);
      const sizes = [0, 3, 6].map((k) => pointers.getUint8(3 + i * 9 + k));
      expect(sizes).toEqual([38, 18, 10]);
      expect([fp, timing, pnp]).toEqual([i * 66, i * 66 + 38, i * 66 + 56]);
      expect(data.getUint16((fp as number) + 36, true)).toBe(0xffff);
    }
    expect([pointers.getUint16(145, true) - at, pointers.getUint8(147)]).toEqual([16 * 66, 13]);
    expect(data.byteLength).toBe(16 * (66 + 13));
  });

  test('timing and name are those of its EDID', () => {
    const data = need(42);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    expect([...bytes.slice(38, 56)]).toEqual([...edid.slice(54, 72)]);
    expect([...bytes.slice(56, 66)]).toEqual([...edid.slice(8, 18)]);
    expect([data.getUint16(0, true), data.getUint16(2, true)]).toEqual([1920, 1080]);
    expect(latin(data, 16 * 66, 13)).toBe('Panel        ');
  });

  test('power sequence T1 to T12, link of two lanes at 2.7, 24 bits, PWM backlight', () => {
    const edp = need(27);
    const times = [0, 2, 4, 6, 8].map((k) => edp.getUint16(k, true) / 10);
    expect(times).toEqual([80, 1, 1, 50, 500]);
    expect(edp.getUint32(160, true) & 3).toBe(1);
    expect(edp.getUint8(164)).toBe(0x11);
    expect(edp.getUint8(206) & 0xf).not.toBe(0);
    const backlight = need(43);
    expect([backlight.getUint8(0), backlight.getUint8(1) & 3]).toEqual([6, 2]);
    expect(backlight.getUint16(2, true)).toBe(200);
  });
});

describe('software SCI', () => {
  function call(main: number, sub: number): { busy: boolean; exit: number; parm: number } {
    const view = new DataView(new ArrayBuffer(OPREGION_BYTES));
    view.setUint32(OPREGION_SWSCI_SCIC, (main << 1) | (sub << 8) | 1, true);
    view.setUint32(OPREGION_SWSCI_PARM, 0x1234, true);
    answerSwsci(view);
    const scic = view.getUint32(OPREGION_SWSCI_SCIC, true);
    const parm = view.getUint32(OPREGION_SWSCI_PARM, true);
    return { busy: (scic & 1) !== 0, exit: (scic >>> 5) & 7, parm };
  }

  test('[Q10] asking what is supported succeeds with "nothing"', () => {
    for (const [main, sub] of [
      [4, 0],
      [4, 1],
      [6, 0],
    ] as const) {
      expect(call(main, sub)).toEqual({ busy: false, exit: 1, parm: 0 });
    }
  });

  test('[Q10] every other call fails, and is never left busy', () => {
    for (let main = 0; main < 16; main++) {
      for (let sub = 0; sub < 256; sub++) {
        if ((main === 4 && sub <= 1) || (main === 6 && sub === 0)) continue;
        expect(call(main, sub)).toEqual({ busy: false, exit: 0, parm: 0x1234 });
      }
    }
  });

  test('without the indicator nothing is touched', () => {
    const view = new DataView(new ArrayBuffer(OPREGION_BYTES));
    view.setUint32(OPREGION_SWSCI_SCIC, 8, true);
    answerSwsci(view);
    expect(view.getUint32(OPREGION_SWSCI_SCIC, true)).toBe(8);
  });
});
