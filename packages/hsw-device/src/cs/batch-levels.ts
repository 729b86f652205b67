/** Starts of batches that are kept for who watches, a power of two. */
export const JUMPS_KEPT = 32;
/** BB_STATE 5 fetched through the PPGTT, 4 with privilege. PRM vol.2c "BB_STATE". */
export const BB_PPGTT = 0x20;
const BB_PRIVILEGED = 0x10;

/** Where a command streamer is in its batches. Arrays go by level; index 0, the ring, is unused. */
export class BatchLevels {
  /** Next address. */
  readonly at: Int32Array = new Int32Array(3);
  /** 1 where the level is fetched through the PPGTT. */
  readonly ppgtt: Uint8Array = new Uint8Array(3);
  /** 1 where the level has no privilege. PRM: MI_BATCH_BUFFER_START 13, non-privileged. */
  readonly user: Uint8Array = new Uint8Array(3);
  /** Batches entered so far. */
  readonly jumps: Int32Array = new Int32Array(3);
  /** Where the latest {@link JUMPS_KEPT} of them began: that of jump n at n modulo their number. */
  readonly starts: readonly Int32Array[] = [0, 1, 2].map(() => new Int32Array(JUMPS_KEPT));

  enter(level: number, gma: number, ppgtt: boolean, user: boolean): void {
    this.at[level] = gma;
    this.ppgtt[level] = ppgtt ? 1 : 0;
    this.user[level] = user ? 1 : 0;
    const jump = this.jumps[level] as number;
    (this.starts[level] as Int32Array)[jump & (JUMPS_KEPT - 1)] = gma;
    this.jumps[level] = (jump + 1) | 0;
  }
}

/** BB_STATE of a batch. */
export function batchState(ppgtt: boolean, user: boolean): number {
  return (ppgtt ? BB_PPGTT : 0) | (user ? 0 : BB_PRIVILEGED);
}
