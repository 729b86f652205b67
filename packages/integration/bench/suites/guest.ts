import { parseGpuWork } from '../../src/guest/gpuwork.ts';
import { buildGuestImage } from '../../src/guest/image.ts';
import { defaultCacheDir } from '../../src/guest/store.ts';
import { loadDriver } from '../../src/host/guest-driver.ts';
import { readGuestFiles } from '../../src/host/guest-files.ts';
import { Host } from '../../src/host/host.ts';
import type { HostDomain } from '../../src/host/host-domain.ts';
import { bootedState } from '../../src/host/snapshot.ts';
import { quotients, type Row, row, summary, threadNs } from '../lib/measure.ts';
import { shareOf } from '../lib/share.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'guest';
const BUDGET = { limit: 0.95, sense: 'least', goal: 0.98 } as const;
const MEMORY_MIB = 512;
const DEADLINE_MS = 120_000;
const IGT = '/usr/libexec/igt-gpu-tools/benchmarks';

/** Rounds before those that count: the emulator compiles the guest's loops. */
const WARMUP = 2;

type Mode = 'direct' | 'mediated';
const MODES = ['direct', 'mediated'] as const;

/** Domain-0 with its own i915, with the GPU given directly or through the mediator. */
async function boot(mode: Mode): Promise<{ host: Host; domain: HostDomain }> {
  const files = await readGuestFiles(await buildGuestImage());
  const host = new Host({ mode });
  const booted = await bootedState(
    {
      files,
      memoryMiB: MEMORY_MIB,
      apertureMiB: host.device.apertureBytes >> 20,
      deviceId: host.device.model.deviceId,
    },
    defaultCacheDir(),
  );
  const domain = await host.createDomain({
    domid: 0,
    name: mode,
    memoryMiB: MEMORY_MIB,
    files,
    booted: true,
  });
  domain.restore(booted);
  await loadDriver(domain);
  domain.domain.pause();
  return { host, domain };
}

interface Workload {
  readonly name: string;
  readonly command: string;
  /** Operations a second, from what the program printed. */
  readonly rate: (output: string) => number;
}

const gpuwork = (engine: string, batches: number): Workload => ({
  name: `gpuwork, ${engine}`,
  command: `gpuwork -e ${engine} -n ${batches} -q 48`,
  rate: (output) => {
    const report = parseGpuWork(output);
    if (report?.ok !== true) throw new Error(`gpuwork failed: ${output}`);
    return report.rate;
  },
});
const nop = (engine: string): Workload => ({
  name: `gem_exec_nop, ${engine}`,
  command: `${IGT}/gem_exec_nop -e ${engine}`,
  rate: (output) => {
    // Microseconds of one submission.
    const us = Number(/^\s*([\d.]+)\s*$/m.exec(output)?.[1] ?? Number.NaN);
    return 1e6 / us;
  },
});

/** The same programs in a guest that has the GPU, and in one that has a vGPU; in turns. */
export async function guestSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const batches = quick ? 500 : 2000;
  const workloads = [gpuwork('bcs', batches), gpuwork('rcs', batches), nop('bcs'), nop('rcs')];
  const machines = [];
  for (const mode of MODES) {
    progress(`booting, ${mode}`);
    machines.push(await boot(mode));
  }
  const rows: Row[] = [];
  try {
    for (const { name, command, rate } of workloads) {
      const wall: [number[], number[]] = [[], []];
      const cpu: [number[], number[]] = [[], []];
      const rounds = quick ? 2 : 5;
      for (let i = -WARMUP; i < rounds; i++) {
        for (const k of i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
          progress(`${name}, ${MODES[k]}`);
          const { host, domain } = machines[k] as { host: Host; domain: HostDomain };
          const batches = (): number =>
            host.device.gt.engines.reduce((n, engine) => n + engine.counters.batches, 0);
          domain.domain.resume();
          const [from, start] = [batches(), threadNs()];
          const figure = rate(await domain.console.check(command, DEADLINE_MS));
          const each = (threadNs() - start) / (batches() - from);
          domain.domain.pause();
          if (i < 0) continue;
          wall[k].push(figure);
          cpu[k].push(each);
        }
      }
      const seen = `${median(wall[1])} a second, direct ${median(wall[0])}`;
      rows.push(row(SUITE, `${name}, rate`, 'x', quotients(wall[1], wall[0]), BUDGET, seen));
      const used = `${median(cpu[1])} ns of the thread a batch, direct ${median(cpu[0])}`;
      const title = `${name}, batches in a second of the host's thread`;
      rows.push(row(SUITE, title, 'x', quotients(cpu[0], cpu[1]), BUDGET, used));
      // Two emulators compile the same guest code at different times: their speeds differ by more
      // than mediation does. What the mediator takes of the one thread is the steadier figure.
      const { domain } = machines[1] as { domain: HostDomain };
      const left: number[] = [];
      domain.domain.resume();
      for (let i = 0; i < (quick ? 2 : 5); i++) {
        left.push(
          1 - (await shareOf('linux-vgt', () => domain.console.check(command, DEADLINE_MS))),
        );
      }
      domain.domain.pause();
      const outside = `${name}, part of the busy thread that is not the mediator's`;
      rows.push(row(SUITE, outside, 'x', left, BUDGET, 'from a sampled CPU profile'));
    }
  } finally {
    for (const { host } of machines) host.close();
  }
  return rows;
}

const median = (list: readonly number[]): string => summary(list).median.toFixed(0);
