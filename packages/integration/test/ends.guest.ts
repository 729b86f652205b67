import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { loadDriver } from '../src/host/guest-driver.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import { addDomain, complaints, gpuWork, monitor, SHORT_MS, useHost } from './fixture.ts';

const lab = useHost({ monitors: [monitor('E', 'vga', '1024x768')] });
const END_MS = 60_000;

/** Waits until something holds, on the host's side. @throws nothing: the test looks at it then */
async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + END_MS;
  while (!holds() && performance.now() < deadline) await setTimeout(20);
}

/** GPU work that goes on while the next command runs. */
const BUSY = 'gpuwork -e rcs -n 1000000 -q 32 >/tmp/out 2>&1 & true';

/**
 * A driver that shuts down waits until its GPU is idle, which it never is beside a program that
 * submits without end; so only a panic comes in the middle of work, as `init` kills it otherwise.
 */
// biome-ignore format: one way to end a line
const ENDS: [how: string, prepare: string, command: string, state: string, reason: RegExp][] = [
  ['panics in the middle of GPU work', 'true',             'echo c >/proc/sysrq-trigger', 'crashed',  /^kernel panic: sysrq triggered crash$/],
  ['reboots',                          'killall gpuwork',  'reboot -f',                   'rebooted', /reset/],
  ['powers off',                       'killall gpuwork',  'poweroff -f',                 'shutdown', /^ACPI S5$/],
];

// A test that failed half-way must not fail the next one too.
afterEach(() => lab.current.host.destroyDomain(1));

test.each(ENDS)(
  'a guest that %s ends as a state with a reason, and dom0 goes on',
  async (_how, prepare, command, state, reason) => {
    const { host, domains } = lab.current;
    const dom0 = domains[0] as HostDomain;
    const free = host.vgt?.partition.describe();
    const hvm = await addDomain(host, 1, monitor('B', 'hdmi', '800x600'));
    await loadDriver(hvm);
    const submitted = host.vgt?.vm(1)?.counters.submissions ?? 0;
    await hvm.console.check(BUSY, SHORT_MS);
    const work = (): number => host.vgt?.vm(1)?.counters.submissions ?? 0;
    await expect.poll(work, { timeout: SHORT_MS }).toBeGreaterThan(submitted);

    await hvm.console.check(prepare, SHORT_MS);

    // Its console is closed when the domain ends: whoever waits for it is told why.
    await expect(hvm.console.sh(command, END_MS)).rejects.toThrow(`the guest ended (${state}: `);
    await until(() => hvm.domain.over);
    expect(hvm.domain.state).toBe(state);
    expect(hvm.domain.reason).toMatch(reason);

    expect(dom0.domain.state).toBe('running');
    expect(await gpuWork(dom0, 'bcs', 300, 1)).toMatchObject({ ok: true, errors: 0 });
    host.destroyDomain(1);
    expect(host.vgt?.partition.describe()).toBe(free);
    expect(await gpuWork(dom0, 'rcs', 300, 2)).toMatchObject({ ok: true, errors: 0 });
    expect(await complaints(dom0)).toEqual([]);
  },
);
