import { MachineMemory, type TrapTarget } from '@xengt/hsw-device';
import { describe, expect, test } from 'vitest';
import type { Dom0Access } from '../domain/surroundings.ts';
import { ScriptedEngine } from '../engine/scripted.ts';
import { Hypervisor } from '../hypervisor.ts';
import { Dom0Traps, GP_MEMORY, GP_PORT, RESERVED_BIT } from './io-trap.ts';

const IGD = 2 << 3;
const BAR = 0xd0000000;
const BAR_BYTES: number = 4 << 20;

describe('what Domain-0 may not touch itself', () => {
  test('[R7] an access to a marked page ends in #GP 0xe008, one to a trapped port in 0xe00c', () => {
    const traps = new Dom0Traps();
    expect(traps.set([{ first: 0xcf8, length: 8 }], [{ first: BAR, length: 0x2000 }])).toBeNull();
    expect([GP_MEMORY, GP_PORT]).toEqual([0xe008, 0xe00c]);
    expect([BAR - 1, BAR, BAR + 0x1fff, BAR + 0x2000].map((a) => traps.memoryFault(a))).toEqual([
      null,
      0xe008,
      0xe008,
      null,
    ]);
    expect([0xcf7, 0xcf8, 0xcff, 0xd00].map((p) => traps.portFault(p))).toEqual([
      null,
      0xe00c,
      0xe00c,
      null,
    ]);
    const entry = (address: number): bigint => BigInt(address) | 3n;
    const marked = (e: bigint): boolean => ((traps.l1Entry(e) >> RESERVED_BIT) & 1n) === 1n;
    expect([BAR - 4096, BAR, BAR + 0x1000, BAR + 0x2000].map((a) => marked(entry(a)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    // An entry that is not present is no translation; NX and the other bits stay.
    expect(traps.l1Entry(BigInt(BAR))).toBe(BigInt(BAR));
    const nx = (1n << 63n) | entry(BAR);
    expect(traps.l1Entry(nx)).toBe(nx | (1n << RESERVED_BIT));
  });

  test('[R8] five ranges are refused, four are not; none asks what there is', () => {
    const traps = new Dom0Traps();
    const ranges = (n: number) =>
      Array.from({ length: n }, (_, i) => ({ first: i * 0x100, length: 0x10 }));
    expect(traps.set(ranges(4), ranges(4))).toBeNull();
    expect(traps.set(ranges(5), [])).toBe('E2BIG');
    expect(traps.set([], ranges(5))).toBe('E2BIG');
    for (const bad of [
      [{ first: 0, length: 0 }],
      [{ first: -1, length: 4 }],
      [{ first: 0xfffe, length: 4 }],
      [
        { first: 0, length: 8 },
        { first: 4, length: 8 },
      ],
    ])
      expect(traps.set(bad, [])).toBe('EINVAL');
    expect(traps.set([], [])).toBeNull();
    expect(traps.query()).toEqual({ ports: ranges(4), memory: ranges(4) });
    expect(traps.set([], [{ first: BAR, length: 16 }])).toBeNull();
    expect(traps.query()).toEqual({ ports: [], memory: [{ first: BAR, length: 16 }] });
  });
});

describe('Domain-0 and the mediator', () => {
  function host(dom0: Dom0Access) {
    const hypervisor = new Hypervisor(new MachineMemory());
    const engine = new ScriptedEngine(4);
    const domain = hypervisor.createDomain({ name: 'Domain-0', engine, domid: 0, dom0 });
    const seen: string[] = [];
    const target = (name: string): TrapTarget => ({
      name,
      read: (offset, size) => {
        seen.push(`${name} r${size} ${offset.toString(16)}`);
        return offset;
      },
      write: (offset, size, value) => {
        seen.push(`${name} w${size} ${offset.toString(16)} ${value}`);
      },
    });
    domain.enableVgt(IGD);
    domain.attachPci(IGD, target('config'));
    domain.mapTrap(BAR, BAR_BYTES, 'gttmmio', target('bar0'));
    engine.configWrite(IGD, 4, 2, 6);
    engine.write32(BAR + 0x2030, 8);
    const read = engine.read32(BAR + 0x200010);
    engine.writeWide(BAR + 0x20, 16, Int32Array.of(1, 2, 3, 4));
    return { hypervisor, engine, domain, seen, read };
  }

  test('[W1] with hooks its accesses reach the mediator without a trap; deprivileged each traps once', () => {
    const trapped = host('deprivileged');
    const hooked = host('hooks');
    expect(hooked.seen).toEqual(trapped.seen);
    expect(hooked.read).toBe(trapped.read);
    expect(trapped.seen.length).toBe(7);
    expect(trapped.domain.dom0?.faults).toEqual({ memory: 3, port: 2 });
    expect(hooked.domain.dom0?.faults).toEqual({ memory: 0, port: 0 });
    const sum = (counts: Record<string, number>): number =>
      Object.values(counts).reduce((a, b) => a + b, 0);
    expect(sum(trapped.domain.counters.snapshot())).toBe(7);
    expect(sum(hooked.domain.counters.snapshot())).toBe(0);
  });

  test('what traps follows the BAR; with hooks nothing is marked', () => {
    const { domain } = host('deprivileged');
    expect(domain.dom0?.query()).toEqual({
      ports: [{ first: 0xcf8, length: 8 }],
      memory: [{ first: BAR, length: BAR_BYTES }],
    });
    domain.unmapTrap(BAR, BAR_BYTES);
    expect(domain.dom0?.query().memory).toEqual([]);
    expect(host('hooks').domain.dom0?.query()).toEqual({ ports: [], memory: [] });
  });

  test('it has no device model and no channel to itself; a guest is never hooked', () => {
    const { hypervisor } = host('hooks');
    expect(hypervisor.channels.of(0)).toEqual([]);
    const engine = new ScriptedEngine(4);
    const hvm = hypervisor.createDomain({ name: 'hvm', engine, domid: 1, dom0: 'hooks' });
    hvm.enableVgt(IGD);
    hvm.mapTrap(BAR, BAR_BYTES, 'gttmmio', { name: 'bar0', read: () => 0, write: () => {} });
    engine.read32(BAR);
    expect(hvm.dom0).toBeNull();
    expect(hvm.counters.reads('mmio')).toBe(1);
  });
});
