import { describe, expect, test } from 'vitest';
import { SteadyTime } from './steady-time.ts';

describe('steady time', () => {
  function make(): { time: SteadyTime; pass(ms: number): void } {
    let host = 1000;
    const time = new SteadyTime(() => host);
    time.now();
    return {
      time,
      pass: (ms) => {
        host += ms;
      },
    };
  }

  test('short stretches pass in full', () => {
    const { time, pass } = make();
    const start = time.now();
    for (let i = 0; i < 1000; i++) {
      pass(1.5);
      time.now();
    }
    expect(time.now() - start).toBeCloseTo(1500);
    expect(time.lost).toBe(0);
  });

  test('of a long stretch only its first two milliseconds pass; the rest is counted', () => {
    const { time, pass } = make();
    const start = time.now();
    pass(50);
    expect(time.now() - start).toBe(2);
    expect(time.lost).toBe(48);
    pass(1);
    expect(time.now() - start).toBe(3);
  });

  test('a wait that was meant passes in full, once', () => {
    const { time, pass } = make();
    const start = time.now();
    pass(50);
    time.waited(50);
    expect(time.now() - start).toBe(50);
    pass(50);
    expect(time.now() - start).toBe(52);
  });

  test('what the host overslept does not pass', () => {
    const { time, pass } = make();
    const start = time.now();
    pass(50);
    time.waited(3);
    expect(time.now() - start).toBe(5);
    expect(time.lost).toBe(45);
  });
});
