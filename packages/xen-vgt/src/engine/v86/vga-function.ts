import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import { VGA_WINDOW } from './internals.ts';

const BAR0 = 0x10;
/** Prefetchable memory. PCI Local Bus 3.0, 6.2.5.1. */
const BAR_TYPE = 8;

/** What BAR0 claims to be: 256 MiB. The larger part of it is open bus. */
const WINDOW_MASK: number = ~((256 << 20) - 1);

/** v86's VGA is always device 18. v86: vga.js `pci_id`. */
export const VGA_DEVFN: number = 0x12 << 3;

/** Bytes of the header that name a function, as firmware sees them. */
const IDS: Readonly<Record<number, number>> = {
  0x02: 0xff, // device 1234:11ff, which is nobody's
  0x03: 0x11,
  0x0a: 0x80, // class 0580, other memory controller
  0x0b: 0x05,
};

/**
 * Keeps the addresses of the video memory free: v86's VGA as a PCI function that firmware finds, and
 * nobody after it. v86's frame buffer is wired to 0xe0000000 in the wasm code, whatever its BAR says.
 * Firmware places BARs by size from the top of the PCI hole down to a bound of the largest one: with
 * a window of 256 MiB, SeaBIOS (`pci_bios_map_devices`) puts apertures of 128, 256 and 512 MiB beside
 * it and the window where it must be.
 *
 * A guest's VGA is an ISA device, as XenGT's is: an operating system, which is what pages, finds no
 * function here.
 */
export class VgaFunction implements TrapTarget {
  readonly name = 'v86.vga';
  readonly #own: TrapTarget;
  readonly #hidden: () => boolean;
  #sizing = false;

  /** @param hidden whether firmware is done */
  constructor(own: TrapTarget, hidden: () => boolean) {
    this.#own = own;
    this.#hidden = hidden;
  }

  read(offset: number, size: AccessSize): number {
    if (this.#hidden()) return -1;
    if (offset === BAR0 && size === 4) {
      return (this.#sizing ? WINDOW_MASK : VGA_WINDOW | 0) | BAR_TYPE;
    }
    let value = this.#own.read(offset, size);
    for (let i = 0; i < size; i++) {
      const id = IDS[offset + i];
      if (id !== undefined) value = (value & ~(0xff << (i * 8))) | (id << (i * 8));
    }
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (this.#hidden()) return;
    if (offset >= BAR0 && offset < BAR0 + 4) {
      if (offset === BAR0 && size === 4) this.#sizing = (value | 0xf) === -1;
      return;
    }
    this.#own.write(offset, size, value);
  }
}
