import {
  COMMAND_ENGINES,
  COMMAND_MAX,
  commandIndex,
  commandLength,
  commandTable,
} from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { ACTIONS, PLAIN, PLAIN_LENGTHS, plainLength } from './scan-table.ts';

test('what is passed with one look-up is what the whole check passes, at the same length', () => {
  for (const [engine, lengths] of PLAIN_LENGTHS.entries()) {
    const on = 1 << engine;
    const table = commandTable(on);
    let passed = 0;
    for (let top = 0; top < 0x10000; top++) {
      const entry = lengths[table[top] as number] as number;
      if (entry === 0) continue;
      passed++;
      const index = commandIndex(top << 16, on);
      const checked = [ACTIONS[index], (COMMAND_ENGINES[index] as number) & on];
      if (checked[0] !== PLAIN || checked[1] !== on)
        expect([top, checked]).toEqual([top, [PLAIN, on]]);
      for (const low of [0, 1, 7, 0xff, 0xffff]) {
        const header = (top << 16) | low;
        const length = commandLength(index, header);
        if (plainLength(entry, header) !== length || length > COMMAND_MAX || length < 1) {
          expect([top, low, plainLength(entry, header)]).toEqual([top, low, length]);
        }
      }
    }
    expect(passed).toBeGreaterThan(1000);
  }
});
