import { expect, test } from 'vitest';
import { loadDriver, unloadDriver } from '../src/host/guest-driver.ts';
import { DEFAULT_MONITORS } from '../src/host/host.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import { addDomain, complaints, drawPattern, gpuWork, useHost } from './fixture.ts';

const lab = useHost({ monitors: [DEFAULT_MONITORS] });

async function works(domain: HostDomain, seed: number): Promise<void> {
  for (const engine of ['bcs', 'rcs'] as const) {
    const done = await gpuWork(domain, engine, 50, seed);
    expect(done).toMatchObject({ ok: true, errors: 0, checksum: done.wanted });
  }
  const drawn = await drawPattern(lab.current, domain, 'E', seed);
  expect(drawn.difference).toEqual({ pixels: 0, first: null });
  expect(await complaints(domain)).toEqual([]);
}

test('a guest has the GPU itself by VT-d, then Domain-0 with the mediator, without a restart', {
  timeout: 300_000,
}, async () => {
  const { host, domains } = lab.current;
  const dom0 = domains[0] as HostDomain;
  const { passthrough } = host;
  expect(() => passthrough.makeAssignable()).toThrow("Domain-0's driver uses the GPU");
  await unloadDriver(dom0);
  passthrough.makeAssignable();
  const hvm = await addDomain(host, 1, DEFAULT_MONITORS, true);
  await loadDriver(hvm);
  expect(dom0.screens(host.device.display)).toEqual([]);
  await works(hvm, 51);
  expect(passthrough.unit.counters.walks).toBeGreaterThan(100);
  expect(passthrough.unit.faults.counters.faults).toBe(0);
  expect(passthrough.assignment?.counters.interrupts).toBeGreaterThan(0);
  host.destroyDomain(1);
  passthrough.giveBack();
  await loadDriver(dom0);
  await works(dom0, 52);
});
