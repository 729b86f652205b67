import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GTT_WINDOW, HaswellConfigError, HaswellDevice } from './device.ts';
import { HASWELL_MODELS } from './pci/igd.ts';
import { ManualClock } from './port/clock.ts';
import { MachineMemory } from './port/memory.ts';
import type { AccessSize } from './port/trap.ts';

function device(deviceId = 0x0412): HaswellDevice {
  return new HaswellDevice({ deviceId, memory: new MachineMemory(), clock: new ManualClock() });
}

test('every Haswell id makes a device: no two registers share an offset', () => {
  expect(HASWELL_MODELS).toHaveLength(60);
  expect(new Set(HASWELL_MODELS.map((m) => m.deviceId)).size).toBe(60);
  for (const id of [0x0402, 0x0a16, 0x0d22]) expect(device(id).model.deviceId).toBe(id);
});

test('an id that is not a Haswell is refused with the id', () => {
  expect(() => device(0x1612)).toThrow(HaswellConfigError);
  expect(() => device(0x1612)).toThrow('0x1612 is not the device id of a Haswell GPU');
});

describe('BAR0', () => {
  test('bytes and words of a register are widened; the rest of it stays', () => {
    const { mmio } = device();
    const CS_GPR0 = 0x2600;
    mmio.write(CS_GPR0, 4, 0x11223344);
    mmio.write(CS_GPR0 + 1, 1, 0xaa);
    mmio.write(CS_GPR0 + 2, 2, 0xbbcc);
    expect(mmio.read(CS_GPR0, 4) >>> 0).toBe(0xbbccaa44);
    expect(mmio.read(CS_GPR0 + 3, 1)).toBe(0xbb);
    expect(mmio.read(CS_GPR0, 2)).toBe(0xaa44);
  });

  test('what crosses a dword touches both, and nothing beside its bytes', () => {
    const { mmio } = device();
    const CS_GPR0 = 0x2600;
    for (let i = 0; i < 4; i++) mmio.write(CS_GPR0 + i * 4, 4, 0x11111111);
    mmio.write(CS_GPR0 + 3, 4, 0xa1b2c3d4);
    mmio.write(CS_GPR0 + 11, 2, 0xe5f6);
    const dwords = [0, 4, 8, 12].map((at) => mmio.read(CS_GPR0 + at, 4) >>> 0);
    expect(dwords).toEqual([0xd4111111, 0x11a1b2c3, 0xf6111111, 0x111111e5]);
    expect(mmio.read(CS_GPR0 + 3, 4) >>> 0).toBe(0xa1b2c3d4);
    expect(mmio.read(CS_GPR0 + 11, 2)).toBe(0xe5f6);
  });

  test('a narrow write leaves the bits of other bytes alone that clear by writing 1', () => {
    const { mmio, regs } = device();
    const GTIIR = 0x44018;
    regs.poke(GTIIR, 0x01000001);
    mmio.write(GTIIR, 1, 1);
    expect(regs.peek(GTIIR)).toBe(0x01000000);
  });

  test('the upper half is the GTT', () => {
    const { mmio, ggtt } = device();
    mmio.write(GTT_WINDOW + 5 * 4, 4, 0x1234);
    expect(ggtt.read(5)).toBe(0x1234);
    mmio.write(GTT_WINDOW + 5 * 4, 1, 0xff);
    expect(mmio.read(GTT_WINDOW + 5 * 4, 4)).toBe(0x12ff);
  });

  test('nothing a guest writes anywhere throws, and reads are int32', () => {
    const d = device();
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0x3fffff }),
        fc.constantFrom<AccessSize>(1, 2, 4),
        fc.integer(),
        (offset, size, value) => {
          d.mmio.write(offset, size, value);
          const got = d.mmio.read(offset, size);
          expect(got | 0).toBe(got);
          d.step(1 << 12);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('unclaimed offsets are counted, and remembered up to a bound', () => {
    const d = device();
    for (let i = 0; i < 1000; i++) d.mmio.read(0x180000 + i * 4, 4);
    expect(d.regs.unclaimed).toBe(1000);
    expect(d.regs.misses.offsets.length).toBe(256);
  });
});

describe('resets', () => {
  const FENCE0 = 0x100000;
  const RENDER_MODE = 0x7000;
  const RPNSWREQ = 0xa008;

  /** Registers that differ from a device that was just made, by name. */
  function changed(d: HaswellDevice): string[] {
    const fresh = device();
    return [...fresh.regs.dw].flatMap((value, i) =>
      value === d.regs.dw[i] ? [] : [d.regs.nameOf(i << 2)],
    );
  }

  test('after a power-on reset no register tells what was written before', () => {
    const rows = device().regs.rows;
    const write = fc.tuple(fc.nat(rows.length - 1), fc.nat(255), fc.integer());
    fc.assert(
      fc.property(fc.array(write, { maxLength: 300 }), (writes) => {
        const clock = new ManualClock();
        const d = new HaswellDevice({ memory: new MachineMemory(), clock });
        for (const [row, k, value] of writes) {
          const { offset, count = 1, stride = 4 } = rows[row] as (typeof rows)[number];
          d.mmio.write(offset + (k % count) * stride, 4, value);
          d.step(1 << 12);
          clock.advance(50_000);
        }
        d.mmio.write(GTT_WINDOW, 4, 1);
        d.reset('power');
        expect(changed(d)).toEqual([]);
        expect([d.gt.idle, d.ggtt.read(0), d.irq.asserted]).toEqual([true, 0, false]);
      }),
      { numRuns: 20 },
    );
  });

  test('what is counted beside registers begins anew: sleep, and engines that waited', () => {
    const clock = new ManualClock();
    const d = new HaswellDevice({ memory: new MachineMemory(), clock });
    d.mmio.write(0xa090, 4, (1 << 31) | (1 << 18));
    clock.advance(1_280_000);
    expect(d.mmio.read(0x138108, 4)).toBe(1000);
    d.gt.engine('BCS').hang = 'unknown-command';
    d.reset('function');
    expect(d.mmio.read(0x138108, 4)).toBe(0);
    expect(d.gt.engine('BCS').hang).toBe(null);
  });

  test('a function-level reset keeps the GTT; D3hot takes the fences only', () => {
    const d = device();
    const set = (): void => {
      d.mmio.write(FENCE0 + 4, 4, 0x00010003);
      d.mmio.write(FENCE0, 4, 0x00000001);
      d.mmio.write(RENDER_MODE, 4, 0x00100010);
      d.mmio.write(RPNSWREQ, 4, 10 << 24);
      d.mmio.write(GTT_WINDOW, 4, 0x1001);
    };
    const seen = (): number[] => [
      ...[FENCE0, RENDER_MODE, RPNSWREQ].map((offset) => d.mmio.read(offset, 4)),
      d.fences.over[0] as number,
      d.ggtt.read(0),
    ];
    set();
    expect(seen()).toEqual([1, 0x10, 10 << 24, 1, 0x1001]);
    d.reset('d3');
    expect(seen()).toEqual([0, 0x10, 10 << 24, 0, 0x1001]);
    set();
    d.reset('function');
    expect(seen()).toEqual([0, 0, 0, 0, 0x1001]);
    set();
    d.reset('power');
    expect(seen()).toEqual([0, 0, 0, 0, 0]);
  });
});
