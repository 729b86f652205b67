import { MachineMemory, type TrapTarget } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import { ScriptedEngine } from '../engine/scripted.ts';
import { Hypervisor } from '../hypervisor.ts';
import { MediatorPort } from '../port/mpt.ts';
import { IO_RANGES_MAX } from './ioreq-server.ts';

const IGD = 2 << 3;
const BAR = 0xd0000000;
const VGA = 0xa0000;

let hypervisor: Hypervisor;
let log: [string, number, number][];
beforeEach(() => {
  hypervisor = new Hypervisor(new MachineMemory());
  log = [];
});
const target = (name: string): TrapTarget => ({
  name,
  read: () => 7,
  write: (offset, size) => {
    log.push([name, offset, size]);
  },
});
function guest(domid: number) {
  const engine = new ScriptedEngine(4);
  return { engine, domain: hypervisor.createDomain({ name: `d${domid}`, engine, domid }) };
}

describe('two ways for requests', () => {
  test('[R1] [W3] each range and the one function go to who registered them, and count there', () => {
    const { engine, domain } = guest(1);
    const vgt = domain.enableVgt(IGD);
    domain.attachPci(IGD, target('igd'));
    domain.attachPci(1 << 3, target('piix3'));
    domain.mapTrap(VGA, 0x20000, 'vga', target('vga'));
    new MediatorPort(hypervisor, IGD).mapTrap(1, BAR, 4 << 20, target('bar0'));
    expect([vgt.serves('memory', BAR), vgt.serves('memory', VGA)]).toEqual([true, false]);
    expect([vgt.serves('pci', IGD), vgt.serves('pci', 1 << 3)]).toEqual([true, false]);
    engine.write32(BAR + 0x2030, 1);
    engine.read32(BAR + 0x200000);
    engine.write8(VGA + 5, 1);
    engine.configRead(IGD, 0, 4);
    engine.configWrite(1 << 3, 4, 2, 3);
    expect(vgt.snapshot()).toMatchObject({ requests: 3, wakeUps: 3, ranges: 2 });
    expect(domain.deviceModel.snapshot()).toMatchObject({ requests: 2, ranges: 1 });
    expect(log.map(([name]) => name)).toEqual(['bar0', 'vga', 'piix3']);
    domain.unmapTrap(BAR, 4 << 20);
    expect(vgt.serves('memory', BAR)).toBe(false);
    engine.write32(BAR, 1);
    expect(vgt.counts.requests).toBe(3);
  });

  test('[R2] selecting 00:02.0 is told to both, 00:01.0 to the device model only', () => {
    const { engine, domain } = guest(1);
    const vgt = domain.enableVgt(IGD);
    const select = (address: number): number[] => {
      engine.out(0xcf8, 4, address);
      return [domain.deviceModel.configAddress, vgt.configAddress];
    };
    expect(select(0x80000000 | (IGD << 8))).toEqual([1, 1]);
    expect(select(0x80000000 | (1 << 11))).toEqual([2, 1]);
    // Another bus, and an address that is not enabled.
    expect(select(0x80010000 | (IGD << 8))).toEqual([3, 1]);
    expect(select(IGD << 8)).toEqual([4, 1]);
    expect(engine.in(0xcf8, 4)).toBe(IGD << 8);
  });

  test('[R3] [R4] an instruction of 16 bytes is two requests and one wake-up, of 32 four and one', () => {
    const { engine, domain } = guest(1);
    const vgt = domain.enableVgt(IGD);
    domain.mapTrap(BAR, 0x1000, 'mmio', target('bar0'));
    const figures = (): number[] => [vgt.counts.requests, vgt.counts.wakeUps];
    engine.writeWide(BAR, 16, new Int32Array(4));
    expect(log.map(([, offset]) => offset)).toEqual([0, 4, 8, 12]);
    expect(figures()).toEqual([2, 1]);
    engine.readWide(BAR, 32, new Int32Array(8));
    expect(figures()).toEqual([6, 2]);
    engine.readWide(BAR, 8, new Int32Array(8));
    expect(figures()).toEqual([7, 3]);
    expect(engine.readWide(BAR, 24, new Int32Array(8))).toBe(false);
    engine.read32(BAR);
    expect(figures()).toEqual([8, 4]);
  });

  test('a buffered write is a request that nobody waits for; a read behind it is waited for', () => {
    const { engine, domain } = guest(1);
    const { counts } = domain.deviceModel;
    domain.mapTrap(VGA, 0x20000, 'vga', target('vga'));
    for (let i = 0; i < 5; i++) engine.write8(VGA + i, i);
    engine.read8(VGA);
    expect(counts).toMatchObject({ requests: 6, buffered: 5, synchronous: 1, wakeUps: 1 });
    expect(log.length).toBe(5);
  });

  test('a server takes 512 ranges; one more is refused, as is one that is somebody`s', () => {
    const { engine, domain } = guest(1);
    const vgt = domain.enableVgt(IGD);
    const map = (at: number): boolean => domain.mapTrap(BAR + at * 0x10, 0x10, 'mmio', target('r'));
    for (let i = 0; i < IO_RANGES_MAX; i++) expect(map(i)).toBe(true);
    expect(map(IO_RANGES_MAX)).toBe(false);
    domain.unmapTrap(BAR, 0x10);
    expect([map(1), map(IO_RANGES_MAX)]).toEqual([false, true]);
    expect([vgt.refused, domain.refused]).toEqual([2, 2]);
    expect(engine.read32(BAR + 0x10)).toBe(7);
  });
});

describe('event channels', () => {
  test('[R12] only a domain that the mediator serves has the second one', () => {
    const { domain } = guest(1);
    guest(2);
    domain.enableVgt(IGD);
    domain.enableVgt(IGD);
    const uses = (domid: number): string[] => hypervisor.channels.of(domid).map((c) => c.use);
    expect(uses(1)).toEqual(['device-model', 'device-model-buffered', 'vgt']);
    expect(uses(2)).toEqual(['device-model', 'device-model-buffered']);
    hypervisor.destroyDomain(1);
    expect(uses(1)).toEqual([]);
    guest(3);
    expect(hypervisor.channels.of(3).map((c) => c.port)).toEqual([1, 2]);
  });

  test('ports are given out until there are none', () => {
    const { channels } = hypervisor;
    for (let i = 1; i < 1024; i++) expect(channels.open(9, 'vgt')?.port).toBe(i);
    expect(channels.open(9, 'vgt')).toBeNull();
    channels.closeAll(9);
    expect(channels.open(9, 'vgt')?.port).toBe(1);
  });
});

describe('frame look-up', () => {
  test('[R11] 2048 frames at once, one more is refused, and only the hardware domain may ask', () => {
    guest(0);
    guest(1);
    const gfns = new Int32Array(2048).map((_, i) => i % 1024);
    const into = new Int32Array(2049);
    expect(hypervisor.framesOf(0, 1, gfns, into)).toBe(2048);
    expect(into[1023]).toBe(2 ** 20 + 1023);
    expect(hypervisor.framesOf(0, 1, new Int32Array(2049), into)).toBe(0);
    expect(hypervisor.framesOf(1, 1, gfns, into)).toBe(0);
  });
});
