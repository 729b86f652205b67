/** Width of one guest access, bytes. Wider accesses arrive split, lowest address first. */
export type AccessSize = 1 | 2 | 4;

/** A range of guest-physical addresses that something answers for. It sees offsets, never its base. */
export interface TrapTarget {
  /** For logs and traces, e.g. `vgpu2.gttmmio`. */
  readonly name: string;
  /**
   * @param offset bytes from the start of the range; need not be aligned
   * @returns the value, zero-extended to 32 bits, as int32. Never throws for what a guest does.
   */
  read(offset: number, size: AccessSize): number;
  write(offset: number, size: AccessSize, value: number): void;
}
