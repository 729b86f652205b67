import { type Monitor, makeMonitor } from '@xengt/hsw-device';
import { readGuestFile } from '../guest/programs.ts';
import { ConsoleError } from '../guest/serial-console.ts';
import { loadDriver } from '../host/guest-driver.ts';
import type { GuestFiles } from '../host/guest-files.ts';
import { Host, type Monitors } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';
import { type BootedSpec, type BootedState, bootedState } from '../host/snapshot.ts';
import type { IgtTest } from './names.ts';
import { lostRun, readRun, type TestRun } from './result.ts';

/** Whether the guest has the GPU itself or a share of it. */
export type GpuPath = 'direct' | 'mediated';

/** Something that runs tests, one after the other, until it is unfit. */
export interface TestGuest {
  /** Never throws: a guest that is lost is a result too. @param seconds of the guest's clock */
  run(test: IgtTest, seconds: number): Promise<TestRun>;
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
/** A test's own time-out is the guest's; the host waits longer, for its clock may be slower. */
const hostDeadline = (seconds: number): number => seconds * 3000 + 60_000;

const screen = (kind: Monitor['kind'], mode: '1024x768' | '1280x720' | '1280x1024'): Monitor =>
  makeMonitor({ kind, mode });
/** One monitor of each kind, so that three pipes have outputs. */
const MONITORS: Monitors = {
  E: screen('vga', '1024x768'),
  B: screen('hdmi', '1280x720'),
  D: screen('dp', '1280x1024'),
};

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

  private constructor(host: Host, domain: HostDomain) {
    this.host = host;
    this.domain = domain;
  }

  /** @throws when the guest or its driver does not come up */
  static async start({ spec, state }: BootedGuest, path: GpuPath): Promise<IgtGuest> {
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
      });
      domain.restore(state);
      // The console is for commands' output only.
      await domain.console.check('dmesg -n 1', SHORT_MS);
      await loadDriver(domain);
      await domain.console.upload(SCRIPT, await readGuestFile('igt-guest.sh'), SHORT_MS);
      return new IgtGuest(host, domain);
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
      return lostRun(test, error.code, error.tail);
    }
  }

  async read(path: string): Promise<string> {
    return Buffer.from(await this.domain.console.download(path, SHORT_MS)).toString('utf8');
  }

  close(): void {
    this.host.close();
  }
}
