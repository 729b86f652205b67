import type { Clock, ClockEvent } from '@xengt/hsw-device';
import type { Errno } from '../errno.ts';
import type { RenderSwitch } from '../sched/render-switch.ts';
import type { HardwareReset } from './hardware-reset.ts';

/** What a reset of the device asks of the rest. */
export interface DeviceResetHost {
  /** The device runs again; VMs may have the engines. */
  done(): void;
  /** It does not come back. */
  fatal(reason: string): void;
}

/**
 * Resets of the whole device. Nobody's work is in hardware then: the owner of the engines gives
 * them up first, as at any switch, so no VM notices. At most one in six seconds.
 */
export class DeviceReset {
  /** Resets done, and requests refused. */
  count = 0;
  refused = 0;
  readonly #hardware: HardwareReset;
  readonly #clock: Clock;
  readonly #switch: RenderSwitch;
  readonly #intervalNs: number;
  readonly #host: DeviceResetHost;
  #lastNs = Number.NEGATIVE_INFINITY;
  #wanted = false;
  #retry: ClockEvent | null = null;

  constructor(
    hardware: HardwareReset,
    clock: Clock,
    sw: RenderSwitch,
    intervalNs: number,
    host: DeviceResetHost,
  ) {
    this.#hardware = hardware;
    this.#clock = clock;
    this.#switch = sw;
    this.#intervalNs = intervalNs;
    this.#host = host;
  }

  /** Whether a reset was asked for and is not over. */
  get resetting(): boolean {
    return this.#wanted;
  }

  /** Somebody asks for a reset. @returns EBUSY during one, EAGAIN too soon after one */
  request(): Errno | null {
    const errno = this.#wanted ? 'EBUSY' : this.#tooSoon ? 'EAGAIN' : null;
    if (errno !== null) {
      this.refused++;
      return errno;
    }
    this.#wanted = true;
    this.#switch.vacate();
    this.poll();
    return null;
  }

  /**
   * An engine does not come back from its own reset, and holds nobody's work any more: the device is
   * reset as soon as it may be.
   */
  force(): void {
    this.#wanted = true;
    this.#switch.vacate();
    if (this.#tooSoon) {
      this.#retry ??= this.#clock.at(this.#lastNs + this.#intervalNs, () => {
        this.#retry = null;
        this.#now();
      });
    } else this.#now();
  }

  /** To be called when the engines changed hands. */
  poll(): void {
    if (this.#wanted && this.#retry === null && this.#switch.vacant) this.#now();
  }

  /** In the middle of a switch: at once, or not at all. @returns whether it was done */
  inSwitch(): boolean {
    if (this.#tooSoon) {
      this.refused++;
      return false;
    }
    return this.#fire();
  }

  get #tooSoon(): boolean {
    return this.#clock.now - this.#lastNs < this.#intervalNs;
  }

  #now(): void {
    const came = this.#fire();
    this.#wanted = false;
    if (!came) {
      this.#host.fatal('the GPU does not come back from a reset');
      return;
    }
    this.#switch.reopen();
    this.#switch.advance();
    this.#host.done();
  }

  #fire(): boolean {
    this.#lastNs = this.#clock.now;
    this.count++;
    return this.#hardware.all() && this.#switch.allResting;
  }
}
