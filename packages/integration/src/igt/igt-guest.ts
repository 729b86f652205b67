import { type Monitor, makeMonitor } from '@xengt/hsw-device';
import { readGuestFile } from '../guest/programs.ts';
import { ConsoleError } from '../guest/serial-console.ts';
import type { Monitors } from '../host/device-model.ts';
import { loadDriver } from '../host/guest-driver.ts';
import type { GuestFiles } from '../host/guest-files.ts';
import { Host } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';
import { type BootedSpec, type BootedState, bootedState } from '../host/snapshot.ts';
import { type UnclaimedRegister, unclaimedOf } from '../insight/unclaimed.ts';
import { type GroupRun, readGroup } from './group.ts';
import type { IgtTest } from './names.ts';
import { lostRun, readRun, type TestRun } from './result.ts';

/** Whether the guest has the GPU itself or a share of it. */
export type GpuPath = 'direct' | 'mediated';

/** Something that runs tests, one after the other, until it is unfit. */
export interface TestGuest {
  /** Never throws: a guest that is lost is a result too. @param seconds of the guest's clock */
  run(test: IgtTest, seconds: number): Promise<TestRun>;
  /**
   * Subtests of one program in one process, which is much faster than a process each.
   *
   * @param seconds for all of them
   */
  runGroup(tests: readonly IgtTest[], seconds: number): Promise<GroupRun>;
  /** A text file of the guest. */
  read(path: string): Promise<string>;
  close(): void;
}

/** IGT asks for RAM in its tests of many buffers; the root file system is in it too. */
const MEMORY_MIB = 768;
const APERTURE_MIB = 256;
const DEVICE_ID = 0x0412;
const SHORT_MS = 60_000;
const SCRIPT = '/run/igt-guest.sh';
const GROUP = '/run/igt-subtests';
/** A test's own time-out is within the guest; who waits for the guest waits longer. Milliseconds of its clock. */
const hostDeadline = (seconds: number): number => seconds * 2000 + 30_000;

const screen = (kind: Monitor['kind']): Monitor => makeMonitor({ kind, mode: '1024x768' });
/**
 * One monitor of each kind, so that three pipes have outputs. All of one size: /dev/fb0, which is as
 * large as the smallest can show, can then be panned on all.
 */
const MONITORS: Monitors = { E: screen('vga'), B: screen('hdmi'), D: screen('dp') };

/** The booted kernel that every guest starts from. */
export async function bootIgtGuest(
  files: GuestFiles,
  cacheDir: string,
  signal?: AbortSignal,
): Promise<BootedGuest> {
  const spec = { files, memoryMiB: MEMORY_MIB, apertureMiB: APERTURE_MIB, deviceId: DEVICE_ID };
  return { spec, state: await bootedState(spec, cacheDir, undefined, signal) };
}

export interface BootedGuest {
  readonly spec: BootedSpec;
  readonly state: BootedState;
}

/** A Domain-0 alone on its machine, from the booted state, with its i915 loaded. */
export class IgtGuest implements TestGuest {
  readonly host: Host;
  readonly domain: HostDomain;

  readonly #ended: (unclaimed: readonly UnclaimedRegister[]) => void;

  private constructor(
    host: Host,
    domain: HostDomain,
    ended: (unclaimed: readonly UnclaimedRegister[]) => void,
  ) {
    this.host = host;
    this.domain = domain;
    this.#ended = ended;
  }

  /**
   * @param ended hears, when the guest is closed, what its driver touched and no row claims
   * @throws when the guest or its driver does not come up
   */
  static async start(
    { spec, state }: BootedGuest,
    path: GpuPath,
    ended: (unclaimed: readonly UnclaimedRegister[]) => void = () => {},
  ): Promise<IgtGuest> {
    const host = new Host({
      deviceId: spec.deviceId,
      apertureMiB: spec.apertureMiB,
      monitors: MONITORS,
      mode: path,
    });
    try {
      const domain = await host.createDomain({
        domid: 0,
        name: 'Domain-0',
        memoryMiB: spec.memoryMiB,
        files: spec.files,
        boot: 'state',
      });
      domain.restore(state);
      // The console is for commands' output only.
      await domain.console.check('dmesg -n 1', SHORT_MS);
      await loadDriver(domain);
      await domain.console.upload(SCRIPT, await readGuestFile('igt-guest.sh'), SHORT_MS);
      return new IgtGuest(host, domain, ended);
    } catch (error) {
      host.close();
      throw error;
    }
  }

  async run(test: IgtTest, seconds: number): Promise<TestRun> {
    const words = [SCRIPT, String(seconds), test.program, test.subtest, test.dynamic];
    const command = `sh ${words.filter((w) => w !== '').join(' ')}`;
    try {
      const { output } = await this.domain.console.sh(command, hostDeadline(seconds));
      return readRun(test, output, seconds);
    } catch (error) {
      if (!(error instanceof ConsoleError)) throw error;
      return lostRun(test, error.code, error.tail, error.message);
    }
  }

  async runGroup(tests: readonly IgtTest[], seconds: number): Promise<GroupRun> {
    const { console } = this.domain;
    const program = tests[0]?.program ?? '';
    try {
      await console.upload(GROUP, Buffer.from(tests.map((t) => t.subtest).join(',')), SHORT_MS);
      const command = `sh ${SCRIPT} ${seconds} ${program} @${GROUP}`;
      const { output } = await console.sh(command, hostDeadline(seconds));
      return readGroup(tests, output);
    } catch (error) {
      if (!(error instanceof ConsoleError)) throw error;
      return { settled: [], doubtful: new Map(), health: 'unfit' };
    }
  }

  async read(path: string): Promise<string> {
    return Buffer.from(await this.domain.console.download(path, SHORT_MS)).toString('utf8');
  }

  close(): void {
    this.#ended(unclaimedOf(this.host));
    this.host.close();
  }
}
