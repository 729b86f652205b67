import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Host } from '../host/host.ts';
import { BCS } from '../host/testing/scripted-guest.ts';
import { LiveHostView } from '../host/view.ts';
import { addScripted, scriptedHost, until } from '../life/testing/lab.ts';
import { topText } from './listing.ts';

const NS_PER_SECOND = 1e9;
/** MI_STORE_DATA_IMM, through the GGTT. */
const STORE: number = (0x20 << 23) | 0x400002;

let host: Host;
beforeEach(() => {
  host = scriptedHost();
});
afterEach(() => host.close());

test('[V5] a VM that has the engines and leaves them idle takes nothing of the GPU', async () => {
  const view = new LiveHostView(host);
  const guest = await addScripted(host, 0);
  const { sched } = guest.vgpu;
  const sample = (): { at: number; domains: ReturnType<LiveHostView['domains']>; ran: number } => ({
    at: performance.now(),
    domains: view.domains(),
    ran: sched.ranNs / NS_PER_SECOND,
  });
  /** GPU(s), GPU(%), RCS(%), BCS(%). */
  const columns = (...samples: [ReturnType<typeof sample>, ReturnType<typeof sample>]): string[] =>
    topText(samples[1], samples[0]).split('\n')[2]?.trim().split(/ +/).slice(7) as string[];

  guest.startRing(BCS);
  const before = sample();
  const work = Array.from({ length: 512 }, () => [STORE, 0, guest.dataGma, 7]).flat();
  guest.submit(BCS, work);
  await until(
    () => guest.apertureRead(guest.dataGma) === 7 && host.vgt?.switch.allResting === true,
  );
  const done = sample();
  const [, share, render, blitter] = columns(before, done);
  expect(Number(share)).toBeGreaterThan(0);
  expect([render, blitter]).toEqual(['0.0', share]);

  // It keeps the engines: nobody else wants them.
  await until(() => sample().ran > done.ran + 0.2);
  const later = sample();
  expect(later.ran).toBeGreaterThan(done.ran + 0.2);
  expect(host.vgt?.switch.owner).toBe(guest.vgpu);
  expect(later.domains[0]?.vgpu).toEqual(done.domains[0]?.vgpu);
  expect(columns(done, later).slice(1)).toEqual(['0.0', '0.0', '0.0']);
});
