import { ManualClock } from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { UeventGate } from './uevent-gate.ts';

const SECOND = 1_000_000_000;

function gate(): { clock: ManualClock; told: string[]; gate: UeventGate } {
  const clock = new ManualClock();
  const told: string[] = [];
  return {
    clock,
    told,
    gate: new UeventGate(clock, (text, domid) => told.push(`${text} ${domid}`)),
  };
}

test('a few events are told at once, in order', () => {
  const { told, gate: g } = gate();
  g.send(1, 'ready', 'READY=1');
  g.send(1, 'vga', 'VGA=0');
  g.send(2, 'ready', 'READY=0');
  expect(told).toEqual(['READY=1 1', 'VGA=0 1', 'READY=0 2']);
});

test('a storm is ten a second, ends with the newest, and is no storm for others', () => {
  const { clock, told, gate: g } = gate();
  for (let ms = 0; ms < 2000; ms++) {
    for (let i = 0; i < 10; i++) g.send(1, 'ready', `READY=${ms * 10 + i}`);
    clock.advance(SECOND / 1000);
  }
  clock.advance(SECOND);
  expect(told.length).toBeLessThan(8 + 30);
  expect(told.at(-1)).toBe('READY=19999 1');
  expect(g.merged + told.length).toBe(20_000);
  g.send(2, 'ready', 'READY=1');
  expect(told.at(-1)).toBe('READY=1 2');
  expect(clock.pending).toBe(0);
});

test('a VM that is gone tells nothing more and holds no timer', () => {
  const { clock, told, gate: g } = gate();
  for (let i = 0; i < 20; i++) g.send(1, 'ready', `READY=${i}`);
  expect(told).toHaveLength(8);
  g.forget(1);
  expect(clock.pending).toBe(0);
  clock.advance(SECOND);
  expect(told).toHaveLength(8);
});
