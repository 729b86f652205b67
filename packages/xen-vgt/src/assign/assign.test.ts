import { MachineMemory } from '@xengt/hsw-device';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Domain } from '../domain/domain.ts';
import { ScriptedEngine } from '../engine/scripted.ts';
import { Hypervisor } from '../hypervisor.ts';
import { type CapabilityWords, FULL_UNIT, HASWELL_GRAPHICS_UNIT } from '../vtd/capabilities.ts';
import { RemappingUnit } from '../vtd/unit.ts';
import { REASON } from '../vtd/vtd.regs.ts';
import { Assignment } from './assignment.ts';
import type { DmaFault } from './dma-fault.ts';
import { pagesFor, SecondLevel } from './second-level.ts';
import { TablePages } from './table-pages.ts';
import { VtdDriver } from './vtd-driver.ts';

const BASE = 430 * 2 ** 30;
const RAM_MIB = 8;
const FRAMES = RAM_MIB * 256;
/** The GPU, 00:02.0. */
const SID = 0x10;
const BOTH = 3;

class Machine {
  readonly memory: MachineMemory = new MachineMemory();
  readonly hypervisor: Hypervisor = new Hypervisor(this.memory);
  readonly unit: RemappingUnit;
  readonly driver: VtdDriver;
  readonly faults: DmaFault[] = [];
  readonly lines: string[] = [];
  events = 0;

  constructor(caps: CapabilityWords = HASWELL_GRAPHICS_UNIT) {
    this.unit = new RemappingUnit(this.memory, caps);
    this.driver = new VtdDriver({
      unit: this.unit,
      memory: this.memory,
      base: BASE,
      onFault: (fault, line) => {
        this.faults.push(fault);
        if (line !== null) this.lines.push(line);
      },
      onEvent: () => this.events++,
    });
  }

  domain(domid: number): Domain {
    const engine = new ScriptedEngine(RAM_MIB);
    return this.hypervisor.createDomain({ name: `dom${domid}`, engine, domid });
  }

  assigned(domid: number, sid = SID): Assignment {
    const got = this.driver.assign(this.domain(domid), sid);
    if (!(got instanceof Assignment)) throw new Error(got);
    return got;
  }
}

const UNITS = [
  ["Haswell's unit", HASWELL_GRAPHICS_UNIT],
  ['a unit with large pages', FULL_UNIT],
] as const;

describe.each(UNITS)('a device given to a domain, through %s', (_, caps) => {
  test("reaches the domain's frames and no others", () => {
    const m = new Machine(caps);
    m.domain(0);
    m.domain(1);
    const { domain } = m.assigned(2);
    for (let gfn = 0; gfn < FRAMES; gfn++) {
      expect(m.unit.translate(SID, gfn, BOTH)).toBe(domain.gfnToMfn(gfn));
    }
    const outside = [FRAMES, 0x100000, 0x100000 + 3 * FRAMES - 1, BASE / 4096, 2 ** 27 - 1];
    for (const gfn of outside) expect(m.unit.translate(SID, gfn, BOTH)).toBe(-1);
  });

  test('frames that come and go later are followed at once', () => {
    const m = new Machine(caps);
    const { domain } = m.assigned(1);
    expect(m.unit.translate(SID, 0xd0000, BOTH)).toBe(-1);
    domain.mapFrames(0xd0000, 0x7000, 0x300);
    expect(m.unit.translate(SID, 0xd02ff, BOTH)).toBe(0x72ff);
    domain.unmapFrames(0xd0100, 0x100);
    expect(m.unit.translate(SID, 0xd00ff, BOTH)).toBe(0x70ff);
    expect(m.unit.translate(SID, 0xd0100, BOTH)).toBe(-1);
    expect(m.unit.translate(SID, 0xd0200, BOTH)).toBe(0x7200);
  });

  test('afterwards everything is as before, and the device may go to another', () => {
    const m = new Machine(caps);
    const first = m.assigned(1);
    const changes = m.memory.changes;
    expect(m.driver.assign(m.domain(2), SID)).toBe("0000:00:02.0 is dom1's");
    first.release();
    first.release();
    expect(m.unit.translate(SID, 5, BOTH)).toBe(5);
    expect(m.memory.regionOf(BASE / 4096)).toBe(0);
    expect(m.memory.changes).toBeGreaterThan(changes);
    const third = m.assigned(3);
    expect(m.unit.translate(SID, 5, BOTH)).toBe(third.domain.gfnToMfn(5));
    first.domain.mapFrames(0xd0000, 0x7000, 1);
    expect(m.unit.translate(SID, 0xd0000, BOTH)).toBe(-1);
  });

  test("two devices of two domains; one that is nobody's reaches nothing", () => {
    const m = new Machine(caps);
    const a = m.assigned(1);
    const b = m.assigned(2, 0x118);
    expect(m.unit.translate(SID, 7, BOTH)).toBe(a.domain.gfnToMfn(7));
    expect(m.unit.translate(0x118, 7, BOTH)).toBe(b.domain.gfnToMfn(7));
    expect(m.unit.translate(0x18, 7, BOTH)).toBe(-1);
    a.release();
    expect(m.unit.translate(SID, 7, BOTH)).toBe(-1);
    expect(m.unit.translate(0x118, 7, BOTH)).toBe(b.domain.gfnToMfn(7));
  });
});

test("firmware's reserved memory keeps its numbers", () => {
  const m = new Machine();
  const got = m.driver.assign(m.domain(1), SID, [{ mfn: 0xbe000, count: 0x200 }]);
  expect(got).toBeInstanceOf(Assignment);
  expect(m.unit.translate(SID, 0xbe1ff, BOTH)).toBe(0xbe1ff);
  expect(m.unit.translate(SID, 0xbe200, BOTH)).toBe(-1);
});

describe('faults', () => {
  test('are told with address, source and reason', () => {
    const m = new Machine();
    const a = m.assigned(1);
    m.unit.translate(SID, 0x12345, BOTH);
    expect([m.events, m.faults.length]).toEqual([1, 0]);
    m.driver.service();
    expect(m.faults).toEqual([
      {
        sid: SID,
        address: 0x12345000,
        reason: REASON.NOT_READABLE,
        device: '0000:00:02.0',
        access: 'read',
        why: 'page may not be read',
        text: '[VT-D]DMAR:[DMA Read] Request device [0000:00:02.0] fault addr 12345000, reason 06 - page may not be read',
      },
    ]);
    expect(a.lastFault).toBe(m.faults[0]);
    m.unit.translate(SID, 2 ** 26, BOTH);
    m.driver.service();
    expect(m.faults[1]?.address).toBe(2 ** 38);
  });

  test('however many there are, a service reads one, and few are written down', () => {
    const m = new Machine();
    const a = m.assigned(1);
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 1000; i++) m.unit.translate(SID, 0x12345 + i, BOTH);
      m.driver.service();
      m.driver.service();
    }
    expect([m.events, m.faults.length, a.counters.faults, m.lines.length]).toEqual([
      50, 50, 50, 10,
    ]);
    const text = m.faults[0]?.text;
    expect(m.lines).toEqual([...Array(9).fill(text), `${text}; further faults are counted only`]);
    expect(m.unit.faults.counters.faults).toBe(50_000);
  });

  test('of interrupts name the index', () => {
    const m = new Machine();
    m.assigned(1);
    m.unit.interrupt(SID, 0xfee00010 | (9 << 5), 0);
    m.driver.service();
    expect(m.faults[0]).toMatchObject({
      access: 'interrupt',
      address: 9,
      text: '[VT-D]INTR-REMAP: Request device [0000:00:02.0] fault index 9, reason 22 - interrupt entry is not present',
    });
  });
});

describe('interrupts', () => {
  test("a device's message reaches its domain as the domain set it up", () => {
    const m = new Machine();
    const a = m.assigned(1);
    const sent: [number, number][] = [];
    a.domain.engine.sendMsi = (address, data) => {
      sent.push([address, data]);
      return true;
    };
    a.message();
    a.bindMsi(0xfee00000, 0x41);
    a.message();
    a.message();
    a.unbindMsi();
    a.message();
    expect(sent).toEqual([
      [0xfee00000, 0x41],
      [0xfee00000, 0x41],
    ]);
    expect(a.counters).toMatchObject({ interrupts: 2, lost: 2 });
    expect(m.unit.counters.remapped).toBe(4);
  });

  test('no device may use the entry of another, nor its own once it is released', () => {
    const m = new Machine();
    const a = m.assigned(1);
    m.assigned(2, 0x18);
    expect(m.unit.interrupt(0x18, 0xfee00010, 0)).toBeNull();
    a.bindMsi(0xfee00000, 0x41);
    a.release();
    a.message();
    expect(a.counters).toMatchObject({ interrupts: 0, lost: 1 });
    expect(m.unit.interrupt(SID, 0xfee00010, 0)).toBeNull();
  });
});

test('second-level tables agree with a list of frames, whatever is mapped and taken away', () => {
  const step = fc.record({
    map: fc.boolean(),
    gfn: fc.oneof(fc.nat(0x900), fc.constantFrom(0, 0x200, 0x400)),
    mfn: fc.oneof(fc.nat(0x4000), fc.constantFrom(0, 0x200, 0x1000)),
    count: fc.oneof(fc.integer({ min: 1, max: 0x500 }), fc.constantFrom(0x200, 0x400)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.nat(3), (steps, large) => {
      const memory = new MachineMemory();
      const pages = new TablePages(memory, BASE, pagesFor(0x1000, 4));
      const tables = new SecondLevel(pages, 4, large);
      const model = new Int32Array(0x1000).fill(-1);
      for (const { map, gfn, mfn, count } of steps) {
        expect(map ? tables.map(gfn, mfn, count) : tables.unmap(gfn, count)).toBe(true);
        for (let i = 0; i < count; i++) model[gfn + i] = map ? mfn + i : -1;
      }
      const at = (table: number, level: number, gfn: number): number => {
        const index = Math.floor(gfn / 512 ** (level - 1)) % 512;
        const low = pages.words[pages.at(table, index)] as number;
        const high = pages.words[pages.at(table, index) + 1] as number;
        const to = (low >>> 12) | (high << 20);
        if ((low & 3) === 0) return -1;
        if (level === 1) return to;
        return (low & 0x80) === 0 ? at(to, level - 1, gfn) : to + (gfn % 512 ** (level - 1));
      };
      for (let gfn = 0; gfn < model.length; gfn += 7)
        expect(at(tables.top, 4, gfn)).toBe(model[gfn]);
    }),
    { numRuns: 60 },
  );
});

test('tables that run short of pages say so; those beyond reach too', () => {
  const memory = new MachineMemory();
  const pages = new TablePages(memory, BASE, 1);
  const tables = new SecondLevel(pages, 3, 0);
  expect(tables.map(2 ** 27, 0, 1)).toBe(false);
  let mapped = 0;
  while (tables.map(mapped * 512, 5, 1)) mapped++;
  expect(mapped).toBe(254);
  expect(tables.unmap(0, 512)).toBe(true);
});
