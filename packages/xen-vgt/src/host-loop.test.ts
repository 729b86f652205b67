import { describe, expect, test } from 'vitest';
import { type Executor, HostLoop } from './host-loop.ts';

/** An event loop by hand: time moves only when the test moves it. */
class HandLoop implements Executor {
  time = 5_000_000_000;
  posted: (() => void)[] = [];
  timers: { at: number; fn: () => void }[] = [];
  now(): number {
    return this.time;
  }
  post(fn: () => void): void {
    this.posted.push(fn);
  }
  postAfter(ns: number, fn: () => void): void {
    this.timers.push({ at: this.time + ns, fn });
  }
  turn(): number {
    const now = this.posted.splice(0);
    for (const fn of now) fn();
    return now.length;
  }
  sleepTo(ns: number): void {
    this.time = 5_000_000_000 + ns;
    for (const t of this.timers.filter((t) => t.at <= this.time)) {
      this.timers.splice(this.timers.indexOf(t), 1);
      t.fn();
    }
  }
}

describe('HostLoop', () => {
  test('work goes on until it says it is done, one step a turn', () => {
    const hand = new HandLoop();
    const loop = new HostLoop(hand);
    let left = 3;
    loop.addStep(() => --left > 0);
    loop.kick();
    loop.kick();
    expect(hand.turn()).toBe(1);
    expect(hand.turn()).toBe(1);
    expect(hand.turn()).toBe(1);
    expect(hand.turn()).toBe(0);
    expect(left).toBe(0);
    expect(loop.polls).toBe(3);
  });

  test('a clock event fires by a timer when nothing polls, once, and at its time', () => {
    const hand = new HandLoop();
    const loop = new HostLoop(hand);
    const fired: number[] = [];
    loop.clock.at(16_000_000, () => fired.push(loop.clock.now));
    loop.kick();
    hand.turn();
    hand.sleepTo(15_000_000);
    expect(fired).toEqual([]);
    hand.sleepTo(17_000_000);
    expect(fired).toEqual([16_000_000]);
    expect(hand.timers).toEqual([]);
    expect(loop.clock.now).toBe(17_000_000);
  });

  test('a sooner event gets its own timer; a safe point fires what is due', () => {
    const hand = new HandLoop();
    const loop = new HostLoop(hand);
    const fired: string[] = [];
    loop.clock.at(20_000_000, () => fired.push('late'));
    loop.poll();
    loop.clock.at(4_000_000, () => fired.push('soon'));
    loop.poll();
    expect(hand.timers.length).toBe(2);
    hand.time += 5_000_000;
    loop.poll();
    expect(fired).toEqual(['soon']);
    hand.sleepTo(30_000_000);
    expect(fired).toEqual(['soon', 'late']);
  });

  test('time goes on between polls; an event has its own time', () => {
    const hand = new HandLoop();
    const loop = new HostLoop(hand);
    const fired: number[] = [];
    loop.clock.at(2_000_000, () => fired.push(loop.clock.now));
    loop.poll();
    hand.time += 3_000_000;
    expect(loop.clock.now).toBe(3_000_000);
    expect(fired).toEqual([]);
    loop.poll();
    expect(fired).toEqual([2_000_000]);
    expect(loop.clock.now).toBe(3_000_000);
  });

  test('polling from inside a step, and after stop, does nothing', () => {
    const hand = new HandLoop();
    const loop = new HostLoop(hand);
    let steps = 0;
    loop.addStep(() => {
      steps++;
      loop.poll();
      return true;
    });
    loop.poll();
    expect(steps).toBe(1);
    loop.stop();
    hand.turn();
    loop.poll();
    loop.kick();
    expect(steps).toBe(1);
    expect(hand.posted).toEqual([]);
  });
});
