import { engineRegs } from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { gpuWorkValue, parseGpuWork } from '../src/guest/gpuwork.ts';
import { mix32 } from '../src/guest/pattern.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import { complaints, gpuWork, LONG_MS, SHORT_MS, useHost } from './fixture.ts';

const lab = useHost();
/** Batches on each of two engines: 10,000 and a few in each domain. The last one of bcs is a copy. */
const BATCHES = 5003;
const IGT = '/usr/libexec/igt-gpu-tools/benchmarks';
const { RCS, BCS } = { RCS: 0, BCS: 2 };
const seedOf = (domain: HostDomain): number => 100 + domain.domid;

interface Counts {
  readonly switches: number;
  readonly commands: readonly number[];
  readonly batches: readonly number[];
  /** Commands that the mediator passed to the engines, by domain. */
  readonly submitted: readonly number[];
}

function counts(): Counts {
  const { host, domains } = lab.current;
  return {
    switches: host.vgt?.switch.counters.switches ?? 0,
    commands: engineRegs.ENGINE_IDS.map(
      (_, i) => host.device.gt.engines[i]?.counters.commands ?? 0,
    ),
    batches: engineRegs.ENGINE_IDS.map((_, i) => host.device.gt.engines[i]?.counters.batches ?? 0),
    submitted: domains.map((d) => d.vgpu?.counters.commands ?? 0),
  };
}

test('10,000 batches in each domain at once, all verified in the guests', async () => {
  const before = counts();
  await Promise.all(
    lab.current.domains.map(async (domain) => {
      for (const engine of ['bcs', 'rcs'] as const) {
        const done = await gpuWork(domain, engine, BATCHES, seedOf(domain), '-q 48');
        expect(done).toMatchObject({ engine, batches: BATCHES, ok: true, errors: 0 });
        expect(done.checksum).toBe(done.wanted);
      }
    }),
  );
  const after = counts();
  expect(after.switches - before.switches).toBeGreaterThanOrEqual(100);
  for (const engine of [RCS, BCS]) {
    const batches = (after.batches[engine] ?? 0) - (before.batches[engine] ?? 0);
    expect(batches).toBeGreaterThanOrEqual(2 * BATCHES);
    expect((after.commands[engine] ?? 0) - (before.commands[engine] ?? 0)).toBeGreaterThan(batches);
  }
  for (const [i, n] of after.submitted.entries()) {
    // Both engines, one MI_BATCH_BUFFER_START each at least.
    expect(n - (before.submitted[i] ?? 0)).toBeGreaterThan(2 * BATCHES);
  }
});

test("what the engines wrote is in each domain's own RAM, seen from outside", async () => {
  await Promise.all(
    lab.current.domains.map(async (domain) => {
      // The blitter's last batch copies 64x64 pixels; the render engine's writes eight pairs.
      const copied = await held(domain, 'bcs', 11);
      const want = Int32Array.from({ length: 4096 }, (_, k) => mix32(seedOf(domain) + k));
      // A pixel that the blitter did not write shows: the guest's own check had spoiled the first.
      expect(copied.slice(0, 4096)).toEqual(want);
      const number = 10;
      const stored = await held(domain, 'rcs', number + 1);
      for (let k = 0; k < 8; k++) {
        const value = gpuWorkValue('rcs', seedOf(domain), number, k);
        expect(stored[number * 16 + 2 * k]).toBe(value);
        expect(stored[number * 16 + 2 * k + 1]).toBe(~value);
      }
    }),
  );
});

/** Runs gpuwork, and reads its last target from guest RAM while the buffers still exist. */
async function held(
  domain: HostDomain,
  engine: 'bcs' | 'rcs',
  batches: number,
): Promise<Int32Array> {
  const { console } = domain;
  const run = `gpuwork -e ${engine} -n ${batches} -s ${seedOf(domain)} -q 4 -p -w`;
  await console.check(
    `rm -f /tmp/go /tmp/out; mkfifo /tmp/go; ${run} </tmp/go >/tmp/out & exec 3>/tmp/go`,
    SHORT_MS,
  );
  const output = await console.check(
    'n=0; until grep -q "page 4" /tmp/out || [ $n = 300 ]; do sleep 0.1; n=$((n+1)); done; cat /tmp/out',
    SHORT_MS,
  );
  const pages = parseGpuWork(output)?.pages ?? [];
  expect(pages).toHaveLength(5);
  const { words } = domain.domain.engine.ram;
  const seen = new Int32Array(pages.length * 1024);
  pages.forEach((gpa, i) => {
    seen.set(words.subarray(gpa / 4, gpa / 4 + 1024), i * 1024);
  });
  await console.check('exec 3>&-; wait', SHORT_MS);
  return seen;
}

test("IGT's own benchmarks run in both domains at once", async () => {
  const before = counts();
  await Promise.all(
    lab.current.domains.map(async (domain) => {
      for (const command of [
        'gem_exec_nop -e bcs',
        'gem_exec_nop -e rcs',
        'gem_blt -s 65536 -r 3',
      ]) {
        const { output, status } = await domain.console.sh(`${IGT}/${command} 2>&1`, LONG_MS);
        expect([command, status, output]).toEqual([
          command,
          0,
          expect.stringMatching(/^(\s*\d+\.\d+\n?)+$/),
        ]);
      }
    }),
  );
  const after = counts();
  expect((after.batches[BCS] ?? 0) - (before.batches[BCS] ?? 0)).toBeGreaterThan(1000);
  expect((after.batches[RCS] ?? 0) - (before.batches[RCS] ?? 0)).toBeGreaterThan(1000);
});

test('after all this no kernel log complains and nothing faulted', async () => {
  const { host, domains } = lab.current;
  for (const domain of domains) expect(await complaints(domain)).toEqual([]);
  expect(host.device.ggtt.space.faults).toBe(0);
  for (const engine of host.device.gt.engines) {
    expect([engine.id, engine.counters.hangs, engine.ppgtt.space.faults]).toEqual([
      engine.id,
      0,
      0,
    ]);
  }
  expect(host.vgt?.switch.counters).toMatchObject({ timeouts: 0, mismatches: 0, lostImages: 0 });
});
