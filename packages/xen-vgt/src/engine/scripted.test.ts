import { describe, expect, test } from 'vitest';
import { type Script, ScriptedEngine } from './scripted.ts';

const MSI = 0xfee00000;

describe('ScriptedEngine', () => {
  test('[L12] interrupts raised inside an access wait for the safe point', () => {
    const seen: number[] = [];
    const script: Script = function* (guest) {
      guest.write32(0x10000000, 1);
      seen.push(guest.taken.length);
      yield;
      seen.push(guest.taken.length);
    };
    const engine = new ScriptedEngine(1, script);
    engine.mapMmio(0x10000000, 0x1000, {
      name: 'doorbell',
      read: () => 0,
      write: () => {
        engine.sendMsi(MSI, 0x41);
      },
    });
    engine.run();
    while (engine.step());
    expect(seen).toEqual([0, 1]);
    expect(engine.counters.deferred).toBe(1);
    expect(engine.ended).toEqual({ kind: 'power-off', reason: 'the script ended' });
  });

  test('a halted guest goes on when an interrupt comes, not before', () => {
    let after = 0;
    const script: Script = function* () {
      yield 'halt';
      after++;
      yield;
    };
    const engine = new ScriptedEngine(1, script);
    engine.run();
    expect(engine.step()).toBe(false);
    expect(engine.step()).toBe(false);
    engine.setIntx(0x10, 1, false);
    expect(engine.step()).toBe(false);
    expect(after).toBe(0);
    engine.sendMsi(MSI, 0x41);
    expect(engine.counters.wakeUps).toBe(2);
    expect(engine.step()).toBe(true);
    expect(after).toBe(1);
  });

  test('safe-point hooks run before interrupts are taken', () => {
    const engine = new ScriptedEngine(1);
    const order: number[] = [];
    engine.onSafePoint(() => {
      order.push(engine.taken.length);
      if (order.length === 1) engine.sendMsi(MSI, 0x41);
    });
    engine.safePoint();
    expect(order).toEqual([0]);
    expect(engine.taken.length).toBe(1);
  });

  test('all widths of RAM and configuration space agree, little-endian', () => {
    const engine = new ScriptedEngine(1);
    engine.write32(0x100, 0x44332211);
    engine.write16(0x102, 0xbbaa);
    engine.write8(0x101, 0xcc);
    expect(engine.read32(0x100) >>> 0).toBe(0xbbaacc11);
    expect(engine.read16(0x101)).toBe(0xaacc);
    expect(engine.read8(0x103)).toBe(0xbb);
    const bytes = new Uint8Array(256).map((_, i) => i);
    engine.setPciFunction(0x10, {
      name: 'config',
      read: (offset, size) => {
        let v = 0;
        for (let i = 0; i < size; i++) v |= (bytes[offset + i] as number) << (i * 8);
        return v;
      },
      write: () => {},
    });
    expect(engine.configRead(0x10, 0x3d, 1)).toBe(0x3d);
    expect(engine.configRead(0x10, 0x2e, 2)).toBe(0x2f2e);
    expect(engine.configRead(0x18, 0, 4)).toBe(-1);
    expect(engine.counters.configStray).toBe(1);
  });

  test('a state is RAM, and one of another size is refused', () => {
    const a = new ScriptedEngine(1);
    a.write32(0x4000, 77);
    const b = new ScriptedEngine(1);
    b.restoreState(a.saveState());
    expect(b.read32(0x4000)).toBe(77);
    expect(() => new ScriptedEngine(2).restoreState(a.saveState())).toThrow('1048576 bytes of RAM');
  });
});
