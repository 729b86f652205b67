import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import { VGA_WINDOW } from './internals.ts';

const BAR0 = 0x10;
/** Prefetchable memory. PCI Local Bus 3.0, 6.2.5.1. */
const BAR_TYPE = 8;

/** What BAR0 claims to be: 256 MiB. The larger part of it is open bus. */
const WINDOW_MASK: number = ~((256 << 20) - 1);

/** How v86's VGA shows itself on the PCI bus. */
export type VgaFace = 'visible' | 'plain-memory';

/** v86's VGA is always device 18. v86: vga.js `pci_id`. */
export const VGA_DEVFN: number = 0x12 << 3;

/** Bytes of the header that name a function, and what `plain-memory` shows there. */
const PLAIN_IDS: Readonly<Record<number, number>> = {
  0x02: 0xff, // device 1234:11ff, so that no driver for the Bochs VGA takes it
  0x03: 0x11,
  0x0a: 0x80, // class 0580, other memory controller
  0x0b: 0x05,
};

/**
 * v86's VGA with a BAR that lies where v86 really answers: its frame buffer is wired to 0xe0000000
 * in the wasm code, whatever its BAR says. Firmware places BARs by size from the top of the PCI hole
 * down to a bound of the largest one: with a window of 256 MiB, SeaBIOS (`pci_bios_map_devices`) puts
 * apertures of 128, 256 and 512 MiB beside it and the window where it must be.
 *
 * `plain-memory` hides from the guest that it is a VGA: the legacy ports and 0xa0000 still work.
 */
export class VgaFunction implements TrapTarget {
  readonly name = 'v86.vga';
  readonly #own: TrapTarget;
  readonly #face: VgaFace;
  #sizing = false;

  constructor(own: TrapTarget, face: VgaFace) {
    this.#own = own;
    this.#face = face;
  }

  read(offset: number, size: AccessSize): number {
    if (offset === BAR0 && size === 4) {
      return (this.#sizing ? WINDOW_MASK : VGA_WINDOW | 0) | BAR_TYPE;
    }
    let value = this.#own.read(offset, size);
    if (this.#face === 'visible') return value;
    for (let i = 0; i < size; i++) {
      const id = PLAIN_IDS[offset + i];
      if (id !== undefined) value = (value & ~(0xff << (i * 8))) | (id << (i * 8));
    }
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset >= BAR0 && offset < BAR0 + 4) {
      if (offset === BAR0 && size === 4) this.#sizing = (value | 0xf) === -1;
      return;
    }
    this.#own.write(offset, size, value);
  }
}
