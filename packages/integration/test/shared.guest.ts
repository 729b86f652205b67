import type { PortName } from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { ggttFaults } from '../src/host/counters.ts';
import { ScreenShot } from '../src/host/domain-view.ts';
import { patienceFor } from '../src/host/guest-driver.ts';
import { DEFAULT_MONITORS } from '../src/host/host.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import { complaints, gpuWork, litPixels, SHORT_MS, useHost } from './fixture.ts';

/** Domain-0 and the guests. `XENGT_DOMAINS=16` is what the mode is for; it takes minutes. */
const DOMAINS = Number(process.env['XENGT_DOMAINS'] ?? 5);
const PATIENCE = patienceFor(DOMAINS);
const MINUTES = 60_000;
const BATCHES = 200;
const PORT: PortName = 'E';

const lab = useHost({
  monitors: Array.from({ length: DOMAINS }, () => DEFAULT_MONITORS),
  vgt: { partition: 'shared' },
});

const busy = { timeout: 4 * PATIENCE * MINUTES };

test('guests of the usual sizes have the same graphics addresses; every console is lit', async () => {
  const { host, domains, bootSeconds } = lab.current;
  console.log(`${DOMAINS} domains bound and lit after ${bootSeconds.toFixed(1)} s`);
  expect(host.vgt?.partition.crowd).toBeGreaterThanOrEqual(2);
  for (const domain of domains) {
    expect([domain.name, litPixels(lab.current, domain, PORT) > 100]).toEqual([domain.name, true]);
  }
});

test('all work at once, and each finds in its memory what it asked for', busy, async () => {
  const { host, domains } = lab.current;
  await Promise.all(
    domains.map(async (domain) => {
      for (const engine of ['bcs', 'rcs'] as const) {
        const seed = 100 + domain.domid;
        const done = await gpuWork(domain, engine, BATCHES, seed, '-q 8', PATIENCE);
        expect([domain.name, done.ok, done.errors]).toEqual([domain.name, true, 0]);
        expect(done.checksum).toBe(done.wanted);
      }
    }),
  );
  const { swaps, swapNs } = host.vgt?.residency.counters ?? { swaps: 0, swapNs: 0 };
  const switches = host.vgt?.switch.counters.switches ?? 0;
  console.log(`${switches} switches, ${swaps} MiB exchanged, ${(swapNs / swaps) | 0} ns each`);
  expect(swaps).toBeGreaterThan(DOMAINS);
  expect(swaps).toBeLessThan(switches * 16);
});

test('the physical screen shows the foreground VM while others work', busy, async () => {
  const { host, domains } = lab.current;
  const [dom0, shown, ...others] = domains as [HostDomain, HostDomain, ...HostDomain[]];
  const picture = (domain: HostDomain): Buffer => {
    const frame = new ScreenShot().take(host, domain, PORT);
    return Buffer.from(frame?.rgba ?? []);
  };
  expect(host.vgt?.setForeground(shown.domid)).toBeNull();
  await shown.console.check(
    'dd if=/dev/urandom of=/dev/fb0 bs=4096 count=700',
    SHORT_MS * PATIENCE,
  );
  await Promise.all(others.map((d) => gpuWork(d, 'bcs', 50, d.domid, '-q 8', PATIENCE)));
  // A cursor may blink between two looks, and vertical blanks pass while it is drawn.
  await expect
    .poll(() => Buffer.compare(picture(dom0), picture(shown)), { timeout: SHORT_MS, interval: 200 })
    .toBe(0);
  expect(host.vgt?.scanOut.counters.mapped).toBeGreaterThan(0);
  expect(host.vgt?.setForeground(0)).toBeNull();
});

test('no kernel log complains and nothing faulted', busy, async () => {
  const { host, domains } = lab.current;
  for (const domain of domains) {
    expect([domain.name, ...(await complaints(domain))]).toEqual([domain.name]);
    // i915 clears the GTT's last page, a guard that is nobody's, whatever part it was given.
    const { outside, refused } = domain.vgpu?.ggtt.counters ?? {};
    expect([domain.name, outside, refused]).toEqual([domain.name, 1, 0]);
  }
  expect(ggttFaults(host)).toBe(0);
  expect(host.vgt?.switch.counters).toMatchObject({ timeouts: 0, mismatches: 0, lostImages: 0 });
});
