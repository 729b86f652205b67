import { beforeEach, expect, test } from 'vitest';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  lri,
  NON_PRIVILEGED_PPGTT,
  storeGgtt,
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';

const RCS = 0;
const BCS = 2;
const MS = 1_000_000;
const GDRST = 0x941c;
const GPR0 = 0x2600;
const RCS_CCID = 0x2180;

let b: Bench;
let g: TestGuest;
let h: TestGuest;
beforeEach(() => {
  b = new Bench();
  [g, h] = [b.hvm(1), b.hvm(2)];
  for (const guest of [g, h]) for (const e of [RCS, BCS]) guest.startRing(e);
});

const to = (guest: TestGuest): void => {
  guest.submit(BCS, [...storeGgtt(guest.dataGma, 1), USER_INTERRUPT]);
  b.run();
  expect(b.vgt.renderOwner).toBe(guest.vgpu);
};
const step = (ns: number): void => {
  b.device.step(4096);
  b.vgt.tick();
  b.clock.advance(ns);
};

/**
 * A request of so many MI_NOOP, each of which the machine takes 1.2 ms for, while another VM wants
 * the engines. @returns milliseconds until that one's work is done
 */
function beside(commands: number): number {
  to(g);
  g.startPpgtt(BCS);
  for (let page = 0; page < 4; page++) g.mapPpgtt(5 + page, BATCH_GFN + page);
  g.poke(BATCH_GFN, new Array(commands).fill(0));
  g.poke(BATCH_GFN, [BATCH_END], commands);
  g.submit(BCS, [...batch(0x5000, NON_PRIVILEGED_PPGTT), USER_INTERRUPT, 0, 0]);
  h.submit(BCS, [...storeGgtt(h.dataGma, 5), USER_INTERRUPT]);
  const from = b.clock.now;
  for (let i = 0; i < 5000 && h.peek(DATA_GFN) !== 5; i++) {
    b.device.step(1024);
    b.vgt.tick();
    b.clock.advance(1.2 * MS);
  }
  expect(h.peek(DATA_GFN)).toBe(5);
  return (b.clock.now - from) / MS;
}

test('[I2] a request that takes 1.2 s, and gets on, is waited for', () => {
  expect(beside(1000)).toBeGreaterThan(1190);
  expect(g.vgpu.heldEngines).toBe(0);
});

test('[I2] one that takes 3.6 s is not', () => {
  expect(beside(3000)).toBeLessThan(2500);
  expect(g.vgpu.heldEngines).not.toBe(0);
});

test("[I9] the mediator's own commands that do not come to their end are given up in time", () => {
  to(g);
  to(h);
  // The render engine stands still from the next switch on.
  const run = b.device.step.bind(b.device);
  b.device.step = (budget) => (b.vgt.switch.switching ? true : run(budget));
  g.submit(BCS, [...storeGgtt(g.dataGma, 7), USER_INTERRUPT]);
  const from = b.clock.now;
  for (let i = 0; i < 400 && b.vgt.renderOwner !== g.vgpu; i++) step(10 * MS);
  expect(b.vgt.renderOwner).toBe(g.vgpu);
  expect(b.vgt.switch.counters.lostImages).toBeGreaterThan(0);
  expect((b.clock.now - from) / MS).toBeGreaterThan(450);
  for (let i = 0; i < 50; i++) step(MS);
  expect(b.mpt.crashes).toEqual([]);
});

test('[I10] a context that is not the one asked for is not taken for it', () => {
  to(g);
  to(h);
  const run = b.device.step.bind(b.device);
  let lied = 0;
  b.device.step = (budget) => {
    const busy = run(budget);
    if (!b.vgt.switch.switching || lied > 0) return busy;
    lied++;
    b.device.regs.poke(RCS_CCID, b.device.regs.peek(RCS_CCID) + 0x20000);
    return busy;
  };
  g.submit(BCS, [...storeGgtt(g.dataGma, 7), USER_INTERRUPT]);
  for (let i = 0; i < 100; i++) step(MS);
  expect(lied).toBe(1);
  expect(b.vgt.switch.counters.lostImages).toBe(1);
});

test('control case: without a lie no image is lost', () => {
  to(g);
  to(h);
  to(g);
  expect(b.vgt.switch.counters.lostImages).toBe(0);
});

test('[I12] a switch resets no engine', () => {
  const resets = b.device.gt.resets;
  for (let i = 0; i < 5; i++) {
    to(g);
    to(h);
  }
  expect(b.vgt.switch.counters.switches).toBeGreaterThanOrEqual(10);
  expect(b.device.gt.resets).toBe(resets);
});

test('[I21] what a VM has reset is not saved: it goes on from the null image', () => {
  g.submit(RCS, [...lri(GPR0, 0x77), USER_INTERRUPT]);
  b.run();
  expect(b.vgt.renderOwner).toBe(g.vgpu);
  g.write(GDRST, 2);
  // In reset: no ring of the render engine is on, and another VM gets the engines.
  to(h);
  g.startRing(RCS);
  g.poke(DATA_GFN, [1]);
  g.submit(RCS, [(0x24 << 23) | 0x400000 | 1, GPR0, g.dataGma, USER_INTERRUPT]);
  b.run();
  expect(g.peek(DATA_GFN)).toBe(0);
});

test('what is known of the costs of switches is bounded', () => {
  to(g);
  to(h);
  const { costs, counters } = b.vgt.switch;
  expect(costs.count).toBe(counters.switches);
  expect(costs.quantile(0.99)).toBeLessThanOrEqual(costs.maxNs);
});
