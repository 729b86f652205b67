import type { Monitor, PortName } from '@xengt/hsw-device';
import { makeMonitor } from '@xengt/hsw-device';
import type { VgtConfig } from '@xengt/linux-vgt';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type GpuWorkEngine, gpuWorkChecksum, parseGpuWork } from '../src/guest/gpuwork.ts';
import { buildGuestImage } from '../src/guest/image.ts';
import { classifyKernelLog, taintFlags } from '../src/guest/kernel-log.ts';
import {
  comparePattern,
  type FbPatternReport,
  type PatternDifference,
  parseFbPattern,
} from '../src/guest/pattern.ts';
import { defaultCacheDir } from '../src/guest/store.ts';
import { counters } from '../src/host/counters.ts';
import { DEFAULT_VGPU, type Monitors } from '../src/host/device-model.ts';
import { ScreenShot } from '../src/host/domain-view.ts';
import { loadDriver, patienceFor } from '../src/host/guest-driver.ts';
import { type GuestFiles, readGuestFiles } from '../src/host/guest-files.ts';
import { DEFAULT_MONITORS, Host } from '../src/host/host.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import type { HostOptions } from '../src/host/host-options.ts';
import { type BootedSpec, type BootedState, bootedState } from '../src/host/snapshot.ts';

/** RAM of every test guest: what the kept booted state was made with. */
const MEMORY_MIB = 512;
const APERTURE_MIB = 256;
const DEVICE_ID = 0x0412;
/** Most that one guest command may take, milliseconds; generous, for busy machines. */
export const LONG_MS = 240_000;
export const SHORT_MS = 60_000;

export interface TestHostOptions {
  /** Monitors by domain; how many there are is how many domains run. Default: two domains. */
  readonly monitors?: readonly Monitors[];
  /** Whether i915 is loaded in all of them. Default true. */
  readonly driver?: boolean;
  /** Parameters of the mediator. */
  readonly vgt?: VgtConfig;
  /** `direct`: one domain that has the whole GPU. Default `mediated`. */
  readonly mode?: 'mediated' | 'direct';
  /** Which ports the board has. Default: a desktop's. */
  readonly wiring?: HostOptions['wiring'];
}

/** A running machine with its domains, and how long it took to light them. */
export interface TestHost {
  readonly host: Host;
  readonly domains: readonly HostDomain[];
  /** From the creation of the first domain to i915 bound and consoles lit in all, seconds. */
  readonly bootSeconds: number;
}

let kept: Promise<{ spec: BootedSpec; state: BootedState }> | null = null;

/** The guest image and its booted state: made once on a machine, read once in a test file. */
function booted(): Promise<{ spec: BootedSpec; state: BootedState }> {
  kept ??= (async () => {
    const files = await readGuestFiles(await buildGuestImage());
    const spec = {
      files,
      memoryMiB: MEMORY_MIB,
      apertureMiB: APERTURE_MIB,
      deviceId: DEVICE_ID,
    };
    return { spec, state: await bootedState(spec, defaultCacheDir()) };
  })();
  return kept;
}

/** What test guests are made of. */
export async function guestFiles(): Promise<GuestFiles> {
  return (await booted()).spec.files;
}

/**
 * Adds a domain with Debian's kernel running and no graphics driver yet.
 *
 * @param gfxPassthru it has the GPU itself, which has to be assignable
 */
export async function addDomain(
  host: Host,
  domid: number,
  monitors: Monitors,
  gfxPassthru = false,
): Promise<HostDomain> {
  const { spec, state } = await booted();
  const domain = await host.createDomain({
    domid,
    name: domid === 0 ? 'Domain-0' : `guest${domid}`,
    memoryMiB: MEMORY_MIB,
    files: spec.files,
    boot: 'state',
    vgpu: DEFAULT_VGPU,
    monitors,
    gfxPassthru,
  });
  domain.restore(state);
  return domain;
}

/** Starts a machine: Domain-0, then HVMs, all from the same booted kernel. */
export async function startHost(o: TestHostOptions = {}): Promise<TestHost> {
  const monitors = o.monitors ?? [DEFAULT_MONITORS, DEFAULT_MONITORS];
  await booted();
  const host = new Host({
    deviceId: DEVICE_ID,
    apertureMiB: APERTURE_MIB,
    monitors: monitors[0] ?? {},
    mode: o.mode ?? 'mediated',
    ...(o.vgt === undefined ? {} : { vgt: o.vgt }),
    ...(o.wiring === undefined ? {} : { wiring: o.wiring }),
  });
  const start = performance.now();
  const domains: HostDomain[] = [];
  for (const [domid, of] of monitors.entries()) domains.push(await addDomain(host, domid, of));
  const patience = patienceFor(domains.length);
  if (o.driver ?? true) await Promise.all(domains.map((d) => loadDriver(d, patience)));
  return { host, domains, bootSeconds: (performance.now() - start) / 1000 };
}

/**
 * One machine for all tests of a file or of a `describe`. When a test fails, what the consoles said
 * last and what everybody counted is printed.
 */
export function useHost(o: TestHostOptions = {}): { readonly current: TestHost } {
  const slot: { current: TestHost | null } = { current: null };
  beforeAll(async () => {
    slot.current = await startHost(o);
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail' && slot.current !== null) explain(slot.current);
  });
  afterAll(() => slot.current?.host.close());
  return {
    get current() {
      if (slot.current === null) throw new Error('the host did not start');
      return slot.current;
    },
  };
}

/** Prints consoles' ends, states and counters. */
export function explain({ host }: TestHost): void {
  const lines = [...host.domains.values()].flatMap((d) => [
    `--- ${d.name}: ${d.domain.state} ${d.domain.reason} ${d.vgpu?.crashReason ?? ''}`,
    d.console.tail,
  ]);
  console.error([...lines, JSON.stringify(counters(host), null, 1), ...host.events].join('\n'));
}

/** A monitor on one port. */
export function monitor(
  port: PortName,
  kind: Monitor['kind'],
  mode: Parameters<typeof makeMonitor>[0]['mode'] & string,
): Monitors {
  return { [port]: makeMonitor({ kind, mode }) };
}

/** The emulated CPU has no machine checks; the kernel says so long before i915 is loaded. */
const OF_THE_CPU = 'mce: Unable to init MCE device (rc: -5)';

/** What is wrong in a guest by its own log: `*ERROR*` lines, splats, hangs, other errors, taint. */
export async function complaints(domain: HostDomain): Promise<string[]> {
  const text = await domain.console.check('dmesg -r', SHORT_MS);
  const log = classifyKernelLog(
    text
      .split('\n')
      .filter((line) => !line.endsWith(OF_THE_CPU))
      .join('\n'),
  );
  const taint = Number(await domain.console.check('cat /proc/sys/kernel/tainted', SHORT_MS));
  return [
    ...log.kernelErrors,
    ...log.kernelWarnings,
    ...taintFlags(taint).map((f) => `taint ${f}`),
  ];
}

/** A result of gpuwork with what it had to be. */
export interface CheckedWork {
  readonly engine: GpuWorkEngine;
  readonly batches: number;
  readonly ok: boolean;
  readonly errors: number;
  readonly checksum: number;
  readonly wanted: number;
  readonly pages: readonly number[];
}

/** Runs batches in one domain; the guest checks each. @throws when gpuwork prints no result */
export async function gpuWork(
  domain: HostDomain,
  engine: GpuWorkEngine,
  batches: number,
  seed: number,
  options = '',
  patience = 1,
): Promise<CheckedWork> {
  const { output } = await domain.console.sh(
    `gpuwork -e ${engine} -n ${batches} -s ${seed} ${options}`,
    LONG_MS * patience,
  );
  const report = parseGpuWork(output);
  if (report === null) throw new Error(`${domain.name}: gpuwork said: ${output}`);
  return { ...report, wanted: gpuWorkChecksum(engine, batches, seed) };
}

/**
 * Draws the pattern through a domain's `/dev/fb0` and takes what comes out of scan-out.
 *
 * @param port whose picture is looked at
 */
export async function drawPattern(
  { host }: TestHost,
  domain: HostDomain,
  port: PortName,
  seed: number,
): Promise<{
  report: FbPatternReport;
  width: number;
  height: number;
  difference: PatternDifference;
}> {
  const report = parseFbPattern(await domain.console.check(`fbpattern -s ${seed}`, SHORT_MS));
  if (report === null) throw new Error(`${domain.name}: fbpattern printed no report`);
  const frame = new ScreenShot().take(host, domain, port);
  if (frame === null) throw new Error(`${domain.name}: port ${port} shows nothing`);
  const { width, height, rgba } = frame;
  return { report, width, height, difference: comparePattern(rgba, width, height, seed) };
}

/** Pixels of a port that are not black. */
export function litPixels({ host }: TestHost, domain: HostDomain, port: PortName): number {
  const frame = new ScreenShot().take(host, domain, port);
  if (frame === null) return 0;
  let lit = 0;
  for (let i = 0; i < frame.rgba.length; i += 4) {
    if (
      ((frame.rgba[i] as number) |
        (frame.rgba[i + 1] as number) |
        (frame.rgba[i + 2] as number)) !==
      0
    )
      lit++;
  }
  return lit;
}
