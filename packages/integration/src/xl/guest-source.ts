import { USUAL_HARDWARE } from '../host/disk.ts';
import { type DomainPlan, filesOf, initrdEnd } from '../host/domain-plan.ts';
import { loadDriver, unloadDriver } from '../host/guest-driver.ts';
import type { GuestFiles } from '../host/guest-files.ts';
import type { Host } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';
import type { DomainOptions, ReadyEngine } from '../host/host-options.ts';
import { bootedState } from '../host/snapshot.ts';

/** What a domain is made of, ready to be put together. */
export interface PreparedGuest {
  readonly files: GuestFiles | ReadyEngine;
  readonly boot: NonNullable<DomainOptions['boot']>;
  /** Lets the new domain run; it has not run a slice yet when this returns. */
  readonly start: (domain: HostDomain) => void;
  /** Waits until its system is up. @returns what did not work in the guest, a sentence; else null */
  readonly settle: (domain: HostDomain) => Promise<string | null>;
}

/** Where guests come from. */
export interface GuestSource {
  /** @throws when a plan cannot be carried out; nothing has been made then */
  prepare(plan: DomainPlan): Promise<PreparedGuest>;
  /** Unloads and loads the graphics driver in a guest of the image. @throws with what the guest says */
  unloadDriver(domain: HostDomain): Promise<void>;
  loadDriver(domain: HostDomain): Promise<void>;
}

const MIB = 2 ** 20;
const nothing = async (): Promise<null> => null;

/**
 * Guests that run on an image's emulator: from the image's booted state when their file names neither
 * kernel nor ramdisk, arguments nor hardware of its own, else from the start.
 */
export class ImageGuests implements GuestSource {
  readonly #host: Host;
  readonly #image: GuestFiles;
  readonly #cacheDir: string;

  /** @param cacheDir where booted states are kept */
  constructor(host: Host, image: GuestFiles, cacheDir: string) {
    this.#host = host;
    this.#image = image;
    this.#cacheDir = cacheDir;
  }

  readonly unloadDriver: GuestSource['unloadDriver'] = unloadDriver;
  readonly loadDriver: GuestSource['loadDriver'] = (domain) => loadDriver(domain);

  async prepare(plan: DomainPlan): Promise<PreparedGuest> {
    const files = ownFiles(plan, this.#image);
    const usual = files === this.#image && plan.hardware === USUAL_HARDWARE;
    const disk = plan.hardware.disks.length > 0 && plan.kernel === null && plan.initrd === null;
    const least = Math.ceil(initrdEnd(files.initrd) / MIB);
    if (!disk && plan.memoryMiB < least) {
      throw new Error(`the guest image needs memory = ${least} or more`);
    }
    if (!usual) {
      const boot = disk ? 'disk' : 'kernel';
      return { files, boot, start: (domain) => domain.boot(), settle: nothing };
    }
    const { device } = this.#host;
    const spec = {
      files,
      memoryMiB: plan.memoryMiB,
      apertureMiB: device.apertureBytes / MIB,
      deviceId: device.model.deviceId,
    };
    const booted = await bootedState(spec, this.#cacheDir);
    return { files, boot: 'state', start: (domain) => domain.restore(booted), settle: bind };
  }
}

/** A kernel of one's own has its own ramdisk, or none, and only the arguments that its file gives. */
function ownFiles(plan: DomainPlan, image: GuestFiles): GuestFiles {
  const files = filesOf(plan, image);
  if (plan.kernel === null) return files;
  const initrd = plan.initrd ?? new Uint8Array(0);
  return { ...files, initrd, cmdline: plan.extra === '' ? [] : [plan.extra] };
}

/** Has the guest load its driver, as its system's start would. */
async function bind(domain: HostDomain): Promise<string | null> {
  try {
    await loadDriver(domain);
    return null;
  } catch (error) {
    return `its driver did not come up: ${(error as Error).message}`;
  }
}
