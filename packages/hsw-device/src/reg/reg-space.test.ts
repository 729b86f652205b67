import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { RegSpace } from './reg-space.ts';
import { RegMapError, type RegRow } from './row.ts';
import { unclaimedText } from './unclaimed.ts';

const src = 'a test';
let regs: RegSpace;
beforeEach(() => {
  regs = new RegSpace(0x100);
});

describe('a write', () => {
  test('agrees with a model that goes bit by bit', () => {
    const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    const word = fc.oneof(int, fc.constantFrom(0, -1, 0xffff, 0xffff0000 | 0));
    fc.assert(
      fc.property(word, word, fc.boolean(), word, word, (rw, w1c, masked, old, value) => {
        const space = new RegSpace(0x100);
        space.add([{ name: 'R', offset: 8, rw, w1c, masked, src }]);
        space.poke(8, old);
        space.write32(8, value);
        let want = 0;
        for (let b = 0; b < 32; b++) {
          const bit = (of: number): number => (of >>> b) & 1;
          const enabled = masked ? b < 16 && ((value >>> (b + 16)) & 1) === 1 : true;
          let v = enabled && bit(rw) === 1 ? bit(value) : bit(old);
          if (bit(w1c) === 1 && bit(value) === 1) v = 0;
          want |= v << b;
        }
        expect(space.read32(8)).toBe(want);
      }),
    );
  });

  test('is told to its hook with the value before; a read gives what its hook says, as int32', () => {
    const told: number[][] = [];
    regs.add([
      { name: 'W', offset: 0, rw: 0xff, reset: 0x100, onWrite: (...args) => told.push(args), src },
      { name: 'R', offset: 4, reset: 2, onRead: (offset, value) => offset + value + 2 ** 32, src },
    ]);
    regs.write32(0, 0x1234);
    expect(told).toEqual([[0, 0x134, 0x100]]);
    expect([regs.read32(4), regs.sample(4), regs.peek(4)]).toEqual([6, 6, 2]);
  });
});

describe('rows', () => {
  const refused: readonly (readonly [RegMapError['code'], RegRow])[] = [
    ['REG_MISALIGNED', { name: 'X', offset: 2, src }],
    ['REG_OUTSIDE', { name: 'X', offset: 0x100, src }],
    ['REG_OUTSIDE', { name: 'X', offset: 0xfc, count: 2, src }],
    ['REG_OVERLAP', { name: 'X', offset: 0x30, count: 5, src }],
  ];
  test.each(refused)('%s is refused when the space is made', (code, row) => {
    regs.add([{ name: 'Y', offset: 0x40, src }]);
    let error: unknown;
    try {
      regs.add([row]);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(RegMapError);
    expect(error).toMatchObject({ code, name: 'RegMapError' });
  });

  test('runs have names with numbers, a gap and what lies beyond the space none', () => {
    regs.add([
      { name: 'ONE', offset: 0, reset: 7, src },
      { name: 'RUN', offset: 0x10, count: 3, stride: 8, reset: 9, src },
    ]);
    const names = [0, 0x10, 0x14, 0x20, 0x200].map((offset) => regs.nameOf(offset));
    expect(names).toEqual(['ONE', 'RUN[0]', '0x14', 'RUN[2]', '0x200']);
    expect(regs.rowAt(0x18)?.name).toBe('RUN');
    regs.write32(0x18, 1);
    regs.poke(0, 2);
    regs.reset();
    expect([regs.peek(0), regs.peek(0x18)]).toEqual([7, 9]);
  });
});

describe('what no row claims', () => {
  test('reads 0, keeps nothing and is counted by offset, in their order', () => {
    regs.write32(0x80, 5);
    regs.write32(0x80, -1);
    expect([regs.read32(0x80), regs.read32(0x10), regs.sample(0x10)]).toEqual([0, 0, 0]);
    regs.read32(0x80);
    regs.write32(0x20, 3);
    expect(regs.unclaimed).toBe(6);
    expect(unclaimedText(regs.misses.offsets).trimEnd().split('\n')).toEqual([
      '0x10  1 read',
      '0x20  1 write, last 0x3',
      '0x80  2 reads, 2 writes, last 0xffffffff',
    ]);
  });

  test('is remembered for 256 offsets, and counted beyond', () => {
    const space = new RegSpace(0x1000);
    for (let round = 0; round < 2; round++) {
      for (let offset = 0; offset < 0x1000; offset += 4) {
        if ((offset & 4) === 0) space.read32(offset);
        else space.write32(offset, 1);
      }
    }
    expect([space.unclaimed, space.misses.offsets.length]).toEqual([2048, 256]);
  });
});

describe('a watcher', () => {
  test('hears of what it wants and of what nobody claims, until it goes', () => {
    regs.add([{ name: 'R', offset: 0, count: 4, src }]);
    const heard: string[] = [];
    const watcher = {
      registerRead: (offset: number, value: number): void =>
        void heard.push(`r ${offset} ${value}`),
      registerWritten: (offset: number, value: number): void =>
        void heard.push(`w ${offset} ${value}`),
    };
    const touch = (): void => {
      for (const offset of [0, 4, 0x40]) {
        regs.write32(offset, offset + 1);
        regs.read32(offset);
      }
    };
    regs.watch(watcher, (offset) => offset === 4);
    touch();
    expect(regs.sample(4)).toBe(5);
    expect(heard).toEqual(['w 4 5', 'r 4 5', 'w 64 65', 'r 64 0']);
    expect([regs.nameOf(4), regs.claims(4)]).toEqual(['R[1]', true]);
    regs.watch(null);
    touch();
    expect(heard).toHaveLength(4);
    regs.watch(watcher);
    touch();
    expect(heard).toHaveLength(10);
  });
});
