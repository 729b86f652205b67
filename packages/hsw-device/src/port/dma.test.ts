import { expect, test } from 'vitest';
import { AddressSpace, pteAddress } from '../gtt/address-space.ts';
import { Ggtt } from '../gtt/ggtt.ts';
import { Ppgtt } from '../gtt/ppgtt.ts';
import type { DmaPort } from './dma.ts';
import { MachineMemory } from './memory.ts';

const MIB = 2 ** 20;

/** Frames from 16 on are 16 lower in the machine; those below may not be reached. */
class Shifted implements DmaPort {
  asked = 0;
  peeked = 0;
  open = true;
  changed: () => void = () => {};
  frame(frame: number): number {
    this.asked++;
    return this.peek(frame);
  }
  peek(frame: number): number {
    this.peeked++;
    return this.open && frame >= 16 ? frame - 16 : -1;
  }
  onInvalidate(changed: () => void): () => void {
    this.changed = changed;
    return () => {
      this.changed = () => {};
    };
  }
}

function machine(): { memory: MachineMemory; words: Int32Array; dma: Shifted } {
  const memory = new MachineMemory();
  const words = new Int32Array(MIB / 4);
  memory.addRegion(0, words);
  return { memory, words, dma: new Shifted() };
}

test('a space asks at its misses only, and forgets when it is told to', () => {
  const { memory, words, dma } = machine();
  const space = new AddressSpace('test', memory, (page) => pteAddress(page + 16) | 1, dma);
  space.write32(0x3000, 7);
  expect(words[3 * 1024]).toBe(7);
  for (let i = 0; i < 100; i++) space.read32(0x3000 + i * 4);
  expect(dma.asked).toBe(1);
  dma.open = false;
  expect(space.read32(0x3000)).toBe(7);
  dma.changed();
  expect(space.read32(0x3000)).toBe(0);
  expect([space.faults, space.faultAt]).toEqual([1, 0x3000]);
  dma.open = true;
  expect(space.read32(0x3000)).toBe(7);
});

test('a refused page reads 0 and drops writes', () => {
  const { memory, words, dma } = machine();
  const space = new AddressSpace('test', memory, () => pteAddress(3) | 1, dma);
  space.write32(0, 9);
  expect([space.read32(0), words[3 * 1024], space.faults]).toEqual([0, 0, 2]);
});

test('page tables are read where the port says; who only looks leaves no mark', () => {
  const { memory, words, dma } = machine();
  const ggtt = new Ggtt(memory, dma);
  const ppgtt = new Ppgtt('test', memory, ggtt);
  ggtt.write(0, pteAddress(16 + 5) | 1);
  words[5 * 1024 + 2] = pteAddress(16 + 8) | 1;
  words[8 * 1024] = 0x1234;
  ppgtt.load(0, -1);
  expect(ppgtt.walk(2, true)).toBe(pteAddress(16 + 8) | 1);
  expect(dma.asked).toBe(0);
  expect(ppgtt.space.read32(0x2000)).toBe(0x1234);
  expect(dma.asked).toBe(2);
});

test('a space that is disposed of hears no more', () => {
  const { memory, dma } = machine();
  const space = new AddressSpace('test', memory, (page) => pteAddress(page + 16) | 1, dma);
  expect(space.region(0)).toBe(1);
  space.dispose();
  dma.changed();
  space.region(0);
  expect(dma.asked).toBe(1);
});
