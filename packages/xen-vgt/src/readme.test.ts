import { readFileSync } from 'node:fs';
import { MachineMemory } from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { Hypervisor, ScriptedEngine } from './index.ts';

test('the example of the README runs as it stands there', () => {
  let console = '';
  // README: begin
  const memory = new MachineMemory();
  const hypervisor = new Hypervisor(memory);
  const guest = new ScriptedEngine(64, function* (cpu) {
    cpu.write32(0xd0000010, cpu.configRead(2 << 3, 0, 4));
    yield;
    cpu.print(`took ${cpu.taken.length} interrupt`);
  });
  const domain = hypervisor.createDomain({ name: 'guest', engine: guest, domid: 1 });
  const seen: number[] = [];
  domain.attachPci(2 << 3, { name: 'gpu.config', read: () => 0x04128086, write: () => {} });
  domain.mapTrap(0xd0000000, 4 << 20, 'gttmmio', {
    name: 'gpu.bar0',
    read: () => 0,
    write: (offset, _size, value) => {
      seen.push(offset, value);
      domain.injectMsi(0xfee00000, 0x41);
    },
  });
  domain.resume();
  guest.onSerial((byte) => {
    console += String.fromCharCode(byte);
  });
  while (guest.step());
  // README: end
  expect(seen).toEqual([0x10, 0x04128086]);
  expect(console).toBe('took 1 interrupt');
  expect([domain.state, domain.counters.reads('config')]).toEqual(['shutdown', 1]);

  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const block = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  for (const line of block.split('\n')) expect(source).toContain(line);
});
