import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, storeGgtt, type TestGuest, USER_INTERRUPT } from '../testing/bench.ts';
import { POLICY_NAMES, type PolicyName } from './policy.ts';

let scheduler: PolicyName = 'timer';
const RCS = 0;
const BCS = 2;
const MS = 1_000_000;
/** MI_SEMAPHORE_MBOX of a mailbox that nobody writes. */
const FOR_EVER = [(0x16 << 23) | (1 << 20) | 1, 0x7fffffff, 0, 0];

/** Keeps a few milliseconds of work in the ring, in requests of half a millisecond each. */
function works(g: TestGuest): void {
  const base = g.base(BCS);
  const left = (g.read(base + 0x30) - (g.read(base + 0x34) & 0x1ffffc)) & 0x3fff;
  if (left > 0x1000) return;
  for (let i = 0; i < 8; i++) {
    g.append(BCS, [...new Array(16).fill(storeGgtt(g.dataGma, i)).flat(), USER_INTERRUPT, 0]);
  }
  g.submit(BCS, []);
}

/** @param evil what the other VM does at each millisecond @returns the victim's part of the time */
function share(evil: (g: TestGuest, ms: number) => void, seconds: number): number {
  const b = new Bench({ quarantineHangs: 0, scheduler });
  const [good, bad] = [b.hvm(1), b.hvm(2)];
  for (const e of [RCS, BCS]) for (const g of [good, bad]) g.startRing(e);
  for (let ms = 0; ms < seconds * 1000; ms++) {
    works(good);
    evil(bad, ms);
    b.device.step(0x8000);
    b.vgt.tick();
    b.clock.advance(MS);
  }
  expect(b.mpt.crashes).toEqual([]);
  b.vgt.scheduler.settle();
  return good.vgpu.sched.ranNs / (seconds * 1000 * MS);
}

function hangs(g: TestGuest, engine: number): void {
  g.write(0x941c, engine === RCS ? 2 : 8);
  g.startRing(engine);
  g.submit(engine, FOR_EVER);
}

describe.each(POLICY_NAMES)('with %s', (name) => {
  beforeEach(() => {
    scheduler = name;
  });

  test('control case: two VMs that work have half of the time each', () => {
    expect(share(works, 3)).toBeCloseTo(0.5, 1);
  });

  test('a VM that runs over its slice again and again pays for it: the other keeps its half', () => {
    const evil = (g: TestGuest, ms: number): void => {
      if (ms % 200 === 0) hangs(g, BCS);
    };
    expect(share(evil, 6)).toBeGreaterThan(0.47);
  });

  test('one that hangs, and is reset for it, does not have more than its half either', () => {
    const evil = (g: TestGuest, ms: number): void => {
      if (ms === 0 || g.vgpu.heldEngines !== 0) hangs(g, RCS);
    };
    expect(share(evil, 8)).toBeGreaterThan(0.47);
  });

  test('resetting its engines by turns while it is to give them up gains a VM nothing', () => {
    const evil = (g: TestGuest, ms: number): void => {
      if (ms % 60 === 0) hangs(g, (ms / 60) % 2 === 0 ? RCS : BCS);
    };
    expect(share(evil, 6)).toBeGreaterThan(0.47);
  });
});

test('debts of VMs that are alone cost nothing: the engines do not stand still', () => {
  const b = new Bench();
  const g = b.hvm(1);
  g.startRing(BCS);
  for (let ms = 0; ms < 500; ms++) {
    works(g);
    b.device.step(0x8000);
    b.vgt.tick();
    b.clock.advance(MS);
  }
  b.vgt.scheduler.settle();
  expect(g.vgpu.sched.ranNs).toBeGreaterThan(450 * MS);
});
