import { buildGuestImage } from '../../src/guest/image.ts';
import { defaultCacheDir } from '../../src/guest/store.ts';
import { loadDriver } from '../../src/host/guest-driver.ts';
import { readGuestFiles } from '../../src/host/guest-files.ts';
import { Host } from '../../src/host/host.ts';
import type { HostDomain } from '../../src/host/host-domain.ts';
import { bootedState } from '../../src/host/snapshot.ts';
import type { Workload } from './guest-loads.ts';
import { threadNs } from './measure.ts';

const MEMORY_MIB = 512;
const DEADLINE_MS = 120_000;

/** Who the guest has its GPU from. */
export type Mode = 'direct' | 'passthrough' | 'mediated';

/** A guest with its own i915, paused between runs, on a host of its own. */
export interface Machine {
  readonly host: Host;
  readonly domain: HostDomain;
}

/** What one run of a program gave. */
export interface Ran {
  readonly rate: number;
  /** Nanoseconds of the thread for each batch. */
  readonly ns: number;
}

/** Domain-0 with the GPU itself or a vGPU; or, beside a Domain-0 that let it go, an HVM with it. */
export async function boot(mode: Mode): Promise<Machine> {
  const files = await readGuestFiles(await buildGuestImage());
  const host = new Host({ mode: mode === 'direct' ? mode : 'mediated' });
  const booted = await bootedState(
    {
      files,
      memoryMiB: MEMORY_MIB,
      apertureMiB: host.device.apertureBytes >> 20,
      deviceId: host.device.model.deviceId,
    },
    defaultCacheDir(),
  );
  const add = async (domid: number): Promise<HostDomain> => {
    const gfxPassthru = domid > 0;
    const name = `${mode} ${domid}`;
    const what = { domid, name, memoryMiB: MEMORY_MIB, files, boot: 'state', gfxPassthru } as const;
    const domain = await host.createDomain(what);
    domain.restore(booted);
    return domain;
  };
  let domain = await add(0);
  if (mode === 'passthrough') {
    // Domain-0's driver was never there.
    domain.domain.pause();
    host.passthrough.makeAssignable();
    domain = await add(1);
  }
  await loadDriver(domain);
  domain.domain.pause();
  return { host, domain };
}

/** Runs a program in a guest that is paused before and after. */
export async function run({ host, domain }: Machine, { command, rate }: Workload): Promise<Ran> {
  const batches = (): number => host.device.gt.engines.reduce((n, e) => n + e.counters.batches, 0);
  domain.domain.resume();
  const [from, start] = [batches(), threadNs()];
  const output = await domain.console.check(command, DEADLINE_MS);
  const ns = threadNs() - start;
  domain.domain.pause();
  const each = ns / Math.max(1, batches() - from);
  return { rate: rate === null ? 1e9 / each : rate(output), ns: each };
}
