import { describe, expect, test } from 'vitest';
import { Driver } from '../lib/driver.ts';
import { Random } from '../lib/random.ts';
import { KINDS } from './attacks.ts';
import { type HostileOptions, runHostile } from './campaign.ts';
import type { Attacker } from './storms.ts';
import { HostileTarget } from './target.ts';

const LONG_MS = 120_000;
const ALL: HostileOptions = {
  seed: 7,
  operations: 400_000,
  only: null,
  rounds: null,
  partition: 'static',
};

describe('a VM that attacks three that work', () => {
  test('harms nobody, gets no more than its share, and does not fill the log', {
    timeout: LONG_MS,
  }, () => {
    const r = runHostile(ALL);
    expect(r.failure).toBeNull();
    expect(r.operations).toBeGreaterThanOrEqual(ALL.operations);
    expect(r.byKind.size).toBeGreaterThan(6);
    expect(r.lives).toBeGreaterThan(1);
  });

  test('nor where all VMs have the same graphics memory in turn', { timeout: LONG_MS }, () => {
    expect(runHostile({ ...ALL, partition: 'shared' }).failure).toBeNull();
  });

  test.each(['endless batch', 'endless wait', 'endless ring'])(
    'nor by %s, for seconds',
    {
      timeout: LONG_MS,
    },
    (only) => {
      const r = runHostile({ ...ALL, operations: 1e6, only, rounds: 60 });
      expect(r.failure).toBeNull();
      expect(Math.min(...r.shares)).toBeGreaterThan(0.9);
    },
  );

  test.each(KINDS.map(({ name }) => name))('by %s alone', { timeout: LONG_MS }, (only) => {
    const r = runHostile({ ...ALL, operations: 20_000, only, rounds: 6 });
    expect(r.failure).toBeNull();
    expect(r.operations).toBeGreaterThan(30);
  });

  test('the same seed does the same', { timeout: LONG_MS }, () => {
    const [a, b] = [1, 2].map(() => runHostile({ ...ALL, operations: 100_000, rounds: 8 }));
    expect([b?.operations, b?.jobs, b?.stops]).toEqual([a?.operations, a?.jobs, a?.stops]);
  });
});

describe('what watches', () => {
  const made = (): { target: HostileTarget; d: Attacker } => {
    const target = new HostileTarget();
    return { target, d: new Driver(target, new Random()) as Attacker };
  };

  test('control case: in peace everybody works and nothing is wrong', () => {
    const { target } = made();
    for (let i = 0; i < 200; i++) target.step(0x20000);
    expect(target.check()).toBeNull();
    expect(Math.min(...target.shares())).toBeGreaterThan(1);
  });

  test("a word of a victim's memory, a job drawn wrong, an entry and a register are seen", () => {
    const spoil: readonly [(t: HostileTarget) => void, RegExp][] = [
      [(t) => t.victims[1]?.guest.poke(0x300, [1]), /word 0x.* of HVM 1's memory changed/],
      [
        (t) => t.vgt.device.ggtt.write((t.victims[2]?.guest.low ?? 0) >>> 12, 0),
        /entry 0 of HVM 2/,
      ],
      [(t) => t.device.regs.poke(0x70180, 5), /dom0's register DSPCNTR_A .* changed/],
      [(t) => t.victims[0]?.vgpu.crash('planted'), /dom0 was stopped: planted/],
      [(t) => t.engine.ram.words.set([0x5ec20000, 0x5ec20001], 5), /the attacker holds/],
    ];
    for (const [how, said] of spoil) {
      const { target } = made();
      how(target);
      expect(target.check()).toMatch(said);
    }
  });

  test('a job whose picture is not the one that was drawn is seen', () => {
    const { target } = made();
    const victim = target.victims[1];
    if (victim === undefined) throw new Error('no victim');
    for (let i = 0; i < 40; i++) {
      target.device.step(0x2000);
      for (let page = 0; page < 48; page++) victim.guest.poke(0x100 + page, [-1], 7);
      target.vgt.tick();
      target.clock.advance(1_000_000);
    }
    victim.feed();
    expect(target.check()).toMatch(/HVM 1: job \d+ drew 0xffffffff/);
  });
});
