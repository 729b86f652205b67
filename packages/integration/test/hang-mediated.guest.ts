import { afterEach, describe, expect, test } from 'vitest';
import type { GpuWorkEngine } from '../src/guest/gpuwork.ts';
import { DEFAULT_MONITORS } from '../src/host/host.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import { complaints, gpuWork, LONG_MS, useHost } from './fixture.ts';

/** Domain-0 and two guests, each with Debian's own driver. */
const lab = useHost({ monitors: [DEFAULT_MONITORS, DEFAULT_MONITORS, DEFAULT_MONITORS] });
const NS_PER_MS = 1e6;
const BATCHES = 60;

function domains(): readonly [dom0: HostDomain, guilty: HostDomain, innocent: HostDomain] {
  return lab.current.domains as unknown as [HostDomain, HostDomain, HostDomain];
}
const recovery = () => {
  const { vgt } = lab.current.host;
  if (vgt === null) throw new Error('there is no mediator');
  return vgt.recovery;
};
const node = (path: string): string => {
  const read = lab.current.host.vgt?.control.read(path);
  return read?.ok === true ? String(read.data) : `${path}: no such node`;
};

/** What a hang and its recovery say in the kernel log of who hung. i915_gpu_error.c, intel_reset.c. */
const OF_A_HANG = [
  /GPU HANG: ecode 7:[0-9a-f]+:[0-9a-f]{8}/,
  /Resetting (rcs0|bcs0|vcs0|vecs0|chip) for stopped heartbeat on \w+/,
];

/** Runs a command in one domain while the others do verified work, until it is over. */
async function amidWork(domain: HostDomain, command: string): Promise<string> {
  let over = false;
  const others = lab.current.domains.filter((d) => d !== domain);
  const work = others.map(async (other) => {
    const engines: readonly GpuWorkEngine[] = ['bcs', 'rcs'];
    for (let round = 0; !over || round < 2; round++) {
      const engine = engines[round % 2] as GpuWorkEngine;
      const done = await gpuWork(other, engine, BATCHES, 10 + round);
      expect(done).toMatchObject({ batches: BATCHES, ok: true, errors: 0 });
      expect(done.checksum).toBe(done.wanted);
    }
  });
  const output = await domain.console.check(command, LONG_MS);
  over = true;
  await Promise.all(work);
  return output;
}

afterEach(async () => {
  await domains()[1].console.check('echo > /sys/class/drm/card0/error', LONG_MS);
});

describe('a guest whose work does not end', () => {
  test.each([['bcs', 'loop', 'loops']] as const)(
    '[P5] [P7] [P8] %s, %s: it alone is reset, finds its own hang and goes on',
    async (engine, kind, cause) => {
      const [dom0, guilty, innocent] = domains();
      const before = recovery().counters.hangs;
      const resets = (): unknown => [dom0, innocent].map((d) => d.vgpu?.counters.guestResets);
      const resetsBefore = resets();
      const output = await amidWork(guilty, `gpuhang -e ${engine} -k ${kind}; true`);
      expect(output).toMatch(
        new RegExp(
          `gpuhang: engine=${engine} kind=${kind} ran=1 .* active=1 pending=0 .* again=ok`,
        ),
      );
      expect(recovery().counters.hangs).toBe(before + 1);
      const record = recovery().log.records.at(-1);
      expect(record).toMatchObject({ domid: guilty.domid, cause });
      // A loop harms nobody before somebody else wants the engines.
      const began = Math.min(record?.stillNs ?? 0, record?.waitedNs || Number.POSITIVE_INFINITY);
      expect(began).toBeLessThan(500 * NS_PER_MS);
      // Its own driver saw, by registers that hardware has long lost, where it hung.
      const state = await guilty.console.check('head -c 6000 /sys/class/drm/card0/error', LONG_MS);
      expect(state).toMatch(/^GPU HANG: ecode 7:\d+:[0-9a-f]{8}, in gpuhang/);
      expect([dom0, guilty, innocent].map((d) => node(`vm${d.domid}/recovery`))).toEqual(
        new Array(3).fill('running\n'),
      );
      for (const e of ['rcs', 'bcs', 'vcs', 'vecs'] as const) {
        expect(await gpuWork(guilty, e, BATCHES, 7)).toMatchObject({ ok: true, errors: 0 });
      }
      const unexpected = (await complaints(guilty)).filter(
        (line) => !OF_A_HANG.some((pattern) => pattern.test(line)),
      );
      expect(unexpected).toEqual([]);
      expect(resets()).toEqual(resetsBefore);
      for (const d of [dom0, innocent]) {
        expect(await complaints(d)).toEqual([]);
        expect(d.vgpu?.counters.hangs).toBe(0);
      }
    },
  );

  test("Domain-0's own hang leaves the guests alone, and Domain-0 goes on", async () => {
    const [dom0, ...guests] = domains();
    const output = await amidWork(dom0, 'gpuhang -e bcs; true');
    expect(output).toMatch(/active=1 pending=0 .* again=ok/);
    expect(await gpuWork(dom0, 'bcs', BATCHES, 3)).toMatchObject({ ok: true, errors: 0 });
    expect(await complaints(guests[1] as HostDomain)).toEqual([]);
    expect(node('vm0/recovery')).toBe('running\n');
  });
});
