import { readFileSync } from 'node:fs';
import { HaswellDevice, MachineMemory, ManualClock } from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { type Mpt, pvInfo, Vgt } from './index.ts';

test('the example of the README runs as it stands there', () => {
  // README: begin
  const memory = new MachineMemory();
  const clock = new ManualClock();
  const device = new HaswellDevice({ memory, clock });
  // A hypervisor of nothing but RAM: 16 MiB a domain, that of domain N from N * 4 GiB on.
  for (const domid of [0, 1]) memory.addRegion(domid * 2 ** 32, new Int32Array((16 << 20) / 4));
  const mpt: Mpt = {
    gfnToMfn: (domid, gfn) => (gfn < 4096 ? domid * 2 ** 20 + gfn : -1),
    injectMsi: () => {},
    setIntx: () => {},
    mapTrap: () => {},
    unmapTrap: () => {},
    crash: () => {},
  };
  const vgt = new Vgt({ device, clock, mpt });
  const vgpu = vgt.createVgpu(1, { lowMiB: 64, highMiB: 448, fences: 4 });
  if (typeof vgpu === 'string') throw new Error(vgpu);

  // What the guest's driver reads to learn which graphics memory is its own.
  const low = vgpu.mmio.read(pvInfo.PVINFO_PAGE + pvInfo.PV_LOW_BASE, 4);
  // It maps its frame 5 there; the hardware's entry names the machine frame.
  vgpu.mmio.write(0x200000 + (low >>> 12) * 4, 4, (5 << 12) | 1);
  const entry = device.ggtt.read(low >>> 12); // 0x5011: frame 5 above 4 GiB
  // README: end
  expect(low).toBe(vgpu.slice.lowBase);
  expect(entry).toBe(0x5011);
  expect(vgpu.mmio.read(0x200000 + (low >>> 12) * 4, 4)).toBe(0x5001);

  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const block = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(block.length).toBeGreaterThan(100);
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  for (const line of block.split('\n')) expect(source).toContain(line);
});
