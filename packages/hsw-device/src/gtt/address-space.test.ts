import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MachineMemory, MachineMemoryError } from '../port/memory.ts';
import { AddressSpace, pteAddress, pteMfn } from './address-space.ts';
import { Ggtt } from './ggtt.ts';
import { Ppgtt } from './ppgtt.ts';

const MIB = 1 << 20;

function machine(): { memory: MachineMemory; low: Int32Array; high: Int32Array } {
  const memory = new MachineMemory();
  const low = new Int32Array(MIB);
  const high = new Int32Array(MIB);
  memory.addRegion(0, low);
  memory.addRegion(5 * 2 ** 32, high);
  return { memory, low, high };
}

describe('PTE', () => {
  test('[F8] frames above 4 GiB use entry bits 10:4', () => {
    expect(pteMfn(pteAddress(0x123456))).toBe(0x123456);
    expect(pteAddress(0x100000)).toBe(0x10);
    expect(pteMfn(0x10)).toBe(0x100000);
  });

  test('address bits survive the round trip for every 39-bit frame', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 27 - 1 }), (mfn) => {
        expect(pteMfn(pteAddress(mfn) | 1)).toBe(mfn);
      }),
    );
  });
});

describe('GGTT', () => {
  test('control case: a valid entry reaches its frame, below and above 4 GiB', () => {
    const { memory, low, high } = machine();
    const ggtt = new Ggtt(memory);
    ggtt.write(5, pteAddress(3) | 1);
    ggtt.write(6, pteAddress((5 * 2 ** 32) / 4096 + 7) | 1);
    ggtt.space.write32(0x5010, 0x11);
    ggtt.space.write32(0x6ffc, 0x22);
    expect(low[3 * 1024 + 4]).toBe(0x11);
    expect(high[7 * 1024 + 1023]).toBe(0x22);
    expect(ggtt.space.faults).toBe(0);
  });

  test('an entry without the valid bit, or without memory behind it, faults and reads 0', () => {
    const { memory } = machine();
    const ggtt = new Ggtt(memory);
    ggtt.write(5, pteAddress(3));
    ggtt.write(6, pteAddress(0x70000) | 1);
    expect(ggtt.space.read32(0x5000)).toBe(0);
    ggtt.space.write32(0x6000, 1);
    expect(ggtt.space.faults).toBe(2);
    expect(ggtt.space.faultAt).toBe(0x6000);
  });

  test('a changed entry takes effect at once', () => {
    const { memory, low } = machine();
    const ggtt = new Ggtt(memory);
    low[1024] = 1;
    low[2048] = 2;
    ggtt.write(0, pteAddress(1) | 1);
    expect(ggtt.space.read32(0)).toBe(1);
    ggtt.write(0, pteAddress(2) | 1);
    expect(ggtt.space.read32(0)).toBe(2);
  });

  test('[F7] entries outside the table are neither read nor written', () => {
    const ggtt = new Ggtt(new MachineMemory());
    ggtt.write(0x80000, 5);
    ggtt.write(-1, 5);
    expect(ggtt.read(0x80000)).toBe(0);
    expect(ggtt.space.region(0x80000)).toBe(0);
    expect(ggtt.space.region(-1)).toBe(0);
  });

  test('memory that goes away is no longer reached through cached translations', () => {
    const memory = new MachineMemory();
    const words = new Int32Array(MIB / 4);
    const id = memory.addRegion(0, words);
    const ggtt = new Ggtt(memory);
    ggtt.write(0, 1);
    ggtt.space.write32(0, 7);
    memory.removeRegion(id);
    ggtt.space.write32(0, 9);
    expect(words[0]).toBe(7);
    expect(ggtt.space.read32(0)).toBe(0);
  });
});

describe('PPGTT', () => {
  test('walks directory and table, and keeps a stale page until it is invalidated', () => {
    const { memory, low } = machine();
    const ggtt = new Ggtt(memory);
    const ppgtt = new Ppgtt('test', memory, ggtt);
    ppgtt.base = 4 << 16;
    ggtt.write(4 * 16 + 1, pteAddress(20) | 1);
    low[20 * 1024 + 2] = pteAddress(30) | 1;
    const gma = (1 << 22) | (2 << 12);
    ppgtt.space.write32(gma, 5);
    expect(low[30 * 1024]).toBe(5);
    low[20 * 1024 + 2] = pteAddress(31) | 1;
    ppgtt.space.write32(gma, 6);
    expect(low[30 * 1024]).toBe(6);
    ppgtt.space.invalidate();
    ppgtt.space.write32(gma, 8);
    expect(low[31 * 1024]).toBe(8);
  });

  test('an invalid entry asks for the page once, and faults where the answer is no', () => {
    const { memory, low } = machine();
    const ggtt = new Ggtt(memory);
    const ppgtt = new Ppgtt('test', memory, ggtt);
    ggtt.write(0, pteAddress(20) | 1);
    const asked: number[] = [];
    ppgtt.onPageRequest = (page): boolean => {
      asked.push(page);
      low[20 * 1024 + 3] = pteAddress(40) | 1;
      return page === 3;
    };
    ppgtt.space.write32(0x3000, 1);
    ppgtt.space.write32(0x4000, 1);
    expect(low[40 * 1024]).toBe(1);
    expect(asked).toEqual([3, 4]);
    expect(ppgtt.space.faults).toBe(1);
  });
});

describe('translation against a walk without a cache', () => {
  test('agrees for random entries, writes and invalidations', () => {
    const op = fc.oneof(
      fc.record({
        kind: fc.constant('map' as const),
        page: fc.integer({ min: 0, max: 15 }),
        frame: fc.integer({ min: 0, max: 300 }),
      }),
      fc.record({
        kind: fc.constant('read' as const),
        page: fc.integer({ min: 0, max: 15 }),
        frame: fc.constant(0),
      }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
        const memory = new MachineMemory();
        const words = new Int32Array(MIB / 4);
        for (let f = 0; f < 256; f++) words[f * 1024] = f + 1;
        memory.addRegion(0, words);
        const ggtt = new Ggtt(memory);
        for (const o of ops) {
          if (o.kind === 'map') ggtt.write(o.page, pteAddress(o.frame) | (o.frame === 0 ? 0 : 1));
          else {
            const pte = ggtt.read(o.page);
            const want = (pte & 1) !== 0 && pteMfn(pte) < 256 ? pteMfn(pte) + 1 : 0;
            expect(ggtt.space.read32(o.page << 12)).toBe(want);
          }
        }
      }),
    );
  });
});

describe('MachineMemory', () => {
  test('refuses what is misaligned, overlapping or outside 39 bits, with a code', () => {
    const memory = new MachineMemory();
    const words = new Int32Array(MIB / 4);
    memory.addRegion(MIB, words);
    const code = (base: number): string => {
      try {
        memory.addRegion(base, words);
      } catch (e) {
        return (e as MachineMemoryError).code;
      }
      return 'accepted';
    };
    expect(code(0)).toBe('accepted');
    expect(code(4096)).toBe('misaligned');
    expect(code(MIB)).toBe('overlap');
    expect(code(2 ** 39)).toBe('outside');
  });

  test('a region that was removed gives its place and id back', () => {
    const memory = new MachineMemory();
    const words = new Int32Array(MIB / 4);
    const id = memory.addRegion(0, words);
    memory.removeRegion(id);
    expect(memory.addRegion(0, words)).toBe(id);
    expect(() => memory.removeRegion(id + 1)).toThrow(MachineMemoryError);
  });
});

test('a space over a function of entries faults outside 2 GiB', () => {
  const space = new AddressSpace('x', new MachineMemory(), () => 1);
  expect(space.read32(-4096)).toBe(0);
  expect(space.faults).toBe(1);
});
