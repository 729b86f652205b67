import { expect, test } from 'vitest';
import { ManualClock } from './clock.ts';

test('events fire in the order of their times, each at its own', () => {
  const clock = new ManualClock();
  const fired: string[] = [];
  for (const [name, at] of [
    ['late', 30],
    ['early', 10],
    ['too', 10],
  ] as const) {
    clock.at(at, () => fired.push(`${name} ${clock.now}`));
  }
  expect(clock.nextAt).toBe(10);
  clock.advanceTo(20);
  expect(fired).toEqual(['early 10', 'too 10']);
  clock.advance(20);
  expect(fired).toEqual(['early 10', 'too 10', 'late 30']);
  expect([clock.now, clock.nextAt]).toEqual([40, Number.POSITIVE_INFINITY]);
});

test('an event may be taken back, also by one that fires before it, and twice', () => {
  const clock = new ManualClock();
  const fired: string[] = [];
  const second = clock.at(20, () => fired.push('second'));
  const first = clock.at(10, () => {
    fired.push('first');
    first.cancel();
    second.cancel();
    second.cancel();
  });
  clock.at(30, () => fired.push('third'));
  clock.advance(100);
  expect(fired).toEqual(['first', 'third']);
});

test('timers that are made and taken back while time stands leave nothing', () => {
  const clock = new ManualClock();
  clock.at(1, () => {});
  for (let i = 0; i < 1000; i++) clock.at(1000 + i, () => {}).cancel();
  expect(clock.pending).toBe(1);
});

test('an event may ask for another one that is already due', () => {
  const clock = new ManualClock();
  const at: number[] = [];
  clock.at(10, () => {
    at.push(clock.now);
    clock.at(5, () => at.push(clock.now));
  });
  clock.advanceTo(50);
  expect(at).toEqual([10, 10]);
});

test('time does not go back', () => {
  const clock = new ManualClock();
  clock.advanceTo(50);
  clock.advanceTo(20);
  expect(clock.now).toBe(50);
});
