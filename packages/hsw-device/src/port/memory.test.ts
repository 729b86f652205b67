import { expect, test } from 'vitest';
import { MachineMemory } from './memory.ts';

const MIB = 2 ** 20;
const words = (): Int32Array => new Int32Array(MIB / 4);

test('255 regions fit, and the place of one that went is taken again', () => {
  const memory = new MachineMemory();
  const shared = words();
  for (let i = 0; i < 255; i++) expect(memory.addRegion(i * MIB, shared)).toBe(i + 1);
  expect(() => memory.addRegion(255 * MIB, shared)).toThrow(
    expect.objectContaining({ code: 'too-many' }),
  );
  memory.removeRegion(7);
  expect(memory.addRegion(255 * MIB, shared)).toBe(7);
  expect(memory.regionOf(255 * 256)).toBe(7);
  expect(memory.regionOf(6 * 256)).toBe(0);
});

test('frames beyond 39 bits are nowhere', () => {
  const memory = new MachineMemory();
  const last = 2 ** 39 - MIB;
  const id = memory.addRegion(last, words());
  const mfn = last / 4096;
  expect([memory.regionOf(mfn), memory.regionOf(mfn + 255)]).toEqual([id, id]);
  expect([memory.regionOf(mfn + 256), memory.regionOf(mfn - 1)]).toEqual([0, 0]);
  expect(memory.wordOf(mfn + 3, id)).toBe(3 * 1024);
});

test('whoever listens hears of each change, until it takes that back', () => {
  const memory = new MachineMemory();
  const heard: string[] = [];
  const forget = memory.onChange(() => heard.push('first'));
  memory.onChange(() => heard.push('second'));
  const id = memory.addRegion(0, words());
  expect(heard).toEqual(['first', 'second']);
  forget();
  forget();
  memory.removeRegion(id);
  expect(heard).toEqual(['first', 'second', 'second']);
});
