import { describe, expect, test } from 'vitest';
import { Random } from '../lib/random.ts';
import { HANG_KINDS, type HangKind } from './kinds.ts';
import { HangMachine, type HangWorker } from './machine.ts';
import { FOUND_MS, runSoak } from './soak.ts';

const LONG_MS = 120_000;
const BCS = 2;

describe('guests that hang among others that work', () => {
  test('each hang is found in time; the innocent lose nothing, the guilty come back', {
    timeout: LONG_MS,
  }, () => {
    const r = runSoak({ seed: 3, hangs: 40 });
    expect(r.failure).toBeNull();
    expect(r.hangs).toBe(40);
    expect(r.foundMs.at(-1)).toBeLessThan(FOUND_MS);
    expect(r.byKind.size).toBe(HANG_KINDS.length);
    expect([r.engineResets, r.deviceResets]).toEqual([40, 0]);
    for (const jobs of r.jobs) expect(jobs).toBeGreaterThan(40 * 20);
  });
});

describe('what watches', () => {
  const [first, second] = [1, 2];
  const made = (): { m: HangMachine; workers: readonly HangWorker[] } => {
    const m = new HangMachine();
    for (let i = 0; i < 50; i++) m.slice();
    return { m, workers: m.workers };
  };

  test('control case: in peace everybody works and nobody is blamed', () => {
    const { m, workers } = made();
    for (const worker of workers) expect(worker.check()).toBeNull();
    expect(m.vgt.recovery.counters.hangs).toBe(0);
  });

  test('blame of the innocent, a hang that nobody finds, and a lost job are seen', () => {
    const { m, workers } = made();
    const [guilty, other] = [workers[first], workers[second]] as [HangWorker, HangWorker];
    guilty.hang(BCS, HANG_KINDS[0] as HangKind, new Random());
    for (let i = 0; i < 600; i++) m.slice();
    guilty.caused--;
    expect(guilty.check()).toMatch(/blamed for a hang that is not its own/);
    guilty.caused += 2;
    guilty.recover(true);
    expect(guilty.check()).toMatch(/was never found/);
    // The ring moves on over a job that was not done.
    const { guest } = other.victim;
    guest.write(guest.base(BCS) + 0x34, guest.read(guest.base(BCS) + 0x30) - 0x40);
    for (let i = 0; i < 100; i++) m.slice();
    expect(other.check()).not.toBeNull();
  });
});
