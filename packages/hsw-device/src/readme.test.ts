import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { engineRegs, GTT_WINDOW, HaswellDevice, MachineMemory, ManualClock } from './index.ts';

test('the example of the README runs as it stands there', () => {
  // README: begin
  const memory = new MachineMemory();
  const ram = new Int32Array((4 << 20) / 4);
  memory.addRegion(0, ram);
  const gpu = new HaswellDevice({ memory, clock: new ManualClock() });
  const write = (offset: number, value: number) => gpu.mmio.write(offset, 4, value);

  // Graphics page N is machine page N: bits 31:12 the address, bit 0 valid.
  for (let page = 0; page < 1024; page++) write(GTT_WINDOW + page * 4, (page << 12) | 1);

  // XY_COLOR_BLT in the blitter's ring: 16 by 16 pixels of 32 bits at 1 MiB, 64 bytes a row.
  const fill = [0x54300004, 0x03f00040, 0, (16 << 16) | 16, 0x100000, 0xff8800];
  ram.set(fill, 0x10000 / 4);
  const { RING_BASE, RING_CTL, RING_START, RING_TAIL, RING_VALID } = engineRegs;
  write(RING_BASE.BCS + RING_START, 0x10000);
  write(RING_BASE.BCS + RING_CTL, RING_VALID);
  write(RING_BASE.BCS + RING_TAIL, fill.length * 4);
  while (gpu.step(1 << 20));

  const pixels = ram.subarray(0x100000 / 4, 0x100000 / 4 + 256);
  const filled = pixels.every((pixel) => pixel === 0xff8800); // true
  // README: end
  expect(filled).toBe(true);
  expect(ram[0x100000 / 4 + 256]).toBe(0);

  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const block = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(block.length).toBeGreaterThan(100);
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  for (const line of block.split('\n')) expect(source).toContain(line);
});
