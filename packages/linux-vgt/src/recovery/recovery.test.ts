import { beforeEach, describe, expect, test } from 'vitest';
import {
  Bench,
  DATA_GFN,
  lri,
  storeGgtt,
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';
import { fail, pass, SPIN_GMA, spin, UNKNOWN } from '../testing/hangs.ts';

const RCS = 0;
const BCS = 2;
const GDRST = 0x941c;
const SRM_GGTT: number = (0x24 << 23) | 0x400000 | 1;
const GPR0 = 0x2600;

let b: Bench;
let g: TestGuest;
let h: TestGuest;
const setUp = (config: ConstructorParameters<typeof Bench>[0] = {}): void => {
  b = new Bench(config);
  [g, h] = [b.hvm(1), b.hvm(2)];
  for (const guest of [g, h]) for (const e of [RCS, BCS]) guest.startRing(e);
};
beforeEach(() => setUp());
const store = (guest: TestGuest, engine: number, value: number): void =>
  guest.submit(engine, [...storeGgtt(guest.dataGma + engine * 4, value), USER_INTERRUPT]);
const stored = (guest: TestGuest, engine: number): number => guest.peek(DATA_GFN, engine);
/** The guest's i915 as it recovers from a hang. */
const recover = (guest: TestGuest, domains = 1): void => {
  guest.write(GDRST, domains);
  for (const e of [RCS, BCS]) if (domains === 1 || (domains & (2 << e)) !== 0) guest.startRing(e);
};
const hung = (): boolean => b.vgt.recovery.counters.hangs > 0;

describe('blame', () => {
  test('[P5] a stuck engine leads to one physical reset, of that engine', () => {
    spin(g, BCS);
    store(h, BCS, 5);
    const before = b.device.gt.resets;
    const written: number[] = [];
    b.device.regs.watch(
      { registerRead: () => {}, registerWritten: (_, value) => written.push(value) },
      (offset) => offset === GDRST,
    );
    pass(b, 1000);
    expect(b.device.gt.resets).toBe(before + 1);
    expect(written).toEqual([0x8]);
    expect(stored(h, BCS)).toBe(5);
    expect([g.vgpu.heldEngines, h.vgpu.heldEngines]).toEqual([1 << BCS, 0]);
    expect(b.events).toEqual(['VGT_HANG=1 VMID=1']);
  });

  test("the guilty VM's other engines go on, also with what comes later", () => {
    spin(g, BCS);
    store(h, BCS, 5);
    pass(b, 1000, hung);
    store(g, RCS, 6);
    pass(b, 100);
    expect([stored(h, BCS), stored(g, RCS)]).toEqual([5, 6]);
    store(g, BCS, 7);
    pass(b, 500);
    expect(stored(g, BCS)).toBe(0);
  });

  test('the innocent have lost nothing: registers, context and rings are as they were', () => {
    h.submit(RCS, [...lri(GPR0, 0x77), USER_INTERRUPT]);
    b.run();
    h.write(0x7010, 0x00040004);
    spin(g, RCS);
    pass(b, 50);
    const ring = [0x2030, 0x2034, 0x2038, 0x203c].map((at) => h.read(at));
    h.submit(RCS, [SRM_GGTT, GPR0, h.dataGma, USER_INTERRUPT]);
    pass(b, 1000, () => h.peek(DATA_GFN) !== 0);
    expect(h.peek(DATA_GFN)).toBe(0x77);
    expect(h.read(0x7010) & 4).toBe(4);
    expect([0x2038, 0x203c].map((at) => h.read(at))).toEqual(ring.slice(2));
    expect(b.vgt.recovery.counters.engineResets).toBe(1);
  });

  test("[P8] the guilty guest's own reset brings its ring back, with no trace of the hang", () => {
    for (const domains of [1, 0x8]) {
      spin(g, BCS);
      pass(b, 20);
      store(h, BCS, 5);
      pass(b, 1000, () => g.vgpu.heldEngines !== 0);
      recover(g, domains);
      expect(g.vgpu.heldEngines).toBe(0);
      store(g, BCS, domains);
      pass(b, 100);
      expect(stored(g, BCS)).toBe(domains);
      expect(g.read(0x220b0)).toBe(0);
    }
    expect(g.vgpu.counters.hangs).toBe(2);
    expect(g.vgpu.engines.map((ring) => ring.hangs)).toEqual([0, 0, 2, 0]);
  });

  test('[P14] it counts as recovering until it switches a ring on', () => {
    const state = (): unknown => b.vgt.control.read('vm1/recovery');
    expect(state()).toEqual({ ok: true, data: 'running\n' });
    fail(g, BCS);
    pass(b, 200);
    expect(state()).toEqual({ ok: true, data: 'hung: blitter\n' });
    g.write(GDRST, 1);
    expect(state()).toEqual({ ok: true, data: 'recovering\n' });
    g.startRing(RCS);
    expect(state()).toEqual({ ok: true, data: 'running\n' });
  });

  test("what the guest's driver finds is the hang, though hardware was reset and is another VM's", () => {
    // EMR lets errors into EIR.
    g.write(0x220b4, 0);
    fail(g, BCS);
    const head = (): number => g.read(0x22034);
    pass(b, 20);
    const [before, acthd] = [head(), g.read(0x22074)];
    expect(acthd).toBe(SPIN_GMA + 8);
    for (const owner of [g, h]) {
      if (owner === h) store(h, BCS, 5);
      pass(b, 200);
      expect(b.vgt.renderOwner).toBe(owner.vgpu);
      expect([head(), g.read(0x22074), g.read(0x22068)]).toEqual([before, acthd, UNKNOWN]);
      expect(g.read(0x220b0)).toBe(1);
      expect(g.read(0x2209c) & 0x200).toBe(0);
    }
    // i915's capture clears the error, and sees it cleared.
    g.write(0x220b0, 1);
    expect(g.read(0x220b0)).toBe(0);
  });

  test('a hung ring that is moved, or switched off and on, does not run without a reset', () => {
    fail(g, BCS);
    pass(b, 200);
    g.write(0x22034, 0);
    g.write(0x2203c, 0);
    g.startRing(BCS);
    store(g, BCS, 3);
    pass(b, 200);
    expect(stored(g, BCS)).toBe(0);
    expect(b.mpt.crashes).toEqual([]);
  });

  test("dom0's own hang is one like any other, and it never loses the GPU", () => {
    const dom0 = b.guest0();
    for (let i = 1; i <= 20; i++) {
      recover(dom0);
      spin(dom0, BCS);
      store(h, BCS, i);
      pass(b, 1000, () => stored(h, BCS) === i);
      expect(dom0.vgpu.counters.hangs).toBe(i);
    }
    expect(dom0.vgpu.quarantine).toBeNull();
    recover(dom0);
    store(dom0, BCS, 9);
    pass(b, 100);
    expect(stored(dom0, BCS)).toBe(9);
  });
});

describe('resets that guests write', () => {
  test('[P4] an owner that resets its engines keeps them, and nobody else notices', () => {
    store(g, RCS, 1);
    b.run();
    expect(b.vgt.renderOwner).toBe(g.vgpu);
    recover(g);
    expect(b.vgt.renderOwner).toBe(g.vgpu);
    store(g, RCS, 2);
    store(h, RCS, 3);
    b.run();
    expect([stored(g, RCS), stored(h, RCS)]).toEqual([2, 3]);
  });

  test("dom0's own registers outlive a reset of the render engine that another VM asks for", () => {
    const dom0 = b.guest0();
    for (const at of [0x2080, 0xe400]) dom0.write(at, 0x1234);
    store(g, RCS, 1);
    b.run();
    const before = b.device.gt.resets;
    recover(g);
    expect(b.device.gt.resets).toBe(before + 1);
    for (const at of [0x2080, 0xe400]) expect(dom0.read(at)).toBe(0x1234);
  });

  test('[P9] dom0 that resets idle engines resets nothing of hardware, nor of who works', () => {
    const dom0 = b.guest0();
    dom0.startRing(RCS);
    const before = b.device.gt.resets;
    recover(dom0);
    g.submit(RCS, [...new Array(4000).fill(0), ...storeGgtt(g.dataGma, 4), USER_INTERRUPT]);
    pass(b, 20);
    recover(dom0);
    expect(b.device.gt.resets).toBe(before);
    b.run(3000);
    expect(stored(g, RCS)).toBe(4);
    expect(b.vgt.recovery.device.count).toBe(0);
  });
});

describe('quarantine', () => {
  const hang = (): void => {
    recover(g);
    fail(g, BCS);
    pass(b, 150);
  };
  const node = (): unknown => b.vgt.control.read('vm1/recovery');

  test('a VM that hangs again and again is run no more, and says why; a reset does not help', () => {
    for (let i = 0; i < 8; i++) hang();
    const reason = '8 hangs within 60 s, the last on blitter: a command that it cannot execute';
    expect(node()).toEqual({ ok: true, data: `quarantine: ${reason}\n` });
    expect(b.events.at(-1)).toBe('VGT_QUARANTINE=1 VMID=1');
    g.write(GDRST, 1);
    expect(g.read(GDRST)).toBe(1);
    for (const e of [RCS, BCS]) {
      g.startRing(e);
      store(g, e, 1);
    }
    store(h, BCS, 2);
    pass(b, 200);
    expect([stored(g, RCS), stored(g, BCS), stored(h, BCS)]).toEqual([0, 0, 2]);
    expect(b.mpt.crashes).toEqual([]);
  });

  test('it ends when somebody writes release to its node', () => {
    expect(b.vgt.control.write('vm1/recovery', 'release')).toBe('EINVAL');
    for (let i = 0; i < 8; i++) hang();
    expect(b.vgt.control.write('vm1/recovery', 'please')).toBe('EINVAL');
    expect(b.vgt.control.write('vm1/recovery', 'release\n')).toBeNull();
    expect(g.read(GDRST)).toBe(0);
    recover(g);
    store(g, BCS, 3);
    pass(b, 100);
    expect(stored(g, BCS)).toBe(3);
    for (let i = 0; i < 7; i++) hang();
    expect(g.vgpu.quarantine).toBeNull();
  });

  test('hangs further apart do not add up; their number is configuration', () => {
    for (let i = 0; i < 20; i++) {
      hang();
      b.clock.advance(9_000_000_000);
    }
    expect(g.vgpu.quarantine).toBeNull();
    setUp({ quarantineHangs: 2, quarantineWindowNs: 1e9 });
    hang();
    hang();
    expect(g.vgpu.quarantine).toMatch(/^2 hangs within 1 s/);
    setUp({ quarantineHangs: 0 });
    for (let i = 0; i < 20; i++) hang();
    expect(g.vgpu.quarantine).toBeNull();
  });

  test('what another of its engines was in the middle of ends with it', () => {
    setUp({ quarantineHangs: 1 });
    spin(g, RCS);
    fail(g, BCS);
    pass(b, 150);
    expect(g.vgpu.heldEngines).toBe(0xf);
    expect(b.vgt.switch.allResting).toBe(true);
    store(h, RCS, 4);
    pass(b, 50);
    expect(stored(h, RCS)).toBe(4);
  });
});

describe('what is shown', () => {
  test('[V3] counters by VM and engine, and the latest hangs', () => {
    fail(g, BCS);
    pass(b, 150);
    const read = (path: string): unknown => (b.vgt.control.read(path) as { data?: unknown }).data;
    expect(read('debug/vm1/perf/ring/blitter/hangs')).toBe('1\n');
    expect(read('debug/vm2/perf/hangs')).toBe('0\n');
    expect(read('debug/recovery/engine_resets')).toBe('1\n');
    expect(read('debug/hangs')).toMatch(
      /^0\.\d{6} vm1 blitter: a command that it cannot execute, \d+ ms, HEAD 0x0000000[0-9a-f] ACTHD 0x00005008 IPEHR 0x1d800000\n$/,
    );
  });

  test('a storm of hangs leaves a log of bounded length', () => {
    setUp({ quarantineHangs: 0 });
    for (let i = 0; i < 100; i++) {
      recover(g);
      fail(g, BCS);
      pass(b, 100, () => g.vgpu.heldEngines !== 0);
    }
    expect(b.vgt.recovery.counters.hangs).toBe(100);
    expect(b.vgt.recovery.log.records).toHaveLength(64);
  });
});
