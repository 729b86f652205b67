/** Exceptions of the processor. SDM vol.3 table 6-1. */
export const DE = 0,
  UD = 6,
  NM = 7,
  SSF = 12,
  GP = 13,
  PFV = 14,
  ACF = 17;

/** An exception that an instruction raises; its state is then as before the instruction. */
export class CpuFault extends Error {
  readonly vector: number;
  /** null for vectors that push none. */
  readonly errorCode: number | null;
  /** Linear address of a page fault. */
  readonly address: bigint;

  constructor(vector: number, errorCode: number | null = null, address = 0n) {
    super(`exception ${vector}`);
    this.name = 'CpuFault';
    this.vector = vector;
    this.errorCode = errorCode;
    this.address = address;
  }
}

/** An instruction that the emulator does not have; nothing was done. */
export class Unhandled extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'Unhandled';
  }
}

/** Raises #GP(0), or #SS(0) for the stack. */
export function segmentFault(stack: boolean): never {
  throw new CpuFault(stack ? SSF : GP, 0);
}
