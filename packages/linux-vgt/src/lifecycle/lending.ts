import { PCI_COMMAND } from '@xengt/hsw-device';
import type { Errno } from '../errno.ts';
import type { Vgt } from '../vgt.ts';
import type { Sleep } from './sleep.ts';

/** GDRST 0: everything. */
const GRDOM_FULL = 1;

/**
 * The whole GPU lent to somebody else: a VM that has it without the mediator. dom0 has no GPU
 * meanwhile; its vGPU is kept, reset, and answers nowhere. For the mediator it is a sleep from which
 * hardware comes back as after power-on.
 */
export class Lending {
  /** Somebody else has the GPU: the mediator touches nothing of it, and is not to be stepped. */
  lent = false;
  readonly #vgt: Vgt;
  readonly #sleep: Sleep;
  #hook: () => void = () => {};

  constructor(vgt: Vgt, sleep: Sleep) {
    this.#vgt = vgt;
    this.#sleep = sleep;
  }

  /** Why the GPU cannot be lent now; null when it can. */
  get obstacle(): string | null {
    const driver = this.#driverUsesIt
      ? "Domain-0's driver uses the GPU: it has to let it go first"
      : null;
    return this.#beside ?? driver;
  }

  /** Whether nothing but dom0's driver is in the way: once it is unloaded, the GPU can be lent. */
  get driverInTheWay(): boolean {
    return this.#driverUsesIt && this.#beside === null;
  }

  get #driverUsesIt(): boolean {
    const { config, hasWork } = this.#vgt.dom0;
    return config.msiEnabled || hasWork;
  }

  /** What is in the way beside dom0's driver. */
  get #beside(): string | null {
    const { vms, recovery } = this.#vgt;
    if (this.lent) return 'somebody has the GPU already';
    const others = vms.filter((vm) => !vm.isDom0).map((vm) => vm.domid);
    if (others.length === 1) return `domain ${others[0]} has a vGPU`;
    if (others.length > 1) return `domains ${others.join(', ')} have vGPUs`;
    return recovery.device.resetting ? 'the GPU is being reset' : null;
  }

  /**
   * Takes the mediator off the GPU, which is then as it lies: whoever gets it resets it.
   *
   * @returns EBUSY when it cannot be lent; {@link obstacle} says why, or engines did not come to rest
   */
  lend(): Errno | null {
    const { dom0, device, recovery, klog } = this.#vgt;
    if (this.obstacle !== null) return 'EBUSY';
    const refused = this.#sleep.suspend();
    if (refused !== null) return refused;
    this.lent = true;
    recovery.watch.rest();
    dom0.config.release();
    this.#vgt.dom0Config.physical.poke(PCI_COMMAND, 2, 0);
    dom0.guestReset(GRDOM_FULL);
    this.#unhook();
    // Nobody else is to learn where the mediator's memory is.
    device.ggtt.clear();
    klog.say('the GPU is lent');
    return null;
  }

  /** The GPU is back, and has been reset: dom0's driver may come again, guests may be made. */
  takeBack(): void {
    if (!this.lent) return;
    this.lent = false;
    this.#hook();
    this.#sleep.resume();
    this.#vgt.klog.say('the GPU is back');
  }

  /** Everything by which the device calls the mediator is taken off it. */
  #unhook(): void {
    const { device } = this.#vgt;
    const { irq, display, gt } = device;
    const { onLine } = irq;
    const { onPipe, onFrameEnd, onPlaneWrite, onMonitor, onVga } = display;
    const { commandDisplay } = device;
    const requests = gt.engines.map(({ ppgtt }) => ppgtt.onPageRequest);
    const nothing = (): void => {};
    irq.onLine = nothing;
    device.commandDisplay = display;
    display.onPipe = nothing;
    display.onFrameEnd = nothing;
    display.onPlaneWrite = nothing;
    display.onMonitor = nothing;
    display.onVga = nothing;
    for (const { ppgtt } of gt.engines) ppgtt.onPageRequest = null;
    this.#hook = () => {
      irq.onLine = onLine;
      device.commandDisplay = commandDisplay;
      Object.assign(display, { onPipe, onFrameEnd, onPlaneWrite, onMonitor, onVga });
      gt.engines.forEach(({ ppgtt }, i) => {
        ppgtt.onPageRequest = requests[i] ?? null;
      });
    };
  }
}
