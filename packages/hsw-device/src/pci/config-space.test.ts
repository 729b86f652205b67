import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AccessSize } from '../port/trap.ts';
import { barAddress, barBase, barRows, headerRows, msiRows } from './config-rows.ts';
import { ConfigMapError, ConfigSpace } from './config-space.ts';

const SRC = 'test';
const IGD = { vendor: 0x8086, device: 0x0412, revision: 6, classCode: 0x030000 } as const;

describe('ConfigSpace', () => {
  test('widths read the same bytes, little-endian', () => {
    const space = new ConfigSpace('igd', headerRows(IGD));
    expect(space.read(0, 4)).toBe(0x04128086);
    expect(space.read(2, 2)).toBe(0x0412);
    expect(space.read(3, 1)).toBe(0x04);
    expect(space.read(8, 4) >>> 0).toBe(0x03000006);
  });

  test('an access across a dword and past the end reads what there is', () => {
    const space = new ConfigSpace('x', [
      { name: 'A', offset: 0xfc, width: 4, reset: 0x44332211, src: SRC },
    ]);
    expect(space.read(0xfe, 4)).toBe(0x4433);
    expect(space.read(0x1000, 4)).toBe(0);
    space.write(0xfe, 4, -1);
    expect(space.read(0xfc, 4)).toBe(0x44332211);
  });

  test('read-only bits stay, write-1-to-clear bits clear', () => {
    const space = new ConfigSpace('x', [
      { name: 'A', offset: 0x40, width: 2, reset: 0xff00, rw: 0x000f, w1c: 0x0f00, src: SRC },
    ]);
    space.write(0x40, 2, 0x03f5);
    expect(space.read(0x40, 2)).toBe(0xfc05);
  });

  test('a hook is told once per write, with the whole row before and after', () => {
    const seen: [number, number][] = [];
    const space = new ConfigSpace('x', [
      {
        name: 'A',
        offset: 0x40,
        width: 4,
        reset: 0x11223344,
        rw: -1,
        onWrite: (v, old) => seen.push([v, old]),
        src: SRC,
      },
    ]);
    space.write(0x41, 1, 0xaa);
    space.write(0x3e, 4, 0x56781234);
    expect(seen).toEqual([
      [0x1122aa44, 0x11223344],
      [0x11225678, 0x1122aa44],
    ]);
  });

  test('all ones to a BAR read back its size and type', () => {
    const space = new ConfigSpace('x', [
      ...barRows({ index: 0, bytes: 4 << 20, kind: 'mem64' }),
      ...barRows({ index: 2, bytes: 256 << 20, kind: 'mem64', prefetchable: true }),
      ...barRows({ index: 4, bytes: 64, kind: 'io' }),
    ]);
    for (const at of [0x10, 0x14, 0x18, 0x1c, 0x20]) space.write(at, 4, -1);
    expect(space.read(0x10, 4) >>> 0).toBe(0xffc00004);
    expect(space.read(0x14, 4)).toBe(-1);
    expect(barBase(space, 0)).toBe(0);
    expect(space.read(0x18, 4) >>> 0).toBe(0xf000000c);
    expect(space.read(0x20, 4)).toBe(~0x3f | 1);
    space.write(0x20, 4, 0xf001);
    expect(barAddress(space.read(0x20, 4))).toBe(0xf000);
    space.write(0x10, 4, 0xe1234567 | 0);
    expect(barAddress(space.read(0x10, 4))).toBe(0xe1000000);
    expect(barBase(space, 0)).toBe(0);
    space.write(0x14, 4, 0);
    expect(barBase(space, 0)).toBe(0xe1000000);
  });

  test('the MSI capability is on the list and its enable bit is reported', () => {
    let control = 0;
    const space = new ConfigSpace('x', [
      ...headerRows({ ...IGD, capabilities: 0x90 }),
      ...msiRows(0x90, 0, (v) => {
        control = v;
      }),
    ]);
    expect(space.read(6, 2) & 0x10).toBe(0x10);
    expect(space.read(space.read(0x34, 1), 2)).toBe(0x0005);
    space.write(0x92, 2, 0xffff);
    expect(control).toBe(0x71);
  });

  test('overlapping rows and rows across a dword are refused when the function is made', () => {
    const a = { name: 'A', offset: 0x40, width: 2, src: SRC } as const;
    expect(() => new ConfigSpace('x', [a, { ...a, name: 'B', offset: 0x41, width: 1 }])).toThrow(
      new ConfigMapError('CONFIG_OVERLAP', 0x41, 'x: B and A both claim 0x41'),
    );
    expect(() => new ConfigSpace('x', [{ ...a, offset: 0x43 }])).toThrow(
      'x: A at 0x43 does not lie inside one dword of 256 bytes',
    );
  });

  test('state goes out and comes back; a wrong one is refused with a reason', () => {
    const a = new ConfigSpace('a', headerRows({ ...IGD, commandRw: 7 }));
    const b = new ConfigSpace('b', headerRows({ ...IGD, commandRw: 7 }));
    a.write(4, 2, 7);
    expect(b.importState(a.exportState())).toBeNull();
    expect(b.read(4, 2)).toBe(7);
    expect(b.importState({ version: 1, bytes: [0] })).toBe('b: 1 bytes of state, expected 256');
    b.reset();
    expect(b.read(4, 2)).toBe(0);
  });

  test('any sequence of writes agrees with a bit-by-bit model', () => {
    const rw = 0x00ff_f0f0;
    const w1c = 0x0f00_000f;
    const access = fc.record({
      offset: fc.integer({ min: 0x3d, max: 0x44 }),
      size: fc.constantFrom<AccessSize>(1, 2, 4),
      value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    });
    fc.assert(
      fc.property(fc.array(access, { maxLength: 20 }), (list) => {
        const space = new ConfigSpace('x', [
          { name: 'A', offset: 0x40, width: 4, reset: 0x0f0f0f0f, rw, w1c, src: SRC },
        ]);
        const model = Array.from({ length: 32 }, (_, b) => (0x0f0f0f0f >>> b) & 1);
        for (const { offset, size, value } of list) {
          space.write(offset, size, value);
          for (let b = 0; b < size * 8; b++) {
            const at = (offset - 0x40) * 8 + b;
            if (at < 0 || at > 31) continue;
            const v = (value >>> b) & 1;
            if ((rw >>> at) & 1) model[at] = v;
            if ((w1c >>> at) & 1 && v === 1) model[at] = 0;
          }
        }
        expect(space.read(0x40, 4)).toBe(model.reduce((n, bit, b) => n | (bit << b), 0));
      }),
    );
  });
});
