import { setTimeout } from 'node:timers/promises';
import { engineRegs } from '@xengt/hsw-device';
import { ScriptedEngine } from '@xengt/xen-vgt';
import { expect, test } from 'vitest';
import { gpuWorkValue, parseGpuWork } from '../src/guest/gpuwork.ts';
import { mix32 } from '../src/guest/pattern.ts';
import { ggttFaults } from '../src/host/counters.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import { ATTACKS } from '../src/host/testing/attacks.ts';
import { BCS, DATA_GFN, RCS, ScriptedGuest } from '../src/host/testing/scripted-guest.ts';
import { complaints, gpuWork, LONG_MS, SHORT_MS, useHost } from './fixture.ts';

const lab = useHost();
/** Batches on each of two engines: 10,000 and a few in each domain. The last one of bcs is a copy. */
const BATCHES = 5003;
const IGT = '/usr/libexec/igt-gpu-tools/benchmarks';
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
      const copied = await hold(domain, 'bcs', 11);
      const want = Int32Array.from({ length: 4096 }, (_, k) => mix32(seedOf(domain) + k));
      // A pixel that the blitter did not write shows: the guest's own check had spoiled the first.
      expect(copied.read().slice(0, 4096)).toEqual(want);
      await copied.release();
      const number = 10;
      const stored = await hold(domain, 'rcs', number + 1);
      const seen = stored.read();
      for (let k = 0; k < 8; k++) {
        const value = gpuWorkValue('rcs', seedOf(domain), number, k);
        expect(seen[number * 16 + 2 * k]).toBe(value);
        expect(seen[number * 16 + 2 * k + 1]).toBe(~value);
      }
      await stored.release();
    }),
  );
});

/** A gpuwork that is done and keeps its buffers. */
interface Held {
  /** Graphics address of the last target, and its pages' guest-physical addresses. */
  readonly gma: number;
  readonly pages: readonly number[];
  /** What is in the pages now. */
  read(): Int32Array;
  release(): Promise<void>;
}

/** Runs gpuwork and stops it before it gives its buffers back. */
async function hold(domain: HostDomain, engine: 'bcs' | 'rcs', batches: number): Promise<Held> {
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
  const { gma = 0, pages = [] } = parseGpuWork(output) ?? {};
  expect(pages).toHaveLength(5);
  const { words } = domain.domain.engine.ram;
  return {
    gma,
    pages,
    read: () => {
      const seen = new Int32Array(pages.length * 1024);
      pages.forEach((gpa, i) => {
        seen.set(words.subarray(gpa / 4, gpa / 4 + 1024), i * 1024);
      });
      return seen;
    },
    release: () => console.check('exec 3>&-; wait', SHORT_MS).then(() => {}),
  };
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
  expect(ggttFaults(host)).toBe(0);
  for (const engine of host.device.gt.engines) {
    expect([engine.id, engine.counters.hangs, engine.ppgtt.space.faults]).toEqual([
      engine.id,
      0,
      0,
    ]);
  }
  expect(host.vgt?.switch.counters).toMatchObject({ timeouts: 0, mismatches: 0, lostImages: 0 });
});

const INTRUDER = 7;
const DONE = 0x600d;

test('a third domain that attacks them gets at nothing of theirs', {
  timeout: LONG_MS,
}, async () => {
  const { host, domains } = lab.current;
  const { vgt } = host;
  if (vgt === null) throw new Error('there is no mediator');
  const victims = await Promise.all(
    domains.map(async (domain) => ({ domain, held: await hold(domain, 'bcs', 11) })),
  );
  const was = victims.map(({ held }) => held.read());
  const secrets = new Set(was.flatMap((words) => [...words]).filter((w) => w >>> 16 !== 0));
  let stopped = 0;
  for (const { domain, held } of victims) {
    const target = {
      gma: held.gma,
      high: domain.vgpu?.slice.highBase ?? 0,
      mfn: domain.domain.gfnToMfn((held.pages[0] ?? 0) >>> 12),
    };
    for (const attack of ATTACKS) {
      const engine = new ScriptedEngine(4);
      const made = host.hypervisor.createDomain({ name: 'intruder', engine, domid: INTRUDER });
      const vgpu = vgt.createVgpu(INTRUDER, { lowMiB: 16, highMiB: 64, fences: 4 });
      if (typeof vgpu === 'string') throw new Error(`no vGPU for the intruder: ${vgpu}`);
      const evil = new ScriptedGuest(made, engine, vgpu);
      for (const e of [RCS, BCS]) evil.startRing(e);
      attack.run(evil, target);
      for (const e of [RCS, BCS]) {
        const at = evil.dataGma + 0x30000 + e * 4096;
        evil.submit(e, [(0x20 << 23) | 0x400002, 0, at, DONE]);
      }
      const answered = (): boolean => evil.peek(DATA_GFN + 0x30 + BCS) === DONE;
      for (let i = 0; i < 25 && vgpu.alive && !answered(); i++) await setTimeout(4);
      expect([attack.name, vgpu.crashReason]).toEqual([
        attack.name,
        attack.stopped === null ? null : expect.stringMatching(attack.stopped),
      ]);
      if (!vgpu.alive) stopped++;
      expect([attack.name, engine.ram.words.some((w) => secrets.has(w))]).toEqual([
        attack.name,
        false,
      ]);
      vgt.destroyVgpu(INTRUDER);
      host.hypervisor.destroyDomain(INTRUDER);
    }
  }
  expect(victims.map(({ held }) => held.read())).toEqual(was);
  expect(stopped).toBe(2 * ATTACKS.filter((a) => a.stopped !== null).length);
  for (const { domain, held } of victims) {
    await held.release();
    expect(await gpuWork(domain, 'bcs', 100, 5)).toMatchObject({ ok: true, errors: 0 });
    expect(await gpuWork(domain, 'rcs', 100, 6)).toMatchObject({ ok: true, errors: 0 });
    expect(await complaints(domain)).toEqual([]);
  }
});
