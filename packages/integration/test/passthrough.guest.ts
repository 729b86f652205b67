import { expect, test } from 'vitest';
import { defaultCacheDir } from '../src/guest/store.ts';
import { DEFAULT_MONITORS } from '../src/host/host.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import { guestsOf, HostLife } from '../src/life/host-life.ts';
import { ImageGuests } from '../src/xl/guest-source.ts';
import { complaints, drawPattern, gpuWork, guestFiles, useHost } from './fixture.ts';

const GPU = '0000:00:02.0';
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
  const files = await guestFiles();
  const source = new ImageGuests(host, files, defaultCacheDir());
  const life = new HostLife(
    host,
    () => guestsOf(files),
    () => source,
  );
  expect(() => passthrough.makeAssignable()).toThrow("Domain-0's driver uses the GPU");
  const held = await dom0.console.sh('exec 9<>/dev/dri/card0; echo $?', 60_000);
  expect(held.output).toBe('0');
  await expect(life.addAssignable(GPU)).rejects.toThrow(/Domain-0's driver keeps the GPU: rmmod: /);
  await works(dom0, 50);
  await dom0.console.check('exec 9>&-', 60_000);
  expect(await life.addAssignable(GPU)).toEqual({ device: GPU, warning: null });
  expect(dom0.driver).toBeNull();
  const text = 'name="hvm"\nmemory=512\ngfx_passthru=1';
  const request = { text, file: 'hvm.cfg', more: [], directory: '/' };
  const made = await life.create(request, { paused: false });
  expect(made).toEqual({ domain: 1, name: 'hvm', warning: null });
  const hvm = host.domains.get(1) as HostDomain;
  expect(hvm.driver).toBe('i915');
  expect(dom0.screens(host.device.display)).toEqual([]);
  await works(hvm, 51);
  expect(passthrough.unit.counters.walks).toBeGreaterThan(100);
  expect(passthrough.unit.faults.counters.faults).toBe(0);
  expect(passthrough.assignment?.counters.interrupts).toBeGreaterThan(0);
  life.destroy(1);
  expect(life.assignable()).toEqual([GPU]);
  expect(await life.removeAssignable(GPU, { rebind: true })).toEqual({
    device: GPU,
    warning: null,
  });
  await works(dom0, 52);
});
