import { SteadyTime } from '@xengt/xen-vgt';
import { describe, expect, test } from 'vitest';
import { PacedTime } from './paced-time.ts';

/** An event loop whose time passes only as the test, or work in it, says. */
class FakeLoop {
  ms = 1000;
  soonQueue: (() => void)[] = [];
  timers: { at: number; fn: () => void }[] = [];

  soon(fn: () => void): void {
    this.soonQueue.push(fn);
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.ms + ms, fn };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((t) => t !== timer);
    };
  }

  /** Runs until nothing is queued, or so many rounds. */
  run(rounds: number): void {
    for (let i = 0; i < rounds; i++) {
      const queue = this.soonQueue;
      this.soonQueue = [];
      for (const fn of queue) fn();
      if (this.soonQueue.length > 0) continue;
      const next = this.timers.sort((a, b) => a.at - b.at).shift();
      if (next === undefined) return;
      this.ms = Math.max(this.ms, next.at);
      next.fn();
    }
  }
}

function make(): { loop: FakeLoop; time: PacedTime } {
  const loop = new FakeLoop();
  const time = new PacedTime(new SteadyTime(() => loop.ms), loop);
  return { loop, time };
}

describe('paced time', () => {
  test('as a rule waits take the time of the host that they ask for', () => {
    const { loop, time } = make();
    const start = time.now();
    const at: number[] = [];
    time.after(30, () => at.push(time.now() - start, loop.ms));
    time.after(10, () => at.push(time.now() - start, loop.ms));
    loop.run(100);
    expect(at).toEqual([10, 1010, 30, 1030]);
  });

  test('when all wait it leaps: the waits pass in their order and the host has not waited', () => {
    const { loop, time } = make();
    time.setPace(1, true);
    const start = time.now();
    const at: number[] = [];
    time.after(3000, () => at.push(time.now() - start));
    time.after(1000, () => {
      at.push(time.now() - start);
      time.after(500, () => at.push(time.now() - start));
    });
    loop.run(100);
    expect(at).toEqual([1000, 1500, 3000]);
    expect(loop.ms).toBe(1000);
  });

  test('it does not leap while work is queued, and what falls due then is called in its time', () => {
    const { loop, time } = make();
    time.setPace(1, true);
    const start = time.now();
    const at: number[] = [];
    time.after(20, () => at.push(time.now() - start));
    let left = 50;
    const work = (): void => {
      loop.ms += 1;
      // The host's timers, which it looks at between pieces of work.
      const due = loop.timers.filter((t) => t.at <= loop.ms);
      loop.timers = loop.timers.filter((t) => t.at > loop.ms);
      for (const t of due) t.fn();
      time.now();
      if (--left > 0) time.soon(work);
    };
    time.soon(work);
    loop.run(200);
    expect(at).toHaveLength(1);
    expect(at[0]).toBeGreaterThanOrEqual(20);
    expect(at[0]).toBeLessThanOrEqual(22);
  });

  test('slower than the host: work takes a part of its time, waits of ours so many times more', () => {
    const { loop, time } = make();
    time.setPace(4, false);
    const start = time.now();
    for (let i = 0; i < 100; i++) {
      loop.ms += 1;
      time.now();
    }
    expect(time.now() - start).toBeCloseTo(25);
    let called = 0;
    time.after(10, () => {
      called = time.now() - start;
    });
    loop.run(10);
    expect(called).toBeCloseTo(35);
    expect(loop.ms).toBeCloseTo(1140);
  });

  test('it never goes back when the pace changes', () => {
    const { loop, time } = make();
    const before = time.now();
    loop.ms += 1;
    time.setPace(8, true);
    const then = time.now();
    time.setPace(1, false);
    expect(then - before).toBeCloseTo(1);
    expect(time.now()).toBeCloseTo(then);
  });
});
