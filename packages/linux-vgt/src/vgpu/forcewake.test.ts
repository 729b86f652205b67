import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, type TestGuest } from '../testing/bench.ts';

const FORCEWAKE_MT = 0xa188;
const ACK = 0x130044;
const ECOBUS = 0xa180;
const RC_CONTROL = 0xa090;
/** Hardware decides when to sleep; the threshold is 0: at once. */
const RC6_NOW = 0x80040000 | 0;

let b: Bench;
let zero: TestGuest;
let g: TestGuest;
beforeEach(() => {
  b = new Bench();
  zero = b.guest0();
  g = b.hvm(1);
});
const get = (of: TestGuest, bit = 1): void => of.write(FORCEWAKE_MT, (bit << 16) | bit);
const put = (of: TestGuest, bit = 1): void => of.write(FORCEWAKE_MT, bit << 16);
const hardware = (): number => b.device.regs.peek(ACK);

describe('requests to keep the GT awake', () => {
  test("[E1] dom0's first request reaches hardware, and its last release", () => {
    get(zero);
    get(zero, 2);
    expect([hardware(), b.vgt.forcewake.counters.gets]).toEqual([1, 1]);
    put(zero);
    expect(b.vgt.forcewake.counters.puts).toBe(0);
    put(zero, 2);
    expect([hardware(), b.vgt.forcewake.counters.puts]).toEqual([0, 1]);
    expect(b.vgt.control.read('debug/forcewake_count')).toEqual({ ok: true, data: '1\n' });
  });

  test('[E3] an HVM counts when its requests are passed on, and no longer once it is gone', () => {
    const c = new Bench({ ignoreHvmForcewake: false });
    const h = c.hvm(1);
    get(h);
    get(c.guest0());
    put(c.guest0());
    expect(c.device.regs.peek(ACK)).toBe(1);
    c.vgt.destroyVgpu(1);
    expect([c.device.regs.peek(ACK), c.vgt.forcewake.holders]).toEqual([0, 0]);
  });

  test('[E5] without several requesters the register only remembers', () => {
    g.write(ECOBUS, 0);
    get(g);
    expect([g.read(FORCEWAKE_MT), g.read(ACK)]).toEqual([1, 0]);
    g.write(ECOBUS, 0x20);
    get(g, 2);
    expect(g.read(ACK)).toBe(3);
  });

  test('[E6] the GT of a VM that lets it sleep is awake while the VM asks for it', () => {
    g.write(RC_CONTROL, RC6_NOW);
    get(g);
    expect([g.read(0x13805c), g.read(0x138060)]).toEqual([0, 0]);
    put(g);
    expect(g.read(0x13805c)).not.toBe(0);
    expect(g.read(0x138060)).toBe(3);
    get(g);
    expect(g.read(0x13805c)).toBe(0);
  });

  test('[E7] a read of a sleeping GT wakes it for its own time', () => {
    zero.write(RC_CONTROL, RC6_NOW);
    b.clock.advance(1_000_000);
    expect(b.device.gt.power.rc6.asleep).toBe(true);
    zero.read(0xa014);
    expect(b.vgt.forcewake.counters).toMatchObject({ gets: 1, puts: 1, around: 1 });
    zero.read(0x45400);
    get(zero);
    zero.read(0xa014);
    expect(b.vgt.forcewake.counters.around).toBe(1);
  });

  test('[I19] the mediator keeps hardware awake for a switch and lets go after it', () => {
    for (const of of [zero, g]) {
      of.startRing(0);
      of.submit(0, [0, 0]);
      b.run();
    }
    expect(b.vgt.renderOwner).toBe(g.vgpu);
    expect(b.vgt.forcewake.counters).toMatchObject({ gets: 2, puts: 2 });
    expect([b.vgt.forcewake.holders, hardware()]).toEqual([0, 0]);
  });
});
