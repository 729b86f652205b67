import { MachineMemory, type TrapTarget } from '@xengt/hsw-device';
import { describe, expect, test } from 'vitest';
import { DOMAIN_MOVES, type DomainState } from './domain/states.ts';
import { type Script, ScriptedEngine } from './engine/scripted.ts';
import { Hypervisor } from './hypervisor.ts';
import type { EngineEnd } from './port/engine.ts';
import { MediatorPort } from './port/mpt.ts';

const GPU = 2 << 3;
const BAR = 0xd0000000;

function host(): { memory: MachineMemory; hypervisor: Hypervisor } {
  const memory = new MachineMemory();
  return { memory, hypervisor: new Hypervisor(memory) };
}

function scratch(): TrapTarget & { words: Int32Array; writes: number[] } {
  const words = new Int32Array(0x100000);
  const writes: number[] = [];
  return {
    name: 'scratch',
    words,
    writes,
    read: (offset) => words[offset >>> 2] ?? 0,
    write: (offset, _size, value) => {
      writes.push(offset);
      words[offset >>> 2] = value;
    },
  };
}

describe('domains in the machine', () => {
  test('dom0 is identical, HVMs lie above 4 GiB, and the RAM behind a frame is theirs', () => {
    const { memory, hypervisor } = host();
    const dom0 = hypervisor.createDomain({ name: 'Domain-0', engine: new ScriptedEngine(4) });
    const a = hypervisor.createDomain({ name: 'a', engine: new ScriptedEngine(2) });
    const b = hypervisor.createDomain({ name: 'b', engine: new ScriptedEngine(2) });
    expect([dom0.domid, a.domid, b.domid]).toEqual([0, 1, 2]);
    expect(dom0.gfnToMfn(0x123)).toBe(0x123);
    expect(a.gfnToMfn(0)).toBe(2 ** 32 / 4096);
    expect(b.gfnToMfn(5)).toBe(a.gfnToMfn(0) + 512 + 5);
    b.engine.ram.words[(5 << 10) + 3] = 0x5a5a;
    const mfn = b.gfnToMfn(5);
    const region = memory.regionOf(mfn);
    expect(memory.words[region]?.[memory.wordOf(mfn, region) + 3]).toBe(0x5a5a);
    expect(a.gfnToMfn(512)).toBe(-1);
  });

  test('destroying gives the place back, and the next domain of that size takes it', () => {
    const { memory, hypervisor } = host();
    for (const name of ['Domain-0', 'a', 'b', 'c']) {
      hypervisor.createDomain({ name, engine: new ScriptedEngine(2) });
    }
    const place = hypervisor.domain(2)?.placement.base as number;
    hypervisor.destroyDomain(2);
    expect(memory.regionOf(place / 4096)).toBe(0);
    expect(hypervisor.domains.map((d) => d.domid)).toEqual([0, 1, 3]);
    const wide = hypervisor.createDomain({ name: 'wide', engine: new ScriptedEngine(3) });
    expect(wide.domid).toBe(2);
    expect(wide.placement.base).toBeGreaterThan(hypervisor.domain(3)?.placement.base as number);
    const next = hypervisor.createDomain({ name: 'next', engine: new ScriptedEngine(2) });
    expect(next.placement.base).toBe(place);
  });

  test('a taken domid and an unknown one are refused with their number', () => {
    const { hypervisor } = host();
    hypervisor.createDomain({ name: 'Domain-0', engine: new ScriptedEngine(1) });
    const engine = new ScriptedEngine(1);
    expect(() => hypervisor.createDomain({ name: 'x', engine, domid: 0 })).toThrow(
      'there is a domain 0 already',
    );
    expect(() => hypervisor.destroyDomain(7)).toThrow('there is no domain 7');
  });

  test('up to 2048 frames are looked up at once', () => {
    const { hypervisor } = host();
    hypervisor.createDomain({ name: 'Domain-0', engine: new ScriptedEngine(1) });
    const gfns = Int32Array.from({ length: 2048 }, (_, i) => i);
    const into = new Int32Array(2049);
    expect(hypervisor.framesOf(0, 0, gfns, into)).toBe(2048);
    expect([into[3], into[0xa0], into[255], into[256]]).toEqual([3, -1, 255, -1]);
    expect(hypervisor.framesOf(0, 0, new Int32Array(2049), into)).toBe(0);
    expect(hypervisor.framesOf(0, 9, gfns, into)).toBe(0);
  });
});

describe('traps', () => {
  test('[R1] [R2] a range, its slot and its ports go to their targets, and are counted', () => {
    const { hypervisor } = host();
    const guest = new ScriptedEngine(1);
    const domain = hypervisor.createDomain({ name: 'a', engine: guest, domid: 1 });
    const registers = scratch();
    const aperture = scratch();
    const config = scratch();
    const ports = scratch();
    expect(domain.mapTrap(BAR, 4 << 20, 'gttmmio', registers)).toBe(true);
    expect(domain.mapTrap(0xc0000000, 1 << 20, 'aperture', aperture)).toBe(true);
    expect(domain.mapPorts(0xc000, 64, ports)).toBe(true);
    domain.attachPci(GPU, config);
    guest.write32(BAR + 0x2030, 8);
    guest.write32(BAR + 0x200000, 1);
    guest.write32(0xc0000010, 2);
    guest.out(0xc004, 4, 3);
    guest.configWrite(GPU, 4, 2, 7);
    guest.write32(BAR + (4 << 20), 9);
    expect(guest.configRead(1 << 3, 0, 4)).toBe(-1);
    expect(registers.writes).toEqual([0x2030, 0x200000]);
    expect(aperture.writes).toEqual([0x10]);
    expect(ports.writes).toEqual([4]);
    expect(config.writes).toEqual([4]);
    expect(domain.counters.snapshot()).toEqual({
      mmioRead: 0,
      mmioWrite: 1,
      gttRead: 0,
      gttWrite: 1,
      apertureRead: 0,
      apertureWrite: 1,
      configRead: 0,
      configWrite: 1,
      portsRead: 0,
      portsWrite: 1,
      vgaRead: 0,
      vgaWrite: 0,
    });
    expect(domain.mapTrap(BAR + 0x1000, 0x1000, 'mmio', registers)).toBe(false);
    expect(domain.mapTrap(0, 0x1000, 'mmio', registers)).toBe(false);
    expect(domain.refused).toBe(2);
    domain.unmapTrap(BAR, 4 << 20);
    expect(guest.read32(BAR + 0x2030)).toBe(-1);
  });

  test('[R9] writes to a protected page trap, reads do not; elsewhere nothing traps', () => {
    const { hypervisor } = host();
    const guest = new ScriptedEngine(1);
    const domain = hypervisor.createDomain({ name: 'a', engine: guest, domid: 1 });
    const guard = scratch();
    expect(domain.protectPage(0x10, guard)).toBe(true);
    guest.write32(0x10010, 5);
    guest.write32(0x11010, 6);
    expect(guest.read32(0x10010)).toBe(0);
    expect(guest.read32(0x11010)).toBe(6);
    expect(guard.writes).toEqual([0x10]);
    domain.protectPage(0x10, null);
    guest.write32(0x10010, 5);
    expect(guest.read32(0x10010)).toBe(5);
    expect(domain.protectPage(0x100, guard)).toBe(false);
  });

  test('[R4] [R5] wide loads assemble in order over a target; odd widths do nothing', () => {
    const guest = new ScriptedEngine(1);
    const target = scratch();
    target.words.set([1, 2, 3, 4, 5, 6, 7, 8], 4);
    guest.mapMmio(BAR, 0x1000, target);
    const into = new Int32Array(8);
    expect(guest.readWide(BAR + 16, 32, into)).toBe(true);
    expect([...into]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(guest.writeWide(BAR, 24, into)).toBe(false);
    expect(target.writes).toEqual([]);
  });

  test('guest memory is copied only when it is all RAM', () => {
    const { hypervisor } = host();
    const engine = new ScriptedEngine(1);
    const domain = hypervisor.createDomain({ name: 'a', engine, domid: 1 });
    expect(domain.writeGpa(0xffff0, Uint8Array.of(1, 2, 3))).toBe(true);
    const into = new Uint8Array(2);
    expect(domain.readGpa(0xffff1, into)).toBe(true);
    expect([...into]).toEqual([2, 3]);
    for (const gpa of [0xfffff, -1, 0x100000, 1.5, Number.NaN]) {
      expect(domain.readGpa(gpa, into)).toBe(false);
      expect(domain.writeGpa(gpa, into)).toBe(false);
    }
  });
});

describe('states', () => {
  test('only the moves of the table happen', () => {
    const states = Object.keys(DOMAIN_MOVES) as DomainState[];
    const act: Record<
      string,
      (d: ReturnType<Hypervisor['createDomain']>, e: ScriptedEngine) => void
    > = {
      running: (d) => d.resume(),
      paused: (d) => d.pause(),
      crashed: (d) => d.crash('x'),
      shutdown: (d) => d.shutdown('x'),
      rebooted: (_d, e) => e.end({ kind: 'reboot', reason: 'x' }),
    };
    for (const from of states) {
      for (const to of states) {
        if (to === 'created') continue;
        const { hypervisor } = host();
        const engine = new ScriptedEngine(1);
        const domain = hypervisor.createDomain({ name: 'a', engine, domid: 1 });
        if (from !== 'created') {
          domain.resume();
          if (from !== 'running') act[from]?.(domain, engine);
        }
        expect(domain.state).toBe(from);
        act[to]?.(domain, engine);
        const legal = DOMAIN_MOVES[from].includes(to) || from === to;
        // A reset in a domain that never ran cannot happen; the engine's end is not lost on others.
        expect(domain.state, `${from} to ${to}`).toBe(legal ? to : from);
      }
    }
  });

  test.each<[EngineEnd, DomainState]>([
    ['reboot', 'rebooted'],
    ['triple-fault', 'rebooted'],
    ['power-off', 'shutdown'],
    ['halt', 'shutdown'],
    ['crash', 'crashed'],
  ])('a guest that ends by %s leaves its domain %s, with the reason', (kind, state) => {
    const { hypervisor } = host();
    const engine = new ScriptedEngine(1);
    const domain = hypervisor.createDomain({ name: 'a', engine, domid: 1 });
    const seen: DomainState[] = [];
    domain.onState((s) => seen.push(s));
    domain.resume();
    engine.end({ kind, reason: 'because' });
    expect([domain.state, domain.reason, domain.over]).toEqual([state, 'because', true]);
    expect(seen).toEqual(['running', state]);
    domain.resume();
    expect(engine.running).toBe(false);
  });

  test('a kernel that prints its panic has crashed, one that prints about it has not', () => {
    const { hypervisor } = host();
    const engine = new ScriptedEngine(1);
    const domain = hypervisor.createDomain({ name: 'a', engine, domid: 1 });
    domain.resume();
    engine.print(`${'x'.repeat(600)}Kernel panic - not syncing: no\n`);
    engine.print('dmesg | grep "Kernel panic - not syncing: no"\r\n');
    expect(domain.state).toBe('running');
    engine.print('[   12.345678] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n');
    expect(domain.state).toBe('crashed');
    expect(domain.reason).toBe('kernel panic: VFS: Unable to mount root fs');
    expect(engine.running).toBe(false);
  });

  test('a domain crashed from inside its own access reaches no target any more', () => {
    const { hypervisor } = host();
    const target = scratch();
    const script: Script = function* (guest) {
      guest.write32(BAR, 1);
      guest.write32(BAR + 4, 2);
      yield;
      guest.write32(BAR + 8, 3);
    };
    const engine = new ScriptedEngine(1, script);
    const domain = hypervisor.createDomain({ name: 'a', engine, domid: 1 });
    domain.mapTrap(BAR, 0x1000, 'mmio', {
      name: 'judge',
      read: () => 0,
      write: (offset, size, value) => {
        target.write(offset, size, value);
        domain.crash('bad register');
      },
    });
    domain.resume();
    expect(engine.step()).toBe(false);
    expect(engine.step()).toBe(false);
    expect(target.writes).toEqual([0]);
    expect([domain.state, domain.reason]).toEqual(['crashed', 'bad register']);
  });
});

describe('MediatorPort', () => {
  test('[R13] messages go to the domain they are for, with address and data unchanged', () => {
    const { hypervisor } = host();
    const engines = [new ScriptedEngine(1), new ScriptedEngine(1)] as const;
    for (const engine of engines) hypervisor.createDomain({ name: 'x', engine });
    const port = new MediatorPort(hypervisor, GPU);
    port.injectMsi(1, 0xfee01004, 0x4029);
    port.setIntx(1, true);
    port.injectMsi(5, 0xfee00000, 0x40);
    for (const engine of engines) engine.safePoint();
    expect(engines[0].taken).toEqual([]);
    expect(engines[1].taken).toEqual([
      { kind: 'msi', address: 0xfee01004, data: 0x4029 },
      { kind: 'intx', devfn: GPU, pin: 1, level: true },
    ]);
    expect(port.gfnToMfn(1, 1)).toBe(0x100001);
    expect(port.gfnToMfn(5, 1)).toBe(-1);
  });
});
