import { ENGINE_IDS, engineRegs, MMIO_BYTES, type RegRow, type RegSpace } from '@xengt/hsw-device';
import { FOLLOWED_OFFSETS } from '../display/followed.ts';
import {
  type AttributeRow,
  DISPLAY,
  DOM0,
  F_CONTEXT,
  F_SAVED,
  F_STATUS,
  PLANE,
  RENDER_ADDRESS,
  UNTRACKED,
} from './attribute.ts';
import { ATTRIBUTE_ROWS } from './attribute-rows.ts';

/** Two rows give one register: our own mistake, thrown when the mediator is made. */
export class AttributeError extends Error {
  readonly code = 'ATTRIBUTE_OVERLAP';
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.name = 'AttributeError';
    this.offset = offset;
  }
}

/** Bytes of an engine's own registers. */
const ENGINE_SPAN = 0x1000;

/** The engine that a register is among the registers of, as a bit; 0 for none. */
export function engineBit(offset: number): number {
  const index = ENGINE_IDS.findIndex((id) => {
    const base = engineRegs.RING_BASE[id];
    return offset >= base && offset < base + ENGINE_SPAN;
  });
  return index < 0 ? 0 : 1 << index;
}

/** Every register's policy and flags, as flat arrays by dword: one look-up per access. */
export class AttributeTable {
  readonly policy: Uint8Array = new Uint8Array(MMIO_BYTES >>> 2);
  readonly flags: Uint8Array = new Uint8Array(MMIO_BYTES >>> 2);
  /** Offsets that a render switch saves and restores, and those it only saves. */
  readonly saved: Int32Array;
  readonly status: Int32Array;
  /** Whose each of {@link status} is: a bit per engine, 0 for those of no single one. */
  readonly statusEngine: Uint8Array;
  /** Offsets of the render context. */
  readonly context: Int32Array;
  /** Bytes behind an address register, by offset. */
  readonly #bytes = new Map<number, number>();
  readonly #names = new Map<number, string>();

  /**
   * @param hardware the device's registers: what it does not have is not saved
   * @param display rows of the display engine
   */
  constructor(
    hardware: RegSpace,
    display: readonly RegRow[],
    rows: readonly AttributeRow[] = ATTRIBUTE_ROWS,
  ) {
    for (const row of rows) this.#add(row);
    for (const row of display) {
      for (let k = 0; k < (row.count ?? 1); k++) {
        const i = (row.offset + k * (row.stride ?? 4)) >>> 2;
        if (this.policy[i] === UNTRACKED) this.policy[i] = DISPLAY;
      }
    }
    for (const offset of FOLLOWED_OFFSETS) {
      if (this.policy[offset >>> 2] === DISPLAY) this.policy[offset >>> 2] = PLANE;
    }
    const saved: number[] = [];
    const status: number[] = [];
    const context: number[] = [];
    for (let i = 0; i < this.policy.length; i++) {
      const claimed = hardware.claims(i << 2);
      if (claimed && this.policy[i] === UNTRACKED) this.policy[i] = DOM0;
      if (!claimed) continue;
      if (((this.flags[i] as number) & F_SAVED) !== 0) saved.push(i << 2);
      if (((this.flags[i] as number) & F_STATUS) !== 0) status.push(i << 2);
      if (((this.flags[i] as number) & F_CONTEXT) !== 0) context.push(i << 2);
    }
    this.saved = Int32Array.from(saved);
    this.status = Int32Array.from(status);
    this.statusEngine = Uint8Array.from(status, engineBit);
    this.context = Int32Array.from(context);
  }

  #add(row: AttributeRow): void {
    const count = row.count ?? 1;
    for (let k = 0; k < count; k++) {
      const offset = row.offset + k * (row.stride ?? 4);
      const i = offset >>> 2;
      if (this.policy[i] !== UNTRACKED) {
        const other = this.#names.get(offset);
        throw new AttributeError(
          offset,
          `${row.name} and ${other} both describe 0x${offset.toString(16)}`,
        );
      }
      this.policy[i] = row.policy;
      this.flags[i] = row.flags ?? 0;
      this.#names.set(offset, count === 1 ? row.name : `${row.name}[${k}]`);
      if (row.policy === RENDER_ADDRESS) this.#bytes.set(offset, row.bytes ?? 4);
    }
  }

  /** Bytes behind the address that a RENDER_ADDRESS register holds. */
  addressBytes(offset: number): number {
    return this.#bytes.get(offset) ?? 4;
  }

  /** Name in the attribute rows; undefined when only the device's own table knows it. */
  nameOf(offset: number): string | undefined {
    return this.#names.get(offset);
  }
}
