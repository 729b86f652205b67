import type { Vgt } from '@xengt/linux-vgt';
import { type Dom0Access, ScriptedEngine } from '@xengt/xen-vgt';
import { afterEach, describe, expect, test } from 'vitest';
import { parseGuestConfig } from '../config/guest-config.ts';
import { MAX_MEMORY_MIB } from '../config/guest-keys.ts';
import { counters } from './counters.ts';
import { dom0Report, dom0Text } from './dom0-report.ts';
import { Host } from './host.ts';
import { IGD_DEVFN } from './machine.ts';

const MEMORY_MIB = 32;
const BAR0 = 0xf0000000;
const GTT = 0x200000;
const PV_MAGIC = 0x78000;

let host: Host;
afterEach(() => host.close());

/** A host with a Domain-0 that sets its function up, uses registers and GTT, and what it read. */
async function dom0(access: Dom0Access): Promise<{ engine: ScriptedEngine; read: number[] }> {
  host = new Host({ dom0: access });
  const engine = new ScriptedEngine(MEMORY_MIB);
  const files = { engine, emulator: 'scripted', image: '' };
  await host.createDomain({ domid: 0, name: 'Domain-0', memoryMiB: MEMORY_MIB, files });
  host.domain(0)?.resume();
  engine.configWrite(IGD_DEVFN, 0x10, 4, BAR0 | 0);
  engine.configWrite(IGD_DEVFN, 0x04, 2, 6);
  const { lowBase } = (host.vgt as Vgt).dom0.slice;
  engine.write32(BAR0 + GTT + (lowBase >>> 10), 0x100007);
  engine.writeWide(BAR0 + 0x24dc0, 16, Int32Array.of(1, 2, 3, 4));
  const read = [PV_MAGIC, GTT + (lowBase >>> 10), 0x2030].map((at) => engine.read32(BAR0 + at));
  return { engine, read: [...read, engine.configRead(IGD_DEVFN, 0, 4)] };
}

describe('how Domain-0 reaches the mediator', () => {
  test('[W1] the same results either way; deprivileged each instruction traps, with hooks none', async () => {
    const first = await dom0('deprivileged');
    const trapped = dom0Report(host);
    expect(counters(host)['Domain-0 faults']).toEqual({ memory: 5, port: 6 });
    host.close();
    const second = await dom0('hooks');
    const hooked = dom0Report(host);
    expect(second.read).toEqual(first.read);
    expect(first.read[0]).toBe(0x76544776);
    expect(trapped).toMatchObject({
      access: 'deprivileged',
      faults: { memory: 5, port: 6 },
      traps: { mmioRead: 2, mmioWrite: 4, gttRead: 1, gttWrite: 1 },
    });
    expect(hooked).toMatchObject({ access: 'hooks', faults: { memory: 0, port: 0 } });
    expect(Object.values(hooked?.traps ?? { none: 1 }).every((n) => n === 0)).toBe(true);
    expect(trapped?.cost.ratio).toBeGreaterThan(0);
    if (trapped === null || hooked === null) throw new Error('no report');
    expect(dom0Text(trapped)).toContain('deprivileged, 5 #GP 0xe008 and 6 #GP 0xe00c (mmioRead 2');
    expect(dom0Text(hooked)).toContain('hooks, no access of its driver traps');
  });

  test('a guest`s requests are counted by who serves them, whatever Domain-0 does', async () => {
    await dom0('hooks');
    const engine = new ScriptedEngine(MEMORY_MIB);
    const files = { engine, emulator: 'scripted', image: '' };
    await host.createDomain({ domid: 1, name: 'guest', memoryMiB: MEMORY_MIB, files });
    host.domain(1)?.resume();
    engine.configRead(IGD_DEVFN, 0, 4);
    engine.configRead(0, 0, 4);
    engine.write8(0xa0000, 1);
    const all = counters(host);
    expect(all['guest vgt requests']).toMatchObject({ requests: 1, wakeUps: 1, configAddress: 1 });
    expect(all['guest device model requests']).toMatchObject({
      requests: 2,
      buffered: 1,
      wakeUps: 1,
      configAddress: 2,
    });
  });
});

test('[S1] no domain file makes RAM that reaches 0xc0000000', () => {
  const parse = (memory: number) =>
    parseGuestConfig(`name = "big"\nmemory = ${memory}\n`, 'big.cfg');
  expect(parse(MAX_MEMORY_MIB).ok).toBe(true);
  expect(MAX_MEMORY_MIB * 2 ** 20).toBeLessThanOrEqual(0xc0000000);
  for (const memory of [MAX_MEMORY_MIB + 1, 3072, 3073, 4096]) expect(parse(memory).ok).toBe(false);
});

describe('the OpRegion', () => {
  test('[Q8] [Q9] [Q11] the first address has it copied there, lid open; later ones change nothing', async () => {
    const { engine } = await dom0('deprivileged');
    const made = host.domains.get(0);
    const machine = made?.machine;
    if (made === undefined || machine === undefined) throw new Error('no domain');
    machine.placeOpRegion(made.domain, made.display(host.device.display));
    const at = engine.configRead(IGD_DEVFN, 0xfc, 4);
    expect(at).toBe(machine.opRegionAt);
    expect(String.fromCharCode(...engine.ram.bytes.subarray(at, at + 16))).toBe('IntelGraphicsMem');
    expect(engine.read32(at + 0x1ac)).toBe(3);
    for (const [offset, size] of [
      [0xfc, 4],
      [0xfe, 2],
      [0xff, 1],
    ] as const)
      engine.configWrite(IGD_DEVFN, offset, size, 0x100000);
    expect(machine.opRegionRefused).toBe(3);
    expect(engine.configRead(IGD_DEVFN, 0xfc, 4)).toBe(at);
    expect(engine.read32(0x100000)).toBe(0);
    // The software SCI is answered in the pages that the guest sees.
    engine.write32(at + 0x200, (4 << 1) | 1);
    engine.write32(at + 0x204, 0x1234);
    engine.configWrite(IGD_DEVFN, 0xe8, 2, 0x8001);
    expect([engine.read32(at + 0x200), engine.read32(at + 0x204)]).toEqual([0x28, 0]);
    // Firmware has said where low memory ends.
    expect(machine.lowMemoryTop).toBe((MEMORY_MIB << 20) / 4096);
    engine.configWrite(IGD_DEVFN, 0, 4, 0x1000);
    expect(machine.lowMemoryTop).toBe((MEMORY_MIB << 20) / 4096);
    expect(engine.configRead(IGD_DEVFN, 0, 4) & 0xffff).toBe(0x8086);
  });

  test('[Q11] the frame where low memory ends is taken once, from four bytes, below 2^20', async () => {
    const { engine } = await dom0('deprivileged');
    const machine = host.domains.get(0)?.machine;
    engine.configWrite(IGD_DEVFN, 0, 2, 0x1000);
    engine.configWrite(IGD_DEVFN, 0, 4, 1 << 20);
    engine.configWrite(IGD_DEVFN, 0, 4, -1);
    expect(machine?.lowMemoryTop).toBe(-1);
    engine.configWrite(IGD_DEVFN, 0, 4, 0x2000);
    engine.configWrite(IGD_DEVFN, 0, 4, 0x3000);
    expect(machine?.lowMemoryTop).toBe(0x2000);
  });
});
