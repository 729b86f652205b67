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
