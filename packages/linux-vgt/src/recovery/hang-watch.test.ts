import { beforeEach, describe, expect, test } from 'vitest';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  NON_PRIVILEGED_PPGTT,
  storeGgtt,
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';
import {
  awaitBlitter,
  fail,
  pass,
  SPIN_GMA,
  signalRender,
  spin,
  unprivileged,
  WAIT_CODE,
} from '../testing/hangs.ts';

const RCS = 0;
const BCS = 2;
const MS = 1_000_000;

let b: Bench;
let g: TestGuest;
let h: TestGuest;
beforeEach(() => {
  b = new Bench();
  [g, h] = [b.hvm(1), b.hvm(2)];
  for (const guest of [g, h]) for (const e of [RCS, BCS]) guest.startRing(e);
});
const hangs = (): number => b.vgt.recovery.counters.hangs;
const causes = (): string[] => b.vgt.recovery.log.records.map((r) => r.cause);
const want = (guest: TestGuest): void =>
  guest.submit(BCS, [...storeGgtt(guest.dataGma, 5), USER_INTERRUPT]);

describe('what is a hang', () => {
  test('an endless loop is, within half a second, once another VM waits', () => {
    spin(g, BCS);
    pass(b, 5000);
    expect(hangs()).toBe(0);
    want(h);
    // It has looped for longer than anybody may: the other does not wait for that again.
    const ms = pass(b, 600, () => hangs() > 0);
    expect(ms).toBeGreaterThan(100);
    expect(ms).toBeLessThan(200);
    pass(b, 50);
    expect(h.peek(DATA_GFN)).toBe(5);
    expect(causes()).toEqual(['loops']);
  });

  test('one that begins while another VM waits is given 350 ms', () => {
    spin(g, BCS);
    pass(b, 10);
    want(h);
    const ms = pass(b, 600, () => hangs() > 0);
    expect(ms).toBeGreaterThan(300);
    expect(ms).toBeLessThan(500);
    expect(causes()).toEqual(['loops']);
  });

  test('with nobody waiting a loop may go on for ten seconds', () => {
    spin(g, BCS);
    expect(pass(b, 20_000, () => hangs() > 0)).toBeGreaterThan(9_900);
    expect(hangs()).toBe(1);
    expect(g.vgpu.heldEngines).toBe(1 << BCS);
  });

  test('a loop through many batches, up and down, is', () => {
    const order = [0, 7, 3, 9, 1, 8, 2];
    unprivileged(g, BCS, []);
    order.forEach((page, i) => {
      const next = order[(i + 1) % order.length] as number;
      g.poke(BATCH_GFN + page, [0, ...batch(SPIN_GMA + next * 4096, NON_PRIVILEGED_PPGTT)]);
    });
    want(h);
    expect(pass(b, 1000, () => hangs() > 0)).toBeLessThan(500);
    expect(causes()).toEqual(['loops']);
  });

  test('a loop in a second level batch is, though the first level is not one', () => {
    const second = NON_PRIVILEGED_PPGTT | 0x400000;
    unprivileged(g, BCS, [...batch(SPIN_GMA + 4096, second), BATCH_END]);
    g.poke(BATCH_GFN + 1, [0, 0, ...batch(SPIN_GMA + 4096, second)]);
    want(h);
    expect(pass(b, 1000, () => hangs() > 0)).toBeLessThan(500);
    expect(causes()).toEqual(['loops']);
  });

  test('a command that cannot be executed is at once, also with nobody waiting', () => {
    fail(g, BCS);
    expect(pass(b, 1000, () => hangs() > 0)).toBeLessThan(100);
    expect(causes()).toEqual(['failed']);
  });

  test.each([
    ['semaphore', RCS, awaitBlitter(5)],
    ['event', BCS, [WAIT_CODE, 0]],
  ] as const)('one that never comes (%s) is, while another VM waits', (cause, engine, commands) => {
    const dom0 = b.guest0();
    dom0.startRing(engine);
    dom0.write(dom0.base(BCS) + 0x28, 0x00010001);
    dom0.submit(engine, [...commands, USER_INTERRUPT]);
    pass(b, 2000);
    expect(hangs()).toBe(0);
    want(h);
    expect(pass(b, 1000, () => hangs() > 0)).toBeLessThan(500);
    expect(causes()).toEqual([cause]);
  });

  test('a semaphore is no excuse for ever: what comes into other rings later does not count', () => {
    g.submit(RCS, [...awaitBlitter(5), USER_INTERRUPT]);
    const feed = (): boolean => {
      want(g);
      return hangs() > 0;
    };
    pass(b, 50, feed);
    want(h);
    const looks = b.vgt.recovery.watch.looks;
    const ms = pass(b, 1000, feed);
    expect(ms).toBeLessThan(500);
    expect(causes()).toEqual(['semaphore']);
    expect(b.vgt.recovery.watch.looks - looks).toBeLessThanOrEqual(ms / 25 + 1);
  });

  test('an engine that stands still for no reason is', () => {
    g.submit(BCS, [...storeGgtt(g.dataGma, 1), USER_INTERRUPT]);
    b.device.gt.engine('BCS').step = () => 0;
    expect(pass(b, 1000, () => hangs() > 0)).toBeLessThan(500);
    expect(causes()).toEqual(['stuck']);
  });

  test('work that gets on is, after two seconds in which it kept another VM waiting', () => {
    unprivileged(g, BCS, new Array(40 * 1024).fill(0));
    pass(b, 100);
    want(h);
    const ms = pass(b, 3000, () => hangs() > 0);
    expect(ms).toBeGreaterThan(1900);
    expect(ms).toBeLessThan(2200);
    expect(causes()).toEqual(['holds']);
    pass(b, 50);
    expect(h.peek(DATA_GFN)).toBe(5);
  });
});

describe('what is none', () => {
  /** Another VM waits all the while, and gets its turn in the end. */
  const fine = (ms: number): void => {
    want(h);
    const took = pass(b, 1900, () => h.peek(DATA_GFN) === 5);
    expect(took).toBeGreaterThan(ms);
    expect(h.peek(DATA_GFN)).toBe(5);
    expect(hangs()).toBe(0);
  };

  test('a long batch', () => {
    unprivileged(g, BCS, [...new Array(1024).fill(0), BATCH_END]);
    fine(1000);
  });

  test('a chain of batches that leads down', () => {
    unprivileged(g, BCS, batch(SPIN_GMA + 60 * 4096, NON_PRIVILEGED_PPGTT));
    for (let p = 60; p > 0; p--) {
      const next = p === 1 ? [BATCH_END] : batch(SPIN_GMA + (p - 1) * 4096, NON_PRIVILEGED_PPGTT);
      g.poke(BATCH_GFN + p, [...new Array(14).fill(0), ...next]);
    }
    fine(1000);
  });

  test('a second level batch that is called again and again, from further on each time', () => {
    const second = batch(SPIN_GMA + 4096, NON_PRIVILEGED_PPGTT | 0x400000);
    g.poke(BATCH_GFN + 1, [...new Array(60).fill(0), BATCH_END]);
    unprivileged(g, BCS, [...new Array(14).fill(second).flat(), BATCH_END]);
    fine(1000);
  });

  test('a large blit', () => {
    const pitch = 4096;
    unprivileged(g, BCS, [
      0x54300004,
      0x03f00000 | pitch,
      0,
      (256 << 16) | 1024,
      SPIN_GMA,
      0,
      BATCH_END,
    ]);
    for (let p = 0; p < 512; p++) g.mapPpgtt((SPIN_GMA >>> 12) + 1 + p, DATA_GFN + 64);
    g.poke(0x80, [(DATA_GFN + 80) * 4096 + 7], SPIN_GMA >>> 12);
    g.mapPpgtt(0x300, BATCH_GFN);
    g.submit(BCS, [...batch(0x300000, NON_PRIVILEGED_PPGTT), USER_INTERRUPT]);
    pass(b, 400);
    expect(hangs()).toBe(0);
  });

  test('an engine that waits for another, which works', () => {
    g.submit(RCS, [...awaitBlitter(5), ...storeGgtt(g.dataGma + 8, 7), USER_INTERRUPT]);
    unprivileged(g, BCS, [...new Array(800).fill(0), BATCH_END]);
    g.submit(BCS, [...signalRender(6), USER_INTERRUPT]);
    want(h);
    pass(b, 1900, () => h.peek(DATA_GFN) === 5);
    expect([h.peek(DATA_GFN), hangs()]).toEqual([5, 0]);
  });

  test('an engine that waits for what lies behind the place where the other ring was cut', () => {
    g.submit(RCS, [...awaitBlitter(5), ...storeGgtt(g.dataGma + 8, 7), USER_INTERRUPT]);
    for (let i = 0; i < 10; i++) g.append(BCS, [...new Array(40).fill(0), USER_INTERRUPT, 0]);
    g.submit(BCS, [...signalRender(6), USER_INTERRUPT]);
    pass(b, 20);
    want(h);
    pass(b, 1900, () => h.peek(DATA_GFN) === 5);
    expect([h.peek(DATA_GFN), g.peek(DATA_GFN, 2), hangs()]).toEqual([5, 7, 0]);
  });

  test('a host that is away: what had no turn does not hang', () => {
    g.submit(BCS, [...storeGgtt(g.dataGma, 1), USER_INTERRUPT]);
    want(h);
    for (let i = 0; i < 1000; i++) b.clock.advance(10 * MS);
    expect(hangs()).toBe(0);
    b.run();
    expect([g.peek(DATA_GFN), h.peek(DATA_GFN)]).toEqual([1, 5]);
  });

  test('a waiting VM that the switch is off for', () => {
    spin(g, BCS);
    pass(b, 50);
    b.vgt.control.write('control/ctx_switch', '0');
    want(h);
    pass(b, 3000);
    expect(hangs()).toBe(0);
  });
});

test('idle, it costs nothing: no timer, no look', () => {
  const { clock, vgt } = b;
  g.submit(BCS, [...storeGgtt(g.dataGma, 1), USER_INTERRUPT]);
  b.run();
  clock.advance(100 * MS);
  const [pending, looks] = [clock.pending, vgt.recovery.watch.looks];
  clock.advance(60_000 * MS);
  expect(vgt.recovery.watch.looks).toBe(looks);
  g.submit(BCS, [...storeGgtt(g.dataGma, 2), USER_INTERRUPT]);
  expect(clock.pending).toBe(pending + 1);
  b.run();
  clock.advance(100 * MS);
  expect(clock.pending).toBe(pending);
  expect(vgt.recovery.watch.looks).toBe(looks + 1);
});
