import { beforeEach, expect, test } from 'vitest';
import { Bench } from '../testing/bench.ts';

let b: Bench;
beforeEach(() => {
  b = new Bench();
});
const write = (name: string, value: string) => b.vgt.control.write(`debug/klog/${name}`, value);
const read = (name: string): string => {
  const r = b.vgt.control.read(`/sys/kernel/debug/vgt/klog/${name}`);
  if (!r.ok) return r.errno;
  return typeof r.data === 'string' ? r.data : String.fromCharCode(...r.data);
};

test('[V7] it has 4 buffers of 256 KiB, and nothing before somebody wants it', () => {
  expect([read('subbuf_size'), read('n_subbufs'), read('dropped')]).toEqual([
    '262144\n',
    '4\n',
    '0\n',
  ]);
  expect(write('enabled', '1')).toBe('ENODEV');
  b.hvm(1);
  expect(read('cpu0')).toBe('');
  expect(write('create', '1')).toBeNull();
  expect(write('subbuf_size', '4096')).toBe('EBUSY');
  b.hvm(2);
  expect(read('cpu0')).toBe('');
});

test('lines tell what became of VMs; reading takes them away', () => {
  write('create', '1');
  write('enabled', '1');
  b.clock.advance(1_500_000);
  const g = b.hvm(1);
  g.write(0x78804, 1);
  b.vgt.setForeground(1);
  b.vgt.setForeground(0);
  g.write(0x4080, 0x1000);
  b.vgt.destroyVgpu(1);
  const lines = read('cpu0').split('\n');
  expect(lines[0]).toBe('[0.001500] vm1: created, 16 + 64 MiB, 4 fences');
  expect(lines.slice(1).map((line) => line.replace(/^\S+ /, ''))).toEqual([
    'vm1: in the foreground',
    'vm0: in the foreground',
    expect.stringMatching(/^vm1: stopped: register 0x4080 names 0x1000, outside/),
    'vm1: destroyed',
    '',
  ]);
  expect(read('cpu0')).toBe('');
  write('enabled', '0');
  b.hvm(3);
  expect(read('cpu0')).toBe('');
});

test('[V7] what finds no room is dropped and counted, and what is there stays', () => {
  expect(write('subbuf_size', '4096')).toBeNull();
  expect(write('n_subbufs', '1')).toBeNull();
  write('create', '1');
  write('enabled', '1');
  for (let i = 0; i < 200; i++) b.vgt.klog.say(`line ${i} ${'x'.repeat(30)}`);
  expect(Number(read('dropped'))).toBeGreaterThan(50);
  const kept = read('cpu0');
  expect(kept.length).toBeLessThanOrEqual(4096);
  expect(kept).toContain('line 0 ');
  expect(kept).not.toContain('line 199 ');
  // Room is free again, also across the end of the ring.
  const dropped = read('dropped');
  for (let i = 0; i < 50; i++) b.vgt.klog.say(`again ${i} ${'y'.repeat(40)}`);
  expect(read('dropped')).toBe(dropped);
  expect(read('cpu0').split('\n')).toHaveLength(51);
});

test.each([
  ['enabled', '2'],
  ['create', '0'],
  ['subbuf_size', '1'],
  ['subbuf_size', '99999999'],
  ['n_subbufs', '0'],
  ['n_subbufs', '65'],
])('%s %s is EINVAL', (name, value) => {
  write('create', '1');
  expect(write(name, value)).toBe('EINVAL');
});
