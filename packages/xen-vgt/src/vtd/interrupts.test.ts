import { describe, expect, test } from 'vitest';
import { Rig } from './testing/rig.ts';
import { CFI, IRE, IRTA, REASON, SIRTP } from './vtd.regs.ts';

const TABLE = 0x60;
const SID = 0x10;
const VECTOR = 0x41;

/** Message address that names an entry. @param add the data is added to the index */
function message(index: number, add = false): number {
  return 0xfee00010 | ((index & 0x7fff) << 5) | (((index >>> 15) & 1) << 2) | (add ? 8 : 0);
}

/** A unit with a table of 256 entries; 3 is of the GPU, vector 0x41, for processor 2. */
function rig(flags = 0): Rig {
  const r = new Rig();
  r.write(IRTA, (TABLE << 12) | flags | 7);
  r.command(SIRTP);
  r.command(IRE);
  entry(r, 3, 1 | (VECTOR << 16), SID | (1 << 18));
  return r;
}

function entry(r: Rig, index: number, low: number, source: number): void {
  r.put(TABLE, index * 2, low, 2 << 8);
  r.put(TABLE, index * 2 + 1, source);
}

function refused(r: Rig, sid: number, address: number, data: number): number[] {
  expect(r.unit.interrupt(sid, address, data)).toBeNull();
  return r.faults().map((f) => f.reason);
}

describe('interrupt remapping', () => {
  test('control case: off, every message passes', () => {
    const r = new Rig();
    expect(r.unit.interrupt(SID, 0xfee00000, 0x31)).toBe('passes');
    expect(r.unit.interrupt(SID, message(3), 0)).toBe('passes');
  });

  test('a message becomes what its entry says', () => {
    const r = rig();
    const wanted = { vector: VECTOR, destination: 2, delivery: 0, level: false };
    expect(r.unit.interrupt(SID, message(3), 0)).toEqual(wanted);
    expect(r.unit.interrupt(SID, message(1, true), 2)).toEqual(wanted);
    entry(r, 4, 1 | 0x10 | (1 << 5) | (9 << 16), 0);
    expect(r.unit.interrupt(SID, message(4), 0)).toMatchObject({ delivery: 1, level: true });
    expect(r.unit.counters.remapped).toBe(3);
  });

  test('an entry that changed counts at once', () => {
    const r = rig();
    r.unit.interrupt(SID, message(3), 0);
    entry(r, 3, 1 | (0x55 << 16), SID | (1 << 18));
    expect(r.unit.interrupt(SID, message(3), 0)).toMatchObject({ vector: 0x55 });
  });

  test.each([
    ['an entry that is not there', message(5), 0, REASON.IRTE_ABSENT],
    ['an index beyond the table', message(0x100), 0, REASON.IRQ_BEYOND_TABLE],
    ['an index of 16 bits', message(0x8003), 0, REASON.IRQ_BEYOND_TABLE],
    ['data too wide', message(3, true), 0x10000, REASON.IRQ_RESERVED],
    ['the old format', 0xfee00000, 0x31, REASON.IRQ_COMPATIBLE],
  ])('%s is refused', (_, address, data, reason) => {
    expect(refused(rig(), SID, address, data)).toEqual([reason]);
  });

  test("another device's entry, and malformed ones", () => {
    const r = rig();
    expect(refused(r, SID + 8, message(3), 0)).toEqual([REASON.IRQ_SOURCE]);
    entry(r, 3, 1 | (1 << 24), SID | (1 << 18));
    expect(refused(r, SID, message(3), 0)).toEqual([REASON.IRTE_RESERVED]);
    entry(r, 3, 1, SID | (3 << 18));
    expect(refused(r, SID, message(3), 0)).toEqual([REASON.IRTE_RESERVED]);
    entry(r, 3, 2, 0);
    expect(refused(r, SID, message(3), 0)).toEqual([]);
    expect(r.unit.faults.counters.silenced).toBe(1);
  });

  test('a fault names device and index', () => {
    const r = rig();
    r.unit.interrupt(SID, message(5), 0);
    expect(r.faults()).toEqual([
      { sid: SID, reason: REASON.IRTE_ABSENT, read: false, frame: 5 * 2 ** 36 },
    ]);
  });

  test.each([
    ['functions 0 and 4 alike', 1, [0, 4], 1],
    ['every function', 3, [0, 7], 8],
  ])('source ids may be verified loosely: %s', (_, open, good, bad) => {
    const r = rig();
    entry(r, 3, 1 | (VECTOR << 16), SID | (open << 16) | (1 << 18));
    for (const f of good) expect(r.unit.interrupt(SID + f, message(3), 0)).not.toBeNull();
    expect(refused(r, SID + bad, message(3), 0)).toEqual([REASON.IRQ_SOURCE]);
  });

  test('or by a range of buses', () => {
    const r = rig();
    entry(r, 3, 1, (2 << 8) | 4 | (2 << 18));
    for (const bus of [2, 3, 4]) {
      expect(r.unit.interrupt(bus << 8, message(3), 0)).not.toBeNull();
    }
    for (const bus of [1, 5])
      expect(refused(r, bus << 8, message(3), 0)).toEqual([REASON.IRQ_SOURCE]);
  });

  test('the old format passes where software allows it, and never with wide destinations', () => {
    const r = rig();
    r.command(CFI);
    expect(r.unit.interrupt(SID, 0xfee00000, 0x31)).toBe('passes');
    const wide = rig(0x800);
    wide.command(CFI);
    expect(refused(wide, SID, 0xfee00000, 0x31)).toEqual([REASON.IRQ_COMPATIBLE]);
    expect(wide.unit.interrupt(SID, message(3), 0)).toMatchObject({ destination: 0x200 });
  });

  test('a table that lies nowhere', () => {
    const r = rig();
    r.write(IRTA + 4, 0x7f);
    r.command(SIRTP);
    expect(refused(r, SID, message(3), 0)).toEqual([REASON.IRTE_UNREACHABLE]);
    r.write(IRTA + 4, 0x1000);
    r.command(SIRTP);
    expect(refused(r, SID, message(3), 0)).toEqual([REASON.IRTE_UNREACHABLE]);
  });
});
