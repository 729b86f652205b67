import { MachineMemory } from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { ScriptedEngine } from './engine/scripted.ts';
import { Hypervisor } from './hypervisor.ts';
import { MessageRing } from './message-ring.ts';

test('lines have the time; a repeated one is counted', () => {
  let now = 0;
  const ring = new MessageRing(() => now);
  ring.log('one');
  now = 12_345_678_900;
  ring.log('two\x1b[2J\nthree');
  ring.log('two\x1b[2J\nthree');
  ring.log('two\x1b[2J\nthree');
  expect(ring.text).toBe(
    '(XEN) [    0.000000] one\n(XEN) [   12.345678] two.[2J.three (3 times)\n',
  );
  ring.clear();
  expect(ring.text).toBe('');
  ring.log('two\x1b[2J\nthree');
  expect(ring.text).toBe('(XEN) [   12.345678] two.[2J.three\n');
});

test('the latest 16 KiB are kept, whatever is said', () => {
  const ring = new MessageRing();
  for (let i = 0; i < 100_000; i++) ring.log(`${i} ${'x'.repeat(i % 500)}`);
  expect(ring.text.length).toBeLessThanOrEqual(16 << 10);
  expect(ring.text.length).toBeGreaterThan(15 << 10);
  expect(ring.text).toContain('] 99999 xxx');
  expect(ring.dropped).toBe(100_000 - ring.text.split('\n').length + 1);
});

test('the hypervisor says what becomes of its domains', () => {
  const messages = new MessageRing();
  const hypervisor = new Hypervisor(new MachineMemory(), messages);
  const domain = hypervisor.createDomain({ name: 'a', engine: new ScriptedEngine(16), domid: 3 });
  domain.resume();
  domain.pause();
  domain.crash('kernel panic: oh');
  hypervisor.destroyDomain(3);
  const lines = messages.text.replaceAll(/^\(XEN\) \[.*?\] /gm, '').split('\n');
  expect(lines).toEqual([
    'd3 a: created, 16 MiB at 0x100000000',
    'd3 a: running',
    'd3 a: paused',
    'd3 a: crashed: kernel panic: oh',
    'd3 a: destroyed',
    '',
  ]);
});
