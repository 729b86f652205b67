import type { Vgt } from '@xengt/linux-vgt';
import {
  type CommandIo,
  type DemoOptions,
  printJson,
  UsageError,
  type XengtExitCode,
} from '../cli/context.ts';
import { buildBootDisk } from '../guest/disk/boot-disk.ts';
import { buildGuestImage } from '../guest/image.ts';
import type { GuestImage } from '../guest/image-store.ts';
import { showBuild } from '../guest/progress.ts';
import { defaultCacheDir } from '../guest/store.ts';
import { AubFile } from '../insight/aub-file.ts';
import { TraceFile } from '../insight/trace-file.ts';
import { type LabServer, startLabServer } from '../lab/server.ts';
import { guestsOf, HostLife } from '../life/host-life.ts';
import { ImageGuests } from '../xl/guest-source.ts';
import {
  type DemoReport,
  type DomainReport,
  gpuReport,
  reportText,
  writeScreens,
} from './demo-report.ts';
import { dom0Report } from './dom0-report.ts';
import { type DomainPlan, filesOf, planDomains } from './domain-plan.ts';
import { guestFacts, loadDriver, patienceFor, runWork, type WorkReport } from './guest-driver.ts';
import { type GuestFiles, readGuestFiles } from './guest-files.ts';
import { Host } from './host.ts';
import { memoryReport } from './memory-report.ts';
import { fitPlans } from './room.ts';
import { type BootedState, bootedKey, bootedState } from './snapshot.ts';
import { runSteps, type Step } from './steps.ts';
import { LiveHostView } from './view.ts';

/** Batches that each domain runs on each engine for the report. */
const WORK_BATCHES = 300;
const NEWLINE = 10;
/** From firmware over GRUB's menu to the kernel's shell. */
const BOOT_MS = 180_000;

/** What the steps of a demo hand on. */
interface DemoState {
  readonly options: DemoOptions;
  readonly plans: readonly DomainPlan[];
  readonly host: Host;
  readonly io: CommandIo;
  readonly trace: TraceFile | null;
  image: GuestFiles | null;
  readonly built: GuestImage;
  startedAt: number;
  /** Bytes resident before the first domain was made. */
  residentBefore: number;
  litAt: number;
  readonly work: Map<number, WorkReport[]>;
}

/** Boots a host and reports on it: what `xengt demo` runs. */
export async function runDemo(options: DemoOptions, io: CommandIo): Promise<XengtExitCode> {
  const { scheduler, partition, memoryMiB, dom0 } = options;
  const asked = await planDomains(options.domains, options.configs, memoryMiB);
  const host = new Host({ vgt: { scheduler, partition }, dom0 });
  const plans = fitPlans((host.vgt as Vgt).partition, asked);
  const ready: { image: GuestFiles | null } = { image: null };
  const life = new HostLife(
    host,
    () => (ready.image === null ? null : guestsOf(ready.image)),
    () => (ready.image === null ? null : new ImageGuests(host, ready.image, defaultCacheDir())),
  );
  let lab: LabServer | null = null;
  let trace: TraceFile | null = null;
  let aub: AubFile | null = null;
  try {
    if (options.aub !== null) aub = new AubFile(host, options.aub);
    if (options.trace !== null) {
      trace = new TraceFile(host, options.trace.path, options.trace.filter);
    }
    const port = options.headless ? null : options.port;
    lab = await startLabServer(new LiveHostView(host, life), { port });
    if (lab.url !== null) io.err(`Lab page: ${lab.url}\n`);
    const image = await showBuild(
      (reporter) =>
        buildGuestImage(
          options.packages === null ? {} : { packages: options.packages },
          reporter,
          io.signal,
        ),
      process.stderr,
    );
    ready.image = await readGuestFiles(image);
    const state: DemoState = {
      options,
      plans,
      host,
      io,
      trace,
      image: ready.image,
      built: image,
      startedAt: 0,
      residentBefore: 0,
      litAt: 0,
      work: new Map(),
    };
    await stoppable(io.signal, host.lost, runSteps(stepsOf(state), process.stderr));
    const report = await stoppable(io.signal, host.lost, makeReport(state));
    if (options.json) printJson(io, report);
    else io.out(reportText(report));
    if (!options.exit) await Promise.race([untilStopped(io, lab.url), host.lost]);
    return isClean(report) ? 0 : 3;
  } finally {
    await lab?.close();
    trace?.close();
    aub?.close();
    host.close();
  }
}

function stepsOf(state: DemoState): Step[] {
  return [
    { title: 'Boot the guest kernel', run: (show) => bootKernels(state, show) },
    { title: 'Create the domains', run: () => createDomains(state) },
    { title: 'Bind i915 in every domain', run: () => bindDrivers(state) },
    { title: 'Run GPU work in every domain at once', run: () => work(state) },
  ];
}

function specOf(state: DemoState, plan: DomainPlan): Parameters<typeof bootedState>[0] {
  return {
    files: filesOf(plan, state.image as GuestFiles),
    memoryMiB: plan.memoryMiB,
    apertureMiB: state.host.device.apertureBytes >> 20,
    deviceId: state.host.device.model.deviceId,
  };
}

/** Kernels boot once for each kind of guest; the booted state is kept for later. */
async function bootKernels(state: DemoState, show: (text: string) => void): Promise<void> {
  let line = '';
  const onConsole = (byte: number): void => {
    if (byte !== NEWLINE) line += String.fromCharCode(byte);
    else {
      show(line.trimEnd());
      line = '';
    }
  };
  const booted = new Set<string>();
  for (const plan of state.plans) {
    if (startsAtFirmware(state, plan)) continue;
    const spec = specOf(state, plan);
    if (booted.has(bootedKey(spec))) continue;
    await bootedState(spec, defaultCacheDir(), onConsole, state.io.signal);
    booted.add(bootedKey(spec));
  }
}

/** Guests that nobody has a file for may come up as a machine does; Domain-0 is there before. */
function startsAtFirmware(state: DemoState, plan: DomainPlan): boolean {
  return state.options.boot === 'grub' && plan.domid > 0 && !plan.sized;
}

/** A guest whose firmware finds GRUB on a disk. */
async function createAtFirmware(state: DemoState, plan: DomainPlan): Promise<void> {
  const { packages } = state.options;
  const path = await buildBootDisk(
    state.built,
    packages === null ? {} : { packages },
    undefined,
    state.io.signal,
  );
  const domain = await state.host.createDomain({
    domid: plan.domid,
    name: plan.name,
    memoryMiB: plan.memoryMiB,
    files: state.image as GuestFiles,
    boot: 'disk',
    hardware: { ...plan.hardware, disks: [{ path, device: 'hda', readOnly: false }] },
    vgpu: plan.vgpu,
  });
  state.trace?.addDomain(domain);
  domain.boot();
}

async function createDomains(state: DemoState): Promise<void> {
  state.startedAt = performance.now();
  state.residentBefore = process.memoryUsage.rss();
  const states = new Map<string, BootedState>();
  for (const plan of state.plans) {
    if (startsAtFirmware(state, plan)) {
      await createAtFirmware(state, plan);
      continue;
    }
    const spec = specOf(state, plan);
    const key = bootedKey(spec);
    const booted =
      states.get(key) ?? (await bootedState(spec, defaultCacheDir(), undefined, state.io.signal));
    states.set(key, booted);
    const domain = await state.host.createDomain({
      domid: plan.domid,
      name: plan.name,
      memoryMiB: plan.memoryMiB,
      files: spec.files,
      boot: 'state',
      vgpu: plan.vgpu,
      records: plan.records,
      ...(plan.monitors === null ? {} : { monitors: plan.monitors }),
    });
    state.trace?.addDomain(domain);
    domain.restore(booted);
  }
}

async function bindDrivers(state: DemoState): Promise<void> {
  const domains = [...state.host.domains.values()];
  const patience = patienceFor(domains.length);
  await Promise.all(
    domains.map(async (domain) => {
      const plan = state.plans.find((p) => p.domid === domain.domid) as DomainPlan;
      if (startsAtFirmware(state, plan)) await domain.console.waitForShell(BOOT_MS * patience);
      await loadDriver(domain, patience);
    }),
  );
  state.litAt = performance.now();
}

async function work(state: DemoState): Promise<void> {
  const domains = [...state.host.domains.values()];
  const patience = patienceFor(domains.length);
  await Promise.all(
    domains.map(async (domain) => {
      state.work.set(domain.domid, await runWork(domain, WORK_BATCHES, patience));
    }),
  );
}

async function makeReport(state: DemoState): Promise<DemoReport> {
  const { host, options } = state;
  const patience = patienceFor(host.domains.size);
  const domains = await Promise.all(
    [...host.domains.values()].map(
      async (domain): Promise<DomainReport> => ({
        id: domain.domid,
        name: domain.name,
        ...(await guestFacts(domain, patience)),
        work: state.work.get(domain.domid) ?? [],
        screens: await writeScreens(host, domain, options.screens),
      }),
    ),
  );
  return {
    version: 1,
    domains,
    gpu: gpuReport(host),
    dom0: dom0Report(host),
    memory: memoryReport(host, state.residentBefore),
    bootSeconds: (state.litAt - state.startedAt) / 1000,
  };
}

function isClean(report: DemoReport): boolean {
  return report.domains.every(
    (d) =>
      d.kernelErrors.length === 0 && d.kernelWarnings.length === 0 && d.work.every((w) => w.ok),
  );
}

/** The work, or an error as soon as the person stops it or the host has lost its GPU. */
async function stoppable<T>(
  signal: AbortSignal,
  lost: Promise<never>,
  running: Promise<T>,
): Promise<T> {
  let stop = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = (): void => reject(new UsageError('STOPPED', 'stopped'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([running, lost, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
    running.catch(() => {});
  }
}

async function untilStopped(io: CommandIo, page: string | null): Promise<void> {
  io.err(`Running${page === null ? '.' : `: ${page} `} Ctrl-C ends it.\n`);
  if (io.signal.aborted) return;
  await new Promise<void>((resolve) =>
    io.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
}
