import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import type { PortEntry } from './internals.ts';
import type { PortMap } from './port-map.ts';

/** Configuration mechanism #1, the address. PCI Local Bus 3.0, 3.2.2.3.2. */
const CONFIG_ADDRESS = 0xcf8;

/** Port 0xcf8: v86 keeps the address, and who serves functions is told of each dword written. */
export class ConfigAddress implements TrapTarget {
  readonly name = 'pci.address';
  readonly listeners: ((address: number) => void)[] = [];
  readonly #own: readonly PortEntry[];

  constructor(ports: PortMap) {
    this.#own = [0, 1, 2, 3].map((i) => ports.own(CONFIG_ADDRESS + i));
    ports.map(CONFIG_ADDRESS, 4, this);
  }

  read(offset: number, size: AccessSize): number {
    const own = this.#own[offset] as PortEntry;
    const read = size === 4 ? own.read32 : size === 2 ? own.read16 : own.read8;
    return read.call(own.device, CONFIG_ADDRESS + offset);
  }

  write(offset: number, size: AccessSize, value: number): void {
    const own = this.#own[offset] as PortEntry;
    const write = size === 4 ? own.write32 : size === 2 ? own.write16 : own.write8;
    write.call(own.device, value);
    if (size !== 4 || offset !== 0) return;
    for (const listener of this.listeners) listener(value);
  }
}
