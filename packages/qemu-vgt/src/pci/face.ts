import type { AccessSize, TrapTarget } from '@xengt/hsw-device';

/** Bytes of a configuration space that are shown differently from what is stored. */
export interface FaceByte {
  readonly offset: number;
  /** The byte a read returns. */
  readonly value: number;
}

/**
 * A function whose identity is shown differently once firmware is done: reads of the listed bytes
 * are replaced while `active` says so, everything else passes through. Used to keep a machine's own
 * south bridge, whose registers other parts rely on, without its being taken for the PCH.
 */
export class FacedFunction implements TrapTarget {
  readonly name: string;
  readonly #below: TrapTarget;
  readonly #active: () => boolean;
  /** Replacement + 1 by byte; 0 is "as stored". */
  readonly #face = new Uint16Array(256);

  constructor(below: TrapTarget, bytes: readonly FaceByte[], active: () => boolean) {
    this.name = below.name;
    this.#below = below;
    this.#active = active;
    for (const b of bytes) this.#face[b.offset] = b.value + 1;
  }

  read(offset: number, size: AccessSize): number {
    let value = this.#below.read(offset, size);
    if (!this.#active()) return value;
    for (let i = 0; i < size; i++) {
      const shown = this.#face[offset + i] ?? 0;
      if (shown !== 0) value = (value & ~(0xff << (i * 8))) | ((shown - 1) << (i * 8));
    }
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#below.write(offset, size, value);
  }
}

/**
 * PIIX3 (00:01.0 of a 440FX machine) shown as "other bridge" 0680 instead of ISA bridge 0601.
 * i915 6.1 `intel_detect_pch` takes the first Intel ISA bridge it meets and would guess at the PCH
 * from 8086:7000; so hidden, it goes on to the real one at 00:1f.0.
 */
export const PIIX3_AS_OTHER_BRIDGE: readonly FaceByte[] = [{ offset: 0x0a, value: 0x80 }];
