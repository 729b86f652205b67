import { expect, test } from 'vitest';
import { OPEN_BUS } from '../open-bus.ts';
import { VgaFunction } from './vga-function.ts';

test('whoever pages finds no function, and changes none', () => {
  let paging = false;
  const written: number[] = [];
  const own = {
    ...OPEN_BUS,
    read: () => 0,
    write: (offset: number): void => void written.push(offset),
  };
  const vga = new VgaFunction(own, () => paging);
  expect(vga.read(0x08, 4) >>> 16).toBe(0x0580);
  vga.write(0x04, 2, 7);
  paging = true;
  expect([vga.read(0, 4), vga.read(0x10, 4)]).toEqual([-1, -1]);
  vga.write(0x04, 2, 0);
  expect(written).toEqual([0x04]);
});
