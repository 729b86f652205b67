import type { AccessSize, TrapTarget } from '@xengt/hsw-device';

/** An access that nothing answers: reads are all ones, writes vanish. PCI Local Bus 3.0, 3.2.2.3. */
export const OPEN_BUS: TrapTarget = {
  name: 'open bus',
  read(_offset: number, size: AccessSize): number {
    return size === 4 ? -1 : size === 2 ? 0xffff : 0xff;
  },
  write(): void {},
};
