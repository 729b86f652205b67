import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import { OPEN_BUS } from '../open-bus.ts';
import type { V86Cpu, V86Pci } from './internals.ts';
import type { PortMap } from './port-map.ts';

/** Configuration mechanism #1. PCI Local Bus 3.0, 3.2.2.3.2. */
const CONFIG_DATA = 0xcfc;
const CONFIG_ENABLE: number = 1 << 31;
const FUNCTIONS = 256;
/** Command and status; v86 drops dword writes to it. */
const PCI_COMMAND = 0x04;

/**
 * Bus 0 of a guest: its data ports go to the function that 0xcf8 selects, live at each access.
 * Slots without a target of ours go to v86's own devices, slots with neither to an open bus.
 */
export class PciBus implements TrapTarget {
  readonly name = 'pci.config';
  /** Accesses where no function answers. */
  stray = 0;
  readonly #pci: V86Pci;
  readonly #functions: (TrapTarget | null)[] = new Array(FUNCTIONS).fill(null);
  readonly #own: TrapTarget[] = [];

  constructor(cpu: V86Cpu, ports: PortMap) {
    this.#pci = cpu.devices.pci;
    for (let devfn = 0; devfn < FUNCTIONS; devfn++)
      this.#own.push(new OwnFunction(this, this.#pci, devfn));
    ports.map(CONFIG_DATA, 4, this);
  }

  set(devfn: number, target: TrapTarget | null): void {
    this.#functions[devfn & 0xff] = target;
  }

  /** Gives every slot back. */
  clear(): void {
    this.#functions.fill(null);
  }

  own(devfn: number): TrapTarget {
    return this.#own[devfn & 0xff] as TrapTarget;
  }

  read(offset: number, size: AccessSize): number {
    return this.#selected().read(this.#register() + offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#selected().write(this.#register() + offset, size, value);
  }

  #register(): number {
    return (this.#pci.pci_addr32[0] as number) & 0xfc;
  }

  #selected(): TrapTarget {
    const address = this.#pci.pci_addr32[0] as number;
    const bus = (address >>> 16) & 0xff;
    if ((address & CONFIG_ENABLE) === 0 || bus !== 0) {
      this.stray++;
      return OPEN_BUS;
    }
    const devfn = (address >>> 8) & 0xff;
    return this.#functions[devfn] ?? (this.#own[devfn] as TrapTarget);
  }
}

/** A function of v86's own machine, or the empty slot in its place. */
class OwnFunction implements TrapTarget {
  readonly name: string;
  readonly #bus: PciBus;
  readonly #pci: V86Pci;
  readonly #devfn: number;

  constructor(bus: PciBus, pci: V86Pci, devfn: number) {
    this.name = `v86.pci.${devfn >>> 3}.${devfn & 7}`;
    this.#bus = bus;
    this.#pci = pci;
    this.#devfn = devfn;
  }

  read(offset: number, size: AccessSize): number {
    const space = this.#pci.device_spaces[this.#devfn];
    if (space === undefined) {
      this.#bus.stray++;
      return OPEN_BUS.read(offset, size);
    }
    const at = offset >>> 2;
    const shift = (offset & 3) * 8;
    let value = (space[at] ?? 0) >>> shift;
    if (shift + size * 8 > 32) value |= (space[at + 1] ?? 0) << (32 - shift);
    return size === 4 ? value | 0 : value & ((1 << (size * 8)) - 1);
  }

  write(offset: number, size: AccessSize, value: number): void {
    const pci = this.#pci;
    if (pci.device_spaces[this.#devfn] === undefined) {
      this.#bus.stray++;
      return;
    }
    const address = (this.#devfn << 8) | offset;
    if (size === 4 && (offset & 3) === 0) {
      if (offset === PCI_COMMAND) pci.pci_write16(address, value & 0xffff);
      else pci.pci_write32(address, value | 0);
    } else if (size === 2 && (offset & 1) === 0) pci.pci_write16(address, value & 0xffff);
    else for (let i = 0; i < size; i++) pci.pci_write8(address + i, (value >>> (i * 8)) & 0xff);
  }
}
