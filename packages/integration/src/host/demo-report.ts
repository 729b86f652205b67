import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { unclaimedText } from '@xengt/hsw-device';
import { type UnclaimedRegister, unclaimedOf } from '../insight/unclaimed.ts';
import { encodePng } from '../lab/png.ts';
import { ggttFaults } from './counters.ts';
import { type Dom0Report, dom0Text } from './dom0-report.ts';
import { ScreenShot, screensOf } from './domain-view.ts';
import type { GuestFacts, WorkReport } from './guest-driver.ts';
import type { Host } from './host.ts';
import type { HostDomain } from './host-domain.ts';
import type { MemoryReport } from './memory-report.ts';

/** A lit screen and the picture taken of it. */
export interface ScreenReport {
  readonly port: string;
  readonly width: number;
  readonly height: number;
  /** Path of a PNG. */
  readonly path: string;
}

export interface DomainReport extends GuestFacts {
  readonly id: number;
  readonly name: string;
  readonly work: readonly WorkReport[];
  readonly screens: readonly ScreenReport[];
}

/** What `xengt demo --json` prints: everything in it was read from the guests and the device. */
export interface DemoReport {
  readonly version: 1;
  readonly domains: readonly DomainReport[];
  readonly gpu: {
    readonly commands: Readonly<Record<string, number>>;
    /** Pipeline commands that would have run shaders. */
    readonly notExecuted: number;
    readonly contextSwitches: number;
    /** MiB of graphics memory whose GTT entries were exchanged, and time that took, microseconds. */
    readonly gttSwaps: number;
    readonly gttSwapUs: number;
    readonly interrupts: number;
    readonly faults: number;
    /** Accesses that left the guests, by kind, all domains together. */
    readonly traps: Readonly<Record<string, number>>;
    /** Registers that a driver touched and that no table has. */
    readonly unclaimed: readonly UnclaimedRegister[];
  };
  /** How Domain-0 reached the mediator; null when it has the GPU itself. */
  readonly dom0: Dom0Report | null;
  readonly memory: MemoryReport;
  /** Seconds from the start of the domains until every console was lit. */
  readonly bootSeconds: number;
}

/** Takes a picture of each screen of a domain. @param directory is made when it is not there */
export async function writeScreens(
  host: Host,
  domain: HostDomain,
  directory: string,
): Promise<ScreenReport[]> {
  const shot = new ScreenShot();
  const reports: ScreenReport[] = [];
  await mkdir(directory, { recursive: true });
  for (const { port } of screensOf(host, domain)) {
    const frame = shot.take(host, domain, port);
    if (frame === null) continue;
    const { width, height } = frame;
    const path = resolve(join(directory, `dom${domain.domid}-${port}-${width}x${height}.png`));
    await writeFile(path, encodePng(frame));
    reports.push({ port, width, height, path });
  }
  return reports;
}

/** What the device and the hypervisor counted. */
export function gpuReport(host: Host): DemoReport['gpu'] {
  const traps: Record<string, number> = {};
  for (const domain of host.domains.values()) {
    for (const [kind, count] of Object.entries(domain.domain.counters.snapshot())) {
      traps[kind] = (traps[kind] ?? 0) + count;
    }
  }
  const { engines } = host.device.gt;
  return {
    commands: Object.fromEntries(engines.map((e) => [e.id, e.counters.commands])),
    notExecuted: engines.reduce((sum, e) => sum + e.counters.notExecuted, 0),
    contextSwitches: host.vgt?.switch.counters.switches ?? 0,
    gttSwaps: host.vgt?.residency.counters.swaps ?? 0,
    gttSwapUs: Math.round((host.vgt?.residency.counters.swapNs ?? 0) / 1000),
    interrupts: host.device.irq.edges,
    faults: ggttFaults(host),
    traps,
    unclaimed: unclaimedOf(host),
  };
}

/** The report for a person. */
export function reportText(report: DemoReport): string {
  const lines: string[] = [];
  for (const d of report.domains) {
    lines.push(
      `${d.name}: Linux ${d.kernel}, ${d.driver}${d.vgpuDetected ? ' on a virtual GPU' : ''}, ` +
        `${d.dri.join(' ')}`,
    );
    for (const s of d.screens) lines.push(`  ${s.port} ${s.width}x${s.height}  ${s.path}`);
    for (const w of d.work) {
      lines.push(`  ${w.engine}: ${w.batches} batches ${w.ok ? 'verified' : 'FAILED'}`);
    }
    for (const line of [...d.kernelErrors, ...d.kernelWarnings]) lines.push(`  ! ${line}`);
  }
  const { gpu, memory } = report;
  const commands = Object.entries(gpu.commands).map(([id, n]) => `${id} ${n}`);
  lines.push(
    `GPU: commands ${commands.join(', ')}; ${gpu.contextSwitches} render context switches`,
    ...(gpu.gttSwaps === 0
      ? []
      : [
          `GTT: entries of ${gpu.gttSwaps} MiB exchanged in ${(gpu.gttSwapUs / 1000).toFixed(1)} ms`,
        ]),
    ...(report.dom0 === null ? [] : [dom0Text(report.dom0)]),
    `Memory: ${memory.residentMiB} MiB resident, of which ${memory.guestRamMiB} MiB are guests' RAM in ` +
      `use; each domain adds ${memory.besideRamMiB} MiB to that`,
    `Consoles lit after ${report.bootSeconds.toFixed(1)} s`,
  );
  for (const u of gpu.unclaimed)
    lines.push(`Unclaimed: ${u.source} ${unclaimedText([u]).trimEnd()}`);
  return `${lines.join('\n')}\n`;
}
