import { classifyKernelLog } from '../guest/kernel-log.ts';
import type { HostDomain } from './host-domain.ts';

const LOAD_DEADLINE_MS = 120_000;
const WORK_DEADLINE_MS = 180_000;
const SHORT_MS = 30_000;

/** Guests that one processor core carries as fast as the deadlines here take for granted. */
const GUESTS_AT_ONCE = 2;

/** How many times longer things may take when so many guests are busy at once. */
export function patienceFor(guests: number): number {
  return Math.max(1, guests / GUESTS_AT_ONCE);
}

/**
 * Loads the guest's own i915 and waits for its console.
 *
 * @param patience see {@link patienceFor}
 * @throws when the driver does not come up
 */
export async function loadDriver(domain: HostDomain, patience = 1): Promise<void> {
  const { console } = domain;
  const short = SHORT_MS * patience;
  await console.check('modprobe i915', LOAD_DEADLINE_MS * patience);
  await console.check(
    'n=0; until [ -e /dev/fb0 ] || [ $n = 100 ]; do sleep 0.1; n=$((n+1)); done; test -e /dev/fb0',
    short,
  );
  // A fresh shell on the screen shows whose it is. Its init starts one when the old one is gone.
  // Two shells are named `sh`: the one that reads this, and the screen's.
  await console.sh(
    `hostname '${domain.name}'; for p in $(pidof sh); do [ $p = $$ ] || kill -9 $p; done`,
    short,
  );
  domain.kernel = await console.check('uname -r', short);
  domain.driver = await console.check(
    'basename "$(readlink /sys/class/drm/card0/device/driver)"',
    short,
  );
}

/** Gives the screen to the frame buffer's console, or takes it away. */
const frameBufferConsole = (bind: 0 | 1): string =>
  'for v in /sys/class/vtconsole/vtcon*; do ' +
  `if grep -q "frame buffer" $v/name; then echo ${bind} >$v/bind; fi; done`;

/** Takes the frame buffer's console away, then the driver: what a person types. */
const UNLOAD = `${frameBufferConsole(0)}; rmmod i915 || { ${frameBufferConsole(1)}; false; }`;

/** Unloads the guest's i915. @throws with what the guest says when it stays; it works as before then */
export async function unloadDriver(domain: HostDomain): Promise<void> {
  const { status, output } = await domain.console.sh(UNLOAD, WORK_DEADLINE_MS);
  if (status !== 0) throw new Error(output);
  domain.driver = null;
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

/**
 * Runs batches on the blitter and the render engine; each result is verified in the guest.
 *
 * @param patience see {@link patienceFor}
 */
export async function runWork(
  domain: HostDomain,
  batches: number,
  patience = 1,
): Promise<WorkReport[]> {
  const reports: WorkReport[] = [];
  for (const engine of ['bcs', 'rcs']) {
    const { output } = await domain.console.sh(
      `gpuwork -e ${engine} -n ${batches}`,
      WORK_DEADLINE_MS * patience,
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

/**
 * Asks the guest: its kernel log, its device nodes, the driver bound to its GPU.
 *
 * @param patience see {@link patienceFor}
 */
export async function guestFacts(domain: HostDomain, patience = 1): Promise<GuestFacts> {
  const { console } = domain;
  const short = SHORT_MS * patience;
  const log = classifyKernelLog(await console.check('dmesg', short));
  const dri = (await console.check('ls /dev/dri', short)).split(/\s+/).filter((n) => n !== '');
  return {
    kernel: domain.kernel ?? '',
    driver: domain.driver ?? '',
    dri: dri.map((node) => `/dev/dri/${node}`),
    kernelErrors: log.kernelErrors,
    kernelWarnings: log.kernelWarnings,
    vgpuDetected: log.vgpuDetected,
  };
}
