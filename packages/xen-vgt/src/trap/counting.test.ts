import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import { describe, expect, test } from 'vitest';
import { CountingTarget, TrapCounters } from './counting.ts';
import { wideRead, wideWrite } from './wide.ts';

type Access = readonly ['r' | 'w', number, AccessSize, number?];

function recorder(): TrapTarget & { log: Access[] } {
  const log: Access[] = [];
  return {
    name: 'recorder',
    log,
    read(offset, size) {
      log.push(['r', offset, size]);
      return offset;
    },
    write(offset, size, value) {
      log.push(['w', offset, size, value]);
    },
  };
}

describe('CountingTarget', () => {
  test('hands accesses on unchanged and counts each kind apart', () => {
    const counters = new TrapCounters();
    const target = recorder();
    const mmio = new CountingTarget('mmio', 0x1000, counters, target);
    const ports = new CountingTarget('ports', 64, counters, target);
    expect(mmio.name).toBe('recorder');
    expect(mmio.read(0x44, 4)).toBe(0x44);
    mmio.write(0x48, 2, 7);
    ports.write(0, 1, 1);
    expect(target.log).toEqual([
      ['r', 0x44, 4],
      ['w', 0x48, 2, 7],
      ['w', 0, 1, 1],
    ]);
    expect(counters.snapshot()).toEqual({
      mmioRead: 1,
      mmioWrite: 1,
      gttRead: 0,
      gttWrite: 0,
      apertureRead: 0,
      apertureWrite: 0,
      configRead: 0,
      configWrite: 0,
      portsRead: 0,
      portsWrite: 1,
      vgaRead: 0,
      vgaWrite: 0,
    });
  });

  test('[F9] a GTTMMIO BAR counts registers below its middle and GTT entries above', () => {
    const counters = new TrapCounters();
    const bar = new CountingTarget('gttmmio', 4 << 20, counters, recorder());
    bar.read(0x1ffffc, 4);
    bar.read(0x200000, 4);
    bar.write(0x200004, 4, 1);
    bar.write(0x3ffffc, 4, 1);
    expect([counters.reads('mmio'), counters.reads('gtt')]).toEqual([1, 1]);
    expect([counters.writes('mmio'), counters.writes('gtt')]).toEqual([0, 2]);
  });
});

describe('accesses wider than a dword', () => {
  test('[R3] a store is made of dwords in ascending order', () => {
    const target = recorder();
    expect(wideWrite(target, 0x20, 16, Int32Array.of(1, 2, 3, 4))).toBe(true);
    expect(target.log).toEqual([1, 2, 3, 4].map((v, i) => ['w', 0x20 + i * 4, 4, v]));
  });

  test('[R4] a 32-byte load assembles its parts in order', () => {
    const target = recorder();
    const into = new Int32Array(8);
    expect(wideRead(target, 0x100, 32, into)).toBe(true);
    expect([...into]).toEqual([0x100, 0x104, 0x108, 0x10c, 0x110, 0x114, 0x118, 0x11c]);
  });

  test('[R5] 24 bytes and every other odd width are refused with nothing done', () => {
    const target = recorder();
    const data = new Int32Array(16);
    for (let bytes = 0; bytes <= 64; bytes++) {
      if (bytes === 8 || bytes === 16 || bytes === 32) continue;
      expect(wideRead(target, 0, bytes, data)).toBe(false);
      expect(wideWrite(target, 0, bytes, data)).toBe(false);
    }
    expect(target.log).toEqual([]);
  });
});
