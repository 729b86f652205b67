/** Computes what a read returns. `value` is what is stored. */
export type ReadHook = (offset: number, value: number) => number;
/** Runs after the new value is stored. */
export type WriteHook = (offset: number, value: number, old: number) => void;

/** One register, or a run of like registers, as data. */
export interface RegRow {
  /** Name as i915 or the PRM spells it. A run's members are called NAME[0], NAME[1], ... */
  readonly name: string;
  /** Byte offset in the register half of BAR0. Multiple of 4. */
  readonly offset: number;
  /** How many registers the row describes. Default 1. */
  readonly count?: number;
  /** Distance between the registers of a run, bytes. Default 4. */
  readonly stride?: number;
  /** Value after a full reset, int32. Default 0. */
  readonly reset?: number;
  /** Bits that a write may change. Default all 32; 0 is a read-only register. */
  readonly rw?: number;
  /** Bits that writing 1 clears. */
  readonly w1c?: number;
  /** Bits 31:16 of the written value enable bits 15:0. i915: `_MASKED_BIT_ENABLE`. */
  readonly masked?: boolean;
  readonly onWrite?: WriteHook;
  readonly onRead?: ReadHook;
  /** Where the behaviour is stated: PRM volume and register, or driver file and symbol. */
  readonly src: string;
}

/** A part of the device that owns registers: it adds its rows once, when the device is made. */
export interface RegBlock {
  readonly rows: readonly RegRow[];
}

/** Our own mistake in a register table; thrown when a device is made. */
export class RegMapError extends Error {
  readonly code: 'REG_OVERLAP' | 'REG_MISALIGNED' | 'REG_OUTSIDE';
  readonly offset: number;
  constructor(code: RegMapError['code'], offset: number, message: string) {
    super(message);
    this.name = 'RegMapError';
    this.code = code;
    this.offset = offset;
  }
}
