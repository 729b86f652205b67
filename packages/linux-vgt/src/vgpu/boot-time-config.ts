import type { AccessSize, ConfigSpace, TrapTarget } from '@xengt/hsw-device';

/**
 * Domain-0's configuration space of the GPU. While there has been no HVM its accesses pass to
 * hardware's function, and the virtual one is kept like it; from the first HVM on they reach the
 * virtual one only. Upstream: `pdev->boot_time` in cfg_space.c.
 */
export class BootTimeConfig implements TrapTarget {
  readonly name = 'dom0.config';
  /** Hardware's function, as Domain-0 left it. */
  readonly physical: ConfigSpace;
  readonly #virtual: ConfigSpace;
  readonly #bootTime: () => boolean;

  constructor(physical: ConfigSpace, virtual: ConfigSpace, bootTime: () => boolean) {
    this.physical = physical;
    this.#virtual = virtual;
    this.#bootTime = bootTime;
  }

  read(offset: number, size: AccessSize): number {
    return (this.#bootTime() ? this.physical : this.#virtual).read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (this.#bootTime()) this.physical.write(offset, size, value);
    this.#virtual.write(offset, size, value);
  }
}
