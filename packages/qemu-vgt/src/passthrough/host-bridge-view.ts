import type { AccessSize, TrapTarget } from '@xengt/hsw-device';

/**
 * Registers of the host bridge that a guest with the GPU itself reads from the machine: ids, revision,
 * subsystem, graphics control, protected content, tops of memory, base of stolen memory. Upstream's
 * QEMU: offsets 00, 02, 08, 2c, 2e, 50, 52, 58, a0, a4, a8, b0.
 */
const FROM_MACHINE: readonly (readonly [first: number, bytes: number])[] = [
  [0x00, 4],
  [0x08, 4],
  [0x2c, 4],
  [0x50, 4],
  [0x58, 4],
  [0xa0, 12],
  [0xb0, 4],
];
/** PAVPC: the only one whose writes reach the machine. */
const WRITTEN_THROUGH = 0x58;

const SHOWN = new Uint8Array(256);
for (const [first, bytes] of FROM_MACHINE) SHOWN.fill(1, first, first + bytes);

/** A guest's own host bridge with the machine's registers shown in it. */
export class HostBridgeView implements TrapTarget {
  readonly name: string;
  readonly #guest: TrapTarget;
  readonly #machine: TrapTarget;

  /** @param guest the emulated bridge @param machine the real one */
  constructor(guest: TrapTarget, machine: TrapTarget) {
    this.name = guest.name;
    this.#guest = guest;
    this.#machine = machine;
  }

  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) {
      const from = SHOWN[offset + i] === 1 ? this.#machine : this.#guest;
      value |= from.read(offset + i, 1) << (i * 8);
    }
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset < WRITTEN_THROUGH || offset + size > WRITTEN_THROUGH + 4) {
      this.#guest.write(offset, size, value);
    } else this.#machine.write(offset, size, value);
  }
}
