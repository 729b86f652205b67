import { classifyKernelLog } from '../guest/kernel-log.ts';
import type { HostDomain } from './host-domain.ts';

const LOAD_DEADLINE_MS = 120_000;
const WORK_DEADLINE_MS = 180_000;
const SHORT_MS = 30_000;

/** Loads the guest's own i915 and waits for its console. @throws when the driver does not come up */
export async function loadDriver(domain: HostDomain): Promise<void> {
  const { console } = domain;
  await console.check('modprobe i915', LOAD_DEADLINE_MS);
  await console.check(
    'n=0; until [ -e /dev/fb0 ] || [ $n = 100 ]; do sleep 0.1; n=$((n+1)); done; test -e /dev/fb0',
    SHORT_MS,
  );
  // A fresh shell on the screen shows whose it is. Its init starts one when the old one is gone.
  // Two shells are named `sh`: the one that reads this, and the screen's.
  await console.sh(
    `hostname '${domain.name}'; for p in $(pidof sh); do [ $p = $$ ] || kill -9 $p; done`,
    SHORT_MS,
  );
  domain.kernel = await console.check('uname -r', SHORT_MS);
  domain.driver = await console.check(
    'basename "$(readlink /sys/class/drm/card0/device/driver)"',
    SHORT_MS,
  );
}

/** Takes the frame buffer's console away, then the driver: what a person types. */
const UNLOAD =
  'for v in /sys/class/vtconsole/vtcon*; do ' +
  'if grep -q "frame buffer" $v/name; then echo 0 >$v/bind; fi; done; rmmod i915';

/** Unloads the guest's i915. @throws when it stays */
export async function unloadDriver(domain: HostDomain): Promise<void> {
  await domain.console.check(UNLOAD, WORK_DEADLINE_MS);
}

/** What a run of the guest's GPU test said. */
export interface WorkReport {
  readonly engine: string;
  readonly batches: number;
  readonly ok: boolean;
  /** Batches a second of guest time. */
  readonly rate: number;
}

const WORK_LINE = /engine=(\w+) batches=(\d+) (ok|failed).* rate=(\d+)/;

/** Runs batches on the blitter and the render engine; each result is verified in the guest. */
export async function runWork(domain: HostDomain, batches: number): Promise<WorkReport[]> {
  const reports: WorkReport[] = [];
  for (const engine of ['bcs', 'rcs']) {
    const { output } = await domain.console.sh(
      `gpuwork -e ${engine} -n ${batches}`,
      WORK_DEADLINE_MS,
    );
    const m = WORK_LINE.exec(output);
    reports.push(
      m === null
        ? { engine, batches: 0, ok: false, rate: 0 }
        : { engine, batches: Number(m[2]), ok: m[3] === 'ok', rate: Number(m[4]) },
    );
  }
  return reports;
}

/** What a guest says of itself. */
export interface GuestFacts {
  readonly kernel: string;
  readonly driver: string;
  readonly dri: readonly string[];
  readonly kernelErrors: readonly string[];
  readonly kernelWarnings: readonly string[];
  readonly vgpuDetected: boolean;
}

/** Asks the guest: its kernel log, its device nodes, the driver bound to its GPU. */
export async function guestFacts(domain: HostDomain): Promise<GuestFacts> {
  const { console } = domain;
  const log = classifyKernelLog(await console.check('dmesg', SHORT_MS));
  const dri = (await console.check('ls /dev/dri', SHORT_MS)).split(/\s+/).filter((n) => n !== '');
  return {
    kernel: domain.kernel ?? '',
    driver: domain.driver ?? '',
    dri: dri.map((node) => `/dev/dri/${node}`),
    kernelErrors: log.kernelErrors,
    kernelWarnings: log.kernelWarnings,
    vgpuDetected: log.vgpuDetected,
  };
}
